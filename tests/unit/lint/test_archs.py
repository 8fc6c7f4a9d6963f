"""What architecture lists say, and what they mean for a target."""

from __future__ import annotations

import pytest

from parity.catalog import store
from parity.lint.archs import Code, Reach, parse, reach

SM = [
    ("h100", "8.0", "none"), ("h100", "8.0+PTX", "jit"), ("h100", "9.0", "native"), ("h100", "9.0a", "native"),
    ("h100", "9.0a+PTX", "native"), ("b200", "9.0a+PTX", "none"), ("b200", "9.0+PTX", "jit"), ("b200", "10.0", "native"),
    ("b200", "10.0a", "native"), ("b300", "10.0", "older"), ("b300", "10.0a", "none"), ("b300", "10.0f", "native"),
    ("rtx-5090", "10.0f", "none"), ("rtx-5090", "10.0+PTX", "jit"), ("rtx-5090", "12.0", "native"), ("gb10", "12.0f", "native"),
    ("l40s", "8.6", "older"), ("l40s", "8.7", "none"), ("rtx-3090", "8.9", "none"), ("a100", "8.0", "native"),
]  # fmt: skip


@pytest.mark.parametrize(("part", "text", "expected"), SM)
def test_reach_on_nvidia(part: str, text: str, expected: Reach) -> None:
    assert reach(parse("torch", text).codes, store.device_spec(part)) == expected


@pytest.mark.parametrize(
    ("part", "text", "expected"),
    [
        ("mi300x", "gfx90a;gfx942:sramecc+:xnack-", "native"),
        ("mi300x", "gfx950", "none"),
        ("mi300x", "gfx9-4-generic", "native"),
        ("mi210", "gfx9-4-generic", "none"),
        ("rx-7900-xtx", "gfx1101", "none"),
    ],
)
def test_reach_on_amd(part: str, text: str, expected: Reach) -> None:
    assert reach(parse("amd", text).codes, store.device_spec(part)) == expected


def test_cmake_adds_ptx_and_torch_does_not() -> None:
    assert parse("cmake", "90").codes == (Code("sm", (9, 0)), Code("ptx", (9, 0)))
    assert parse("cmake", "90a-real;100-virtual").codes == (Code("sm", (9, 0), "a"), Code("ptx", (10, 0)))
    assert parse("torch", "9.0").codes == (Code("sm", (9, 0)),)


def test_nvcc_options() -> None:
    text = "-gencode arch=compute_80,code=[sm_80,compute_80] -gencode=arch=compute_90a,code=sm_90a -arch=sm_75"
    assert [str(code) for code in parse("nvcc", text).codes] == ["sm_80", "compute_80", "sm_90a", "compute_75", "sm_75"]
    assert parse("nvcc", "-arch=native").special == ("native",)


def test_words_that_are_no_architecture() -> None:
    assert parse("torch", "90 Hopper native 8.x").bad == ("90", "8.x")
    assert parse("cmake", "all-major;nonsense") == ((), ("all-major",), ("nonsense",), False)
    assert parse("amd", "gfx942,all") == ((Code("gfx", gfx="gfx942"),), ("all",), (), False)
