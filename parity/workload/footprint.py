"""Knows how much memory a model takes, whether it fits, from how many devices on, and how much context or batch fits.

Weights and cache are counted; activations and the engine's overhead are ranges, because engines differ: the low end is
what no engine can do without, the high end what a usual one takes. ``yes`` needs room for the high end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from parity.model.workload import ByteRange, Footprint, Parallelism, Placement
from parity.units import format_bytes
from parity.workload.engine_cache import EngineCache, engine_cache
from parity.workload.engines import ENGINES, overhead_bytes
from parity.workload.kv_cache import bytes_per_token, request_bytes, state_bytes
from parity.workload.number_formats import FORMATS
from parity.workload.parameters import counted, device_bytes
from parity.workload.question import MAX_DEVICES, PREFILL_TOKENS, divides, memory_of, spread_over

if TYPE_CHECKING:
    from collections.abc import Callable

    from parity.model.target import Target
    from parity.model.workload import Fits
    from parity.workload.question import Question

LOGIT_BYTES = 4  # sampling is done in FP32
WIDEST = "fp32"
LEAST_STORED = 0.9  # of what the configuration describes; below, files are missing or hold another dtype
MAX_BATCH = 2**20
MAX_CONTEXT = 2**30
NOT_MODELLED = (
    "fragmentation of the cache's blocks",
    "LoRA adapters, draft models and prefix caches",
    "audio towers, caches of encoded images, several images at once",
    "optimizer state and gradients: this is inference",
)


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """What the fullest device holds."""

    weights: int
    cache: EngineCache
    activations: ByteRange
    overhead: ByteRange

    @property
    def low(self) -> int:
        """Return the least that is needed."""
        return self.weights + self.cache.size.low + self.activations.low + self.overhead.low

    @property
    def high(self) -> int:
        """Return what a usual engine needs."""
        return self.weights + self.cache.size.high + self.activations.high + self.overhead.high


def weights_bytes(question: Question, spread: Parallelism) -> tuple[int, int, str] | None:
    """Return (bytes of the whole model, bytes on the fullest device, where the number is from); None when unknown."""
    parts = question.parts
    if question.parameters is not None:
        dtype = question.weight_dtype
        if dtype is None:
            return None
        whole = round(question.parameters * FORMATS[dtype].size)
        return whole, -(-whole // (spread.tp * spread.pp)), "--params"
    sizes = device_bytes(parts, question.shape, spread, question.dtype) if parts is not None else None
    if question.stored_bytes is not None and question.dtype is None:
        fraction = sizes[1] / sizes[0] if sizes and sizes[0] else 1 / (spread.tp * spread.pp)
        return question.stored_bytes, round(question.stored_bytes * fraction), "safetensors"
    return None if sizes is None else (round(sizes[0]), round(sizes[1]), "config")


def cache_bytes(question: Question, spread: Parallelism, context: int, batch: int, *, read: bool = False) -> int | None:
    """Return the cache on the fullest device, or what a decode step reads of it; requests are spread over the ranks."""
    if question.cache_dtype is None:
        return None
    one = request_bytes(question.shape, question.cache_dtype, context, spread, read=read)
    return None if one is None else one * -(-batch // spread.dp)


def set_aside(question: Question, spread: Parallelism, context: int, batch: int) -> EngineCache | None:
    """Return what the engine sets aside for the cache on the fullest device; None when that is not known."""
    if question.cache_dtype is None:
        return None
    return engine_cache(question.engine, question.shape, question.cache_dtype, context, -(-batch // spread.dp), spread)


def activation_bytes(question: Question, spread: Parallelism, context: int, batch: int) -> ByteRange:
    """Return the working set of a step: a decode step at least, a prefill step of ``PREFILL_TOKENS`` at most.

    Per token two hidden vectors and the feed-forward's two halves in the model's dtype, and FP32 logits per request;
    with a vision tower at most the same of the patches of the largest image, if that is more.
    """
    shape = question.shape
    size, most_size = FORMATS[shape.dtype or "bf16"].size, FORMATS[shape.dtype or WIDEST].size
    requests = -(-batch // spread.dp)
    inner = (shape.intermediate or 0) / spread.tp
    if shape.moe:
        width = shape.moe.top_k * shape.moe.intermediate / (1 if spread.ep > 1 else spread.tp)
        inner = max(inner, width + shape.moe.shared_intermediate / spread.tp)
    if shape.state and shape.state_layers:
        inner = max(inner, 2 * shape.hidden / spread.tp)
    elements = 2 * shape.hidden + 2 * inner
    logits = requests * shape.vocab * LOGIT_BYTES / spread.tp
    most = max(requests, min(requests * context, PREFILL_TOKENS))
    image = 0.0
    if shape.tower:  # one image, encoded before its tokens are prefilled
        image = shape.tower.patches * 2 * (shape.tower.width + shape.tower.intermediate) * most_size
    return ByteRange(
        low=round(requests * elements * size + logits), high=round(max(most * elements * most_size + logits, image))
    )


def held(question: Question, target: Target, spread: Parallelism, context: int, batch: int) -> Held | None:
    """Return what the fullest device holds, None when weights, cache or memory are not known."""
    memory, weights = memory_of(target), weights_bytes(question, spread)
    if memory is None or weights is None:
        return None
    return _held_beside(weights[1], memory, question, spread, context, batch)


def _held_beside(
    weights: int, memory: int, question: Question, spread: Parallelism, context: int, batch: int
) -> Held | None:
    """Return what a device of so much memory holds, its weights known: they are the same for every context."""
    cache = set_aside(question, spread, context, batch)
    if cache is None:
        return None
    activations = activation_bytes(question, spread, context, batch)
    overhead = overhead_bytes(question.engine, memory, spread, activations)
    return Held(weights=weights, cache=cache, activations=activations, overhead=overhead)


def place(question: Question, target: Target, spread: Parallelism) -> Placement:
    """Return the model on one kind of device."""
    memory, told = memory_of(target), held(question, target, spread, question.context, question.batch)
    weights = weights_bytes(question, spread)
    cache = set_aside(question, spread, question.context, question.batch)
    fits, why = _fits(told, memory, _missing(question, memory, weights is None, cache is None), question.engine)
    widest = _widest(question, target, spread) if told is None else None
    if widest is not None and widest.fits == "yes":
        why = f"even in {WIDEST}, of which the counts below are; --dtype tells how much is left"
        low, high = (cache.size.low, cache.size.high) if cache else (None, None)
        return msgspec.structs.replace(widest, weights_bytes=None, kv_bytes=low, kv_bytes_high=high, why=why)
    more = _uncounted(question, weights) if weights else ""
    if fits in ("yes", "tight") and more:
        fits, why = "unknown", more
    sized = told is not None and not more  # what is left out would make every count too good

    def fitting(context: int, batch: int) -> bool:
        if memory is None or weights is None:
            return False
        now = _held_beside(weights[1], memory, question, spread, context, batch)
        return now is not None and now.high <= memory

    activations = activation_bytes(question, spread, question.context, question.batch)
    positions = min(question.shape.positions or MAX_CONTEXT, MAX_CONTEXT)
    return Placement(
        device=target.part_name,
        count=spread.devices,
        parallelism=spread,
        memory_bytes=memory,
        weights_bytes=weights[1] if weights else None,
        kv_bytes=cache.size.low if cache else None,
        kv_bytes_high=cache.size.high if cache else None,
        activations_bytes=activations,
        overhead_bytes=None if memory is None else overhead_bytes(question.engine, memory, spread, activations),
        fits=fits,
        why=why,
        complete=not more,
        smallest_count=_smallest(question, target) if sized else None,
        largest_context=_largest(lambda n: fitting(n, question.batch), positions) if sized else None,
        largest_batch=_largest(lambda n: fitting(question.context, n), MAX_BATCH) if sized else None,
    )


def _widest(question: Question, target: Target, spread: Parallelism) -> Placement | None:
    """Return a model whose file does not say its dtype in the widest: where that fits, narrower ones do, too."""
    shape = question.shape
    if shape.dtype is not None or shape.quantization is not None or question.dtype or question.stored_bytes is not None:
        return None
    wide = msgspec.structs.replace(question, shape=msgspec.structs.replace(shape, dtype=WIDEST))
    return place(wide, target, spread)


def _missing(question: Question, memory: int | None, no_weights: bool, no_cache: bool) -> str:  # noqa: FBT001
    told = []
    if memory is None:
        told.append("the catalog has no memory size of this device")
    if no_weights:
        told.append("the size of the weights is not known")
    if no_cache:
        what = "the size of the cache is not known" if question.cache_dtype else "the cache's dtype is not known"
        told.append(what)
    return "; ".join(told)


def _uncounted(question: Question, weights: tuple[int, int, str]) -> str:
    """Return what makes the weights larger than told, empty when nothing does."""
    shape, (size, _, source) = question.shape, weights
    if source == "safetensors":
        sizes = device_bytes(question.parts, shape, Parallelism(), None) if question.parts is not None else None
        if sizes is not None and size < LEAST_STORED * sizes[0]:
            told = f"the files hold {format_bytes(size)}, the config.json describes {format_bytes(sizes[0])}"
            return f"{told}: they are not the whole model, or of another dtype; complete them, or give --dtype"
        return ""
    if source != "config":
        return ""
    mend = "; give the model's folder or its safetensors index"
    if shape.vision:
        return f"the weights of the vision or audio tower are not counted{mend}"
    if shape.quantization and shape.quantization.single_layers and not question.dtype:
        return f"modules of single layers stay wide or differ, and are not counted{mend}"
    return ""


def _fits(told: Held | None, memory: int | None, missing: str, engine: str) -> tuple[Fits, str]:
    if told is None or memory is None:
        return "unknown", missing
    if told.high <= memory:
        kept = "without an engine's reserve" if engine == "none" else "with the engine's usual reserve"
        return "yes", f"{format_bytes(memory - told.high)} left {kept}"
    pools = f" ({told.cache.why})" if told.cache.why else ""
    if told.low <= memory:
        left = format_bytes(memory - told.weights - told.cache.size.low)
        return "tight", f"weights and cache leave {left}; activations and a usual engine take more{pools}"
    whose = "whatever the engine" if not pools else f"with this engine{pools}"
    return "no", f"{format_bytes(told.low - memory)} too much, {whose}"


def _smallest(question: Question, target: Target) -> int | None:
    """Return the fewest devices on which it fits, with tensor parallelism alone."""
    memory = memory_of(target)
    for count in range(1, MAX_DEVICES + 1):
        if divides(question.shape, count):
            now = held(question, target, Parallelism(tp=count), question.context, question.batch)
            if now is not None and memory is not None and now.high <= memory:
                return count
    return None


def _largest(holds: Callable[[int], bool], limit: int) -> int:
    """Return the largest number up to ``limit`` for which ``holds`` is true; it is true up to some number."""
    if not holds(1):
        return 0
    low, high = 1, limit + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def footprint(question: Question) -> Footprint:
    """Return the memory that the model takes on the target, and on the device here."""
    shape, dtype = question.shape, question.cache_dtype
    spread = spread_over(shape, question.target, question.spread, where="--target")
    here = question.here
    target = place(question, question.target, spread)
    request = request_bytes(shape, dtype, question.context) if dtype else None
    weights = weights_bytes(question, spread)
    return Footprint(
        context=question.context,
        batch=question.batch,
        weights_bytes=weights[0] if weights else None,
        weights_source=weights[2] if weights else "",
        kv_bytes_per_token=bytes_per_token(shape, dtype) if dtype else None,
        kv_bytes_per_request=request,
        kv_bytes=None if request is None else request * question.batch,
        state_bytes_per_request=state_bytes(shape),
        fits=target.fits,
        target=target,
        here=None if here is None else place(question, here, spread_over(shape, here, None, where="--here")),
        not_modelled=(*ENGINES[question.engine].not_modelled, *NOT_MODELLED),
    )


def parameters(question: Question) -> tuple[int, int] | None:
    """Return (parameters, parameters of one token), None when they are not known."""
    parts = question.parts
    if question.parameters is not None:
        return question.parameters, question.parameters
    return counted(parts) if parts is not None else None
