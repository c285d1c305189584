"""What sessions are on this machine, and which repository each of them worked in."""
