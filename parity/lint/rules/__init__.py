"""The lint rules: pure functions from the facts of one file to findings."""
