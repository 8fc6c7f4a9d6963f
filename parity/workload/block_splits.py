"""Knows which tensor parallel ranks the scales of quantised weights allow: ranks cannot share a block or a group.

Engines refuse such a split when they load the weights: vLLM's ``validate_fp8_block_shape`` and its MoE ("is not
divisible by weight quantization block_n = 128": vllm-project/vllm#17569, #45784; sgl-project/sglang#3345 for
DeepSeek-R1 on 32 ranks), and AWQ and GPTQ by groups of input channels (Qwen/Qwen2-72B-Instruct-AWQ is padded from
29568 to 29696 for that reason).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from parity.model.workload import Answer
from parity.workload.family_rows import FAMILIES

if TYPE_CHECKING:
    from parity.workload.model_shape import ModelShape

# vLLM's kernels for experts in groups of 4-bit weights halve a group that does not divide, down to this.
LEAST_GROUP = 32


class BlockSplit(msgspec.Struct, frozen=True, kw_only=True):
    """One width of a rank, and the scales that it must be a multiple of."""

    name: str
    value: int
    step: int
    good: Answer
    asks: str


class _Width(msgspec.Struct, frozen=True, kw_only=True):
    """What ranks split: the outputs of matrices (``out``), the inputs of others (``into``), and of which part."""

    name: str
    value: int
    path: str
    out: bool = True
    into: bool = True
    expert: bool = False


def block_splits(shape: ModelShape, tp: int, *, experts_split: bool = True) -> tuple[BlockSplit, ...]:
    """Return each width of a rank that blocks or groups of scales must divide.

    Widths that the ranks themselves do not divide are told elsewhere.

    Args:
        shape: with its quantisation.
        tp: tensor parallel ranks.
        experts_split: each expert is split over them, too, not kept whole by expert parallel ranks.
    """
    stored = shape.quantization
    if tp == 1 or not shape.family or stored is None or stored.dtype is None or not (stored.block or stored.group > 1):
        return ()
    told = []
    for width in _widths(shape, tp, experts_split=experts_split):
        if stored.wide.get(width.path, 0.0) == 1:
            continue
        if stored.block:
            steps = {stored.block[0]} if width.out else set()
            steps |= {stored.block[1]} if width.into else set()
            bad = next((step for step in sorted(steps) if width.value % step), None)
            step = bad or max(steps)
            asks, good = f"a multiple of {step}, the block of its {stored.dtype} scales", bad is None
        elif width.into:
            step, good = stored.group, width.value % stored.group == 0
            asks = f"a multiple of {step}, the group of its {stored.dtype} scales"
        else:
            continue
        halved = width.expert and not good and not stored.block and width.value % LEAST_GROUP == 0
        answer: Answer = "yes" if good else "unknown" if halved else "no"
        told.append(BlockSplit(name=width.name, value=width.value, step=step, good=answer, asks=asks))
    return tuple(told)


def _widths(shape: ModelShape, tp: int, *, experts_split: bool) -> list[_Width]:
    told = []
    family = FAMILIES.get(shape.family)
    if shape.intermediate and shape.dense_layers and shape.intermediate % tp == 0:
        path = "mlp gate_proj up_proj down_proj"
        told.append(_Width(name="intermediate_size", value=shape.intermediate // tp, path=path))
    moe = shape.moe
    if moe and experts_split and moe.intermediate % tp == 0:
        told.append(_Width(name="moe_intermediate_size", value=moe.intermediate // tp, path="mlp experts", expert=True))
    if moe and moe.shared_intermediate and moe.shared_intermediate % tp == 0:
        path = "mlp shared_experts"
        told.append(_Width(name="shared expert's width", value=moe.shared_intermediate // tp, path=path))
    if not shape.heads or shape.heads % tp:
        return told
    heads = shape.heads // tp
    if shape.mla:
        mla, up = shape.mla, "self_attn q_b_proj kv_b_proj q_proj"
        query, value = heads * (mla.qk_nope_head_dim + mla.qk_rope_head_dim), heads * mla.v_head_dim
        latent = heads * (mla.qk_nope_head_dim + mla.v_head_dim)
        told += [
            _Width(name="queries", value=query, path=up, into=False),
            _Width(name="keys and values", value=latent, path=up, into=False),
            _Width(name="attention output", value=value, path="self_attn o_proj", out=False),
        ]
    elif shape.head_dim and shape.kv_heads:
        doubled = 2 if family and family.output_gate else 1
        keys = max(1, shape.kv_heads // tp) * shape.head_dim
        query = heads * shape.head_dim
        told += [
            _Width(name="queries", value=doubled * query, path="self_attn q_proj", into=False),
            _Width(name="keys", value=keys, path="self_attn k_proj v_proj", into=False),
            _Width(name="attention output", value=query, path="self_attn o_proj", out=False),
        ]
    return told
