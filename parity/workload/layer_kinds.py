"""Knows which kind of token mixer each layer of a model has, as far as its configuration says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.workload.config_values import MAX_COUNT, MAX_TOKENS

if TYPE_CHECKING:
    from parity.workload.config_values import Values
    from parity.workload.families import Family
    from parity.workload.model_shape import Mixer

_WINDOW: Mixer = "window"
_CHUNK: Mixer = "chunk"
_NO_ROPE_INTERVAL = 4  # of Llama 4 where the file does not say
_TYPES: dict[str, Mixer] = {
    "full_attention": "attention",
    "attention": "attention",
    "sliding_attention": "window",
    "chunked_attention": "chunk",
    "linear_attention": "linear",
    "mamba": "ssm",
    "mamba2": "ssm",
    "mlp": "feed",
    "moe": "feed",
}
# Letters of ``hybrid_override_pattern`` (Nemotron-H), as the names that later files write.
LETTERS = {"M": "mamba", "*": "attention", "-": "mlp", "E": "moe"}


def read_mixers(
    config: Values, layers: int, model_type: str, family: Family | None
) -> tuple[dict[Mixer, int], int | None]:
    """Return (layers by mixer, window in tokens); a layer that cannot be told is a problem of ``config``."""
    if model_type in ("mamba", "mamba2"):
        return {"ssm": layers}, None
    if config.has("kv_lora_rank"):
        return {"mla": layers}, None
    window = config.whole("sliding_window", "attention_chunk_size", high=MAX_TOKENS, low=0) or None
    kinds = _listed(config, layers, family) or _periodic(config, layers, model_type, family, window)
    if window is None and (kinds.get("window") or kinds.get("chunk")):
        name = "sliding_window" if kinds.get("window") else "attention_chunk_size"
        config.problem(name, "the key is missing, and the layers' types need it", mend="add it")
    return kinds, window if kinds.get("window") or kinds.get("chunk") else None


def listed_kinds(config: Values) -> tuple[tuple[str, ...], str]:
    """Return the kind of each layer as the file lists it, and the key that does; empty when none does."""
    for key in ("layer_types", "layers_block_type"):
        names = config.texts(key)
        if names:
            return tuple(names), key
    key = "hybrid_override_pattern"
    return tuple(LETTERS.get(letter, letter) for letter in config.text(key)), key


def _listed(config: Values, layers: int, family: Family | None) -> dict[Mixer, int]:
    names, key = listed_kinds(config)
    if not names:
        return {}
    if len(names) != layers:
        config.problem(key, f"{len(names)} layers are listed, {layers} are declared")
        return {"attention": layers}
    kinds: dict[Mixer, int] = {}
    for name in names:
        kind = _TYPES.get(name)
        if kind is None:
            config.problem(key, f"no layer of a known kind: {name[:40]!r}", mend=f"known: {', '.join(_TYPES)}")
            return {"attention": layers}
        if kind == "linear" and family and family.mamba:
            kind = "ssm"
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
    return _windowed(config, layers, family) if family and window else {"attention": layers}


def _windowed(config: Values, layers: int, family: Family) -> dict[Mixer, int]:
    """Return the layers of a model whose file has a window of more than no tokens."""
    full, kind = layers, _WINDOW
    if family.window == "all":
        full = 0
    elif family.window == "even":
        full = layers // 2
    elif family.window == "pattern":
        full = layers // (config.whole("sliding_window_pattern", high=MAX_COUNT) or family.pattern)
    elif family.window == "switch" and config.flag("use_sliding_window"):
        full = min(config.whole("max_window_layers", high=MAX_COUNT, low=0) or 0, layers)
    elif family.window == "chunks":
        full, kind = _without_chunks(config, layers), _CHUNK
    elif family.window == "types":
        config.problem("layer_types", "the key is missing, and says which layers have a window", mend="add it")
    return _split(full, layers - full, kind)


def _without_chunks(config: Values, layers: int) -> int:
    """Return the layers of Llama 4 without RoPE (0 in the list), which alone look further than their chunk."""
    roped = config.wholes("no_rope_layers", high=1, low=0)
    if not roped:
        return layers // (config.whole("no_rope_layer_interval", high=MAX_COUNT) or _NO_ROPE_INTERVAL)
    if len(roped) != layers:
        config.problem("no_rope_layers", f"{len(roped)} layers are listed, {layers} are declared")
    return roped.count(0)


def _split(full: int, other: int, kind: Mixer) -> dict[Mixer, int]:
    told: dict[Mixer, int] = {"attention": full, kind: other}
    return {name: count for name, count in told.items() if count}


def kind_named(name: str) -> Mixer | None:
    """Return the kind of a layer that a file calls so, None when it is not known."""
    return _TYPES.get(name)
