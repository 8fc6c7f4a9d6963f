"""Knows at which arithmetic intensities two devices are bound by different things, and which is ahead where. Pure.

The roofline: a device attains the least of its dense rate and intensity x bandwidth.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.compare.column import FORMATS, rate_name
from parity.compare.quantities import digits, numbers, ratio
from parity.compare.rows import ridge
from parity.model.compare import Flip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parity.compare.column import Column
    from parity.model.compare import Outcome
NEAR = 1.05  # ridge points within five percent are one: no kernel's intensity is known better


def flips(columns: Sequence[Column]) -> tuple[Flip, ...]:
    """Return, for each column after the first and each format that both compute, where the bound flips."""
    return tuple(
        _flip(columns, dtype, other)
        for other in range(1, len(columns))
        for dtype in FORMATS
        if all(ridge(columns[each], dtype).state == "known" for each in (0, other))
    )


def _flip(columns: Sequence[Column], dtype: str, other: int) -> Flip:
    one, two = columns[0], columns[other]
    same = one.device is not None and one.device == two.device
    ridges = ridge(one, dtype), ridge(two, dtype)
    first, second = numbers(ridges[0])[0], numbers(ridges[1])[0]
    order = ratio(ridges[1], ridges[0], same_device=same).standing
    near = max(first, second) < NEAR * min(first, second)
    compute = None if near or order not in ("higher", "lower") else (0 if order == "higher" else other)
    rate = ratio(two.facts[rate_name(dtype)], one.facts[rate_name(dtype)], same_device=same).standing
    band = ratio(two.facts["memory_bandwidth_gbps"], one.facts["memory_bandwidth_gbps"], same_device=same).standing
    crossing = _crossing(one, two, dtype) if {rate, band} == {"higher", "lower"} else None
    return Flip(
        dtype=dtype,
        first=0,
        other=other,
        low=min(first, second),
        high=max(first, second),
        compute_bound=compute,
        crossing=crossing,
        ahead_below=_ahead(band, other),
        ahead_above=_ahead(rate, other),
        says=_says(one, two, dtype, compute=compute, ahead=(band, rate), crossing=crossing),
    )


def _crossing(one: Column, two: Column, dtype: str) -> float:
    """Return the FLOP per byte at which both attain the same: the lower rate over the lower bandwidth."""
    rates = [column.facts[rate_name(dtype)].value for column in (one, two)]
    bands = [column.facts["memory_bandwidth_gbps"].value for column in (one, two)]
    return 1e3 * min(rate for rate in rates if rate) / min(band for band in bands if band)


def _ahead(standing: Outcome, other: int) -> int | None:
    return {"higher": other, "lower": 0}.get(standing)


def _says(
    one: Column, two: Column, dtype: str, *, compute: int | None, ahead: tuple[Outcome, Outcome], crossing: float | None
) -> str:
    names = one.part.label, two.part.label
    first, second = ridge(one, dtype).value or 0, ridge(two, dtype).value or 0
    if compute is None and max(first, second) < NEAR * min(first, second):
        flip = f"both turn at about {digits(first)} FLOP/B"
    elif compute is None:
        flip = f"the sources do not decide which of {digits(first)} and {digits(second)} FLOP/B is higher"
    else:
        bound, free = names if compute == 0 else (names[1], names[0])
        flip = (
            f"{digits(min(first, second))} to {digits(max(first, second))} FLOP/B: "
            f"compute-bound on {bound}, memory-bound on {free}"
        )
    if crossing is not None:
        below, above = names if ahead[0] == "lower" else (names[1], names[0])
        return f"{flip}; {below} is ahead below {digits(crossing)} FLOP/B, {above} above it"
    leading = _leading(ahead)
    if not leading:
        return flip
    level = {0: " (level where memory binds)", 1: " (level where compute binds)"}
    where = next((level[n] for n in range(2) if ahead[n] == "same"), "")
    return f"{flip}; {names[1] if leading == 'higher' else names[0]} is ahead at every intensity{where}"


def _leading(ahead: tuple[Outcome, Outcome]) -> str:
    """Return ``higher`` or ``lower`` when bandwidth and rate agree on who leads, or one is level; else nothing."""
    decided = {standing for standing in ahead if standing != "same"}
    return decided.pop() if decided in ({"higher"}, {"lower"}) else ""
