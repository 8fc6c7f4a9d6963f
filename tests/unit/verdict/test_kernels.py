"""The report on device code: what it counts, whose verdict it gives, and its exit status."""

from __future__ import annotations

import msgspec
import pytest

from parity.catalog import store
from parity.model.code_objects import Code, Inventory, Library, Problem, RegionGroup, Tally
from parity.model.coverage import Coverage, RunsOn
from parity.verdict.kernels import exit_status, kernels_report

FACTS = store.code_facts()
SM_90A, SM_80, PTX = (
    Code(kind="sass", arch="sm_90a"),
    Code(kind="sass", arch="sm_80"),
    Code(kind="ptx", arch="compute_80"),
)
STUB, HIDDEN, LTO = (
    Code(kind="sass", arch="sm_52", stub=True),
    Code(kind="sass", arch="sm_100f"),
    Code(kind="lto", arch="lto_75"),
)
RELOCATABLE = Code(kind="ptx", arch="compute_120")
LIBRARY = Library(
    path="/site/fast/_C.so",
    package="fast",
    version="1.0",
    size_bytes=1000,
    tallies=(
        Tally(code=SM_90A, place="main", count=12, size_bytes=100),
        Tally(code=SM_80, place="main", count=3, size_bytes=30),
        Tally(code=PTX, place="main", count=3, size_bytes=30),
        Tally(code=LTO, place="hidden", count=1, size_bytes=9),
        Tally(code=STUB, place="main", count=4, size_bytes=9),
        Tally(code=HIDDEN, place="hidden", count=414, size_bytes=9),
        Tally(code=RELOCATABLE, place="relocatable", count=5, size_bytes=9),
    ),
    regions=(
        RegionGroup(section=".nv_fatbin", place="main", container="fatbin", codes=(SM_90A,), count=12, first=0),
        RegionGroup(section=".nv_fatbin", place="main", container="fatbin", codes=(PTX, SM_80), count=3, first=0),
        RegionGroup(section=".nv_fatbin", place="main", container="fatbin", codes=(STUB,), count=4, first=0),
        RegionGroup(section=".data", place="hidden", container="fatbin", codes=(HIDDEN,), count=414, first=0),
        RegionGroup(
            section="__nv_relfatbin", place="relocatable", container="fatbin", codes=(RELOCATABLE,), count=5, first=0
        ),
    ),
    problems=(Problem(text="by the way"),),
)
H100, RTX_4090 = RunsOn(arch="sm_90"), RunsOn(arch="sm_89")


def test_the_json_is_the_contracts() -> None:
    report = kernels_report(Inventory(libraries=(LIBRARY,), files=1, bytes=1000), FACTS, target=H100, here=(RTX_4090,))
    told = msgspec.to_builtins(report)
    assert (next(iter(told.items())), told["target"], told["here"]) == (
        ("schema", "parity.kernels/1"),
        "sm_90",
        "sm_89",
    )
    (library,) = told["libraries"]
    wanted = {
        "path": "/site/fast/_C.so", "package": "fast", "version": "1.0", "size_bytes": 1000,
        "sass": ("sm_80", "sm_90a", "sm_100f"), "ptx": ("compute_80",), "lto": ("compute_75",), "amd": (),
        "counts": {"compute_80": 3, "sm_80": 3, "sm_90a": 12}, "hidden": {"lto_75": 1, "sm_100f": 414},
        "relocatable": {"compute_120": 5}, "regions": 429, "verdict": {"target": "ptx-jit", "here": "native-compatible"},
        "problems": ("by the way",),
    }  # fmt: skip
    assert {name: library[name] for name in wanted} == wanted
    assert library["stubs"] == {"sm_52": 4}, "stubs are counted apart"
    assert library["coverage"]["target"] == {"native-exact": 12, "ptx-jit": 3, "none": 414}


def test_code_left_for_a_linker_is_no_code_of_a_linked_library() -> None:
    report = kernels_report(Inventory(libraries=(LIBRARY,)), FACTS, target=H100)
    assert "compute_120" not in report.libraries[0].ptx
    archive = msgspec.structs.replace(LIBRARY, linkable=True)
    assert "compute_120" in kernels_report(Inventory(libraries=(archive,)), FACTS, target=H100).libraries[0].ptx


def test_of_several_devices_here_the_worst_counts() -> None:
    report = kernels_report(Inventory(libraries=(LIBRARY,)), FACTS, target=None, here=(H100, RunsOn(arch="sm_75")))
    assert (report.here, report.libraries[0].verdict.here) == ("sm_90, sm_75", "none")
    assert report.exit_status == 1


def test_without_a_device_nothing_is_judged() -> None:
    report = kernels_report(Inventory(libraries=(LIBRARY,)), FACTS, target=None)
    assert (report.exit_status, report.libraries[0].verdict.target, report.packages[0].target) == (0, None, None)


def test_the_target_decides_where_both_are_judged() -> None:
    only_80 = msgspec.structs.replace(LIBRARY, regions=LIBRARY.regions[1:2])
    assert (
        kernels_report(Inventory(libraries=(only_80,)), FACTS, target=H100, here=(RunsOn(arch="sm_75"),)).exit_status
        == 0
    )
    assert (
        kernels_report(Inventory(libraries=(only_80,)), FACTS, target=RunsOn(arch="sm_75"), here=(H100,)).exit_status
        == 1
    )


@pytest.mark.parametrize(
    ("verdicts", "status"),
    [
        (["native-exact", "ptx-jit", "native-compatible"], 0),
        (["native-but-arch-specific-variant-missing"], 0),
        (["native-exact", "none"], 1),
        (["native-exact", "unknown"], 1),
        (["none", "unknown"], 1),
        (["unknown", "unknown"], 3),
        ([None, None], 3),
        ([None, "native-exact"], 0),
        ([], 3),
    ],
)
def test_exit_status(verdicts: list[Coverage | None], status: int) -> None:
    assert exit_status(verdicts) == status
