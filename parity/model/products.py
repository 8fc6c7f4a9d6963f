"""Knows a model's dimensions and matrix products against what hardware asks, as ``parity model`` reports them."""

from typing import Literal

import msgspec

Answer = Literal["yes", "no", "unknown"]


class ShapeCheck(msgspec.Struct, frozen=True, kw_only=True):
    """One dimension against what the hardware or the split asks of it.

    Attributes:
        dimension: ``intermediate_size``, ``vocab_size``, ``num_attention_heads / tp``.
        asks: ``a multiple of 64 (128 bytes of bf16)``.
        good: whether it holds on the target; ``here`` likewise on the device here, None when none was given.
        better: nearest value that holds.
        gain: estimated time now over time with the better value, None when not estimated.
        note: what the estimate rests on.
    """

    dimension: str
    value: int
    asks: str
    good: Answer
    here: Answer | None = None
    better: int | None = None
    gain: float | None = None
    note: str = ""


class GemmTiles(msgspec.Struct, frozen=True, kw_only=True):
    """How a matrix product divides into tiles and waves on one device.

    Attributes:
        tile: ``256x128`` (rows x columns), the one with the best product of both efficiencies.
        efficiency: tile efficiency x wave efficiency.
    """

    tile: str
    tiles: int
    waves: int
    tile_efficiency: float
    wave_efficiency: float
    efficiency: float


class Gemm(msgspec.Struct, frozen=True, kw_only=True):
    """One matrix product of the model, m x n x k on one device.

    Attributes:
        better_n: nearest n, a multiple of the alignment, that wastes less; None when none nearby does.
        gain: time now over time at ``better_n`` per unit of work; 1 or more.
    """

    name: str
    m: int
    n: int
    k: int
    target: GemmTiles | None
    here: GemmTiles | None
    better_n: int | None = None
    gain: float | None = None
