"""Device code in files: where it lies, what it is for, how it is stored; no toolkit, no GPU, nothing executed."""
