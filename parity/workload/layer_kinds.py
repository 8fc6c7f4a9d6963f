"""Knows which kind of token mixer each layer of a model has, as far as its configuration says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.workload.config_values import MAX_COUNT, MAX_TOKENS

if TYPE_CHECKING:
    from parity.workload.config_values import Values
    from parity.workload.families import Family
    from parity.workload.model_shape import Mixer

_TYPES: dict[str, Mixer] = {
    "full_attention": "attention",
    "attention": "attention",
    "sliding_attention": "window",
    "chunked_attention": "chunk",
    "linear_attention": "linear",
    "mamba": "ssm",
    "mamba2": "ssm",
}


def read_mixers(
    config: Values, layers: int, model_type: str, family: Family | None
) -> tuple[dict[Mixer, int], int | None]:
    """Return (layers by mixer, window in tokens); a layer that cannot be told is a problem of ``config``."""
    if model_type in ("mamba", "mamba2"):
        return {"ssm": layers}, None
    if config.has("kv_lora_rank"):
        return {"mla": layers}, None
    window = config.whole("sliding_window", "attention_chunk_size", high=MAX_TOKENS, low=0) or None
    kinds = _listed(config, layers) or _periodic(config, layers, model_type, family, window)
    if window is None and (kinds.get("window") or kinds.get("chunk")):
        name = "sliding_window" if kinds.get("window") else "attention_chunk_size"
        config.problem(name, "the key is missing, and the layers' types need it", mend="add it")
    return kinds, window if kinds.get("window") or kinds.get("chunk") else None


def _listed(config: Values, layers: int) -> dict[Mixer, int]:
    names = config.texts("layer_types") or config.texts("layers_block_type")
    if not names:
        return {}
    key = "layer_types" if config.has("layer_types") else "layers_block_type"
    if len(names) != layers:
        config.problem(key, f"{len(names)} layers are listed, {layers} are declared")
        return {"attention": layers}
    kinds: dict[Mixer, int] = {}
    for name in names:
        kind = _TYPES.get(name)
        if kind is None:
            config.problem(key, f"no layer of a known kind: {name[:40]!r}", mend=f"known: {', '.join(_TYPES)}")
            return {"attention": layers}
        kinds[kind] = kinds.get(kind, 0) + 1
    return kinds


def _periodic(
    config: Values, layers: int, model_type: str, family: Family | None, window: int | None
) -> dict[Mixer, int]:
    if model_type == "jamba":
        period = config.need("attn_layer_period", high=MAX_COUNT)
        offset = config.need("attn_layer_offset", high=MAX_COUNT, low=0)
        full = sum(number % period == offset for number in range(layers))
        return _split(full, layers - full, "ssm")
    if model_type == "qwen3_next":
        period = config.need("full_attention_interval", high=MAX_COUNT)
        full = layers // period
        return _split(full, layers - full, "linear")
    if family and family.encoder:
        return {"encoder": layers}
    style = family.window if family else ""
    if style == "all" and window:
        return {"window": layers}
    if style == "even" and window:
        return _split(layers // 2, layers - layers // 2, "window")
    if style == "pattern" and window and family:
        period = config.whole("sliding_window_pattern", high=MAX_COUNT) or family.pattern
        return _split(layers // period, layers - layers // period, "window")
    if style == "switch" and window and config.flag("use_sliding_window"):
        first = min(config.whole("max_window_layers", high=MAX_COUNT, low=0) or 0, layers)
        return _split(first, layers - first, "window")
    if style == "types" and window:
        config.problem("layer_types", "the key is missing, and says which layers have a window", mend="add it")
    return {"attention": layers}


def _split(full: int, other: int, kind: Mixer) -> dict[Mixer, int]:
    told: dict[Mixer, int] = {"attention": full, kind: other}
    return {name: count for name, count in told.items() if count}
