"""Kernels judged for the target and for here: whose code it is, what flips, and the exit status."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from parity.binaries.gathered import Found
from parity.binaries.resources import kernels_of
from parity.catalog.store import code_facts
from parity.model.code_objects import Code
from parity.model.coverage import RunsOn
from parity.model.kernel_resources import KernelNeeds, ResourcesReport
from parity.reports import resources_text
from parity.workload.launches import Asked, resources_report

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "resources"


def judged(found: Found, target: str | None, here: str | None = None, **asked: Any) -> ResourcesReport:
    devices = {name: RunsOn(arch=arch) for name, arch in (("target", target), ("here", here)) if arch}
    return resources_report(found, Asked(**devices, **{"dynamic_bytes": 0, **asked}), code_facts(), source="k.cubin")


def one(**changes: Any) -> Found:
    return Found((KernelNeeds(**{"name": "k", "arch": "sm_90a", "registers": 32, **changes}),), (), 0)


@pytest.mark.parametrize(
    ("name", "target", "status"),
    [
        ("needs_90a.cubin", "sm_90", 0),
        ("needs_90a.cubin", "sm_100", 1),  # a: its own capability alone
        ("needs_80.cubin", "sm_89", 0),
        ("needs_80.cubin", "sm_90", 1),
        ("needs_gfx942.hsaco", "gfx942", 0),
        ("needs_gfx942.hsaco", "gfx950", 1),
        ("needs_gfx942.hsaco", "sm_90", 1),
        ("needs_90a.cubin", None, 0),
        ("needs_90a.cubin", "sm_90a", 0),
    ],
)
def test_the_exit_status_says_whether_the_target_launches_it(name: str, target: str | None, status: int) -> None:
    assert judged(kernels_of(FIXTURES / name), target and target.rstrip("a")).exit_status == status


@pytest.mark.parametrize(("here", "status"), [("sm_90", 0), ("sm_100", 1), ("sm_999", 1)])
def test_without_a_target_the_device_here_decides(here: str, status: int) -> None:
    assert judged(kernels_of(FIXTURES / "needs_90a.cubin"), None, here).exit_status == status


def test_a_kernel_that_fits_one_of_both_flips() -> None:
    found = one(arch="sm_80", shared_memory_bytes=150_000, threads_exact=256)
    report = judged(found, "sm_80", "sm_86")
    assert report.kernels[0].flips
    assert (report.kernels[0].target.fits, report.kernels[0].here.fits) == ("yes", "no")  # type: ignore[union-attr]
    assert report.exit_status == 0
    assert judged(found, "sm_86", "sm_80").exit_status == 1


def test_shared_memory_that_nobody_told_is_not_taken_for_none() -> None:
    report = judged(one(threads_exact=128), "sm_90", dynamic_bytes=None)
    told = report.kernels[0].target
    assert told is not None
    assert (told.fits, told.at_most, report.exit_status) == ("unknown", True, 3)
    (why,) = told.why
    assert why.startswith("shared memory that the launch adds is not in the file, and up to 232448 bytes are left")
    text = resources_text.render(report, width=200)
    assert "fits as far as the file says; at most 16 blocks of 128, occupancy at most 1.00" in text
    excluded = judged(one(threads_exact=128, adds_no_shared_memory=True), "sm_90", dynamic_bytes=None)
    assert excluded.exit_status == 0
    broken = judged(one(shared_memory_bytes=300_000), "sm_90", dynamic_bytes=None)
    assert broken.exit_status == 1


@pytest.mark.parametrize(("warps", "fits"), [(0, "no"), (3, "no"), (64, "no"), (4, "unknown")])
def test_warps_of_a_source_are_powers_of_two(warps: int, fits: str) -> None:
    told = judged(one(arch="triton", registers=None, from_source=True, warps=warps), "sm_90").kernels[0].target
    assert told is not None
    assert (told.fits, told.at_most) == (fits, False)


def test_dynamic_shared_memory_counts() -> None:
    assert judged(one(), "sm_90", dynamic_bytes=200_000).exit_status == 0
    assert judged(one(), "sm_90", dynamic_bytes=240_000).exit_status == 1


def test_threads_asked_for_stand_in_for_those_that_the_file_does_not_say() -> None:
    told = judged(one(registers=128), "sm_90", threads=256).kernels[0].target
    exact = judged(one(registers=128, threads_exact=128), "sm_90", threads=256).kernels[0].target
    assert told is not None
    assert exact is not None
    assert (told.threads, told.blocks_per_sm) == (256, 2)
    assert (exact.threads, exact.fits) == (128, "yes")


PTX_80, PTX_90A = (Code(kind="ptx", arch=f"compute_{name}", isa="8.0") for name in ("80", "90a"))


@pytest.mark.parametrize(
    ("ptx", "target", "status"),
    [
        ((PTX_80,), "sm_90", 3),  # the driver compiles it there: what that needs is in no file
        ((PTX_80,), "sm_80", 0),
        ((PTX_90A,), "sm_100", 1),
        ((PTX_80,), "sm_75", 1),
        ((PTX_80,), "gfx942", 1),
    ],
)
def test_ptx_may_become_what_the_target_runs(ptx: tuple[Code, ...], target: str, status: int) -> None:
    report = judged(one(arch="sm_80")._replace(ptx=ptx), target)
    assert report.exit_status == status
    assert [text.partition(":")[0] for text in report.problems] == (["PTX compute_80"] if status == 3 else [])
    assert ("not known" in resources_text.render(report).splitlines()[-1]) == (status in (0, 3))


@pytest.mark.parametrize(
    ("found", "target"),
    [
        (Found((), (), 0), "sm_90"),
        (one(registers=None), "sm_90"),
        (Found(one().kernels, ("something was cut",), 0), "sm_90"),
        (Found(one().kernels, (), 5), "sm_90"),
        (Found(one(arch="sm_80").kernels, ("something was cut",), 0), "sm_90"),
        (one(arch="sm_100?"), "sm_103"),
    ],
)
def test_what_is_not_known_is_no_pass(found: Found, target: str) -> None:
    assert judged(found, target).exit_status == 3


def test_an_architecture_without_data_is_unknown() -> None:
    report = judged(one(arch="sm_999"), "sm_999")
    assert report.exit_status == 3
    assert report.kernels[0].target is not None
    assert report.kernels[0].target.why == ("the limits of sm_999 are not known",)
