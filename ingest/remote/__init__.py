"""Repositories that are not on this disk: fetched, read, and nothing of them kept but the metadata."""
