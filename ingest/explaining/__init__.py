"""What `explain` tells of a session beside its links: `session` reads it, `session_output` shows it."""
