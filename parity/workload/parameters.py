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
    from parity.workload.model_shape import Mla, ModelShape
    from parity.workload.stages import Stage

Share = Literal["tp", "kv", "none", "expert", "embedding", "head", "tower"]


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of matrix, all layers together.

    Attributes:
        path: words of the modules' names, as skip lists write them.
        share: how ranks share it: split by ``tp``; by ``kv`` heads; ``expert`` ranks; ``none``: every rank has it;
            ``tower``: counted whole on each device, though some engines split it.
        matrix: a linear layer, which quantisation changes.
        used: part of it that one token uses.
    """

    path: str
    share: Share
    parameters: int
    matrix: bool = True
    used: float = 1.0


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
    norms = (family.norms * shape.layers + 1) * width * vectors
    ends = [
        Part(path="embed_tokens", share="embedding", parameters=shape.vocab * width, matrix=False),
        Part(path="norm", share="none", parameters=norms, matrix=False),
    ]
    head = shape.vocab * ((0 if shape.tied else width) + shape.head_bias)
    if head:
        ends.append(Part(path="lm_head", share="head", parameters=head))
    if shape.learned_positions:
        rows = shape.learned_positions * width
        ends.append(Part(path="embed_positions", share="none", parameters=rows, matrix=False))
    if family.encoder:
        ends.append(Part(path="pooler", share="none", parameters=width * (width + 1)))
    if shape.tower:
        size = shape.tower.parameters
        ends.append(Part(path="vision_tower visual", share="tower", parameters=size, matrix=False, used=0.0))
    return tuple(part for part in (*mixers, *feed, *ends) if part.parameters)


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
        told.append(Part(path="mixer", share="tp", parameters=shape.state_layers * shape.state.layer_parameters))
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
        Part(path="self_attn q_proj", share="tp", parameters=layers * asked * (width + bias)),
        Part(path="self_attn k_proj v_proj", share="kv", parameters=layers * 2 * keys * (width + bias)),
        Part(path="self_attn o_proj", share="tp", parameters=layers * width * (queries + out)),
        Part(path="self_attn norm", share="none", parameters=layers * vectors, matrix=False),
    ]


def _latent(shape: ModelShape) -> list[Part]:
    mla, layers, width = shape.mla, shape.mixers["mla"], shape.hidden
    assert mla is not None
    assert shape.heads is not None
    queries = shape.heads * (mla.qk_nope_head_dim + mla.qk_rope_head_dim)
    down = (width + shape.attention_bias) * (mla.kv_lora_rank + mla.qk_rope_head_dim)
    norms = mla.kv_lora_rank
    if mla.q_lora_rank:
        down += (width + shape.attention_bias) * mla.q_lora_rank
        norms += mla.q_lora_rank
    up = (mla.q_lora_rank or width) * queries
    up += mla.kv_lora_rank * shape.heads * (mla.qk_nope_head_dim + mla.v_head_dim)
    return [
        Part(path="self_attn q_a_proj kv_a_proj_with_mqa", share="none", parameters=layers * down),
        Part(path="self_attn q_b_proj kv_b_proj q_proj", share="tp", parameters=layers * up),
        Part(
            path="self_attn o_proj",
            share="tp",
            parameters=layers * width * (shape.heads * mla.v_head_dim + shape.attention_bias),
        ),
        Part(path="self_attn norm", share="none", parameters=layers * norms, matrix=False),
        *_indexer(mla, layers, width),
    ]


def _indexer(mla: Mla, layers: int, width: int) -> list[Part]:
    """What chooses the tokens to look at: one key per token, a query and a weight per head; each rank has all of it."""
    keys = mla.index_head_dim
    if not mla.index_heads:
        return []
    count = mla.index_heads * keys * (mla.q_lora_rank or width) + keys * width
    return [
        Part(path="self_attn indexer wq_b wk", share="none", parameters=layers * count),
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
    recurrent_only = shape.state_layers == shape.layers
    if shape.dense_layers and not recurrent_only:
        if shape.intermediate is None:
            return None
        biases = (matrices - 1) * shape.intermediate + width if _bias(family.mlp_bias, shape.mlp_bias) else 0
        count = shape.dense_layers * (matrices * width * shape.intermediate + biases)
        told.append(Part(path="mlp gate_proj up_proj down_proj", share="tp", parameters=count))
    if shape.moe:
        moe = shape.moe
        one = matrices * width * moe.intermediate
        one += (matrices - 1) * moe.intermediate + width if moe.expert_bias else 0
        used = moe.top_k / moe.experts
        router = moe.experts * (width + moe.router_bias) + (width if moe.shared_gate else 0)
        shared = matrices * width * moe.shared_intermediate
        if moe.shared_intermediate and _bias(family.mlp_bias, shape.mlp_bias):
            shared += (matrices - 1) * moe.shared_intermediate + width
        told += [
            Part(path="mlp experts", share="expert", parameters=moe.layers * moe.experts * one, used=used),
            Part(path="mlp shared_experts", share="tp", parameters=moe.layers * shared),
            Part(path="mlp gate router", share="none", parameters=moe.layers * router, matrix=False),
        ]
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
        override: one format for every parameter (``--dtype``).
    """
    if override:
        return FORMATS[override].size
    wide = FORMATS[shape.dtype].size if shape.dtype else None
    stored = shape.quantization
    if stored is None or not part.matrix or (part.share == "head" and stored.head_skipped):
        return wide
    names = set(part.path.split())
    if any(words <= names for words in stored.skipped):
        return wide
    return None if stored.bits is None or stored.dtype is None else (stored.bits + stored.scale_bits) / 8


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
