"""The night: sync, build, publish, clean up, in one process and one after the other."""
