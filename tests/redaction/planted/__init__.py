"""A corpus of planted secrets and of what only looks like one, written from the providers' public documentation.

Independent of `seeds/privacy/redaction_rules.csv`: neither its patterns nor its examples are read. Values are drawn at
run time, so that no file holds a secret.
"""
