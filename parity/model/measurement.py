"""Knows one rate or time that was measured on a running device; it never mixes with what a part promises."""

from __future__ import annotations

from typing import Literal

import msgspec

Unit = Literal["GB/s", "TFLOPS", "TOPS", "us"]
DRAM = ("dram_copy", "dram_read", "dram_write")


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
    conditions: Literal["clean", "disturbed", "unknown"] = "unknown"
