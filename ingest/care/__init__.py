"""Care for a data directory: what is wrong with it (`doctor`), copies of it (`backup`), commits (`sync --commit`)."""
