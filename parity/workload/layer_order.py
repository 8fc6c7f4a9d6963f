"""Knows which kind of token mixer stands where in a model: pipeline stages are cut along it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from parity.workload.config_values import MAX_COUNT
from parity.workload.layer_kinds import kind_named, listed_kinds

if TYPE_CHECKING:
    from collections.abc import Callable

    from parity.workload.config_values import Values
    from parity.workload.families import Family
    from parity.workload.model_shape import Mixer


def mixer_order(
    config: Values, layers: int, name: str, family: Family | None, mixers: dict[Mixer, int]
) -> tuple[Mixer, ...]:
    """Return the mixer of each layer, empty when that is not known; it never disagrees with the counts.

    Args:
        config: of the model.
        layers: how many there are.
        name: its family or type.
        family: its row.
        mixers: the counts, as ``read_mixers`` tells them.
    """
    if len(mixers) == 1:
        return tuple(mixers) * layers
    told = _listed(config, family) or _periodic(config, layers, name, family, mixers)
    return told if Counter(told) == Counter(mixers) else ()


def _listed(config: Values, family: Family | None) -> tuple[Mixer, ...]:
    kinds = [kind_named(name) for name in listed_kinds(config)[0]]
    mamba = family is not None and family.mamba
    known = tuple("ssm" if kind == "linear" and mamba else kind for kind in kinds if kind is not None)
    return known if len(known) == len(kinds) else ()


def _periodic(
    config: Values, layers: int, name: str, family: Family | None, mixers: dict[Mixer, int]
) -> tuple[Mixer, ...]:
    other = next((kind for kind in mixers if kind != "attention"), None)
    full = _full(config, name, family, mixers.get("attention", 0))
    if other is None or full is None or len(mixers) != 2:
        return ()
    return tuple("attention" if full(number) else other for number in range(layers))


def _full(config: Values, name: str, family: Family | None, count: int) -> Callable[[int], bool] | None:
    """Return what tells of a layer, counted from 0, whether it looks at all tokens; None when nothing does.

    As the modelling code of each family has it: Gemma 2 begins with a window, those with a pattern end each turn with a
    full layer, Qwen's windows begin behind the full layers.
    """
    if name == "jamba":
        period = config.whole("attn_layer_period", high=MAX_COUNT) or 1
        offset = config.whole("attn_layer_offset", high=MAX_COUNT, low=0)
        return lambda number: number % period == offset
    window = family.window if family else ""
    if window == "even":
        return lambda number: number % 2 == 1
    if window == "switch":
        return lambda number: number < count
    if window == "chunks":
        roped = config.wholes("no_rope_layers", high=1, low=0)
        if roped:
            return lambda number: number < len(roped) and roped[number] == 0
    every = _period(config, name, window, family)
    return None if every is None else lambda number: (number + 1) % every == 0


def _period(config: Values, name: str, window: str, family: Family | None) -> int | None:
    if name == "qwen3_next":
        return config.whole("full_attention_interval", high=MAX_COUNT)
    if window == "pattern" and family:
        return config.whole("sliding_window_pattern", high=MAX_COUNT) or family.pattern
    if window == "chunks":
        return config.whole("no_rope_layer_interval", high=MAX_COUNT) or 4
    return None
