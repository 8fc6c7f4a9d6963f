"""Several fingerprints held against each other."""
