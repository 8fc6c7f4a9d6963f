"""Knows the rooflines of the page of ``parity compare``, where the bound flips, and size against efficiency."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.compare.quantities import times_text
from parity.reports.compare_rows import format_word
from parity.reports.html.markup import el
from parity.reports.html.page import fold, section
from parity.reports.html.roofline import TONES, Roof, roofline
from parity.reports.html.tables import Column, table
from parity.units import fewest_digits, plural

if TYPE_CHECKING:
    from parity.model.compare import Comparison
    from parity.reports.html.markup import Html

MOST_ROWS = 400
RATES = ("tflops_bf16", "tflops_fp16", "tflops_fp32")  # for the roofline, the first that every column has


def roofs_of(comparison: Comparison) -> Html | None:
    """Return the rooflines of all columns; None where no format's rate is known of each."""
    rows = {row.name: row for row in comparison.raw}
    bandwidth = rows.get("memory_bandwidth_gbps")
    for name in RATES:
        rate = rows.get(name)
        if rate is None or bandwidth is None:
            continue
        numbers = [
            (part.label, tflops.value, gbps.value)
            for part, tflops, gbps in zip(comparison.parts, rate.cells, bandwidth.cells, strict=True)
        ]
        roofs = [
            Roof(label, tone, tflops, gbps)
            for tone, (label, tflops, gbps) in zip(TONES, numbers, strict=False)
            if tflops and gbps
        ]
        if len(roofs) == min(len(numbers), len(TONES)):
            more = len(numbers) - len(roofs)
            rest = el("p", f"{plural(more, 'more column')} left out of the picture", class_="dim") if more else None
            return section(
                "roofline", "Roofline", roofline(roofs, rate=format_word(name[7:])), rest, flips_of(comparison)
            )
    return None


def flips_of(comparison: Comparison) -> Html | None:
    """Return where the bound flips, one row per format and column; None where nothing is known."""
    columns = [Column("format", "head"), Column("between", "number"), Column("what flips", "text")]
    rows = [
        (
            format_word(one.dtype),
            ""
            if one.low is None or one.high is None
            else f"{fewest_digits(one.low)} to {fewest_digits(one.high)} FLOP/B",
            one.says,
        )
        for one in comparison.flips
    ]
    if not rows:
        return None
    return fold("Where the bound flips, by format", table("Where the bound flips", columns, rows, limit=MOST_ROWS))


def factors_of(comparison: Comparison, about: int) -> list[Html]:
    """Return what of a ratio is size and power, and what is efficiency."""
    rows = {row.name: row for row in comparison.raw}
    found = [one for one in comparison.factors if one.other == about and one.total.value is not None]
    found = [one for one in found if one.arithmetic]
    if not found:
        return []
    first, other = comparison.parts[0].label, comparison.parts[about].label
    columns = [
        Column("of", "head"), Column("total", "number"), Column("size", "number"), Column("efficiency", "number"),
        Column("in full", "text"),
    ]  # fmt: skip
    cells = [
        (
            rows[one.quantity].title if one.quantity in rows else one.quantity,
            times_text(one.total),
            times_text(one.size),
            times_text(one.efficiency),
            one.arithmetic,
        )
        for one in found
    ]
    told = table(f"{other} over {first}: total = size x efficiency", columns, cells, limit=MOST_ROWS)
    return [el("h3", "What of it is size and power, and what is efficiency"), told]
