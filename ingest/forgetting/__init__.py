"""Sessions and projects taken out of the data directory for good, and kept out.

`targets` says what is meant, `plan` where it stands, `forget` takes it out step by step; `tombstones` keeps it out.
"""
