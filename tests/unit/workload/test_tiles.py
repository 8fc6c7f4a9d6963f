"""Tiles and waves: the published examples, and every number against counting one by one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parity.workload.tiles import MENU, best_tiles, better_columns, tiles_and_waves

LENGTHS = st.integers(1, 700)
TILES = st.tuples(st.integers(1, 300), st.integers(1, 300))
UNITS = st.integers(1, 300)


@pytest.mark.parametrize(("units", "waves", "efficiency"), [(132, 4, 0.9697), (170, 4, 0.7529)])
def test_a_square_product_on_h100_and_rtx_5090(units: int, waves: int, efficiency: float) -> None:
    told = tiles_and_waves(4096, 4096, units, (256, 128))
    assert (told.tiles, told.waves) == (512, waves)
    assert told.wave_efficiency == pytest.approx(efficiency, abs=5e-5)
    assert told.tile_efficiency == 1


@pytest.mark.parametrize(("n", "tiles", "waves"), [(1792, 98, 1), (1793, 120, 2)])
def test_one_column_more_starts_another_wave_on_a100(n: int, tiles: int, waves: int) -> None:
    told = tiles_and_waves(n, n, 108, (256, 128))
    assert (told.tiles, told.waves) == (tiles, waves)


@settings(deadline=None)
@given(LENGTHS, LENGTHS, UNITS, TILES)
def test_against_counting(m: int, n: int, units: int, tile: tuple[int, int]) -> None:
    placed = [(row, column) for row in range(0, m, tile[0]) for column in range(0, n, tile[1])]
    waves = [placed[start : start + units] for start in range(0, len(placed), units)]
    told = tiles_and_waves(m, n, units, tile)
    assert (told.tiles, told.waves) == (len(placed), len(waves))
    assert told.wave_efficiency == pytest.approx(sum(map(len, waves)) / (len(waves) * units))
    assert told.tile_efficiency == pytest.approx(m * n / (len(placed) * tile[0] * tile[1]))
    assert 0 < told.efficiency <= 1 + 1e-12


@settings(deadline=None)
@given(st.integers(1, 20000), st.integers(1, 20000), UNITS)
def test_no_tile_of_the_menu_wastes_less(m: int, n: int, units: int) -> None:
    best = best_tiles(m, n, units).efficiency
    assert all(tiles_and_waves(m, n, units, tile).efficiency <= best + 1e-9 for tile in MENU)


@settings(deadline=None)
@given(st.integers(1, 4096), st.integers(1, 8192), UNITS, st.sampled_from([8, 64, 96, 128]))
def test_a_better_width_is_nearest_and_worth_it(m: int, n: int, units: int, step: int) -> None:
    now = best_tiles(m, n, units).efficiency
    found = better_columns(m, n, units, step)
    stride = step * -(-128 // step)
    reach = range(max(1, n - int(n * 0.125)), n + int(n * 0.125) + 1)
    good = [w for w in reach if w % stride == 0 and w != n and best_tiles(m, w, units).efficiency / now >= 1.05]
    if found is None:
        assert not good
    else:
        assert found[0] in good
        assert abs(found[0] - n) == min(abs(width - n) for width in good)
        assert found[1] == pytest.approx(best_tiles(m, found[0], units).efficiency / now)


def test_a_vocabulary_is_padded_and_not_cut() -> None:
    smaller = better_columns(1024, 32064, 132, 64)
    assert smaller is not None
    assert smaller[0] < 32064
    larger = better_columns(1024, 32064, 132, 64, least=32064)
    assert larger is None or larger[0] > 32064
