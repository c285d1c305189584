"""From `data/ope.db` to `data/marts.db`: what may be published, and how a reader never sees half of it."""
