"""Knows how many layers of each kind a pipeline stage has: the fullest stage decides, not the average."""

from __future__ import annotations

from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parity.workload.model_shape import ModelShape


class Stage(NamedTuple):
    """Layers of one stage, by what they hold.

    Attributes:
        layers: all of them.
        attention: with ordinary attention, windows included; ``latent``: with latent attention.
        growing: whose cache grows with every token; ``bounded``: up to a window; ``state``: that keep a state.
        dense: with a dense feed-forward; ``experts``: with experts.
    """

    layers: int
    attention: int
    latent: int
    growing: int
    bounded: int
    state: int
    dense: int
    experts: int


def stages_of(shape: ModelShape, pp: int) -> tuple[Stage, ...]:
    """Return the stages that may be the fullest; where the order of the layers is not known, one of the worst case.

    A remainder is dealt out by each engine in its own way, so that then any run of so many layers may be a stage.
    """
    moe = shape.moe
    whole = Stage(
        layers=shape.layers,
        attention=sum(shape.mixers.get(kind, 0) for kind in ("attention", "window", "chunk", "encoder")),
        latent=shape.mixers.get("mla", 0),
        growing=shape.growing_layers,
        bounded=shape.bounded_layers,
        state=shape.state_layers,
        dense=shape.dense_layers,
        experts=moe.layers if moe else 0,
    )
    if pp <= 1:
        return (whole,)
    size = -(-shape.layers // pp)
    experts = moe.at if moe else frozenset()
    known = len(shape.order) == shape.layers and len(experts) == whole.experts
    if known and _runs(shape.order, experts, shape.layers, True) == (whole,):
        return _runs(shape.order, experts, size, shape.layers % pp == 0)
    return (Stage(*(min(count, size) for count in whole)),)


def _kinds(order: Sequence[str], experts: frozenset[int]) -> list[Stage]:
    """Return each layer as a stage of its own."""
    feeds = "feed" in order  # then a feed-forward is a layer of its own
    return [
        Stage(
            layers=1,
            attention=kind in ("attention", "window", "chunk", "encoder"),
            latent=kind == "mla",
            growing=kind in ("attention", "mla"),
            bounded=kind in ("window", "chunk"),
            state=kind in ("ssm", "linear"),
            dense=(kind == "feed" or not feeds) and number not in experts,
            experts=number in experts,
        )
        for number, kind in enumerate(order)
    ]


@lru_cache(maxsize=64)
def _runs(order: tuple[str, ...], experts: frozenset[int], size: int, exact: bool) -> tuple[Stage, ...]:  # noqa: FBT001
    """Return the different stages of ``size`` layers: one after the other, or every run of so many."""
    sums = [list(accumulate(column, initial=0)) for column in zip(*_kinds(order, experts), strict=True)]
    starts = range(0, len(order), size) if exact else range(len(order) - size + 1)
    return tuple(dict.fromkeys(Stage(*(one[at + size] - one[at] for one in sums)) for at in starts))
