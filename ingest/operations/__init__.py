"""How the warehouse is run: JSON logs, the history of runs, the quality report."""
