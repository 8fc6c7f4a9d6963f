"""Cut, corrupted and oversized reports: an error of ours or a fingerprint, in bounded time."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parity.errors import InputFileError
from parity.model.absent import Reading, value_of
from parity.readers import read_report

REPORTS = Path(__file__).parents[2] / "fixtures" / "reports"
NAMES = sorted(path.name for path in REPORTS.iterdir() if path.name != "INDEX.yaml")
RAW = {name: (REPORTS / name).read_bytes() for name in NAMES}
CUTS = 30
# With MIG on, a report cut before its slices shows the GPU; two machines are not one; ours is JSON.
NOT_COMPARED = ("mig", "nvidia-smi-list", "two-machines", "parity-")
JUNK_BYTES = 300_000
SECONDS = 20  # of the processor: far above what is measured (5 MB: under 3 s), far below a runaway expression


def read_or_refuse(raw: bytes) -> None:
    try:
        read_report(raw, where="fuzz")
    except InputFileError:
        return


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(name=st.sampled_from(NAMES), cut=st.floats(0, 1))
def test_truncation_never_raises_anything_else(name: str, cut: float) -> None:
    raw = RAW[name]
    read_or_refuse(raw[: int(len(raw) * cut)])


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    name=st.sampled_from(NAMES),
    edits=st.lists(st.tuples(st.floats(0, 0.999), st.binary(min_size=0, max_size=6)), min_size=1, max_size=12),
)
def test_corruption_never_raises_anything_else(name: str, edits: list[tuple[float, bytes]]) -> None:
    raw = bytearray(RAW[name])
    for at, replacement in edits:
        start = int(len(raw) * at)
        raw[start : start + max(len(replacement), 1)] = replacement
    read_or_refuse(bytes(raw))


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(names=st.lists(st.sampled_from(NAMES), min_size=2, max_size=3), cut=st.integers(0, 4000))
def test_reports_glued_together_never_raise_anything_else(names: list[str], cut: int) -> None:
    read_or_refuse(b"\n".join(RAW[name][cut:] for name in names))


@pytest.mark.parametrize("name", [name for name in NAMES if not any(word in name for word in NOT_COMPARED)])
def test_a_cut_report_says_less_and_never_something_else(name: str) -> None:
    whole = read_report(RAW[name], where="whole")
    for step in range(1, CUTS):
        try:
            cut = read_report(RAW[name][: len(RAW[name]) * step // CUTS], where="cut")
        except InputFileError:
            continue
        for device, original in zip(cut.devices, whole.devices, strict=False):
            for field in device.identity.__struct_fields__:
                observed = getattr(device.identity, field)
                if isinstance(observed, Reading) and field != "partition":
                    assert observed.value == getattr(original.identity, field).value, (step, field)
        for component, version in cut.stack.components.items():
            # cuDNN: the loader's copy stands until pip's own is read.
            if isinstance(version, Reading) and component != "cudnn":
                assert version.value == value_of(whole.stack.components[component]), (step, component)


@pytest.mark.parametrize(
    "unit",
    [
        b"x",
        b" ",
        b"| ",
        b"GPU 0: ",
        b"GPU0 GPU1 ",
        b"[",
        b"{",
        b"\t",
        b"=",
        b"> ",
        b"&amp;",
        b"\x1b[",
        b"a: ",
        b"\n",
        b"GPU models and configuration: ",
        b"PyTorch version: ",
        b"NVIDIA-SMI 5 ",
        b"Agent 1 ",
        b"nvidia.com/gpu.product=",
        b"CUDA available: True ",
        b"Attached GPUs : ",
        b"GPU[0] : a: ",
        b"ROCm System Management Interface ",
        b"0 1 2 ",
        b"CUDA_A=",
        b"[pip3] a==",
        b"| 0 ",
        b"GPU: 0 ASIC: ",
        b"name, uuid, index\n",
        b"<",
        b"N/A ",
        b"= ",
        b"|" + b" " * 60,
        b"|   0  A On | ",
        b"GPU 0: A\n",
        b"0 35.0c 91.0W ",
        b"GPU0 X ",
        b"Segment: GLOBAL ",
        b"<nvidia_smi_log><gpu>",
        b"kind: Node\n- ",
    ],
    ids=repr,
)
def test_junk_is_bounded(unit: bytes) -> None:
    raw = unit * (JUNK_BYTES // len(unit))
    start = time.process_time()
    read_or_refuse(raw)
    assert time.process_time() - start < SECONDS


@pytest.mark.parametrize("name", ["collect-env-h100x2.txt", "nvidia-smi-table-610.txt"])
def test_a_report_below_megabytes_of_log_is_found(name: str) -> None:
    log = b"INFO 12-01 10:00:00 GPU 0: step 17 loss = 0.5 | 3 tokens/s\n" * 80_000
    start = time.process_time()
    fingerprint = read_report(log + RAW[name], where="log")
    assert fingerprint.devices
    assert time.process_time() - start < SECONDS
