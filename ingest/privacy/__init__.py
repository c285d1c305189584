"""What keeps private work private: what is checked in the data directory, and what may leave it."""
