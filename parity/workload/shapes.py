"""Knows what hardware and parallel ranks ask of a model's dimensions, and the nearest value that would be better."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.absent import value_of
from parity.model.workload import Gemm, ShapeCheck
from parity.workload.block_splits import block_splits
from parity.workload.dtypes import computed_in, support
from parity.workload.head_dims import check_head_dims
from parity.workload.number_formats import FORMATS
from parity.workload.question import PREFILL_TOKENS
from parity.workload.tiles import best_tiles, better_columns

if TYPE_CHECKING:
    from parity.model.target import Target
    from parity.model.workload import Answer, Parallelism
    from parity.workload.model_shape import ModelShape
    from parity.workload.question import Question

# arXiv 2401.14489, as quoted in stas00/ml-engineering, training/performance/README.md: matrix units are fed well by
# multiples of 16 bytes on V100 and 128 bytes on A100, and a vocabulary by multiples of 64.
TENSOR_CORE_BYTES = {7: 16}
TENSOR_CORE_BYTES_LATER = 128
LOADED_BYTES = 16
VOCABULARY_STEP = 64
# Same source, H100, hidden width 4096, BF16: a feed-forward of 10922 runs at 272.7 TFLOPS, of 10944 at 398.4.
MEASURED_GAIN = 398.4 / 272.7
MEASURED_NOTE = "measured for 10922 against 10944 on an H100 at hidden width 4096; an estimate elsewhere"


def alignment(target: Target, dtype: str | None) -> int | None:
    """Return the elements that dimensions should be a multiple of.

    None when no source says it for the device, or when the catalog does not say that it computes the format.
    """
    capability = target.spec.compute_capability
    if not capability or dtype is None or support(target, dtype)[0] not in ("yes", "throttled"):
        return None
    step = TENSOR_CORE_BYTES.get(int(capability.split(".")[0]), TENSOR_CORE_BYTES_LATER)
    return round(step / FORMATS[dtype].size)


def nearest_multiple(value: int, step: int, *, up: bool = False) -> int:
    """Return the multiple of ``step`` nearest to a value, the larger of two equally near; ``up``: not below it.

    >>> nearest_multiple(10922, 64), nearest_multiple(50257, 64, up=True), nearest_multiple(3, 64)
    (10944, 50304, 64)
    """
    above = -(-value // step) * step
    below = above - step
    return above if up or below <= 0 or above - value <= value - below else below


def check_shapes(question: Question, spread: Parallelism) -> tuple[ShapeCheck, ...]:
    """Return every dimension with what is asked of it."""
    split = (*_divided(question, spread), *_blocks(question, spread))
    return (*_aligned(question, spread), *split, *check_head_dims(question))


def _aligned(question: Question, spread: Parallelism) -> list[ShapeCheck]:
    shape = question.shape
    there = alignment(question.target, computed_in(question, question.target))
    mine = alignment(question.here, computed_in(question, question.here)) if question.here else None
    dimensions = {"hidden_size": shape.hidden}
    if shape.dense_layers and shape.intermediate:
        dimensions["intermediate_size"] = shape.intermediate
    if shape.moe:
        dimensions["moe_intermediate_size"] = shape.moe.intermediate
    told = []
    for name, whole in dimensions.items():
        ranks = 1 if name == "hidden_size" or (name.startswith("moe") and spread.ep > 1) else spread.tp
        if whole % ranks:
            continue  # told by the division
        value = whole // ranks
        told.append(_check(question, f"{name} / {ranks}" if ranks > 1 else name, value, there, mine))
    vocabulary = nearest_multiple(shape.vocab, VOCABULARY_STEP, up=True)
    good: Answer = "yes" if vocabulary == shape.vocab else "no"
    told.append(
        ShapeCheck(
            dimension="vocab_size",
            value=shape.vocab,
            asks=f"a multiple of {VOCABULARY_STEP}",
            good=good,
            here=good if question.here else None,
            better=None if good == "yes" else vocabulary,
        )
    )
    return told


def _check(question: Question, name: str, value: int, there: int | None, mine: int | None) -> ShapeCheck:
    dtype = computed_in(question, question.target)
    size = FORMATS[dtype].size if dtype else 2
    good = _holds(value, there)
    bad = good == "no" and there is not None
    asks = f"a multiple of {there} ({there * size:.0f} bytes of {dtype})" if there else _no_rule(question)
    coarse = bool(value * size % LOADED_BYTES)
    return ShapeCheck(
        dimension=name,
        value=value,
        asks=asks,
        good=good,
        here=_holds(value, mine) if question.here else None,
        better=nearest_multiple(value, there) if bad and there else None,
        gain=round(MEASURED_GAIN, 2) if bad and coarse else None,
        note=MEASURED_NOTE if bad and coarse else "",
    )


def _no_rule(question: Question) -> str:
    return "no rule known for this device and format" if question.compute_dtype else "the rule depends on the dtype"


def _holds(value: int, step: int | None) -> Answer:
    return "unknown" if step is None else "yes" if value % step == 0 else "no"


def _divided(question: Question, spread: Parallelism) -> list[ShapeCheck]:
    shape, told = question.shape, []
    if spread.tp > 1:
        rows = [("num_attention_heads", shape.heads), ("intermediate_size", shape.intermediate)]
        if shape.moe and spread.ep == 1:
            rows.append(("moe_intermediate_size", shape.moe.intermediate))
        step = alignment(question.target, computed_in(question, question.target)) or 1
        for name, value in rows:
            if value:
                told.append(_division(question, name, value, "tp", spread.tp, step=0 if "heads" in name else step))
        if shape.kv_heads:
            told.append(_key_heads(question, shape.kv_heads, spread.tp))
    if spread.ep > 1 and shape.moe:
        told.append(_division(question, "experts", shape.moe.experts, "ep", spread.ep))
    if spread.pp > 1:
        told.append(_division(question, "num_hidden_layers", shape.layers, "pp", spread.pp))
    return told


def _blocks(question: Question, spread: Parallelism) -> list[ShapeCheck]:
    return [
        ShapeCheck(
            dimension=f"{one.name} / tp in blocks",
            value=one.value,
            asks=one.asks,
            good=one.good,
            here=one.good if question.here else None,
            note="" if one.good != "unknown" else "some engines halve the groups of experts, others refuse",
        )
        for one in block_splits(question.as_run, spread.tp, experts_split=spread.ep == 1)
    ]


def _division(question: Question, name: str, value: int, rank: str, ranks: int, *, step: int = 0) -> ShapeCheck:
    """Return the check of a division; ``step``: of the units, where the dimension is free; 0: ranks must give way."""
    good = _holds(value, ranks)
    bad = good == "no"
    return ShapeCheck(
        dimension=f"{name} / {rank}",
        value=value,
        asks=f"a multiple of {ranks} {rank} ranks",
        good=good,
        here=good if question.here else None,
        better=nearest_multiple(value, ranks * step) if bad and step else None,
        note=_nearest_ranks(value, rank, ranks) if bad and not step else "",
    )


def _nearest_ranks(value: int, rank: str, ranks: int) -> str:
    """Return the nearest numbers of ranks that do divide a dimension.

    >>> _nearest_ranks(64, "tp", 3), _nearest_ranks(61, "pp", 2)
    ('tp 2 or 4 divide it', 'pp 1 or 61 divide it')
    """
    below = next(one for one in range(min(ranks, value), 0, -1) if value % one == 0)
    above = next((one for one in range(ranks, value + 1) if value % one == 0), None)
    return f"{rank} {below}" + (f" or {above} divide it" if above else " divides it")


def _key_heads(question: Question, heads: int, tp: int) -> ShapeCheck:
    good: Answer = "yes" if tp <= heads and heads % tp == 0 else "no"
    note = ""
    if tp % heads == 0 and good == "no":
        note = f"each of {heads} key heads is kept {tp / heads:g} times: the cache does not shrink beyond tp = {heads}"
    return ShapeCheck(
        dimension="num_key_value_heads / tp",
        value=heads,
        asks=f"a multiple of {tp} tp ranks",
        good=good,
        here=good if question.here else None,
        note=note,
    )


def gemms(question: Question, spread: Parallelism) -> tuple[Gemm, ...]:
    """Return the products of one layer and the head for a prefill step, divided over the units of each device."""
    m = min(question.context * question.batch, PREFILL_TOKENS)
    there, mine = _units(question.target), _units(question.here) if question.here else None
    step = alignment(question.target, computed_in(question, question.target)) or VOCABULARY_STEP
    told = []
    for name, n, k in _products(question, spread):
        better = _better_columns(question, name, m, n, there, step) if there else None
        told.append(
            Gemm(
                name=name,
                m=m,
                n=n,
                k=k,
                target=best_tiles(m, n, there) if there else None,
                here=best_tiles(m, n, mine) if mine else None,
                better_n=better[0] if better else None,
                gain=better[1] if better else None,
            )
        )
    return tuple(told)


def _better_columns(question: Question, name: str, m: int, n: int, units: int, step: int) -> tuple[int, float] | None:
    """Return a width that fills the units better, for what is free: the feed-forward, and padding of the vocabulary."""
    if name == "head":
        return better_columns(m, n, units, step, least=n)
    if name not in ("gate and up", "up"):
        return None  # heads and the hidden width are what the rest of the model is made of
    return better_columns(m, n, units, step * (2 if question.shape.gated else 1))


def _units(target: Target) -> int | None:
    """Return the SMs among which tiles are dealt; None where the menu of tiles is not known: it is NVIDIA's."""
    if target.spec.vendor != "nvidia":
        return None
    found = value_of(target.fact("unit_count"))
    return int(found) if isinstance(found, (int, float)) and found >= 1 else None


def uncounted_products(shape: ModelShape) -> list[tuple[str, str]]:
    """Return (products of the model that ``gemms`` leaves out, why)."""
    told = []
    if not shape.family:
        told.append(("the layers", "what they consist of is not known for this model type"))
    if shape.moe:
        told.append(("the experts", "how many tokens each gets is not known before it runs"))
    if shape.mla:
        told.append(("the latent projections", "engines fuse and absorb them differently"))
    if shape.state_layers:
        told.append(("the recurrent layers", "their products are not counted"))
    if shape.tower or shape.vision:
        told.append(("the tower", "its products are not counted"))
    return told


def _products(question: Question, spread: Parallelism) -> list[tuple[str, int, int]]:
    """Return (name, columns, inner length) of the products on one device; uneven splits are rounded up."""
    shape, tp = question.shape, spread.tp
    told = []
    if shape.heads and shape.head_dim and shape.kv_heads:
        keys = max(1, -(-shape.kv_heads // tp))
        heads = -(-shape.heads // tp)
        told.append(("qkv", (heads + 2 * keys) * shape.head_dim, shape.hidden))
        told.append(("attention out", shape.hidden, heads * shape.head_dim))
    if shape.mla and shape.heads:
        told.append(("attention out", shape.hidden, -(-shape.heads // tp) * shape.mla.v_head_dim))
    if shape.dense_layers and shape.intermediate and shape.gated is not None:
        width = -(-shape.intermediate // tp)
        told.append(("gate and up" if shape.gated else "up", width * (2 if shape.gated else 1), shape.hidden))
        told.append(("down", shape.hidden, width))
    if not shape.is_encoder:
        told.append(("head", -(-shape.vocab // tp), shape.hidden))
    return told
