"""Knows which parts of a quantised model stay wide: what its file lists, held against what is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from parity.workload.module_names import is_idle, levels_of, selects
from parity.workload.parameters import Part, parts_of

if TYPE_CHECKING:
    from parity.workload.model_shape import ModelShape, Quantization
    from parity.workload.module_patterns import Selector

# Further names of the first step: Nemotron-H calls every kind of layer a mixer.
_ALSO_MIXER = {"self_attn": ("mixer",), "mlp": ("mixer",), "mixer": ("mamba",)}
_ALSO = {"nemotron_h": _ALSO_MIXER, "qwen3_next": {"mixer": ("linear_attn",)}}
_ALSO_ELSEWHERE = {"mixer": ("mamba",)}
_CONTAINERS = ("self_attn", "mlp", "experts", "shared_experts", "mixer", "indexer")


class _Module(msgspec.Struct, frozen=True):
    """One kind of matrix of a part: its names, and how much of the part it is."""

    part: Part
    levels: tuple[frozenset[str], ...]
    share: float


def with_wide_parts(shape: ModelShape) -> ModelShape:
    """Return the shape with what its quantisation leaves wide; patterns that name nothing known are unread."""
    stored = shape.quantization
    parts = parts_of(shape) if stored else None
    if stored is None or parts is None:
        return shape
    modules = [module for part in parts if part.matrix and part.share != "head" for module in _modules(part, shape)]
    present = frozenset(name for module in modules for level in module.levels for name in level)
    lost = [
        one.pattern
        for one in (*stored.skipped, *(stored.only or ()))
        if not any(selects(one, module.levels) for module in modules) and not is_idle(one, present)
    ]
    wide: dict[str, float] = {}
    for module in modules:
        share = _wide(module, stored, shape.layers)
        if share:
            path = module.part.path
            wide[path] = min(1.0, wide.get(path, 0.0) + share * module.share)
    whole = {path: 1.0 if share > 1 - 1e-9 else share for path, share in wide.items()}
    told = msgspec.structs.replace(stored, wide=whole, unread=(*stored.unread, *dict.fromkeys(lost)))
    return msgspec.structs.replace(shape, quantization=told)


def _modules(part: Part, shape: ModelShape) -> list[_Module]:
    words = part.path.split()
    above = [word for word in words if word in _CONTAINERS]
    sizes = part.split or dict.fromkeys([word for word in words if word not in above] or [""], 1)
    whole = sum(sizes.values())
    also = _ALSO.get(shape.family, _ALSO_ELSEWHERE).get(words[0], ())
    return [_Module(part, levels_of(" ".join([*above, name]), *also), size / whole) for name, size in sizes.items()]


def _wide(module: _Module, stored: Quantization, layers: int) -> float:
    """Return the share of a module's layers that stay wide; where it is not known which it is in, the most."""
    left = _picked(stored.skipped, module, layers)
    taken = _picked(stored.only, module, layers) if stored.only is not None else frozenset(range(layers))
    part = module.part
    if part.at is not None or part.layers == layers:
        at = part.at if part.at is not None else frozenset(range(layers))
        return len((left | (frozenset(range(layers)) - taken)) & at) / len(at) if at else 0.0
    narrow = part.layers - (layers - len(taken)) - len(left)
    return 1 - max(0, min(narrow, part.layers)) / (part.layers or layers)


def _picked(selectors: tuple[Selector, ...] | None, module: _Module, layers: int) -> frozenset[int]:
    every = frozenset(range(layers))
    told: frozenset[int] = frozenset()
    for one in selectors or ():
        if selects(one, module.levels):
            told |= every if one.layers is None else one.layers
    return told
