"""Files are written whole or not at all; folders that are missing are made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from parity.errors import UsageError
from parity.outputs import remove_file, write_file

if TYPE_CHECKING:
    from pathlib import Path


def test_missing_folders_are_made(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "run.json"
    write_file(str(path), "x")
    assert path.read_text() == "x"
    assert [one.name for one in path.parent.iterdir()] == ["run.json"]


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("mine")
    with pytest.raises(UsageError, match="cannot be written: Not a directory"):
        write_file(str(tmp_path / "a" / "run.json"), "x")
    assert (tmp_path / "a").read_text() == "mine"


def test_a_lone_surrogate_is_an_error_and_leaves_no_trace(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be written: "):
        write_file(str(tmp_path / "a"), "\udcff")
    assert list(tmp_path.iterdir()) == []


def test_only_a_file_is_removed(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "other")
    (tmp_path / "other").write_text("x")
    for name in ("file", "link", "gone", "gone/x", "\0"):
        remove_file(str(tmp_path / name))
    remove_file(str(tmp_path))
    assert sorted(one.name for one in tmp_path.iterdir()) == ["link", "other"]
