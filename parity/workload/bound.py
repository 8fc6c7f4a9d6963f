"""Knows what binds a model on a device: the ceilings that bandwidth, dense rate and links put on it (roofline).

Ceilings, not forecasts: no kernel reaches the published peaks (memory reads 75 to 97 % of them), and latencies of
launches and links are left out.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from parity.model.workload import Bound, DeviceBound, Parallelism, PhaseBound
from parity.workload.dtypes import computed_in
from parity.workload.footprint import cache_bytes, parameters, weights_bytes
from parity.workload.links import LinkRate, all_reduce_s, link_rate
from parity.workload.number_formats import FORMATS
from parity.workload.parameters import bytes_per_parameter, multiplied
from parity.workload.question import PREFILL_TOKENS, number, spread_over

if TYPE_CHECKING:
    from parity.model.target import Target
    from parity.model.workload import Regime
    from parity.workload.question import Question

_ONE = Parallelism()


def ridge_point(dense_tflops: float, bandwidth_gbps: float) -> float:
    """Return the FLOP per byte from which work is bound by the dense rate.

    >>> round(ridge_point(989.4, 3350)), round(ridge_point(165.2, 1008))
    (295, 164)
    """
    return dense_tflops * 1e3 / bandwidth_gbps


def decode_ceiling(bandwidth_gbps: float, bytes_per_step: float, *, tokens: int = 1) -> float:
    """Return the most tokens per second when each step reads ``bytes_per_step`` and gives ``tokens``.

    >>> round(decode_ceiling(3350, 16.06e9), 1)
    208.6
    """
    return bandwidth_gbps * 1e9 / bytes_per_step * tokens


def expert_fraction(experts: int, top_k: int, tokens: int) -> float:
    """Return the expected part of the experts that a step of ``tokens`` tokens visits, all equally likely.

    >>> expert_fraction(8, 2, 1), round(expert_fraction(256, 8, 64), 3)
    (0.25, 0.869)
    """
    return 1 - (1 - top_k / experts) ** tokens


def rate_of(target: Target, dtype: str | None) -> tuple[str, float | None]:
    """Return (catalog fact, dense rate in TFLOPS) of a format; a device without its units computes in a wider one."""
    name = FORMATS[dtype].rate if dtype else ""
    return name, number(target, name) if name else None


def device_bound(question: Question, target: Target, spread: Parallelism) -> DeviceBound:
    """Return the ceilings on one kind of device."""
    name, rate = rate_of(target, computed_in(question, target))
    bandwidth = number(target, "memory_bandwidth_gbps")
    decodes = not question.shape.is_encoder
    one = _step_bytes(question, spread, context=0, batch=1) if decodes else None
    many = _step_bytes(question, spread, context=question.context, batch=question.batch) if decodes else None
    cache = cache_bytes(question, spread, question.context, question.batch, read=True)
    work = token_flops(question, question.context)
    lanes = spread.devices // spread.pp  # pipeline stages take turns on one token
    together = None if rate is None else rate * spread.devices
    link = link_rate(target, spread.tp) if spread.tp > 1 else LinkRate(None, why="no tensor parallelism")
    prefill = min(question.context * question.batch, PREFILL_TOKENS)
    size = _weight_size(question)
    ridge = None if rate is None or bandwidth is None else ridge_point(rate, bandwidth)
    return DeviceBound(
        device=target.part_name,
        count=spread.devices,
        rate_name=name,
        dense_tflops=rate,
        bandwidth_gbps=bandwidth,
        ridge_flop_per_byte=ridge,
        decode_tokens_s=None if bandwidth is None or not one else decode_ceiling(bandwidth, one * spread.pp),
        decode_tokens_s_without_embedding=None
        if bandwidth is None or not one
        else decode_ceiling(bandwidth, one * spread.pp * _without_embedding(question)),
        decode_tokens_s_at_context=None
        if bandwidth is None or not many
        else decode_ceiling(bandwidth, many * (spread.pp if question.batch < spread.pp else 1), tokens=question.batch),
        prefill_tokens_s=None if together is None or not work else together * 1e12 / work,
        decode_compute_batch=None
        if ridge is None or size is None or question.shape.moe or not decodes
        else max(1, math.ceil(ridge * size / 2)),
        kv_read_bytes_per_step=None if cache is None else cache * lanes,
        all_reduce_s_per_layer_decode=_reduce(question, spread, link.gbps, question.batch),
        all_reduce_s_per_layer_prefill=_reduce(question, spread, link.gbps, prefill),
        tensor_parallel=spread.tp,
        link_gbps_one_way=link.gbps,
        link=link.over,
        link_why=link.why,
    )


def _reduce(question: Question, spread: Parallelism, link: float | None, tokens: int) -> float | None:
    if link is None or question.shape.dtype is None:
        return None
    wide = FORMATS[question.shape.dtype].size
    # Two per layer: after the attention's output and after the feed-forward.
    return 2 * all_reduce_s(-(-tokens // spread.dp) * question.shape.hidden * wide, spread.tp, link)


def _weight_size(question: Question) -> float | None:
    weights, count = weights_bytes(question, _ONE), parameters(question)
    return weights[0] / count[0] if weights and count else None


def _step_bytes(question: Question, spread: Parallelism, *, context: int, batch: int) -> float | None:
    """Return the bytes that one decode step reads on the fullest device: visited weights, and cache of all requests."""
    weights = weights_bytes(question, spread)
    cache = cache_bytes(question, spread, context, batch, read=True)
    if weights is None or cache is None:
        return None
    tokens = batch if spread.ep > 1 else -(-batch // spread.dp)
    return weights[1] * visited(question, tokens) + cache


def _without_embedding(question: Question) -> float:
    return visited(question, 1, embedding=False) / visited(question, 1)


def visited(question: Question, tokens: int, *, embedding: bool = True) -> float:
    """Return the part of the weights' bytes that a decode step of ``tokens`` tokens reads.

    Args:
        question: the model.
        tokens: of the step; each visits its experts, all equally likely.
        embedding: count an input embedding of its own, of which a step reads one row per token.
    """
    parts, moe = question.parts, question.shape.moe
    if parts is None or question.parameters is not None:
        return 1.0
    read = whole = 0.0
    fraction = expert_fraction(moe.experts, moe.top_k, tokens) if moe else 1.0
    for part in parts:
        size = part.parameters * (bytes_per_parameter(part, question.shape, question.dtype) or 1)
        whole += size
        if part.share == "tower":
            continue
        if embedding or question.shape.tied or part.share != "embedding":
            read += size * (fraction if part.used < 1 else 1)
    return read / whole


def token_flops(question: Question, context: int) -> float | None:
    """Return the FLOP of one prefill token: two per parameter it is multiplied with, and attention to half the context.

    Attention: scores and values, ``2 * 2 * heads * head_dim`` per token looked at; a causal prompt looks at half, an
    encoder at all of it, sparse attention at what its indexer chooses; that looks at half with heads of its own.
    """
    parts, shape = question.parts, question.shape
    if parts is None:
        return None if question.parameters is None else 2.0 * question.parameters
    width = (shape.heads or 0) * (shape.head_dim or 0) * 2
    if shape.mla:
        width = (shape.heads or 0) * (shape.mla.qk_nope_head_dim + shape.mla.qk_rope_head_dim + shape.mla.v_head_dim)
    looked = shape.growing_layers * context / 2 + shape.mixers.get("encoder", 0) * context
    if shape.bounded_layers:
        looked += shape.bounded_layers * min(shape.window or context, context / 2)
    index = 0.0
    if shape.mla and shape.mla.index_heads:
        index = shape.growing_layers * context / 2 * shape.mla.index_heads * shape.mla.index_head_dim
        looked = shape.growing_layers * min(shape.mla.index_topk, context / 2)
    return 2.0 * multiplied(parts, tied=bool(shape.tied) and not shape.is_encoder) + 2 * width * looked + 2 * index


def phases(question: Question, target: DeviceBound, here: DeviceBound | None) -> tuple[PhaseBound, ...]:
    """Return each phase with what binds it on the target and here."""
    told = []
    prefill = min(question.context * question.batch, PREFILL_TOKENS)
    asked = [("decode, batch 1, no context", 1, 0)]
    asked.append((f"decode, batch {question.batch}, context {question.context}", question.batch, question.context))
    for name, batch, context in asked if not question.shape.is_encoder else ():
        told.append(_phase(name, _decode_intensity(question, batch, context), target, here))
    name = "encoding" if question.shape.is_encoder else "prefill"
    told.append(_phase(f"{name}, {prefill} tokens", _prefill_intensity(question, prefill), target, here))
    return tuple(told)


def _decode_intensity(question: Question, batch: int, context: int) -> float | None:
    work, moved = token_flops(question, 2 * context), _step_bytes(question, _ONE, context=context, batch=batch)
    return None if work is None or not moved else work * batch / moved


def _prefill_intensity(question: Question, tokens: int) -> float | None:
    work, weights = token_flops(question, question.context), weights_bytes(question, _ONE)
    if work is None or weights is None:
        return None
    cache = cache_bytes(question, _ONE, question.context, 1) or 0
    return work * tokens / (weights[0] * visited(question, tokens) + cache)


def _phase(name: str, intensity: float | None, target: DeviceBound, here: DeviceBound | None) -> PhaseBound:
    there, mine = _regime(intensity, target), None if here is None else _regime(intensity, here)
    return PhaseBound(
        phase=name,
        intensity_flop_per_byte=intensity,
        target=there,
        here=mine,
        flips=mine is not None and "unknown" not in (mine, there) and mine != there,
    )


def _regime(intensity: float | None, device: DeviceBound) -> Regime:
    if intensity is None or device.ridge_flop_per_byte is None:
        return "unknown"
    return "compute" if intensity >= device.ridge_flop_per_byte else "memory"


def bound(question: Question) -> Bound:
    """Return the roofline of the model on the target, and on the device here."""
    target = device_bound(
        question, question.target, spread_over(question.as_run, question.target, question.spread, where="--target")
    )
    here = None
    if question.here is not None:
        mine = spread_over(question.as_run, question.here, None, where="--here")
        here = device_bound(question, question.here, mine)
    return Bound(target=target, here=here, phases=phases(question, target, here))
