"""A stand-in for the real package: answers as told by the target's name."""
