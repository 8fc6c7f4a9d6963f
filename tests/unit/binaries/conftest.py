"""What tests of readers share: a file on disk read back, and its code objects as counted names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from parity.binaries.file import read_file
from parity.model.code_objects import Library

Read: TypeAlias = Callable[..., Library]
FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "binaries"


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Return a function that writes bytes to a file and reads its device code; no code is an empty library."""

    def call(raw: bytes, *, name: str = "lib.so", scan: bool = True) -> Library:
        path = tmp_path / name
        path.write_bytes(raw)
        return read_file(str(path), scan=scan) or Library(path=str(path), size_bytes=len(raw))

    return call
