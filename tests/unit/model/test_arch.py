"""Names of architectures, parsed and written back."""

from __future__ import annotations

import pytest

from parity.model.arch import AmdArch, NvidiaArch, parse_arch, sort_key


@pytest.mark.parametrize(
    ("text", "arch"),
    [
        ("sm_90", NvidiaArch(9, 0)),
        ("sm_90a", NvidiaArch(9, 0, "a")),
        ("sm_103f", NvidiaArch(10, 3, "f")),
        ("sm_121", NvidiaArch(12, 1)),
        ("sm_100?", NvidiaArch(10, 0, "?")),
        ("compute_80", NvidiaArch(8, 0, "", "compute")),
        ("lto_75", NvidiaArch(7, 5, "", "lto")),
        ("gfx90a", AmdArch("gfx90a")),
        ("gfx942:sramecc+:xnack-", AmdArch("gfx942", "+", "-")),
        ("gfx9-4-generic", AmdArch("gfx9-4-generic")),
        ("gfx9-4-generic:xnack+", AmdArch("gfx9-4-generic", "", "+")),
    ],
)
def test_a_name_means_an_architecture_and_is_written_back(text: str, arch: NvidiaArch | AmdArch) -> None:
    assert parse_arch(text) == arch
    assert str(arch) == text


@pytest.mark.parametrize(
    "text",
    ["", "h100", "sm_", "sm_9", "sm_90b", "sm_90 ", "SM_90", "sm90", "gfx", "gfx942:", "gfx942:xnack", "gfx942:xnack+:xnack-",
     "gfx942:fast+", "gfx" + "9" * 200, "sm_99999"],
)  # fmt: skip
def test_other_words_are_none(text: str) -> None:
    assert parse_arch(text) is None


def test_features_may_come_in_any_order() -> None:
    assert str(parse_arch("gfx90a:xnack+:sramecc-")) == "gfx90a:sramecc-:xnack+"


def test_the_order_is_that_of_capability() -> None:
    names = ["gfx1100", "sm_120", "compute_100", "gfx90a", "sm_90a", "sm_75", "gfx9-4-generic", "sm_90", "odd"]
    assert sorted(names, key=sort_key) == [
        "sm_75", "sm_90", "sm_90a", "compute_100", "sm_120", "odd", "gfx9-4-generic", "gfx90a", "gfx1100",
    ]  # fmt: skip
