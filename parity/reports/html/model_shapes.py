"""Knows which dimensions and products waste, on the page of ``parity model``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.reports.html.bars import ratio_bar
from parity.reports.html.markup import el
from parity.reports.html.model_words import MOST_ROWS, TONES
from parity.reports.html.page import chip, fold
from parity.reports.html.tables import Column, table
from parity.reports.model_rows import (
    UNKNOWN,
    good_text,
)
from parity.units import format_ratio, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parity.model.workload import Gemm, GemmTiles, ModelReport, ShapeCheck
    from parity.reports.html.markup import Html


def shapes_of(report: ModelReport) -> list[Html]:
    """Return which dimensions and products waste."""
    poor = [check for check in report.shapes if check.good != "yes"]
    good = [check for check in report.shapes if check.good == "yes"]
    told: list[Html] = []
    if poor:
        told.append(_shape_table("Dimensions that waste, or that could not be told", poor, report))
    told.append(el("p", f"On {report.target}: {good_text(report)}."))
    if report.gemms:
        told.append(_products(report))
    if good:
        table_ = _shape_table("Dimensions that are good", good, report)
        told.append(fold("Dimensions that are good", table_, count=plural(len(good), "dimension")))
    return told


def _shape_table(caption: str, checks: Sequence[ShapeCheck], report: ModelReport) -> Html:
    columns = [
        Column("dimension", "head"), Column("value", "number"), Column("asks for", "text"),
        Column(f"good on {report.target}"), *([Column("good here")] if report.here else []),
        Column("nearest better", "number"), Column("gain", "number"), Column("rests on", "text"),
    ]  # fmt: skip
    rows = []
    for check in checks:
        here = [chip(check.here or UNKNOWN, TONES[check.here or "unknown"])] if report.here else []
        better = "" if check.better is None else str(check.better)
        target = chip(check.good, TONES[check.good])
        gain = format_ratio(check.gain)
        rows.append([check.dimension, str(check.value), check.asks, target, *here, better, gain, check.note])
    return table(caption, columns, rows, limit=MOST_ROWS)


def _products(report: ModelReport) -> Html:
    sides = [report.target, *([report.here] if report.here else [])]
    columns = [Column("product", "head"), Column("m x n x k", "number")]
    for side in sides:
        columns += [Column(f"used of {side}", "number"), Column("as a bar", "bar"), Column("tile, waves")]
    columns += [Column("better n", "number"), Column("gain", "number")]
    rows = [_product(product, len(sides)) for product in report.gemms]
    return table("Matrix products: part of the units' time that is used", columns, rows, limit=MOST_ROWS)


def _product(product: Gemm, sides: int) -> list[str | Html | None]:
    row: list[str | Html | None] = [product.name, f"{product.m} x {product.n} x {product.k}"]
    for tiles in [product.target, product.here][:sides]:
        row += _tiles(tiles)
    better = "" if product.better_n is None else str(product.better_n)
    return [*row, better, format_ratio(product.gain)]


def _tiles(tiles: GemmTiles | None) -> list[str | Html | None]:
    if tiles is None:
        return [UNKNOWN, None, ""]
    tone = "good" if tiles.efficiency >= 0.9 else "doubt"
    bar = ratio_bar(tiles.efficiency, tone, 1.0)
    return [f"{tiles.efficiency:.2f}", bar, f"{tiles.tile}, {plural(tiles.waves, 'wave')}"]
