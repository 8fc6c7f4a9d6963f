"""Live readings, one vendor library or source per file, asked in a child process with a deadline."""
