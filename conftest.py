"""Knows what all tests share: pytest's own plugin for testing plugins, and repeatable property tests in CI."""

import os

from hypothesis import settings

pytest_plugins = ["pytester"]

# Developers' runs explore; a change is judged on the same examples every time.
settings.register_profile("ci", derandomize=True, database=None)
if os.environ.get("CI"):
    settings.load_profile("ci")
