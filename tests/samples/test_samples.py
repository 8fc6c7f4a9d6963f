"""Real reports, which are not part of the repository: they run where PARITY_SAMPLES names their folder."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from parity.catalog import store
from parity.catalog.identify import identify
from parity.model.absent import value_of
from parity.readers import read_report

if TYPE_CHECKING:
    from parity.model.fingerprint import Fingerprint

FOLDER = os.environ.get("PARITY_SAMPLES", "")
INDEX = Path(FOLDER) / "INDEX.csv"
REASON = "PARITY_SAMPLES does not name a folder with INDEX.csv"
ROWS = list(csv.DictReader(INDEX.read_text(encoding="utf-8").splitlines())) if FOLDER and INDEX.is_file() else []

# Words of a label's model that must be found in the name, and the architecture the label is of.
MODELS = {
    "h100-sxm-80gb": ("H100", "80GB", "HBM3"),
    "a100-pcie-80gb": ("A100", "80GB", "PCIe"),
    "a100-sxm-40gb+mig": ("A100", "SXM4", "40GB"),
    "h20-96gb": ("H20",),
    "b200-sxm-180gb": ("B200",),
    "mi300x-192gb": ("MI300X",),
    "rtx-4090-24gb": ("RTX", "4090"),
    "rtx-2080-super-8gb": ("RTX", "2080"),
    "l40s-48gb": ("L40S",),
    "t4-16gb": ("T4",),
    "rx-6700-xt-12gb": ("6700", "XT"),
}


def sample(row: dict[str, str]) -> Fingerprint:
    return read_report((INDEX.parent / row["file"]).read_bytes(), where=row["file"])


def acceptable(row: dict[str, str], what: str) -> set[str]:
    """Return the values that a label accepts besides its own."""
    pairs = [part.split(":", 1) for part in row["also_acceptable"].split(";") if ":" in part]
    return {value for name, value in pairs if name in {what, "all"}}


needs_samples = pytest.mark.skipif(not ROWS, reason=REASON)
each_sample = pytest.mark.parametrize("row", ROWS or [{"file": "none"}], ids=lambda row: str(row["file"]))


@needs_samples
@each_sample
def test_count(row: dict[str, str]) -> None:
    count = value_of(sample(row).device_count)
    told = "unknown" if count is None else str(count)
    assert told in {row["gpu_count"], *acceptable(row, "gpu_count")}


@needs_samples
@each_sample
def test_model(row: dict[str, str]) -> None:
    names = [value_of(device.identity.name) or "" for device in sample(row).devices]
    if row["gpu_model_true"] == "none":
        assert names == []
    elif row["gpu_model_true"].startswith("hetero"):
        assert sorted(names) == ["NVIDIA GeForce RTX 3090"] * 2 + ["NVIDIA GeForce RTX 4090"] * 2
    else:
        assert names
        assert all(word in name for name in names for word in MODELS[row["gpu_model_true"]])


@needs_samples
@each_sample
def test_architecture_where_the_report_carries_it(row: dict[str, str]) -> None:
    for device in sample(row).devices:
        capability, target = (
            value_of(device.identity.compute_capability),
            value_of(device.identity.gfx_target),
        )
        arch = f"sm_{capability.replace('.', '')}" if capability else target
        if arch is not None:
            assert arch in row["arch"].split("+") or arch in acceptable(row, "arch")


@needs_samples
@each_sample
def test_versions(row: dict[str, str]) -> None:
    components = sample(row).stack.components
    for label, component in (("driver", "driver"), ("torch", "torch")):
        wanted = row[label]
        if wanted[:1].isdigit():
            assert value_of(components[component]) == wanted
        elif component in components:
            assert value_of(components[component]) is None


@needs_samples
@each_sample
def test_cuda_or_rocm(row: dict[str, str]) -> None:
    components = sample(row).stack.components
    kind, _, wanted = row["cuda_or_rocm"].removesuffix(" (driver API)").partition(" ")
    if not wanted[:1].isdigit():
        return
    names = ("rocm", "torch_hip") if kind == "rocm" else ("torch_cuda", "cuda_driver", "cuda_toolkit")
    found = [value for name in names if name in components and (value := value_of(components[name]))]
    assert any(value == wanted or value.startswith(f"{wanted}.") for value in found)


@needs_samples
@each_sample
def test_slices(row: dict[str, str]) -> None:
    kinds = {value_of(device.identity.partition) for device in sample(row).devices}
    sliced = {partition.kind for partition in kinds if partition} == {"mig"}
    assert sliced == ("+mig" in row["gpu_model_true"])


@needs_samples
@each_sample
def test_the_catalog_finds_a_part_or_candidates(row: dict[str, str]) -> None:
    for device in sample(row).devices:
        identified = identify(device, store.index())
        if value_of(device.identity.name):
            assert identified.identity or identified.candidates, device.label
