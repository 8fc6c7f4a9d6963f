"""Installed distributions: whose file is which."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from parity.binaries.packages import folded, installed, names, site_folders

if TYPE_CHECKING:
    from pathlib import Path


def install(site: Path, name: str, version: str, files: dict[str, bytes], *, record: bool = True) -> None:
    """Write a distribution as pip does."""
    info = site / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8")
    for inner, raw in files.items():
        (site / inner).parent.mkdir(parents=True, exist_ok=True)
        (site / inner).write_bytes(raw)
    if record:
        lines = [f'"{inner}",sha256=x,1' if "," in inner else f"{inner},sha256=x,1" for inner in files]
        (info / "RECORD").write_text("\n".join([*lines, f"{info.name}/METADATA,,"]), encoding="utf-8")


def test_files_are_absolute_and_text_is_left_out(tmp_path: Path) -> None:
    install(tmp_path, "Fast_Kernels", "1.0", {"fast/_C.so": b"x", "fast/__init__.py": b"x", "fast/a,b.so": b"x"})
    (package,) = installed([str(tmp_path)])
    assert (package.name, package.version) == ("Fast_Kernels", "1.0")
    assert [path for path in package.files if path.endswith(".so")] == [
        str(tmp_path / "fast/_C.so"), str(tmp_path / "fast/a,b.so"),
    ]  # fmt: skip
    assert not any(path.endswith(".py") for path in package.files)


@pytest.mark.parametrize("asked", ["fast-kernels", "Fast.Kernels", "FAST_KERNELS"])
def test_names_are_compared_as_pip_does(asked: str, tmp_path: Path) -> None:
    install(tmp_path, "Fast_Kernels", "1.0", {"fast/_C.so": b"x"})
    install(tmp_path, "other", "2.0", {"other/_C.so": b"x"})
    assert [package.name for package in installed([str(tmp_path)], only=asked)] == ["Fast_Kernels"]
    assert installed([str(tmp_path)], only="fast") == []
    assert names([str(tmp_path)]) == ["Fast_Kernels", "other"]


def test_a_broken_distribution_does_not_end_the_others(tmp_path: Path) -> None:
    install(tmp_path, "good", "1.0", {"good/_C.so": b"x"})
    (tmp_path / "broken-1.dist-info").mkdir()
    install(tmp_path, "bare", "1.0", {"bare/_C.so": b"x"}, record=False)
    assert [(package.name, len(package.files) > 0) for package in installed([str(tmp_path)])] == [
        ("bare", False), ("good", True),
    ]  # fmt: skip


def test_site_folders_are_those_of_the_module_path(tmp_path: Path) -> None:
    site = tmp_path / "lib" / "site-packages"
    site.mkdir(parents=True)
    assert site_folders([str(tmp_path), str(site), str(site), str(tmp_path / "none" / "site-packages")]) == [str(site)]


def test_folding() -> None:
    assert folded("Flash__Attn.x") == "flash-attn-x"
