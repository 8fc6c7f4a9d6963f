"""Knows the ceilings on speed of the page of ``parity model``: the published peaks', and the roofline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.reports.html.bars import ratio_bar, scale_of
from parity.reports.html.markup import el
from parity.reports.html.page import chip
from parity.reports.html.roofline import Roof, roofline
from parity.reports.html.tables import Column, table
from parity.reports.model_rows import (
    REDUCE_ROWS,
    UNKNOWN,
    batch_text,
    decodes,
    number_text,
    reduce_text,
    seconds_text,
    size_text,
)
from parity.units import format_ratio

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parity.model.workload import DeviceBound, ModelReport
    from parity.reports.html.markup import Html

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def speed_of(report: ModelReport) -> list[Html]:
    """Return the ceilings of the published peaks, and the roofline."""
    bound = report.bound
    reduced = reduce_text(report)
    told = [_speed_table(report), *([el("p", reduced, class_="dim")] if reduced else [])]
    pairs = [(bound.target, "target"), *([(bound.here, "here")] if bound.here else [])]
    roofs = [
        Roof(side.device, tone, side.dense_tflops, side.bandwidth_gbps)
        for side, tone in pairs
        if side.dense_tflops and side.bandwidth_gbps
    ]
    points = [
        (letter, phase.intensity_flop_per_byte)
        for letter, phase in zip(LETTERS, bound.phases, strict=False)
        if phase.intensity_flop_per_byte is not None
    ]
    unit, _, rate = bound.target.rate_name.upper().partition("_")
    phases = _phases(report) if bound.phases else None
    drawn = roofline(roofs, points, rate=rate, unit=unit, behind=phases)
    if drawn:
        return [*told, el("h3", "Roofline"), drawn]
    return [*told, *([phases] if phases else [])]


def _speed_table(report: ModelReport) -> Html:
    bound, memory = report.bound, report.footprint
    sides = [bound.target, *([bound.here] if bound.here else [])]
    asked = f"decode, batch {memory.batch}, context {memory.context}"
    rates = [("prefill" if decodes(report) else "encoding", [side.prefill_tokens_s for side in sides])]
    if decodes(report):
        rates = [
            ("decode, batch 1, no context", [side.decode_tokens_s for side in sides]),
            ("the same, embedding looked up", [side.decode_tokens_s_without_embedding for side in sides]),
            (asked, [side.decode_tokens_s_at_context for side in sides]),
            *rates,
        ]
    columns = [Column("ceiling", "head"), *(Column(f"{side.count}x {side.device}", "number") for side in sides)]
    ratios = [_over(values) for _, values in rates] if bound.here else []
    if bound.here:
        columns += [Column("ratio", "number"), Column("here over target", "bar")]
    scale = scale_of(ratios)
    rows = []
    for number, (name, values) in enumerate(rates):
        row: list[str | Html | None] = [name, *(number_text(value, "token/s") for value in values)]
        if bound.here:
            ratio = ratios[number]
            row += [el("span", format_ratio(ratio), class_="ratio"), ratio_bar(ratio, "here", scale)]
        rows.append(row)
    further = _further_rows(sides, decoding=decodes(report))
    rows += [_further(name, cells, both=bound.here is not None) for name, cells in further]
    caption = "From published peaks, all devices together; no kernel reaches them"
    return table(caption, columns, rows, class_="ratios" if bound.here else "")


def _further_rows(sides: Sequence[DeviceBound], *, decoding: bool) -> list[tuple[str, list[str]]]:
    rows = [("ridge point", [number_text(side.ridge_flop_per_byte, "FLOP/B") for side in sides])]
    if decoding:
        rows.append(("weights compute-bound", [batch_text(side) for side in sides]))
        rows.append(("cache read per step", [size_text(side.kv_read_bytes_per_step) for side in sides]))
    if any(side.all_reduce_s_per_layer_decode is not None for side in sides):
        rows.append((REDUCE_ROWS[0], [seconds_text(side.all_reduce_s_per_layer_decode) for side in sides]))
        rows.append((REDUCE_ROWS[1], [seconds_text(side.all_reduce_s_per_layer_prefill) for side in sides]))
    return rows


def _further(name: str, cells: Sequence[str], *, both: bool) -> list[str | Html | None]:
    return [name, *cells, *(["", None] if both else [])]


def _over(values: Sequence[float | None]) -> float | None:
    target, here = values
    return here / target if here is not None and target else None


def _phases(report: ModelReport) -> Html:
    bound = report.bound
    columns = [Column("phase", "head"), Column("intensity", "number"), Column(f"on {bound.target.device} by")]
    columns += [Column(f"on {bound.here.device} by"), Column("so it")] if bound.here else []
    rows = []
    for letter, phase in zip(LETTERS, bound.phases, strict=False):
        row: list[str | Html] = [
            f"{letter}: {phase.phase}",
            number_text(phase.intensity_flop_per_byte, "FLOP/B"),
            phase.target,
        ]
        if bound.here:
            row += [phase.here or UNKNOWN, chip("flips", "doubt") if phase.flips else ""]
        rows.append(row)
    return table("What binds each phase", columns, rows)
