"""Packages made up for a test: a folder of Python source that is read and never run."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING

from parity.backends.source import SourceTree

if TYPE_CHECKING:
    from pathlib import Path


def written(root: Path, files: dict[str, str]) -> SourceTree:
    """Write ``path -> source`` under a folder, and return the tree that reads it."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")
    return SourceTree([root])
