"""One comparison per file, named like its rule."""
