"""Knows what a model keeps of the tokens it has seen: key-value cache, latents, windows and recurrent state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.workload.number_formats import FORMATS
from parity.workload.stages import stages_of

if TYPE_CHECKING:
    from parity.model.workload import Parallelism
    from parity.workload.model_shape import ModelShape
    from parity.workload.stages import Stage

STATE_BYTES = 4  # the reference code keeps recurrent state in FP32
# vLLM, SGLang and TensorRT-LLM keep an indexer's keys in FP8 with one FP32 scale for each 128 elements, whatever the
# format of the cache: ``head_dim + head_dim // quant_block_size * 4`` bytes a token and layer.
INDEX_BLOCK = 128
INDEX_SCALE_BYTES = 4
# Sparse decoding reads FP8 latents with a scale for each 128 elements and the rotary key in BF16: 656 bytes of
# DeepSeek-V3.2 (deepseek-ai/FlashMLA@9241ae3, README.md and csrc/api/sparse_decode.h).
ROPE_BYTES = 2


def layer_elements(shape: ModelShape, *, tp: int = 1) -> int | None:
    """Return the elements that one layer keeps of one token on one device; None when the dimensions are not known.

    Key heads are not split below one, so beyond tp = key heads memory stops shrinking; latents are not split at all.

    Args:
        shape: the model.
        tp: tensor parallel ranks.
    """
    if not shape.family:
        return None
    if shape.mla:
        return shape.mla.kv_lora_rank + shape.mla.qk_rope_head_dim
    if shape.state_layers == shape.layers:
        return 0
    if shape.kv_heads is None or shape.head_dim is None:
        return None
    return 2 * max(1, -(-shape.kv_heads // tp)) * shape.head_dim


def layer_bytes(shape: ModelShape, dtype: str, *, tp: int = 1) -> float | None:
    """Return the bytes that one layer keeps of one token on one device, an indexer's aside; None when not known."""
    elements = layer_elements(shape, tp=tp)
    if elements is None:
        return None
    if dtype == "fp8" and shape.mla and shape.mla.index_heads:
        latent, rope = shape.mla.kv_lora_rank, shape.mla.qk_rope_head_dim
        return latent + -(-latent // INDEX_BLOCK) * INDEX_SCALE_BYTES + rope * ROPE_BYTES
    return elements * FORMATS[dtype].size


def index_bytes(shape: ModelShape) -> int:
    """Return the bytes that a layer's indexer keeps of one token, 0 without one; every rank keeps them."""
    if shape.mla is None or not shape.mla.index_heads:
        return 0
    return shape.mla.index_head_dim + -(-shape.mla.index_head_dim // INDEX_BLOCK) * INDEX_SCALE_BYTES


def bytes_per_token(shape: ModelShape, dtype: str) -> int | None:
    """Return the bytes of one more token in every layer that keeps all of them, duplicates of ranks left aside."""
    one = layer_bytes(shape, dtype)
    return None if one is None else round(shape.growing_layers * (one + index_bytes(shape)))


def state_bytes(shape: ModelShape) -> int | None:
    """Return the recurrent state of one request in bytes, None when its size is not known."""
    if not shape.state_layers:
        return 0
    if shape.state is None or shape.dtype is None:
        return None
    one = shape.state.convolution_elements * FORMATS[shape.dtype].size + shape.state.recurrent_elements * STATE_BYTES
    return round(shape.state_layers * one)


def request_bytes(
    shape: ModelShape, dtype: str, context: int, spread: Parallelism | None = None, *, read: bool = False
) -> int | None:
    """Return what one request of ``context`` tokens keeps, on all devices without copies, or on the fullest device.

    Args:
        shape: the model.
        dtype: format of the cache.
        context: tokens of the request.
        spread: None for the whole, else one device of it.
        read: what a decode step reads of it instead: of latents only those that an indexer chooses.
    """
    tp, pp = (spread.tp, spread.pp) if spread else (1, 1)
    seen = min(context, shape.mla.index_topk) if read and shape.mla and shape.mla.index_heads else context
    held = [
        stage_bytes(shape, dtype, stage, (seen, min(context, shape.window or context), context), tp=tp)
        for stage in stages_of(shape, pp)
    ]
    return None if None in held else max(one for one in held if one is not None)


def stage_bytes(
    shape: ModelShape, dtype: str, stage: Stage, tokens: tuple[float, float, float], *, tp: int = 1, states: float = 1
) -> int | None:
    """Return what one rank of a stage keeps; None when a size is not known.

    Args:
        shape: the model.
        dtype: format of the cache.
        stage: its layers.
        tokens: of layers that keep all, of layers with a window, of an indexer's keys.
        tp: tensor parallel ranks.
        states: recurrent states, one for each request.
    """
    one, state = layer_bytes(shape, dtype, tp=tp), state_bytes(shape)
    if one is None or state is None:
        return None
    full, bounded, indexed = tokens
    cached = (stage.growing * full + stage.bounded * bounded) * one
    index = stage.growing * indexed * index_bytes(shape)
    kept = states * state * stage.state / shape.state_layers / tp if shape.state_layers else 0
    return round(cached + index + kept)
