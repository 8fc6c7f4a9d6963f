"""Knows what a model asks of a target: footprint, shapes, bound and number formats, from its configuration alone."""
