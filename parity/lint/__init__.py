"""The linter: parity problems that a repository shows before any GPU runs."""
