"""One renderer per file; each is a pure function of the verdict."""
