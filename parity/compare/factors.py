"""Knows how a gain divides into more of the same and better use of it: ``total = size x efficiency``. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.compare.column import rate_name
from parity.compare.quantities import divided, ratio, times_text
from parity.compare.rows import unit_clocks
from parity.model.compare import Factor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parity.compare.column import Column
    from parity.model.compare import Quantity, Ratio

# (the row's name for the basis, words for its size, words for the efficiency)
_BASES = (
    ("power_default_w", "power", "per watt"),
    ("transistors", "transistors", "per transistor"),
    ("compute_dies", "dies", "per die"),
    ("unit_count", "SMs/CUs", "per SM/CU"),
    ("unit_count*clock_rate_mhz", "SM/CU clocks", "per SM/CU clock"),
)
_SPLIT = ("memory_bandwidth_gbps", *(rate_name(dtype) for dtype in ("bf16", "fp8", "fp4", "fp64_tensor")))


def factors(columns: Sequence[Column]) -> tuple[Factor, ...]:
    """Return the splits of bandwidth and dense rates, each column over the first, where the quantity is known."""
    told = []
    for other in range(1, len(columns)):
        for quantity in _SPLIT:
            if all(columns[each].facts[quantity].state == "known" for each in (0, other)):
                told += [_factor(columns, other, quantity, basis) for basis in _BASES if _fits(quantity, basis[0])]
    return tuple(told)


def _fits(quantity: str, basis: str) -> bool:
    """Return whether a basis means something for a quantity: bandwidth is not made by SMs or their clock."""
    return quantity != "memory_bandwidth_gbps" or basis in ("power_default_w", "transistors", "compute_dies")


def _basis(column: Column, name: str) -> Quantity:
    if name == "unit_count*clock_rate_mhz":
        return unit_clocks(column)
    return column.facts["own_power_w" if name == "power_default_w" else name]


def _factor(columns: Sequence[Column], other: int, quantity: str, basis: tuple[str, str, str]) -> Factor:
    one, two = columns[0], columns[other]
    same = one.device is not None and one.device == two.device
    name, size_words, each_words = basis
    over = [_split(column, quantity, name) for column in (two, one)]
    total, size, efficiency = (ratio(over[0][n], over[1][n], same_device=same) for n in range(3))
    return Factor(
        quantity=quantity,
        basis=name,
        first=0,
        other=other,
        total=total,
        size=size,
        efficiency=efficiency,
        arithmetic=_arithmetic(total, size, efficiency, size_words, each_words),
    )


def _split(column: Column, quantity: str, basis: str) -> tuple[Quantity, Quantity, Quantity]:
    whole, size = column.facts[quantity], _basis(column, basis)
    return whole, size, divided(whole, size)


def _arithmetic(total: Ratio, size: Ratio, efficiency: Ratio, size_words: str, each_words: str) -> str:
    if None in (total.value, size.value, efficiency.value):
        return ""
    return f"{times_text(total)} = {times_text(size)} {size_words} x {times_text(efficiency)} {each_words}"
