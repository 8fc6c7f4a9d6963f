"""Knows which matrices a model consists of: how many parameters each has, and how parallel ranks share them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from parity.workload.family_rows import FAMILIES
from parity.workload.number_formats import FORMATS
from parity.workload.stages import stages_of

if TYPE_CHECKING:
    from parity.model.workload import Parallelism
    from parity.workload.families import Family
    from parity.workload.model_shape import Mla, ModelShape, Quantization
    from parity.workload.stages import Stage

NARROW_BESIDE = "bf16"  # what stands beside narrow weights where no file says its dtype
Share = Literal["tp", "kv", "none", "expert", "embedding", "head", "tower"]


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of matrix, all layers together.

    Attributes:
        path: words of the modules' names, as skip lists write them.
        share: how ranks share it: split by ``tp``; by ``kv`` heads; ``expert`` ranks; ``none``: every rank has it;
            ``tower``: counted whole on each device, though some engines split it.
        matrix: a linear layer, which quantisation changes.
        used: part of it that one token uses.
        split: parameters of its matrices by their name, where they differ; empty: all words of the path are of equal
            ones.
        at: numbers of the layers that have it; None: not known.
        layers: how many that are.
    """

    path: str
    share: Share
    parameters: int
    matrix: bool = True
    used: float = 1.0
    split: dict[str, int] = {}
    at: frozenset[int] | None = None
    layers: int = 0


def parts_of(shape: ModelShape) -> tuple[Part, ...] | None:
    """Return every part of the model, None when the family, and so what a layer consists of, is not known."""
    family = FAMILIES.get(shape.family)
    if family is None or shape.tied is None:
        return None
    mixers = _mixers(shape, family)
    feed = _feed_forward(shape, family)
    if mixers is None or feed is None:
        return None
    width, vectors = shape.hidden, family.norm_vectors
    norms = (family.norms * shape.layers + 1 if shape.norms is None else shape.norms) * width * vectors
    ends = [*ends_of(shape), Part(path="norm", share="none", parameters=norms, matrix=False)]
    if shape.learned_positions:
        rows = shape.learned_positions * width
        ends.append(Part(path="embed_positions", share="none", parameters=rows, matrix=False))
    if family.encoder:
        ends.append(Part(path="pooler", share="none", parameters=width * (width + 1)))
    if shape.tower:
        size = shape.tower.parameters
        ends.append(Part(path="vision_tower visual", share="tower", parameters=size, matrix=False, used=0.0))
    return tuple(part for part in (*mixers, *feed, *ends) if part.parameters)


def ends_of(shape: ModelShape) -> list[Part]:
    """Return the embedding and the head; a head of its own where the file does not say that they are one."""
    count = shape.vocab * shape.hidden
    head = shape.vocab * ((0 if shape.tied else shape.hidden) + shape.head_bias)
    embedding = Part(path="embed_tokens", share="embedding", parameters=count, matrix=False)
    return [embedding, *([Part(path="lm_head", share="head", parameters=head)] if head else [])]


def _mixers(shape: ModelShape, family: Family) -> list[Part] | None:
    told: list[Part] = []
    if shape.mla:
        told += _latent(shape)
    ordinary = sum(shape.mixers.get(kind, 0) for kind in ("attention", "window", "chunk", "encoder"))
    if ordinary:
        found = _attention(shape, family, ordinary)
        if found is None:
            return None
        told += found
    if shape.state_layers:
        if shape.state is None or shape.state.layer_parameters is None:
            return None
        layers, split = shape.state_layers, shape.state.matrices
        count = layers * sum(split.values())
        vectors = layers * shape.state.layer_parameters - count
        told.append(Part(path="mixer", share="tp", parameters=count, split=split, layers=layers))
        told.append(Part(path="mixer conv1d norm", share="tp", parameters=vectors, matrix=False))
    return told


def _attention(shape: ModelShape, family: Family, layers: int) -> list[Part] | None:
    if shape.heads is None or shape.kv_heads is None or shape.head_dim is None:
        return None
    width = shape.hidden
    queries, keys = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
    asked = queries * (2 if family.output_gate else 1)
    bias, out = _bias(family.qkv_bias, shape.attention_bias), _bias(family.out_bias, shape.out_bias)
    vectors = {"head": 2 * shape.head_dim, "all": queries + keys, "": 0}[family.head_norms if shape.head_normed else ""]
    vectors *= family.head_norm_vectors
    vectors += shape.heads if family.sinks else 0
    return [
        Part(path="self_attn q_proj", share="tp", parameters=layers * asked * (width + bias), layers=layers),
        Part(path="self_attn k_proj v_proj", share="kv", parameters=layers * 2 * keys * (width + bias), layers=layers),
        Part(path="self_attn o_proj", share="tp", parameters=layers * width * (queries + out), layers=layers),
        Part(path="self_attn norm", share="none", parameters=layers * vectors, matrix=False),
    ]


def _latent(shape: ModelShape) -> list[Part]:
    mla, layers, width = shape.mla, shape.mixers["mla"], shape.hidden
    assert mla is not None
    assert shape.heads is not None
    queries = shape.heads * (mla.qk_nope_head_dim + mla.qk_rope_head_dim)
    bias = shape.attention_bias
    down = {"kv_a_proj_with_mqa": (width + bias) * (mla.kv_lora_rank + mla.qk_rope_head_dim)}
    up = {"kv_b_proj": mla.kv_lora_rank * shape.heads * (mla.qk_nope_head_dim + mla.v_head_dim)}
    norms = mla.kv_lora_rank
    if mla.q_lora_rank:
        down["q_a_proj"] = (width + bias) * mla.q_lora_rank
        up["q_b_proj"] = mla.q_lora_rank * queries
        norms += mla.q_lora_rank
    else:
        up["q_proj"] = width * queries
    out = width * (shape.heads * mla.v_head_dim + bias)
    return [
        Part(
            path="self_attn q_a_proj kv_a_proj_with_mqa", share="none", parameters=layers * sum(down.values()),
            split=down, layers=layers,
        ),
        Part(
            path="self_attn q_b_proj kv_b_proj q_proj", share="tp", parameters=layers * sum(up.values()),
            split=up, layers=layers,
        ),
        Part(path="self_attn o_proj", share="tp", parameters=layers * out, layers=layers),
        Part(path="self_attn norm", share="none", parameters=layers * norms, matrix=False),
        *_indexer(mla, layers, width),
    ]  # fmt: skip


def _indexer(mla: Mla, layers: int, width: int) -> list[Part]:
    """What chooses the tokens to look at: one key per token, a query and a weight per head; each rank has all of it."""
    keys = mla.index_head_dim
    if not mla.index_heads:
        return []
    split = {"wq_b": mla.index_heads * keys * (mla.q_lora_rank or width), "wk": keys * width}
    count = layers * sum(split.values())
    return [
        Part(path="self_attn indexer wq_b wk", share="none", parameters=count, split=split, layers=layers),
        Part(
            path="self_attn indexer weights_proj norm",
            share="none",
            parameters=layers * (mla.index_heads * width + 2 * keys),
            matrix=False,
        ),
    ]


def _feed_forward(shape: ModelShape, family: Family) -> list[Part] | None:
    width, told = shape.hidden, []
    matrices = 3 if family.gated else 2
    if shape.dense_layers and shape.family not in ("mamba", "mamba2"):
        if shape.intermediate is None:
            return None
        biases = (matrices - 1) * shape.intermediate + width if _bias(family.mlp_bias, shape.mlp_bias) else 0
        count = shape.dense_layers * (matrices * width * shape.intermediate + biases)
        others = frozenset(range(shape.layers)) - (shape.moe.at if shape.moe else frozenset())
        told.append(
            Part(
                path="mlp gate_proj up_proj down_proj", share="tp", parameters=count, layers=shape.dense_layers,
                at=others if len(others) == shape.dense_layers else None,
            )
        )  # fmt: skip
    if shape.moe:
        moe = shape.moe
        one = matrices * width * moe.intermediate
        one += (matrices - 1) * moe.intermediate + width if moe.expert_bias else 0
        used = moe.top_k / moe.experts
        router = moe.experts * (width + moe.router_bias) + (width if moe.shared_gate else 0)
        shared = matrices * width * moe.shared_intermediate
        if moe.shared_intermediate and _bias(family.mlp_bias, shape.mlp_bias):
            shared += (matrices - 1) * moe.shared_intermediate + width
        inside = "gate_proj up_proj down_proj" if family.gated else "up_proj down_proj"
        equal = dict.fromkeys(inside.split(), 1)
        told += [
            Part(
                path="mlp experts", share="expert", parameters=moe.layers * moe.experts * one, used=used,
                split=equal, at=moe.at, layers=moe.layers,
            ),
            Part(
                path="mlp shared_experts", share="tp", parameters=moe.layers * shared, split=equal, at=moe.at,
                layers=moe.layers,
            ),
            Part(path="mlp gate router", share="none", parameters=moe.layers * router, matrix=False),
        ]  # fmt: skip
    return told


def _bias(fixed: bool | str, told: bool) -> bool:  # noqa: FBT001
    """Return whether a projection has a bias: as the family fixes it, or as the file says."""
    return told if fixed == "config" else bool(fixed)


def counted(parts: tuple[Part, ...]) -> tuple[int, int]:
    """Return (parameters, parameters that one token uses); the input embedding counts as used."""
    return sum(part.parameters for part in parts), round(sum(part.parameters * part.used for part in parts))


def multiplied(parts: tuple[Part, ...], *, tied: bool) -> int:
    """Return the parameters that one token is multiplied with: the embedding is a look-up unless it is the head."""
    skipped = ("embed_positions",) if tied else ("embed_positions", "embed_tokens")
    return round(sum(part.parameters * part.used for part in parts if part.path not in skipped))


def bytes_per_parameter(part: Part, shape: ModelShape, override: str | None) -> float | None:
    """Return the bytes that one parameter of a part takes, scales included; None when the file does not say.

    Args:
        part: what.
        shape: with its dtype and quantisation.
        override: one format for every parameter (``--dtype``); a narrow one for matrices of the layers only.
    """
    asked = FORMATS[override] if override else None
    if asked and not asked.narrow:
        return asked.size
    stored = shape.quantization
    wide = FORMATS[shape.dtype or NARROW_BESIDE].size if asked or shape.dtype else None
    share = wide_share(part, stored) if asked or stored else 1.0
    listed = part.matrix and part.share != "head"
    if share == 1.0 and not (listed and stored and stored.unread and not asked):
        return wide
    narrow = asked.weight_size if asked else _narrow(stored)
    if narrow is None or (wide is None and share):
        return None
    return narrow + share * ((wide or narrow) - narrow)


def _narrow(stored: Quantization | None) -> float | None:
    if stored is None or stored.bits is None or stored.dtype is None or stored.unread:
        return None  # which parts are narrow is not known
    return (stored.bits + stored.scale_bits) / 8


def wide_share(part: Part, stored: Quantization | None) -> float:
    """Return the share of a part that no quantisation makes narrow: all but matrices of the layers, and what is listed.

    Args:
        part: what.
        stored: of the model; None: quantised by whoever loads it.
    """
    if not part.matrix or (part.share == "head" and (stored is None or stored.head_skipped)):
        return 1.0
    return stored.wide.get(part.path, 0.0) if stored else 0.0


def wide_parts(parts: tuple[Part, ...], shape: ModelShape, override: str | None) -> tuple[str, ...]:
    """Return the parts of a quantised model that stay wide, in words; a part of which some does says how much."""
    stored = shape.quantization
    if not (FORMATS[override].narrow if override else stored and stored.dtype and not stored.unread):
        return ()
    told = []
    for part in parts:
        share = wide_share(part, stored)
        name = part.path.split()[-1] if not part.matrix and "norm" in part.path else part.path
        told += [name if share == 1 else f"{name} ({share:.0%})"] if share else []
    return tuple(dict.fromkeys(told))


# Words of a part's path -> the layers of a stage that have it, and of the whole model; first match, in order. What
# matches none is at an end of the model.
_STAGED = (
    ("mixer", "state"), ("experts", "experts"), ("shared_experts", "experts"), ("router", "experts"),
    ("mlp", "dense"), ("norm", "layers"),
)  # fmt: skip


def staged_by(part: Part, shape: ModelShape) -> str:
    """Return which layers of a stage have a part: a field of ``Stage``; empty: it is not in the layers."""
    words = part.path.split()
    if "self_attn" in words:
        return "latent" if shape.mixers.get("mla") else "attention"
    return next((kind for word, kind in _STAGED if word in words), "")


def share_of(part: Part, shape: ModelShape, spread: Parallelism, stage: float) -> float:
    """Return the fraction of a part that a device holds, its stage having the fraction ``stage`` of it.

    Heads beyond the key heads are copies, so key and value projections stop shrinking there.
    """
    if part.share == "tower":
        return 1.0
    tp, kv = spread.tp, shape.kv_heads or 1
    if part.share in ("embedding", "head"):
        return 1 / tp
    if part.share == "kv":
        return max(1, -(-kv // tp)) / kv * stage
    if part.share == "expert":
        return stage / (spread.ep if spread.ep > 1 else tp)
    return stage / tp if part.share == "tp" else stage


def device_bytes(
    parts: tuple[Part, ...], shape: ModelShape, spread: Parallelism, override: str | None
) -> tuple[float, float] | None:
    """Return (bytes of the whole model, bytes on the fullest device), None when a size is not known.

    Of pipeline stages the fullest counts, and of the two ends of the model one with it.
    """
    sizes: list[float] = []
    for part in parts:
        size = bytes_per_parameter(part, shape, override)
        if size is None:
            return None
        sizes.append(part.parameters * size)
    (whole,) = stages_of(shape, 1)
    fullest = max(_held(parts, sizes, shape, spread, stage, whole) for stage in stages_of(shape, spread.pp))
    return sum(sizes), fullest


def _held(
    parts: tuple[Part, ...], sizes: list[float], shape: ModelShape, spread: Parallelism, stage: Stage, whole: Stage
) -> float:
    mine, ends = 0.0, [0.0]
    for part, size in zip(parts, sizes, strict=True):
        kind = staged_by(part, shape)
        fraction = getattr(stage, kind) / getattr(whole, kind) if kind and getattr(whole, kind) else 1.0
        held = size * share_of(part, shape, spread, fraction)
        if part.share in ("embedding", "head"):
            ends.append(held)
        else:
            mine += held
    return mine + (sum(ends) if spread.pp == 1 else max(ends))
