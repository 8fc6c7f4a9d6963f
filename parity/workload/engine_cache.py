"""Knows how much memory an engine sets aside for a cache, where that is more than the model keeps of its tokens.

SGLang sizes pools before it serves. As its 0.5.23 wheel has them (``model_config.py``: ``is_hybrid_swa_model``;
``fields/schedule.py``; ``pool_configurator.py``; ``kv_cache_configurator.py``: ``_handle_max_mamba_cache``): the window
layers of some architectures have a pool of 0.8 times the tokens of the full layers, whatever their window; of all other
architectures every layer keeps every token; recurrent states have 0.9 times the bytes of the cache, and a request may
take three of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from parity.model.footprint import ByteRange
from parity.workload.kv_cache import request_bytes, stage_bytes
from parity.workload.stages import stages_of

if TYPE_CHECKING:
    from parity.model.footprint import Parallelism
    from parity.workload.model_shape import ModelShape

# Families whose architecture SGLang lists: GptOssForCausalLM, Llama4ForConditionalGeneration.
POOLED = ("gpt_oss", "llama4_text")
WINDOW_RATIO, STATE_RATIO, STATES_PER_REQUEST = 0.8, 0.9, 3


class EngineCache(msgspec.Struct, frozen=True, kw_only=True):
    """What an engine sets aside on the fullest device.

    Attributes:
        size: the least, with its options set for this model; the most, as it is by default.
        why: of the difference to what the model keeps, with the option that changes it; empty: there is none.
    """

    size: ByteRange
    why: str = ""


def engine_cache(
    engine: str, shape: ModelShape, dtype: str, context: int, requests: int, spread: Parallelism
) -> EngineCache | None:
    """Return what an engine sets aside for ``requests`` requests of ``context`` tokens; None when it is not known."""
    one = request_bytes(shape, dtype, context, spread)
    if one is None:
        return None
    least = one * requests
    if engine != "sglang" or not (shape.bounded_layers or shape.state_layers):
        return EngineCache(size=ByteRange(low=least, high=least))
    told = []
    if shape.bounded_layers and shape.family not in POOLED:
        every = context * requests
        kept = _most(shape, dtype, (every, every, every), spread, requests)
        least = max(least, kept)
        told.append("SGLang 0.5.23 keeps every token in the window layers of this architecture")
    most = max(least, _pools(shape, dtype, context, requests, spread))
    if shape.bounded_layers and shape.family in POOLED and most > least:
        told.append(f"SGLang gives window layers {WINDOW_RATIO} of the full layers' tokens, --swa-full-tokens-ratio")
    if shape.state_layers:
        told.append(f"SGLang gives states {STATE_RATIO} of the cache's bytes, --mamba-full-memory-ratio")
    return EngineCache(size=ByteRange(low=least, high=most), why="; ".join(told))


def _pools(shape: ModelShape, dtype: str, context: int, requests: int, spread: Parallelism) -> int:
    """Return the pools by default: large enough for every request, each in its fixed proportion to the other."""
    tokens = bounded = float(context * requests)
    if shape.bounded_layers and shape.family in POOLED:
        seen = min(context, shape.window or context) * requests
        tokens = max(tokens, seen / WINDOW_RATIO) if shape.growing_layers else seen
        bounded = WINDOW_RATIO * tokens if shape.growing_layers else seen
    cached = _most(shape, dtype, (tokens, bounded, tokens), spread, 0)
    if not shape.state_layers:
        return cached
    states = _most(shape, dtype, (0, 0, 0), spread, requests * STATES_PER_REQUEST)
    return round(max(cached, states / STATE_RATIO) * (1 + STATE_RATIO))


def _most(shape: ModelShape, dtype: str, tokens: tuple[float, float, float], spread: Parallelism, states: int) -> int:
    """Return the bytes of the fullest stage; their sizes are known."""
    stages = stages_of(shape, spread.pp)
    return max(stage_bytes(shape, dtype, stage, tokens, tp=spread.tp, states=states) or 0 for stage in stages)
