"""Tuned tables, judged for the target and for here."""

from __future__ import annotations

from typing import Any

import pytest

from parity.catalog import store
from parity.catalog.tuned_device import as_device
from parity.checks.tuned_coverage import tuned_report
from parity.model.tuned import TunedDevice, TunedEntry, TunedPackage, TunedReport


def part(name: str) -> TunedDevice:
    return as_device(next(entry for entry in store.index() if entry.id == name))


def moe(shape: str, *devices: str, triton: str = "") -> list[TunedEntry]:
    return [
        TunedEntry(family="fused-moe", shape=shape, path=f"vllm/{shape}{device}", name=device, triton=triton)
        for device in devices
    ]


H100, L40S = "NVIDIA_H100_80GB_HBM3", "NVIDIA_L40S"


def judged(entries: list[TunedEntry], target: str | None, *here: str, **more: Any) -> TunedReport:
    package = TunedPackage(name="p", entries=tuple(entries), **more)
    return tuned_report(
        [package],
        store.index(),
        target=None if target is None else part(target),
        here=tuple(part(one) for one in here),
    )


def test_the_four_cases() -> None:
    entries = [*moe("a", H100, L40S), *moe("b", H100), *moe("c", L40S), *moe("d", "NVIDIA_H20")]
    report = judged(entries, "h100-sxm5-80gb", "l40s")
    (family,) = report.packages[0].families
    assert family.shapes == {"a": "both", "b": "target-only", "c": "here-only", "d": "neither"}
    assert (family.total, family.target, family.here) == (4, 2, 2)
    assert family.devices == {"NVIDIA_H100_80GB_HBM3": 2, "NVIDIA_H20": 1, "NVIDIA_L40S": 2}
    assert report.exit_status == 1


@pytest.mark.parametrize(
    ("entries", "target", "here", "status"),
    [
        (moe("a", H100, L40S), "h100-sxm5-80gb", ["l40s"], 0),
        (moe("a", H100), "h100-sxm5-80gb", ["l40s"], 1),
        (moe("a", "NVIDIA_H20"), "h100-sxm5-80gb", ["l40s"], 1),
        (moe("a", L40S), "h100-sxm5-80gb", ["l40s"], 1),
        (moe("a", L40S), "h100-sxm5-80gb", ["rtx-4090", "l40s"], 1),
        (moe("a", L40S), "h100-sxm5-80gb", [], 1),
        (moe("a", H100), "h100-sxm5-80gb", [], 0),
        (moe("a", L40S), None, [], 0),
        ([], "h100-sxm5-80gb", [], 3),
        ([TunedEntry(family="x", shape="s", path="a", gfx="gfx942")], "h100-sxm5-80gb", [], 3),
        ([TunedEntry(family="x", shape="s", path="a", gfx="gfx942")], "mi300x", [], 0),
    ],
)
def test_the_exit_status(entries: list[TunedEntry], target: str | None, here: list[str], status: int) -> None:
    assert judged(entries, target, *here).exit_status == status


def test_the_same_architecture_is_not_enough() -> None:
    entries = [
        TunedEntry(family="x", shape="s", path="a", gfx="gfx942", cu_count=304),
        TunedEntry(family="x", shape="t", path="a", gfx="gfx942", cu_count=80),
    ]
    (family,) = judged(entries, "mi300x", "mi308x").packages[0].families
    assert family.shapes == {"s": "target-only", "t": "here-only"}
    assert family.devices == {"gfx942 304 CUs": 1, "gfx942 80 CUs": 1}


def test_what_could_not_be_read_is_no_pass() -> None:
    entries = moe("a", H100)
    assert judged(entries, "h100-sxm5-80gb", problems=("x: empty",)).exit_status == 1
    assert judged(entries, None, problems=("x: empty",)).exit_status == 0


def test_what_cannot_be_told_is_no_pass() -> None:
    words = [TunedEntry(family="triton", shape="GEMM", path="a", arch_name="MI300X")]
    report = judged(words, "mi300x")
    assert report.exit_status == 3
    assert report.packages[0].families[0].unknown == "1 shapes: what they are keyed by is not known of the device"
    assert judged([*words, *moe("a", "AMD_Instinct_MI300X")], "mi300x").exit_status == 1
    assert judged(words, "mi300x", arch_names={"gfx942": "MI300X"}).exit_status == 0


def test_a_triton_version_is_counted_for_the_target() -> None:
    entries = [*moe("a", H100, triton="3.5.1"), *moe("b", H100, triton="3.1.0"), *moe("c", L40S, triton="3.1.0")]
    assert judged(entries, "h100-sxm5-80gb").packages[0].families[0].triton == {"3.1.0": 1, "3.5.1": 1}
    assert judged(entries, None).packages[0].families[0].triton == {"3.1.0": 2, "3.5.1": 1}


def test_odd_names_are_told_those_that_never_match_first() -> None:
    entries = moe("a", "NVIDIA_FUTURE", "", "NVIDIA_L40s")
    assert [(one.name, one.never, one.files) for one in judged(entries, None).packages[0].misnamed] == [
        ("", True, 1),
        ("NVIDIA_L40s", True, 1),
        ("NVIDIA_FUTURE", False, 1),
    ]


def test_the_names_that_the_targets_tables_have_are_told() -> None:
    entries = [*moe("a", "AMD_Instinct_MI350X"), *moe("b", "AMD_Instinct_MI350_OAM"), *moe("c", L40S)]
    (family,) = judged(entries, "mi350x").packages[0].families
    assert (family.target, family.target_names) == (2, {"AMD_Instinct_MI350X": 1, "AMD_Instinct_MI350_OAM": 1})
