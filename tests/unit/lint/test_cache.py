"""What is remembered between runs, when it no longer counts, and what it survives."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from parity.lint import cache, linter
from parity.lint.asked import asked_of
from parity.lint.cache import Cache, Entry, default_folder, digest_of, key_of
from parity.lint.linter import Rules, lint_paths

if TYPE_CHECKING:
    from parity.model.lint import LintFinding

TEXT = "FROM nvidia/cuda:latest\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "repo").mkdir()
    monkeypatch.chdir(tmp_path / "repo")
    Path("Dockerfile").write_text(TEXT)
    return tmp_path / "cache"


def rules(*names: str) -> Rules:
    return Rules(asked_of(None), lambda name: not names or name in names)


def run(folder: Path, *, chosen: Rules | None = None) -> list[LintFinding]:
    chosen = chosen or rules()
    return lint_paths(["."], chosen, cache=Cache(folder, key_of(chosen.question()))).findings


def test_a_second_run_finds_the_same_and_reads_nothing_anew(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = run(folder)
    assert [one.rule for one in first] == ["gpu-image-floats"]
    monkeypatch.setattr(linter, "lint_text", lambda *_: pytest.fail("read anew"))
    again = lint_paths(["."], rules(), cache=Cache(folder, key_of(rules().question())))
    assert again.findings == first
    assert again.texts == {"Dockerfile": TEXT}
    assert again.files == 1


def test_changed_bytes_are_read_anew_even_with_the_same_time_and_size(folder: Path) -> None:
    run(folder)
    times = Path("Dockerfile").stat()
    Path("Dockerfile").write_text(TEXT.replace("latest", "12.8.1"))
    os.utime("Dockerfile", ns=(times.st_atime_ns, times.st_mtime_ns))
    assert run(folder) == []


def test_other_rules_targets_and_settings_have_their_own_entries(folder: Path) -> None:
    keys = {
        key_of(one.question()) for one in (rules(), rules("gpu-image-floats"), Rules(asked_of(None, gated=True), bool))
    }
    assert len(keys) == 3
    run(folder)
    assert run(folder, chosen=rules("arch-list-native")) == []


def test_another_folder_has_its_own_entries(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = key_of(rules().question())
    monkeypatch.chdir(folder.parent)
    assert key_of(rules().question()) != here


@pytest.mark.parametrize("junk", [b"", b"\x00", b"{}", b"\xc1" * 100, b"\x91" * 100_000, os.urandom(200)])
def test_a_broken_cache_counts_as_empty_and_is_written_again(folder: Path, junk: bytes) -> None:
    first = run(folder)
    (file,) = folder.glob("lint-*")
    whole = file.read_bytes()
    file.write_bytes(junk)
    assert run(folder) == first
    assert file.read_bytes() == whole


def test_a_cut_cache_counts_as_empty(folder: Path) -> None:
    first = run(folder)
    (file,) = folder.glob("lint-*")
    file.write_bytes(file.read_bytes()[:-3])
    assert run(folder) == first


def test_a_place_that_cannot_be_written_changes_nothing(folder: Path) -> None:
    folder.write_text("a file where the folder should be")
    assert [one.rule for one in run(folder)] == ["gpu-image-floats"]
    assert folder.read_text() == "a file where the folder should be"


def test_nothing_is_left_beside_and_backups_are_told(folder: Path) -> None:
    run(folder)
    assert sorted(path.name for path in folder.iterdir() if not path.name.startswith("lint-")) == [
        ".gitignore",
        "CACHEDIR.TAG",
    ]
    assert len(list(folder.glob("lint-*"))) == 1
    assert (folder / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55\n")


def test_without_new_findings_nothing_is_written(folder: Path) -> None:
    run(folder)
    (file,) = folder.glob("lint-*")
    before = file.stat().st_mtime_ns
    run(folder)
    assert file.stat().st_mtime_ns == before


def test_files_that_one_run_did_not_look_at_stay(folder: Path) -> None:
    Path("other.Dockerfile").write_text(TEXT)
    run(folder)
    one = Cache(folder, key_of(rules().question()))
    one.put("third", Entry(digest_of(b"x")))
    one.save()
    held = Cache(folder, key_of(rules().question()))
    assert held.get("third", digest_of(b"x")) is not None
    assert held.get("other.Dockerfile", digest_of(TEXT.encode())) is not None
    assert held.get("third", digest_of(b"y")) is None


def test_old_files_go_when_there_are_many(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "KEPT_FILES", 2)
    for number in range(4):
        one = Cache(folder, f"k{number}")
        one.put("a", Entry(b""))
        one.save()
        os.utime(folder / f"lint-k{number}.msgpack", ns=(number, number))
    assert sorted(path.name for path in folder.glob("lint-*")) == ["lint-k2.msgpack", "lint-k3.msgpack"]


def test_where_it_lies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARITY_CACHE_DIR", "/a")
    assert default_folder() == Path("/a")
    monkeypatch.delenv("PARITY_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", "/b")
    assert default_folder() == Path("/b/gpu-parity")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", "/c")
    assert default_folder() == Path("/c/.cache/gpu-parity")
