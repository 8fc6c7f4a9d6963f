"""Mapped files of a running process: the very file, wherever it lies now, or why it cannot be read."""

from __future__ import annotations

import mmap
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity.binaries import process
from parity.binaries.process import Mapped, read_process
from parity.errors import NothingToJudgeError

PID = 4711
needs_linux = pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="no /proc here")


class Fake:
    """A made-up /proc with one process, whose file system is a folder."""

    def __init__(self, folder: Path) -> None:
        self.proc = folder / "proc"
        self.home = self.proc / str(PID)
        self.root = folder / "container"
        self.root.mkdir()
        (self.home / "map_files").mkdir(parents=True)
        (self.proc / "self").mkdir()
        (self.home / "root").symlink_to(self.root)
        (self.home / "comm").write_text("python3\n", encoding="utf-8")
        self.lines: list[str] = []

    def file(self, path: str, raw: bytes = b"x") -> int:
        """Put a file into the process's file system and return its inode."""
        at = self.root / path.lstrip("/")
        at.parent.mkdir(parents=True, exist_ok=True)
        at.write_bytes(raw)
        return at.stat().st_ino

    def map(self, path: str, inode: int, *, mode: str = "r-xp", start: int = 0x7F0000000000) -> str:
        """Add a line, and return the name of its range."""
        start += 0x10000 * len(self.lines)
        self.lines.append(f"{start:08x}-{start + 4096:08x} {mode} 00000000 fd:01 {inode}                 {path}")
        return f"{start:x}-{start + 4096:x}"

    def read(self) -> process.Process:
        (self.home / "maps").write_text("\n".join(self.lines) + "\n", encoding="utf-8")
        return read_process(PID, proc=str(self.proc))

    @property
    def files(self) -> list[Mapped]:
        return list(self.read().files)


@pytest.fixture
def fake(tmp_path: Path) -> Fake:
    return Fake(tmp_path)


def test_a_file_is_opened_in_the_process_s_own_file_system(fake: Fake) -> None:
    inode = fake.file("/opt/lib.so", b"inside")
    fake.map("/opt/lib.so", inode)
    (mapped,) = fake.files
    assert (mapped.path, Path(mapped.opened).read_bytes(), mapped.why, mapped.gone) == (
        "/opt/lib.so", b"inside", "", False,
    )  # fmt: skip


def test_a_file_with_many_mappings_is_one(fake: Fake) -> None:
    inode = fake.file("/opt/lib.so")
    for mode in ("r--p", "r-xp", "rw-p"):
        fake.map("/opt/lib.so", inode, mode=mode)
    assert [mapped.path for mapped in fake.files] == ["/opt/lib.so"]


def test_a_name_may_hold_blanks_and_line_ends(fake: Fake) -> None:
    inode = fake.file("/opt/a b\nc.so")
    fake.map("/opt/a b\\012c.so", inode)
    assert [mapped.path for mapped in fake.files] == ["/opt/a b\nc.so"]


def test_a_file_whose_name_ends_like_a_deleted_one_is_there(fake: Fake) -> None:
    inode = fake.file("/opt/lib.so (deleted)")
    fake.map("/opt/lib.so (deleted)", inode)
    assert [(mapped.path, mapped.gone) for mapped in fake.files] == [("/opt/lib.so (deleted)", False)]


def test_a_deleted_file_is_read_where_the_kernel_still_holds_it(fake: Fake, tmp_path: Path) -> None:
    (tmp_path / "held").write_bytes(b"old")
    span = fake.map("/opt/lib.so (deleted)", 99)
    (fake.home / "map_files" / span).symlink_to(tmp_path / "held")
    (mapped,) = fake.files
    assert (mapped.path, Path(mapped.opened).read_bytes(), mapped.gone) == ("/opt/lib.so", b"old", True)


def test_a_replaced_file_is_not_taken_for_the_one_that_is_mapped(fake: Fake, tmp_path: Path) -> None:
    inode = fake.file("/opt/lib.so", b"new")
    span = fake.map("/opt/lib.so", inode + 1)
    (mapped,) = fake.files
    told = "replaced since it was loaded; reading the loaded file needs root, or CAP_CHECKPOINT_RESTORE"
    assert mapped == Mapped("/opt/lib.so", "", told, gone=True)
    (tmp_path / "held").write_bytes(b"old")
    (fake.home / "map_files" / span).symlink_to(tmp_path / "held")
    (mapped,) = fake.files
    assert Path(mapped.opened).read_bytes() == b"old"


def test_a_deleted_file_that_may_not_be_read_says_so(fake: Fake) -> None:
    fake.map("/opt/lib.so (deleted)", 99)
    told = "deleted since it was loaded; reading it needs root, or CAP_CHECKPOINT_RESTORE"
    assert fake.files == [Mapped("/opt/lib.so", "", told, gone=True)]


def test_a_file_that_is_out_of_reach_says_why(fake: Fake) -> None:
    fake.map("/elsewhere/lib.so", 99)
    assert fake.files == [Mapped("/elsewhere/lib.so", "", "No such file or directory")]


def test_shared_memory_and_devices_are_no_libraries(fake: Fake) -> None:
    inode = fake.file("/opt/lib.so")
    fake.map("/opt/lib.so", inode)
    for name in ("/dev/zero (deleted)", "/SYSV00000000 (deleted)", "/dev/shm/x (deleted)", "/memfd:x (deleted)"):
        fake.map(name, 5, mode="rwxs")
    fake.map("/var/data (deleted)", 6, mode="rw-s")
    os.mkfifo(fake.root / "pipe")
    fake.map("/pipe", (fake.root / "pipe").stat().st_ino)
    fake.lines.append("7ffc00000000-7ffc00001000 r-xp 00000000 00:00 0                  [vdso]")
    fake.lines.append("7ffd00000000-7ffd00001000 rw-p 00000000 00:00 0")
    assert [mapped.path for mapped in fake.files] == ["/opt/lib.so"]


def test_deleted_data_is_nobodys_concern_and_deleted_code_is(fake: Fake) -> None:
    fake.map("/var/weights.bin (deleted)", 6, mode="r--p")
    fake.map("/opt/kernels.hsaco (deleted)", 7, mode="r--p")
    assert [mapped.path for mapped in fake.files] == ["/opt/kernels.hsaco"]


def test_package_folders_are_those_that_something_was_mapped_from(fake: Fake) -> None:
    for path in (
        "/v/lib/site-packages/torch/a.so",
        "/v/lib/site-packages/b.so",
        "/usr/lib/dist-packages/c.so",
        "/d.so",
    ):
        fake.map(path, fake.file(path))
    assert fake.read().site_folders == ("/v/lib/site-packages", "/usr/lib/dist-packages")


@pytest.mark.parametrize("number", [PID + 1, 0, -1])
def test_no_such_process(fake: Fake, number: int) -> None:
    with pytest.raises(NothingToJudgeError) as caught:
        read_process(number, proc=str(fake.proc))
    assert (caught.value.exit_status, str(caught.value)) == (
        3,
        (
            f"process {number}: no such process\n"
            "  mend: check the number: ps -e | grep python; in a container, its own processes alone are seen"
        ),
    )


def test_a_system_without_proc_says_so(tmp_path: Path) -> None:
    with pytest.raises(NothingToJudgeError, match="proc is not there"):
        read_process(1, proc=str(tmp_path / "proc"))


def test_someone_elses_process(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(NothingToJudgeError) as caught:
        read_process(PID, proc=str(fake.proc))
    assert str(caught.value) == (
        f"process {PID}: its mapped files may not be read: Permission denied\n"
        "  mend: run as the user who runs it or as root; in a container, with --cap-add SYS_PTRACE"
    )


def test_a_kernel_thread_maps_nothing(fake: Fake) -> None:
    with pytest.raises(NothingToJudgeError, match="it maps no file: it has ended, or is a thread of the kernel"):
        fake.read()


@needs_linux
def test_this_very_process(tmp_path: Path) -> None:
    there, gone = tmp_path / "there.so", tmp_path / "gone.so"
    there.write_bytes(b"x" * 5000)
    gone.write_bytes(b"y" * 5000)
    with there.open("rb") as one, gone.open("rb") as two:
        kept = [
            mmap.mmap(one.fileno(), 0, access=mmap.ACCESS_READ),
            mmap.mmap(two.fileno(), 0, access=mmap.ACCESS_READ),
        ]
    gone.unlink()
    found = {mapped.path: mapped for mapped in read_process(os.getpid()).files}
    assert stat.S_ISREG(Path(found[str(there)].opened).stat().st_mode)
    held = found[str(gone)]
    assert held.gone
    if held.opened:  # with the privilege; without it there is a reason
        assert Path(held.opened).read_bytes() == b"y" * 5000
    else:
        assert held.why
    del kept


@given(st.binary(max_size=400), st.lists(st.sampled_from(["7f-80 r-xp 0 fd:1 7 /a", "zz", "7f-80 r-xp 0 fd:1 99999999999999999999 /b (deleted)", "\0"])))  # fmt: skip
def test_maps_of_any_kind_are_read_without_an_exception(raw: bytes, lines: list[str]) -> None:
    found = process._files(raw + b"\n" + "\n".join(lines).encode() + b"\n" + raw, "/nonexistent/proc/1")
    assert all(mapped.path and (mapped.opened or mapped.why) for mapped in found)
