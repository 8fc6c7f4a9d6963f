"""PTX text: target and version, wherever the comments end."""

from __future__ import annotations

import pytest

from parity.binaries.ptx import read_ptx


@pytest.mark.parametrize(
    ("text", "arch", "isa"),
    [
        (".version 8.0\n.target sm_80\n.address_size 64\n", "compute_80", "8.0"),
        ("//\n// a comment\n\n .version\t8.7\n\t.target sm_100a, debug\n", "compute_100a", "8.7"),
        (".version 8.8\r\n.target sm_120f\r\n", "compute_120f", "8.8"),
    ],
)
def test_directives_are_found(text: str, arch: str, isa: str) -> None:
    code = read_ptx(text.encode())
    assert code is not None
    assert (code.kind, code.arch, code.isa) == ("ptx", arch, isa)


@pytest.mark.parametrize(
    "text",
    ["", ".version 8.0\n", ".target sm_90\n", ".version x\n.target sm_90\n", "// .version 8.0\n// .target sm_90\n"],
)
def test_other_text_is_no_ptx(text: str) -> None:
    assert read_ptx(text.encode()) is None


def test_only_the_beginning_is_looked_at() -> None:
    assert read_ptx(b"//\n" * 40_000 + b".version 8.0\n.target sm_90\n") is None
