"""Another machine's data directory into this one: read there, copied here, nothing lost on either side."""
