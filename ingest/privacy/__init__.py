"""What is private in a data directory: proof that it is redacted, and what may leave it."""
