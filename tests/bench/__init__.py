"""`make bench`: time, memory and size of every step on a corpus, each beside a baseline of the same run."""
