"""The `prepare-commit-msg` hook that names the running session in commits: set up, shown, taken away."""
