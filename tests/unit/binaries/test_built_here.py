"""What tells that something was built on this machine, or came from no package index."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from parity.binaries.built_here import Built, built_here

if TYPE_CHECKING:
    from pathlib import Path


def install(site: Path, name: str, *, direct: object = None, tag: str = "cp311-cp311-manylinux_2_28_x86_64") -> None:
    info = site / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
    (info / "WHEEL").write_text(f"Wheel-Version: 1.0\nTag: {tag}\n", encoding="utf-8")
    if direct is not None:
        text = direct if isinstance(direct, str) else json.dumps(direct)
        (info / "direct_url.json").write_text(text, encoding="utf-8")


def found(site: Path, **environment: str) -> list[Built]:
    return built_here([str(site)], {"HOME": str(site), **environment})


@pytest.mark.parametrize(
    ("direct", "tag", "expected"),
    [
        ({"url": "file:///src/my%20ops", "dir_info": {"editable": True}}, None, ("an editable install", "/src/my ops")),
        ({"url": "file:///src/ops", "dir_info": {}}, None, ("installed from a folder", "")),
        ({"url": "https://x/y.git", "vcs_info": {"vcs": "git"}}, None, ("built from a repository", "")),
        ({"url": "https://x/dir", "dir_info": {"editable": True}}, None, ("an editable install", "")),
        (None, "cp311-cp311-linux_x86_64", ("a wheel for linux_x86_64: built here, or of no package index", "")),
    ],
)
def test_what_tells_a_build(tmp_path: Path, direct: object, tag: str | None, expected: tuple[str, str]) -> None:
    install(tmp_path, "ops", direct=direct, **({"tag": tag} if tag else {}))
    assert found(tmp_path) == [Built("ops", "1.0", *expected)]


@pytest.mark.parametrize("direct", [None, {}, {"archive_info": {}}, "no json", "[]", "[" * 100_000, {"dir_info": 1}])
def test_what_tells_none(tmp_path: Path, direct: object) -> None:
    install(tmp_path, "ops", direct=direct)
    install(tmp_path, "pure", tag="py3-none-any")
    assert found(tmp_path) == []


def test_the_first_of_a_name_wins_and_all_are_in_order(tmp_path: Path) -> None:
    for name in ("b_ops", "A-ops"):
        install(tmp_path, name, direct={"dir_info": {}})
    assert [one.name for one in found(tmp_path)] == ["A-ops", "b_ops"]


def test_the_cache_of_extensions(tmp_path: Path) -> None:
    own, default = tmp_path / "own", tmp_path / ".cache" / "torch_extensions"
    own.mkdir()
    assert found(tmp_path) == []
    default.mkdir(parents=True)
    why = "extensions that torch compiled on the fly"
    assert found(tmp_path) == [Built("torch_extensions", "", why, str(default))]
    assert found(tmp_path, TORCH_EXTENSIONS_DIR=str(own)) == [Built("own", "", why, str(own))]
    assert found(tmp_path, XDG_CACHE_HOME=str(tmp_path / ".cache")) == found(tmp_path)
    assert found(tmp_path, XDG_CACHE_HOME=str(tmp_path / "none")) == []
