"""Knows one rate or time that was measured on a running device; it never mixes with what a part promises."""

from __future__ import annotations

import re
from typing import Any, Literal

import msgspec

Unit = Literal["GB/s", "TFLOPS", "TOPS", "us"]
State = Literal["clean", "disturbed", "unknown"]
DRAM = ("dram_copy", "dram_read", "dram_write")
MATMUL = (
    "matmul_fp64",
    "matmul_fp32",
    "matmul_tf32",
    "matmul_bf16",
    "matmul_fp16",
    "matmul_fp8",
    "matmul_fp4",
    "matmul_int8",
)
HOST = ("host_to_device", "device_to_host")
PEER = "peer_to_peer"
LAUNCH = "launch_latency"
NOTED = "measure"
"""Source of the notes on what could not be measured."""
_VERSION = re.compile(r", (?:torch|CUDA driver) [^,]*$")
SCHEMA: Literal["parity.measure/1"] = "parity.measure/1"


class Measurement(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The median of repeated timings of one kernel or copy.

    Attributes:
        name: ``dram_copy`` (bytes read and written), ``dram_read``, ``dram_write``, ``matmul_bf16`` and so on,
            ``host_to_device``, ``device_to_host``, ``peer_to_peer``, ``launch_latency``.
        device: position among the fingerprint's devices.
        peer: the other device of ``peer_to_peer``; None elsewhere.
        value: the median, in ``unit`` (decimal GB/s, dense TFLOPS, microseconds).
        spread: (third quartile - first quartile) / median.
        samples: how many timings.
        kernel: what ran: ``torch.Tensor.copy_ float32``, ``cuMemcpyDtoD``.
        bytes: size of one buffer; None where there is none.
        conditions: what the driver's counters say about the interval.
    """

    name: str
    device: int
    value: float
    unit: Unit
    kernel: str
    peer: int | None = None
    spread: float = 0.0
    samples: int = 1
    bytes: int | None = None
    conditions: State = "unknown"

    @property
    def kernel_kind(self) -> Literal["kernel", "memcpy"]:
        """Return whether code on the compute units ran or the driver's own copy or fill."""
        return "memcpy" if self.kernel.startswith(("cuMem", "hipMem")) else "kernel"

    @property
    def kernel_label(self) -> str:
        """Return what ran, without the version of the software that ran it.

        >>> ran = "torch.neg float32, torch 2.9"
        >>> Measurement(name="dram_copy", device=0, value=1, unit="GB/s", kernel=ran).kernel_label
        'torch.neg float32'
        """
        return _VERSION.sub("", self.kernel)


class Unmeasured(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One measurement that was asked for and could not be made.

    Attributes:
        name: as in ``Measurement``; ``all`` for a device on which nothing was tried.
        device: position among the fingerprint's devices; None: the machine.
        why: ``not_supported``, ``failed``, ``timed_out``, ``library_missing``, ``not_asked``.
        detail: one line.
    """

    name: str
    why: str
    detail: str
    device: int | None = None
    peer: int | None = None


class MeasuredDevice(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One device as a report names it.

    Attributes:
        position: among the fingerprint's devices.
        label: ``GPU 0 (NVIDIA H100 80GB HBM3)``.
        part: catalog id; empty when none or several fit.
        peaks: theoretical figures beside which the measured ones are shown, never in their place: fact name -> GB/s,
            TFLOPS or TOPS.
    """

    position: int
    label: str
    part: str = ""
    peaks: dict[str, float] = {}


class MeasureReport(msgspec.Struct, frozen=True, kw_only=True):
    """What ``parity measure`` found.

    Attributes:
        tool: name and version.
        budget_s: seconds that were to be spent on measuring.
        interrupted: somebody ended it early; what was measured by then is there.
    """

    schema: Literal["parity.measure/1"] = SCHEMA
    tool: dict[str, str]
    budget_s: float
    interrupted: bool = False
    devices: tuple[MeasuredDevice, ...] = ()
    measured: tuple[Measurement, ...] = ()
    unmeasured: tuple[Unmeasured, ...] = ()


def peak_fact(name: str) -> str:
    """Return the theoretical fact that a measurement is held against; empty when there is none.

    FP64 products run on the matrix units where there are some: that rate, and no other, is their peak.

    >>> peak_fact("dram_read"), peak_fact("matmul_bf16"), peak_fact("matmul_int8"), peak_fact("launch_latency")
    ('memory_bandwidth_gbps', 'tflops_bf16', 'tops_int8', '')
    >>> peak_fact("matmul_fp64")
    'tflops_fp64_tensor'
    """
    if name in DRAM:
        return "memory_bandwidth_gbps"
    if name not in MATMUL:
        return ""
    kind = name.removeprefix("matmul_")
    return {"int8": "tops_int8", "fp64": "tflops_fp64_tensor"}.get(kind, f"tflops_{kind}")


def measurement_of(record: dict[str, Any]) -> Measurement:
    """Return a measurement from plain data.

    Raises:
        msgspec.ValidationError: it is none.
    """
    return msgspec.convert(record, Measurement)
