"""Knows a question of ``parity model`` in full: the model, how it is run, and the devices it is asked of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from parity.errors import UsageError
from parity.model.absent import Reading
from parity.model.target import Target
from parity.model.workload import Parallelism
from parity.workload.link_domain import BRIDGED, link_domain
from parity.workload.model_shape import ModelShape
from parity.workload.number_formats import FORMATS
from parity.workload.parameters import parts_of

if TYPE_CHECKING:
    from parity.workload.parameters import Part

PREFILL_TOKENS = 8192  # of one prefill step: engines cut longer prompts; a choice of this estimate
MAX_DEVICES = 1024


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked.

    Attributes:
        dtype: one format for all weights; None: as the file stores them.
        kv_dtype: of the cache; None: the model's own dtype.
        stored_bytes: of all weights, read from the files; None: count them.
        parameters: as given by ``--params``; None: count them.
        engine: a name of ``parity.workload.engines.ENGINES``.
    """

    shape: ModelShape
    target: Target
    here: Target | None = None
    context: int = 8192
    batch: int = 1
    dtype: str | None = None
    kv_dtype: str | None = None
    stored_bytes: int | None = None
    stored_source: str = ""
    parameters: int | None = None
    engine: str = "usual"
    spread: Parallelism | None = None

    @property
    def cache_dtype(self) -> str | None:
        """Return the format of the cache; weights in a narrow format keep a wide cache."""
        if self.kv_dtype:
            return self.kv_dtype
        if self.shape.dtype:
            return self.shape.dtype
        return self.dtype if self.dtype in ("bf16", "fp16", "fp32") else None

    @property
    def weight_dtype(self) -> str | None:
        """Return the format that most weights have."""
        stored = self.shape.quantization
        return self.dtype or (stored.dtype if stored else self.shape.dtype)

    @property
    def compute_dtype(self) -> str | None:
        """Return the format that the matrix units compute in: the wide one for weights that are unpacked first."""
        stored = self.shape.quantization
        weight_only = stored is not None and stored.weight_only and not self.dtype
        if weight_only or (self.weight_dtype and not FORMATS[self.weight_dtype].rate):
            return self.shape.dtype or "bf16"
        return self.weight_dtype

    @property
    def parts(self) -> tuple[Part, ...] | None:
        """Return the model's matrices, None when they are not known."""
        return parts_of(self.shape)


def number(target: Target, fact: str) -> float | None:
    """Return a numeric fact of the target, None when the catalog has none."""
    found = target.fact(fact)
    return float(found.value) if isinstance(found, Reading) and isinstance(found.value, (int, float)) else None


def memory_of(target: Target) -> int | None:
    """Return the memory of one device: as its driver reports it, else as sold."""
    found = number(target, "memory_reported_bytes") or number(target, "memory_bytes")
    return None if found is None else int(found)


def spread_over(shape: ModelShape, target: Target, asked: Parallelism | None, *, where: str) -> Parallelism:
    """Return how the model is spread over the target's devices.

    Without a wish tensor parallelism takes all of them, as far as the heads divide and a fast link joins the devices,
    pipeline stages the rest, as far as there are layers, and replicas what is left.

    Raises:
        UsageError: the ranks asked for are not the devices declared.
    """
    if asked is not None:
        _check(shape, target, asked, where)
        return asked
    count = min(target.count or 1, MAX_DEVICES)
    joined = link_domain(target)
    most = count if joined is None or joined <= BRIDGED else min(count, joined)  # cards with bridges share a host, too
    tp = max(n for n in range(1, most + 1) if count % n == 0 and divides(shape, n))
    rest = count // tp
    pp = max(n for n in range(1, min(rest, shape.layers) + 1) if rest % n == 0)
    return Parallelism(tp=tp, pp=pp, dp=rest // pp)


def _check(shape: ModelShape, target: Target, asked: Parallelism, where: str) -> None:
    if target.count is not None and asked.devices != target.count:
        raise UsageError(
            f"tp {asked.tp} x pp {asked.pp} x dp {asked.dp} is {asked.devices} devices, the target has {target.count}",
            where=where,
            mend="make the product the device count, or leave the count out of the target",
        )
    if asked.pp > shape.layers:
        raise UsageError(f"{asked.pp} stages for {shape.layers} layers", where="--pp", mend="use fewer stages")
    if asked.ep > 1 and shape.moe is None:
        raise UsageError(f"{asked.ep} expert ranks, and the model has no experts", where="--ep", mend="leave --ep out")
    if (asked.tp * asked.dp) % asked.ep:
        raise UsageError(
            f"{asked.ep} expert ranks do not divide tp x dp = {asked.tp * asked.dp}",
            where="--ep",
            mend="experts are spread over the tensor and data parallel ranks",
        )


def divides(shape: ModelShape, tp: int) -> bool:
    """Return whether tensor parallel ranks divide what they split."""
    widths = [shape.heads or tp, shape.intermediate or tp]
    if shape.kv_heads and (tp % shape.kv_heads if tp > shape.kv_heads else shape.kv_heads % tp):
        return False
    return all(width % tp == 0 for width in widths)
