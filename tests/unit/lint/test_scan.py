"""Which files are looked at, and which are survived."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from parity.errors import InputFileError
from parity.lint.scan import MAX_BYTES, decoded, excluded, files_below, read_raw


def told(*paths: str, exclude: tuple[str, ...] = ()) -> list[str]:
    return [name for name, _ in files_below(paths, exclude=exclude)]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path: str, text: str = "x\n") -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)


def git(*words: str) -> None:
    subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t", *words], check=True, capture_output=True)


def test_outside_a_repository_the_folder_is_walked_and_build_results_are_not() -> None:
    for name in ("a.py", "sub/Dockerfile", "node_modules/b.py", "third_party/c.py", ".venv/d.py", "README.md"):
        write(name)
    assert told(".") == ["a.py", "sub/Dockerfile"]


def test_in_a_repository_git_decides() -> None:
    git("init", "-q")
    for name in ("a.py", "new.py", "ignored.py", "out/b.py"):
        write(name)
    write(".gitignore", "ignored.py\nout/\n")
    git("add", "a.py")
    assert told(".") == ["a.py", "new.py"]


def test_a_path_given_by_name_is_taken_whatever_git_ignores() -> None:
    git("init", "-q")
    write("ignored.py")
    write(".gitignore", "ignored.py\n")
    assert told("ignored.py", "ignored.py") == ["ignored.py"]


def test_a_missing_path_is_an_error() -> None:
    with pytest.raises(InputFileError, match="gone: no such file or folder"):
        told("gone")


def test_a_link_that_loops_is_not_followed() -> None:
    write("a.py")
    Path("loop").symlink_to(".")
    Path("b.py").symlink_to("dangling")
    assert told(".") == ["a.py", "b.py"]
    assert read_raw(Path("b.py"), limit=100) is None


def test_what_is_no_text_is_survived() -> None:
    Path("binary.py").write_bytes(b"a\x00b")
    Path("huge.py").write_bytes(b"#" * (MAX_BYTES + 1))
    Path("latin.py").write_bytes(b"# caf\xe9\n")
    Path("bom.py").write_bytes(b"\xef\xbb\xbfx = 1\n")
    os.mkfifo("pipe.py")
    assert read_raw(Path("binary.py"), limit=MAX_BYTES) is None
    assert read_raw(Path("huge.py"), limit=MAX_BYTES) is None
    assert read_raw(Path("pipe.py"), limit=MAX_BYTES) is None
    assert decoded(read_raw(Path("latin.py"), limit=MAX_BYTES) or b"") == "# caf�\n"
    assert decoded(read_raw(Path("bom.py"), limit=MAX_BYTES) or b"") == "x = 1\n"


@pytest.mark.parametrize(
    ("path", "pattern", "covered"),
    [
        ("a/b/c.py", "b", True),
        ("a/b/c.py", "*.py", True),
        ("a/b/c.py", "a/b", True),
        ("a/b/c.py", "a/*/c.py", True),
        ("a/b/c.py", "**/c.py", True),
        ("a/b/c.py", "c", False),
        ("a/b/c.py", "b/c.py", False),
    ],
)
def test_exclude_covers_files_folders_and_parts(path: str, pattern: str, covered: bool) -> None:
    assert excluded(path, (pattern,)) is covered


def test_a_file_that_grows_while_it_is_read_is_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("a.py").write_bytes(b"x" * 100_000)
    true_state = os.fstat

    def short(opened: int) -> os.stat_result:
        fields = list(true_state(opened))
        fields[6] = 10
        return os.stat_result(fields)

    monkeypatch.setattr(os, "fstat", short)
    assert read_raw(Path("a.py"), limit=MAX_BYTES) == b"x" * 100_000
    assert read_raw(Path("a.py"), limit=99_999) is None
