"""Knows what each device holds, on the page of ``parity model``: a figure, where it is known, and numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.reports.html.bars import Part, legend, stacked_bar
from parity.reports.html.markup import el
from parity.reports.html.model_words import TONES
from parity.reports.html.page import chip
from parity.reports.html.tables import Column, table
from parity.reports.model_rows import (
    WORDS,
    cache_text,
    count_text,
    range_text,
    size_text,
    weights_text,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parity.model.workload import ModelReport, Placement
    from parity.reports.html.markup import Html


def _places(report: ModelReport) -> list[Placement]:
    return [report.footprint.target, *([report.footprint.here] if report.footprint.here else [])]


def parts_of(place: Placement) -> list[Part] | None:
    """Return what one device holds, None when weights or cache are not known."""
    if place.weights_bytes is None or place.kv_bytes is None:
        return None
    parts = [
        Part("weights", "part-a", place.weights_bytes, place.weights_bytes),
        Part("cache", "part-b", place.kv_bytes, place.kv_bytes_high or place.kv_bytes),
    ]
    for name, class_, size in (
        ("activations", "part-c", place.activations_bytes),
        ("engine", "part-d", place.overhead_bytes),
    ):
        if size is not None:
            parts.append(Part(name, class_, size.low, size.high))
    return parts


def memory_of(report: ModelReport) -> list[Html]:
    """Return what each device holds: a figure, where it is known, and numbers."""
    places = _places(report)
    drawn = [(place, parts_of(place)) for place in places]
    sizes = [sum(part.high for part in parts) for _, parts in drawn if parts]
    scale = max([1.0, *sizes, *(float(place.memory_bytes) for place in places if place.memory_bytes)]) * 1.02
    bars = []
    for place, parts in drawn:
        if parts is None:
            continue
        name = f"{place.count}x {place.device}"
        need = (
            f"{size_text(int(sum(part.low for part in parts)))} to {size_text(int(sum(part.high for part in parts)))}"
        )
        told = f"{name}: needs {need} of {size_text(place.memory_bytes)} each"
        bars.append(
            el("div", el("p", told, " ", chip(WORDS[place.fits].lower(), TONES[place.fits])),
               stacked_bar(parts, place.memory_bytes, scale, told))
        )  # fmt: skip
    figure = []
    if bars:
        named = [("part-a", "weights"), ("part-b", "cache"), ("part-c", "activations"), ("part-d", "engine")]
        known = legend([*named, ("part-d maybe", "faint: may be needed on top"), ("f-text", "the mark: capacity")])
        figure = [el("figure", *bars, known)]
    return [*figure, _memory_table(report, places), _sizes(report)]


def _memory_table(report: ModelReport, places: Sequence[Placement]) -> Html:
    memory = report.footprint
    columns = [Column("each device", "head"), *(Column(f"{place.count}x {place.device}", "number") for place in places)]
    rows: list[list[str | Html]] = [
        ["weights", *(weights_text(place.weights_bytes, complete=place.complete) for place in places)],
        ["cache", *(cache_text(place) for place in places)],
        ["activations", *(range_text(place.activations_bytes) for place in places)],
        ["engine", *(range_text(place.overhead_bytes) for place in places)],
        ["capacity", *(size_text(place.memory_bytes) for place in places)],
        ["fits", *(chip(WORDS[place.fits].lower(), TONES[place.fits]) for place in places)],
        ["smallest count", *(count_text(place.smallest_count, place) for place in places)],
        [f"most context at batch {memory.batch}", *(count_text(place.largest_context, place) for place in places)],
        [f"most batch at context {memory.context}", *(count_text(place.largest_batch, place) for place in places)],
    ]
    return table("What the fullest device holds", columns, rows)


def _sizes(report: ModelReport) -> Html:
    memory = report.footprint
    source = f", from {memory.weights_source}" if memory.weights_source else ""
    weights = weights_text(memory.weights_bytes, complete=memory.target.complete)
    return el(
        "p",
        f"Weights {weights}{source}. Cache {size_text(memory.kv_bytes_per_token)} per token, "
        f"{size_text(memory.kv_bytes_per_request)} per request, {size_text(memory.kv_bytes)} for the batch.",
        class_="dim",
    )
