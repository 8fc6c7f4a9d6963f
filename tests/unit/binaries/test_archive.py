"""Static archives: members in place, nested ones, and headers that lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

import binary_writer as write
import pytest
from code_names import named, texts, weights

from parity.binaries.archive import DamagedArchiveError, members

if TYPE_CHECKING:
    from .conftest import Read


def part(arch: int, section: str = "__nv_relfatbin") -> bytes:
    return write.elf({section: write.fatbin(write.sass(arch), write.ptx(arch))}, kind=1)


def test_members_lie_where_they_are_said_to() -> None:
    raw = write.archive([("a.o/", b"first"), ("/12", b"second")])
    assert [raw[one.start : one.end] for one in members(raw, 0, len(raw))] == [b"first", b"second"]


def test_code_of_all_members_is_read_and_decides(read: Read) -> None:
    library = read(write.archive([("a.o/", part(80)), ("odd", b"x"), ("b.o/", part(90))]), name="lib.a")
    assert named(library, "relocatable") == {"sm_80": 1, "compute_80": 1, "sm_90": 1, "compute_90": 1}
    assert library.linkable
    assert library.problems == ()


def test_fatbins_of_a_member_are_found_at_any_alignment(read: Read) -> None:
    two = write.elf({".nv_fatbin": write.fatbin(write.sass(80, stored=60)) + write.fatbin(write.sass(90))}, kind=1)
    library = read(write.archive([("x", b"123"), ("a.o/", two)]), name="lib.a")
    assert (named(library), library.problems) == ({"sm_80": 1, "sm_90": 1}, ())


def test_archives_in_archives_are_read_to_a_depth(read: Read) -> None:
    raw = part(90)
    for _ in range(3):
        raw = write.archive([("inner.a/", raw)])
    assert named(read(raw, name="lib.a"), "relocatable") == {"sm_90": 1, "compute_90": 1}
    for _ in range(5):
        raw = write.archive([("inner.a/", raw)])
    library = read(raw, name="lib.a")
    assert "deep" in texts(library)
    assert weights(library) == {"damaged"}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b"`\n", b"??", "no member"),
        (b"5         `", b"99999     `", "longer"),
        (b"5         `", b"-5        `", "no size"),
    ],
)
def test_a_damaged_header_is_told(old: bytes, new: bytes, words: str) -> None:
    raw = write.archive([("a.o/", b"first")])
    at = raw.rindex(old)
    broken = raw[:at] + new + raw[at + len(old) :]
    with pytest.raises(DamagedArchiveError, match=words):
        list(members(broken, 0, len(broken)))


def test_code_before_the_damage_is_kept(read: Read) -> None:
    raw = write.archive([("a.o/", part(80)), ("b.o/", part(90))])
    library = read(raw[:-100], name="lib.a")
    assert named(library, "relocatable") == {"sm_80": 1, "compute_80": 1}
    assert weights(library) == {"damaged"}


def test_a_thin_archive_says_that_its_members_are_elsewhere(read: Read) -> None:
    library = read(b"!<thin>\n" + bytes(100), name="lib.a")
    assert weights(library) == {"skipped"}
