"""Knows which variables decide what GPU a process sees, and what they say now. PYTEST_DONT_REWRITE."""

from __future__ import annotations

from os import environ  # by name: what a fixture puts in its place is not what a driver reads

VARIABLES = (
    "CUDA_VISIBLE_DEVICES",
    "CUDA_DEVICE_ORDER",
    "HIP_VISIBLE_DEVICES",
    "ROCR_VISIBLE_DEVICES",
    "GPU_DEVICE_ORDINAL",
)

Visible = tuple[tuple[str, str], ...]


def visible_now() -> Visible:
    """Return the variables that are set in this process; users set them per xdist worker, often in a conftest."""
    return tuple((name, environ[name]) for name in VARIABLES if name in environ)
