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
# Latents that an indexer chooses from are kept in FP8 with such scales and their rotary part in BF16: vLLM's
# fp8_ds_mla, 512 + 16 + 128 = 656 bytes a token and layer (flashinfer-ai/flashinfer#2426).
ROTARY_BYTES = 2


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


def index_bytes(shape: ModelShape) -> int:
    """Return the bytes that a layer's indexer keeps of one token, 0 without one; every rank keeps them."""
    if shape.mla is None or not shape.mla.index_heads:
        return 0
    return shape.mla.index_head_dim + -(-shape.mla.index_head_dim // INDEX_BLOCK) * INDEX_SCALE_BYTES


def element_bytes(shape: ModelShape, dtype: str) -> float:
    """Return the bytes of one element that is kept, on average: sparse latents in FP8 keep their rotary part wide."""
    size = FORMATS[dtype].size
    if shape.mla is None or not shape.mla.index_heads or dtype != "fp8":
        return size
    latent, rotary = shape.mla.kv_lora_rank, shape.mla.qk_rope_head_dim
    return (latent + -(-latent // INDEX_BLOCK) * INDEX_SCALE_BYTES + rotary * ROTARY_BYTES) / (latent + rotary)


def bytes_per_token(shape: ModelShape, dtype: str, *, in_window: bool = False) -> int | None:
    """Return the bytes of one more token in every layer that keeps all of them, duplicates of ranks left aside.

    Args:
        shape: the model.
        dtype: format of the cache.
        in_window: count the layers that keep a window, too, as they do until it is full.
    """
    elements = layer_elements(shape)
    if elements is None:
        return None
    layers = shape.growing_layers + (shape.bounded_layers if in_window else 0)
    return round(layers * elements * element_bytes(shape, dtype) + shape.growing_layers * index_bytes(shape))


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
    elements, state = layer_elements(shape, tp=tp), state_bytes(shape)
    if elements is None or state is None:
        return None
    full, bounded, indexed = tokens
    cached = (stage.growing * full + stage.bounded * bounded) * elements * element_bytes(shape, dtype)
    index = stage.growing * indexed * index_bytes(shape)
    kept = states * state * stage.state / shape.state_layers / tp if shape.state_layers else 0
    return round(cached + index + kept)
