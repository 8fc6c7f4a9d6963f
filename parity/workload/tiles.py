"""Knows how a matrix product divides into tiles, and tiles into waves over the units of a device."""

from __future__ import annotations

from parity.model.workload import GemmTiles

# NVIDIA, Matrix Multiplication Background User's Guide, section 2.3: the large tiles that reuse data best.
MENU = ((256, 128), (128, 256), (128, 128))
SEARCH = 0.125  # how far from a dimension a better one is looked for
WORTHWHILE = 1.05  # time now over time then, from which a better value is named


def tiles_and_waves(m: int, n: int, units: int, tile: tuple[int, int]) -> GemmTiles:
    """Return how an m x n product divides: ``ceil(m/Tm) ceil(n/Tn)`` tiles, as many waves as ``units`` need for them.

    Args:
        m: rows of the result.
        n: columns of the result.
        units: SMs or CUs, each with one tile at a time.
        tile: (rows, columns).

    >>> tiles_and_waves(4096, 4096, 132, (256, 128)).waves, tiles_and_waves(4096, 4096, 170, (256, 128)).wave_efficiency
    (4, 0.7529411764705882)
    """
    tiles, waves, tile_efficiency, wave_efficiency = _divided(m, n, units, tile)
    return GemmTiles(
        tile=f"{tile[0]}x{tile[1]}",
        tiles=tiles,
        waves=waves,
        tile_efficiency=tile_efficiency,
        wave_efficiency=wave_efficiency,
        efficiency=tile_efficiency * wave_efficiency,
    )


def _divided(m: int, n: int, units: int, tile: tuple[int, int]) -> tuple[int, int, float, float]:
    """Return (tiles, waves, tile efficiency, wave efficiency)."""
    rows, columns = -(-m // tile[0]), -(-n // tile[1])
    tiles = rows * columns
    waves = -(-tiles // units)
    return tiles, waves, m * n / (rows * tile[0] * columns * tile[1]), tiles / (waves * units)


def best_tiles(m: int, n: int, units: int) -> GemmTiles:
    """Return the division with the tile of the menu that wastes least; the larger tile where two are level."""
    return max((tiles_and_waves(m, n, units, tile) for tile in MENU), key=lambda told: round(told.efficiency, 9))


def _best_efficiency(m: int, n: int, units: int) -> float:
    """Return ``best_tiles(m, n, units).efficiency``; dozens of candidates are asked for nothing else."""
    each = (_divided(m, n, units, tile) for tile in MENU)
    return max((tiled * waved for _, _, tiled, waved in each), key=lambda efficiency: round(efficiency, 9))


def better_columns(m: int, n: int, units: int, step: int, *, least: int = 1) -> tuple[int, float] | None:
    """Return (nearest n that is worth it, its efficiency over that of n), None when none within reach is.

    Args:
        m: rows of the result.
        n: columns as they are.
        units: SMs or CUs.
        step: candidates are multiples of this.
        least: candidates are not below this: a vocabulary can be padded, not cut.
    """
    now = _best_efficiency(m, n, units)
    reach = int(n * SEARCH)
    # Efficiency only changes where the number of tile columns does, so multiples of the smallest tile are enough.
    step = step * -(-128 // step)
    candidates = range(-(-(n - reach) // step) * step, n + reach + 1, step)
    for other in sorted(candidates, key=lambda other: (abs(other - n), other)):
        if other >= least and other != n:
            gain = _best_efficiency(m, other, units) / now
            if gain >= WORTHWHILE:
                return other, gain
    return None
