"""Knows the one screen of ``parity compare``: what carries over per class of workload, and the facts that decide it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from parity.compare.column import FORMATS
from parity.compare.quantities import times_text
from parity.reports.compare_lines import carried, head, table, work, wrapped
from parity.reports.compare_rows import Line, format_word, sections

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.model.compare import Comparison, Inference

BY_PEAK = "By peak: other code or wires run there, and may reach another share of it."
AS_PUBLISHED = "Dense peaks, as published; a span (7672-8000) is what sources disagree on."
MORE = "-v: all formats, facts, figures per watt, per SM or CU and per die, ridge points, sources."
MARKED = "! with a reservation: it is told where two are compared, and by -v."
ALWAYS = ("bf16", "fp8")
IF_KNOWN = ("fp16", "fp4")
NO_FIGURE = "no figure"
WORKLOADS = ("bandwidth", "compute", "latency", "capacity", "link")
DECIDE = (
    "unit_count", "memory_bytes", "memory_reported_bytes", "memory_bandwidth_gbps", "tflops_fp16", "tflops_bf16",
    "tflops_fp8", "tflops_fp4", "tflops_bf16_measured", "tflops_fp8_measured", "link_bandwidth_gbps", "power_default_w",
)  # fmt: skip


def lines(comparison: Comparison, width: int) -> Iterator[str]:
    """Yield the text, line by line."""
    yield from (*head(comparison, width), "")
    one_other = len(comparison.parts) == 2
    yield from _about_one(comparison, width) if one_other else _about_each(comparison, width)
    yield ""
    raw = [row for row in comparison.raw if row.name in DECIDE]
    sold = all(cell.state == "known" for row in raw if row.name == "memory_bytes" for cell in row.cells)
    rest = "memory_reported_bytes" if sold else "memory_bytes"  # one of the two sizes is enough
    deciding = msgspec.structs.replace(
        comparison, raw=tuple(row for row in raw if row.name != rest), normalised=(), ridges=()
    )
    for _, rows in sections(deciding, every_row=False):
        yield from (*table("what decides", rows, comparison.parts, width), "")
    for note in (BY_PEAK, AS_PUBLISHED, *(() if one_other else (MARKED,)), MORE):
        yield from wrapped(note, width, 0)


def _is_shown(item: Inference) -> bool:
    if item.workload != "compute" or item.dtype in ALWAYS:
        return True
    return item.dtype in IF_KNOWN and _figure(item) != NO_FIGURE


def _about_one(comparison: Comparison, width: int) -> Iterator[str]:
    """Yield the statement per class of workload, whole; formats that few ask for share a line."""
    told = [_calm(item) for item in comparison.inferences if _is_shown(item)]
    yield from carried(comparison, 1, told, width)
    others = [item for item in comparison.inferences if not _is_shown(item)]
    if others:
        name = max(len(work(item)) for item in told)
        figures = [f"{format_word(item.dtype)} {_figure(item)}" for item in others if _figure(item) != NO_FIGURE]
        without = ", ".join(format_word(item.dtype) for item in others if _figure(item) == NO_FIGURE)
        figures += [f"{NO_FIGURE} for {without}"] if without else []
        yield from wrapped(f"{'other formats':<{name}}  {'; '.join(figures)}", width, 2, hang=name + 2)


def _calm(item: Inference) -> Inference:
    """Return an inference without what explains it further; what stands against its figure stays."""
    return msgspec.structs.replace(item, caveats=()) if item.workload == "latency" else item


def _figure(item: Inference) -> str:
    is_carried = item.carries in ("scaled", "bound") and item.ratio.value is not None
    return times_text(item.ratio) if is_carried else NO_FIGURE


def _about_each(comparison: Comparison, width: int) -> Iterator[str]:
    """Yield a row per class of workload, a column per device; formats without any figure have none."""
    cells: dict[str, list[str]] = {}
    for item in sorted(comparison.inferences, key=_rank):
        if item.workload != "compute" or item.dtype in (*ALWAYS, *IF_KNOWN):
            row = cells.setdefault(work(item), ["", *[NO_FIGURE] * (len(comparison.parts) - 1)])
            row[item.about] = _figure(item) + ("!" if _calm(item).caveats else "")
    idle = {f"{format_word(name)} compute-bound" for name in IF_KNOWN}
    first = ("1.00x", *["" for _ in comparison.parts[1:]])
    rows = [
        Line(name, first, tuple(row)) for name, row in cells.items() if name not in idle or {*row[1:]} != {NO_FIGURE}
    ]
    told = f"what a result on {comparison.parts[0].label} says about each: times as fast, or as large"
    yield from wrapped(told, width, 0)
    yield from table("  bound by", rows, comparison.parts, width)


def _rank(item: Inference) -> tuple[int, int]:
    formats = ("", *FORMATS)
    return WORKLOADS.index(item.workload), formats.index(item.dtype)
