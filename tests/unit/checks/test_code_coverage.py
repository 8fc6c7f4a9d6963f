"""What of a library runs on a device: regions first, so that a union hides nothing."""

from __future__ import annotations

import msgspec
import pytest

from parity.catalog import store
from parity.checks.code_coverage import judge_library, judge_region
from parity.model.code_objects import Code, Library, Place, Problem, RegionGroup
from parity.model.coverage import Judged, RunsOn

FACTS = store.code_facts()
VARIANT = "native-but-arch-specific-variant-missing"


def code(name: str) -> Code:
    """Return the code object that a name stands for; a trailing ! marks a stub."""
    kind = {"sm": "sass", "compute": "ptx", "lto": "lto"}.get(name.split("_", maxsplit=1)[0], "amd")
    return msgspec.convert({"kind": kind, "arch": name.rstrip("!"), "stub": name.endswith("!")}, Code)


def group(names: str, count: int = 1, place: Place = "main") -> RegionGroup:
    codes = tuple(code(name) for name in names.split())
    return RegionGroup(section=".nv_fatbin", place=place, container="fatbin", codes=codes, count=count, first=0)


def library(*groups: RegionGroup, path: str = "a/lib.so", **more: object) -> Library:
    return msgspec.structs.replace(Library(path=path, size_bytes=1, regions=groups), **more)


def on(arch: str, *groups: RegionGroup, **more: object) -> Judged:
    return judge_library(library(*groups, **more), RunsOn(arch=arch), FACTS)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("names", "device", "wanted"),
    [
        ("sm_80 sm_90 compute_90", "sm_90", "native-exact"),
        ("sm_80 compute_80", "sm_89", "native-compatible"),
        ("sm_80 compute_80", "sm_90", "ptx-jit"),
        ("sm_80 sm_90a compute_90a", "sm_100", "none"),
        ("sm_80", "sm_90", "none"),
        ("sm_90 sm_90a", "sm_90", "native-exact"),
        ("sm_90 sm_90a sm_100", "sm_100", VARIANT),
        ("sm_100 sm_100a", "sm_103", VARIANT),
        ("sm_100 sm_100a sm_103a", "sm_103", "native-exact"),
        ("sm_100 sm_100a sm_100f", "sm_103", "native-compatible"),
        ("sm_90 sm_100a", "sm_90", "native-exact"),
        ("sm_80 sm_90a", "sm_80", "native-exact"),
        ("sm_100?", "sm_103", "unknown"),
        ("sm_80! sm_90", "sm_80", "none"),
        ("sm_80! compute_80!", "sm_80", None),
        ("lto_75", "sm_90", None),
        ("lto_75 sm_90", "sm_90", "native-exact"),
        ("gfx942 gfx90a", "gfx942", "native-exact"),
        ("gfx9-4-generic", "gfx950", "native-compatible"),
        ("gfx942", "sm_90", "none"),
    ],
)
def test_a_region(names: str, device: str, wanted: str | None) -> None:
    assert judge_region([code(name) for name in names.split()], RunsOn(arch=device), FACTS)[0] == wanted


def test_a_region_on_jit_is_not_hidden_by_native_ones() -> None:
    judged = on("sm_90", group("sm_80 sm_90", 8), group("sm_80 compute_80", 15), group("sm_120f", 12))
    assert judged.verdict == "ptx-jit"
    assert judged.regions == {"native-exact": 8, "ptx-jit": 15, "none": 12}


def test_regions_for_other_chips_are_normal() -> None:
    assert on("sm_90", group("sm_90a", 50), group("sm_100f", 60)).verdict == "native-exact"


def test_three_stray_kernels_are_no_coverage() -> None:
    judged = on("gfx942", group("gfx90a", 646), group("gfx942", 3))
    assert judged.verdict == "unknown", "some code is there: neither coverage nor none"
    assert judged.notes == ("stray code: 3 regions run on gfx942, 646 on gfx90a",)
    assert on("gfx942", group("gfx90a", 646), group("gfx942", 600)).verdict == "native-exact"


def test_an_old_chip_with_a_small_share_is_served() -> None:
    assert on("sm_60", group("sm_60", 66), group("sm_90a", 1530)).verdict == "native-exact"


def test_stray_is_measured_on_what_runs_not_on_names() -> None:
    assert on("sm_86", group("sm_80", 94), group("sm_86", 1)).verdict == "native-compatible"


def test_stubs_never_decide() -> None:
    assert on("sm_90", group("sm_52!", 10)).verdict is None
    assert on("sm_90", group("sm_90!", 10), group("sm_80")).verdict == "none"


def test_lto_alone_is_unknown() -> None:
    judged = on("sm_90", group("lto_75", 21))
    assert (judged.verdict, judged.notes) == (
        "unknown",
        ("LTO-IR alone: what it becomes is decided when it is linked",),
    )


def test_hidden_code_covers_where_nothing_else_does_and_never_lowers() -> None:
    hidden = [group("sm_90", 300, "hidden"), group("compute_75", 8000, "hidden")]
    judged = on("sm_90", group("sm_52!"), *hidden)
    assert judged.verdict == "native-exact"
    assert judged.notes == ("the library itself chooses among its hidden code: 300 native-exact, 8000 ptx-jit",)
    assert on("sm_90", group("sm_90"), group("compute_75", 8000, "hidden")).verdict == "native-exact"
    assert on("sm_90", group("compute_80"), *hidden).verdict == "ptx-jit"


def test_relocatable_code_decides_in_archives_alone() -> None:
    left = group("sm_80 compute_80", 1, "relocatable")
    assert on("sm_90", left, linkable=True).verdict == "ptx-jit"
    linked = on("sm_90", group("sm_80"), left)
    assert linked.verdict == "unknown", "whether the driver links it is not known: neither coverage nor none"
    assert on("sm_90", group("sm_80"), group("sm_80", 1, "relocatable")).verdict == "none"


@pytest.mark.parametrize(
    ("weight", "covered", "lacking"),
    [
        ("note", "native-exact", "none"),
        ("unsearched", "native-exact", "unknown"),
        ("skipped", "native-exact", "unknown"),
        ("damaged", "unknown", "unknown"),
    ],
)
def test_what_was_not_read_is_never_called_missing(weight: str, covered: str, lacking: str) -> None:
    problems = (msgspec.convert({"text": "x", "weight": weight}, Problem),)
    assert on("sm_90", group("sm_90"), problems=problems).verdict == covered
    assert on("sm_90", group("sm_80"), problems=problems).verdict == lacking


def test_a_library_that_could_not_be_read_at_all_is_unknown() -> None:
    assert on("sm_90", problems=(Problem(text="cut", weight="damaged"),)).verdict == "unknown"
    assert on("sm_90", problems=(Problem(text="by the way"),)).verdict is None


def test_the_other_vendors_library_is_told_as_such() -> None:
    judged = on("sm_90", group("gfx942"))
    assert (judged.verdict, judged.other_vendor) == ("none", True)
    assert not on("gfx90a", group("gfx942")).other_vendor


@pytest.mark.parametrize(
    ("names", "device", "excused"),
    [
        ("sm_90a", "sm_100", True),
        ("sm_90a sm_100f", "sm_120", True),
        ("sm_90a sm_80", "sm_120", False),
        ("sm_80", "sm_90", False),
        ("sm_90a compute_120", "sm_100", False),
        ("sm_90a", "sm_90", False),
        ("gfx942", "gfx950", False),
    ],
)
def test_code_of_one_generation_alone_is_meant_so(names: str, device: str, excused: bool) -> None:
    assert on(device, group(names)).excused is excused


def test_a_note_says_what_a_library_is_meant_for() -> None:
    fa3 = {"path": "vllm/vllm_flash_attn/_vllm_fa3_C.abi3.so", "package": "vllm"}
    assert on("sm_100", group("sm_90a"), **fa3).excused
    judged = on("sm_90", group("sm_80"), **fa3)
    assert (judged.verdict, judged.excused) == ("none", False), "on its own chip it is held to account"
    ops = {"path": "sgl_kernel/flash_ops.abi3.so", "package": "sgl_kernel"}
    assert on("sm_100", group("sm_80 sm_90a"), **ops).notes[-1].startswith("FlashAttention 3")


def test_an_architecture_nobody_knows_is_judged_by_the_rules() -> None:
    assert on("sm_135", group("sm_130 compute_90")).verdict == "native-compatible"
    assert on("sm_140", group("sm_130 compute_90")).verdict == "ptx-jit"


@pytest.mark.parametrize(
    ("version", "arch", "excused"),
    [("0.18.0", "sm_90", True), ("0.18.0", "sm_103", False), ("0.19.0", "sm_90", False), ("", "sm_90", False)],
)
def test_a_card_excuses_a_file_for_the_versions_and_chips_that_it_names(version: str, arch: str, excused: bool) -> None:
    regions = group("sm_120 compute_120")
    judged = on(arch, regions, package="torchao", version=version, path="torchao/_C_mxfp8.so")
    assert (judged.verdict, judged.excused) == ("none", excused)
    assert (judged.notes == ("the MXFP8 kernels are used on compute capability 10.0 and newer alone",)) == excused
