"""The table of device code: a line per package, what differs below it, files on request."""

from __future__ import annotations

import msgspec
import pytest
from golden import agrees

from parity.catalog import store
from parity.model.code_objects import Code, Inventory, Library, Problem, RegionGroup, Tally
from parity.model.coverage import LoadedBy, RunsOn
from parity.model.finding import Finding
from parity.reports.kernels_text import render
from parity.verdict.kernels import kernels_report

NAMES = {"sm": "sass", "compute": "ptx", "lto": "lto"}


def library(package: str, name: str, regions: dict[str, int], **more: object) -> Library:
    groups, tallies = [], []
    for codes, count in regions.items():
        read = tuple(
            msgspec.convert({"kind": NAMES.get(one.split("_")[0], "amd"), "arch": one}, Code) for one in codes.split()
        )
        groups.append(
            RegionGroup(section=".nv_fatbin", place="main", container="fatbin", codes=read, count=count, first=64)
        )
        tallies += [Tally(code=one, place="main", count=count, size_bytes=1000) for one in read]
    made = Library(
        path=f"/site/{package or 'x'}/{name}", package=package, version="1.2" if package else "", size_bytes=45_000_000,
        regions=tuple(groups), tallies=tuple(tallies),
    )  # fmt: skip
    return msgspec.structs.replace(made, **more)


INVENTORY = Inventory(
    libraries=(
        library("", "stray.so", {"gfx942:xnack-": 2}),
        library("flash", "_C.so", {"sm_80 compute_80": 76}),
        library("old", "libold.so", {"sm_70 sm_80": 182}),
        library("odd", "libodd.so", {"sm_90": 3}, problems=(Problem(text="cut\x1b[31m", weight="damaged"),)),
        library("torch", "libtorch_cuda.so", {"sm_80 sm_86 sm_90": 470, "sm_80 sm_90 sm_90a": 6}),
    ),
    files=120,
    bytes=9_000_000_000,
    silent=("numpy", "triton"),
)


def shown(*, here: bool = True, target: bool = True, verbose: bool = False, width: int = 80) -> str:
    report = kernels_report(
        INVENTORY,
        store.code_facts(),
        target=RunsOn(arch="sm_90") if target else None,
        here=(RunsOn(arch="sm_89"),) if here else (),
    )
    return render(report, INVENTORY, verbose=verbose, width=width)


def test_the_table() -> None:
    agrees("kernels.txt", shown())


def test_verbose() -> None:
    agrees("kernels-verbose.txt", shown(verbose=True))


def test_without_a_target() -> None:
    agrees("kernels-here.txt", shown(target=False))


def test_without_any_device() -> None:
    agrees("kernels-plain.txt", shown(target=False, here=False))


@pytest.mark.parametrize("width", [40, 60, 80, 120, 300])
def test_no_line_is_wider_than_the_screen(width: int) -> None:
    assert max(len(line) for line in shown(width=width, verbose=True).splitlines()) <= max(60, min(width, 120))


def test_no_control_character_of_a_file_reaches_the_terminal() -> None:
    assert "\x1b" not in shown(verbose=True)


def test_one_module_on_jit_is_told_as_one() -> None:
    inventory = Inventory(libraries=(library("blas", "libblas.so", {"sm_90": 618, "compute_80": 1, "sm_100f": 70}),))
    report = kernels_report(inventory, store.code_facts(), target=RunsOn(arch="sm_90"))
    assert render(report, inventory).splitlines()[1:3] == [
        "blas     1.2      ptx-jit",
        "    libblas.so: 1 of 619 regions that run are ptx-jit",
    ]


def test_libraries_without_a_package_share_their_folder() -> None:
    found = Inventory(
        libraries=(
            library("", "lib/deep/libone.so", {"sm_80": 1}),
            library("", "lib/libtwo.so", {"sm_90": 1}),
            library("flash", "_C.so", {"sm_90": 1}),
        )
    )
    report = kernels_report(found, store.code_facts(), target=RunsOn(arch="sm_90"))
    assert render(report, found).splitlines()[:5] == [
        "below /site/x/lib/:",
        "package         version  on sm_90",
        "deep/libone.so           none",
        "libtwo.so                native-exact",
        "flash           1.2      native-exact",
    ]


def test_a_process_is_told_with_what_it_took_from_elsewhere() -> None:
    process = LoadedBy(
        pid=7,
        command="python3\x1b[31m",
        mapped=312,
        gone=("/v/libnew.so", "/v/libold.so"),
        findings=(
            Finding(
                rule="duplicate-cuda-library", severity="warning", subject="libcudart", here="12.4, 12.8",
                wanted="one version", ratio=None, message="2 versions are loaded", mend="keep one",
            ),
        ),
    )  # fmt: skip
    report = kernels_report(INVENTORY, store.code_facts(), target=RunsOn(arch="sm_90"))
    text = render(msgspec.structs.replace(report, process=process), INVENTORY, width=100)
    told = text[text.index("process 7") :].splitlines()[:4]
    assert told == [
        "process 7 (python3?[31m): 312 files mapped",
        "deleted or replaced since they were loaded, so not what is installed now: libnew.so, libold.so",
        "warning[duplicate-cuda-library] libcudart: 2 versions are loaded",
        "  mend: keep one",
    ]


def test_where_nothing_can_be_judged_nothing_is_said_to_load() -> None:
    empty = Inventory(files=3, bytes=2048)
    report = kernels_report(empty, store.code_facts(), target=RunsOn(arch="sm_90"))
    assert render(report, empty) == (
        "\n0 libraries with device code in 0 packages: nothing to judge for sm_90; 3 files,\n2 KiB looked into\n"
    )
    assert report.exit_status == 3
