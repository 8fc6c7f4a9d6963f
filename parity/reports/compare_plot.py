"""Knows the picture of ``parity compare``: rooflines of all devices, and bars of what is normalised.

Drawn with matplotlib, an optional extra. Colours are those of Okabe and Ito, told apart by the colour-blind; each
device also has a line style and a marker or hatch of its own, so that the picture reads in grey.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parity.compare.quantities import digits, numbers
from parity.errors import UsageError
from parity.outputs import make_folders

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parity.model.compare import Comparison, Quantity, Row

SUFFIXES = (".png", ".svg")
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C6D31")
STYLES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
HATCHES = ("", "//", "..", "xx", "\\\\", "++", "oo", "--")
BARS = (
    "memory_bandwidth_gbps/power_default_w",
    "tflops_bf16/power_default_w",
    "tflops_bf16/transistors",
    "tflops_bf16/(unit_count*clock_rate_mhz)",
    "memory_bandwidth_gbps/memory_bytes",
    "tflops_bf16_measured/tflops_bf16",
)
DTYPE = "bf16"
MOST_INSIDE = 6  # entries of a legend that leave the lines to be seen
MEND = "install it: python -m pip install 'gpu-parity[plot]'"


def write(comparison: Comparison, path: str) -> None:
    """Draw the comparison into a file.

    Args:
        comparison: what to draw.
        path: ends with ``.png`` or ``.svg``.

    Raises:
        UsageError: matplotlib is missing, the suffix is another, or the file cannot be written.
    """
    if Path(path).suffix.lower() not in SUFFIXES:
        raise UsageError("a picture is a .png or a .svg", where=f"--plot {path}", mend="give the file such a name")
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UsageError("drawing needs matplotlib, which is not installed", where="--plot", mend=MEND) from error
    # Names come from files: a dollar sign is no formula, and text stays text in an SVG. The hash salt makes ids stable.
    with mpl.rc_context({"text.parse_math": False, "svg.fonttype": "none", "svg.hashsalt": "parity"}):
        picture = _drawn(Figure, comparison)
        metadata = {"Date": None} if path.lower().endswith(".svg") else None
        try:
            make_folders(path)
            picture.savefig(path, dpi=150, metadata=metadata)
        except OSError as error:
            what = f"cannot be written: {error.strerror or error}"
            raise UsageError(what, where=f"--plot {path}", mend="check the folder") from error


def _drawn(figure_class: Any, comparison: Comparison) -> Any:
    labels = [_plain(part.label) for part in comparison.parts]
    rows = {row.name: row for row in comparison.normalised}
    bars = [rows[name] for name in BARS if any(cell.state == "known" for cell in rows[name].cells)]
    lines = math.ceil(len(bars) / 3)
    each = 0.28 * len(labels) + 1.0
    picture = figure_class(figsize=(12, 5.2 + lines * each), layout="constrained")
    upper, lower = picture.subfigures(2, 1, height_ratios=[5.2, max(lines * each, 0.01)])
    _roofline(upper.subplots(), comparison, labels)
    if bars:
        axes = lower.subplots(lines, 3, squeeze=False).flatten()
        for position, (axis, row) in enumerate(zip(axes, bars, strict=False)):
            _bars(axis, row, labels, named=position % 3 == 0)
        for axis in axes[len(bars) :]:
            axis.set_visible(False)
    return picture


def _plain(text: str) -> str:
    """Return a label of characters that the font has; matplotlib leaves out what starts with an underscore."""
    plain = "".join(character if character.isascii() else "?" for character in text)
    return f" {plain}" if plain.startswith("_") else plain


def _look(position: int) -> dict[str, Any]:
    count = len(COLOURS)
    return {"color": COLOURS[position % count], "linestyle": STYLES[(position + position // count) % len(STYLES)]}


def _roofline(axis: Any, comparison: Comparison, labels: Sequence[str]) -> None:
    """Draw what each device attains at each intensity; a marker stands on its ridge point."""
    facts = {row.name: row.cells for row in comparison.raw}
    drawn, undrawn = [], []
    for position, label in enumerate(labels):
        band, rate = facts["memory_bandwidth_gbps"][position], facts[f"tflops_{DTYPE}"][position]
        if band.state == rate.state == "known":
            drawn.append((position, label, numbers(band)[0], numbers(rate)[0]))
        else:
            undrawn.append(label)
    ridges = [1e3 * tflops / gbps for _, _, gbps, tflops in drawn]
    low, high = (min(ridges) / 30, max(ridges) * 10) if ridges else (1.0, 1000.0)
    for (position, label, gbps, tflops), ridge in zip(drawn, ridges, strict=True):
        told = f"{label}: {digits(gbps)} GB/s, {digits(tflops)} TFLOPS, ridge {digits(ridge)}"
        axis.plot([low, ridge, high], [low * gbps / 1e3, tflops, tflops], linewidth=2, label=told, **_look(position))
        colour, marker = COLOURS[position % len(COLOURS)], MARKERS[position % len(MARKERS)]
        axis.plot(
            [ridge], [tflops], color=colour, marker=marker, markersize=8, linestyle="none", markeredgecolor="white"
        )
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xlim(low, high)
    for one in (axis.xaxis, axis.yaxis):  # plain numbers: formulas are switched off
        one.set_major_formatter(lambda value, _position: f"{value:g}")
        one.set_minor_formatter(lambda _value, _position: "")
    axis.set_xlabel("arithmetic intensity, FLOP per byte of memory traffic")
    axis.set_ylabel("attainable, TFLOPS")
    without = f"   (not drawn, a fact is unknown: {', '.join(undrawn)})" if undrawn else ""
    axis.set_title(f"Roofline of published peaks, dense {DTYPE.upper()}{without}", loc="left", fontsize=11)
    axis.grid(visible=True, which="major", color="#dddddd", linewidth=0.8)
    if drawn:
        beside = {"loc": "center left", "bbox_to_anchor": (1.01, 0.5)}
        where = {"loc": "lower right"} if len(drawn) <= MOST_INSIDE else beside
        axis.legend(fontsize=9, title="markers: ridge points, FLOP/byte", **where)


def _bars(axis: Any, row: Row, labels: Sequence[str], *, named: bool) -> None:
    """Draw one fact as bars; a line spans what the sources say, and an unknown one is said, not drawn as nothing."""
    highest = max(numbers(cell)[2] for cell in row.cells if cell.state == "known")
    for position, cell in enumerate(row.cells):
        _bar(axis, position, cell, highest)
    axis.set_yticks(range(len(labels)), labels if named else [""] * len(labels), fontsize=9)
    axis.set_ylim(len(labels) - 0.4, -0.6)
    axis.set_xlim(0, highest * 1.3)
    axis.set_title(row.title, loc="left", fontsize=10)
    axis.set_xlabel(row.unit or "ratio", fontsize=9)
    axis.tick_params(axis="x", labelsize=8)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)


def _bar(axis: Any, position: int, cell: Quantity, highest: float) -> None:
    if cell.state != "known":
        axis.text(highest * 0.02, position, cell.state, va="center", fontsize=9, color="#555555", style="italic")
        return
    value, low, high = numbers(cell)
    colour, hatch = COLOURS[position % len(COLOURS)], HATCHES[position % len(HATCHES)]
    axis.barh(position, value, height=0.7, color=colour, hatch=hatch, edgecolor="white", linewidth=0.5)
    if high > low * 1.005:
        axis.plot([low, high], [position, position], color="#333333", linewidth=1.5, marker="|", markersize=8)
    axis.text(max(value, high) + highest * 0.02, position, _span(value, low, high), va="center", fontsize=9)


def _span(value: float, low: float, high: float) -> str:
    return digits(value) if high <= low * 1.005 else f"{digits(low)}-{digits(high)}"
