"""Paths from the top of the repository."""

from pathlib import Path

import pytest

from parity.cli.places import placing, top_of


def test_the_nearest_clone_is_the_top(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / ".git").write_text("gitdir: elsewhere\n")  # a work tree
    monkeypatch.chdir(folder / "a" / "b")
    placed = placing({"GITHUB_WORKSPACE": str(folder)})
    assert placed("x.py") == "b/x.py"
    assert placed("../x.py") == "x.py"
    assert placed("../../x.py") is None
    assert placed(str(folder / "a" / "x.py")) == "x.py"
    assert placed(str(folder / "x.py")) is None


def test_without_a_clone_the_workspace_is_the_top(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "w" / "b").mkdir(parents=True)
    monkeypatch.chdir(folder / "w" / "b")
    assert placing({"GITHUB_WORKSPACE": str(folder / "w")})("x") == "b/x"
    assert placing({"CI_PROJECT_DIR": str(folder / "w")})("x") == "b/x"
    assert placing({"GITHUB_WORKSPACE": str(folder / "other")})("x") == "x"
    assert top_of({}) == str((folder / "w" / "b").resolve())


def test_a_linked_workspace_is_the_same_place(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "real" / "b").mkdir(parents=True)
    (folder / "link").symlink_to(folder / "real")
    monkeypatch.chdir(folder / "link" / "b")
    placed = placing({"GITHUB_WORKSPACE": str(folder / "link")})
    assert placed("x") == "b/x"
    assert placed(str(folder / "link" / "b" / "x")) == "b/x"
