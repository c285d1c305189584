"""README, CONTRIBUTING and docs/: what their blocks say, and what comes out when they run on the bundled sample."""
