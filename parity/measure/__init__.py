"""Measures what the running devices deliver, in a process of its own; nothing here is imported while tests run."""
