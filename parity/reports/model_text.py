"""Knows the text of ``parity model``: does it fit, what binds it, which shapes waste; formulas on request."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from parity.reports.model_rows import (
    HEAD_DIM,
    REDUCE_ROWS,
    UNKNOWN,
    WORDS,
    batch_text,
    cache_text,
    count_text,
    decodes,
    good_text,
    number_text,
    parameters_text,
    per_token_text,
    plain_text,
    range_text,
    ranks_text,
    reduce_text,
    seconds_text,
    size_text,
    value_text,
    weights_text,
)
from parity.units import format_fact

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.model.workload import Gemm, ModelFinding, ModelReport, Working

MIN_WIDTH, MAX_WIDTH = 60, 120
COLOURS = {"yes": "32", "tight": "33", "no": "31", "unknown": "33", "error": "31", "warning": "33", "note": "36"}


def render(
    report: ModelReport, *, verbose: bool = False, width: int = 80, colour: bool = False, ascii_only: bool = False
) -> str:
    """Return the report as text.

    Args:
        report: what to tell.
        verbose: add every dimension and product, the number formats, and the formula and inputs of each number.
        width: columns.
        colour: with ANSI colours.
        ascii_only: for streams that cannot carry anything else; other characters become question marks.
    """
    width = max(MIN_WIDTH, min(width, MAX_WIDTH))
    lines = [*_head(report, width, colour=colour), "", *_footprint(report), "", *_bound(report, width)]
    lines += ["", *_shapes(report, width, verbose=verbose)]
    if verbose:
        lines += ["", *_dtypes(report, width)]
    if report.findings:
        lines += ["", "findings"]
        for finding in report.findings:
            lines += finding_lines(finding, width, colour=colour)
    if report.unknowns:
        lines += ["", "not known"]
        for item in report.unknowns:
            lines += wrapped(f"{item.what}: {item.why}", width, 2)
    if verbose:
        lines += ["", *wrapped(f"not modelled: {'; '.join(report.footprint.not_modelled)}", width, 0)]
        lines += ["", "how each number came about"]
        for working in report.workings:
            lines += _working(working, width)
    text = "\n".join(line.rstrip() for line in lines) + "\n"
    return text.encode("ascii", "replace").decode() if ascii_only else text


def finding_lines(finding: ModelFinding, width: int, *, colour: bool) -> list[str]:
    """Return one finding as lines of at most ``width`` columns, with its waiver or what to do."""
    mark = painted(f"{finding.severity}[{finding.rule}]", COLOURS[finding.severity], colour=colour)
    lines = [f"  {mark} {finding.subject}", *wrapped(finding.message, width, 4)]
    if finding.waived:
        waiver = finding.waived
        return [*lines, *wrapped(waiver.told, width, 4)]
    return [*lines, *wrapped(f"mend: {finding.mend}", width, 4)]


def painted(text: str, code: str, *, colour: bool) -> str:
    """Return the text in a colour, or as it is."""
    return f"\x1b[{code}m{text}\x1b[0m" if colour else text


def wrapped(text: str, width: int, indent: int) -> list[str]:
    """Return the text in lines of at most ``width`` columns, all but the first indented by two more."""
    pad = " " * indent
    return textwrap.wrap(text, width, initial_indent=pad, subsequent_indent=pad + "  ", break_long_words=True)


def _head(report: ModelReport, width: int, *, colour: bool) -> list[str]:
    model, memory = report.model, report.footprint
    word = WORDS[memory.fits]
    layers = ", ".join(f"{count} {kind}" for kind, count in model.layers.items())
    stored = f" ({model.quantization})" if model.quantization else ""
    wide = wrapped(f"wide    {', '.join(model.wide)}", width, 2) if model.wide else []
    split = "; but these ranks cannot split it" if _cannot_be(report) else ""
    first, *more = wrapped(f"{word}  {memory.target.count}x {report.target}: {memory.target.why}{split}", width, 0)
    return [
        first.replace(word, painted(word, COLOURS[memory.fits], colour=colour), 1),
        *more,
        *wrapped(f"model   {model.model_type or 'no type'}: {parameters_text(model)}, {layers} layers", width, 2),
        *wrapped(f"stored  {model.dtype or UNKNOWN}{stored}, cache {model.kv_dtype or UNKNOWN}", width, 2),
        *wide,
        f"  asked   context {memory.context}, batch {memory.batch}, {ranks_text(memory.target)}",
    ]


def _cannot_be(report: ModelReport) -> bool:
    return any(one.rule == "uneven-split" and one.severity == "error" and not one.waived for one in report.findings)


def _footprint(report: ModelReport) -> Iterator[str]:
    memory = report.footprint
    places = [memory.target, *([memory.here] if memory.here else [])]
    whole = weights_text(memory.weights_bytes, complete=memory.target.complete)
    source = f", from {memory.weights_source}" if memory.weights_source else ""
    yield f"memory: weights {whole}{source}; cache {per_token_text(memory)}"
    yield f"  cache {size_text(memory.kv_bytes_per_request)} per request, {size_text(memory.kv_bytes)} for the batch"
    rows = [["each device", *(f"{place.count}x {place.device}" for place in places)]]
    rows.append(["weights", *(weights_text(place.weights_bytes, complete=place.complete) for place in places)])
    rows.append(["cache", *(cache_text(place) for place in places)])
    rows.append(["activations", *(range_text(place.activations_bytes) for place in places)])
    rows.append(["engine", *(range_text(place.overhead_bytes) for place in places)])
    rows.append(["of", *(size_text(place.memory_bytes) for place in places)])
    rows.append(["fits", *(place.fits for place in places)])
    rows.append(["smallest count", *(count_text(place.smallest_count, place) for place in places)])
    rows.append(
        [f"most context at batch {memory.batch}", *(count_text(place.largest_context, place) for place in places)]
    )
    rows.append([f"most batch at {memory.context}", *(count_text(place.largest_batch, place) for place in places)])
    yield from _table(rows)


def _bound(report: ModelReport, width: int) -> Iterator[str]:
    bound, memory = report.bound, report.footprint
    sides = [bound.target, *([bound.here] if bound.here else [])]
    yield "bound: ceilings of the published peaks, all devices together"
    rows = [["", *(f"{side.count}x {side.device}" for side in sides)]]
    rows.append(["ridge point", *(number_text(side.ridge_flop_per_byte, "FLOP/B") for side in sides)])
    if decodes(report):
        rates = {
            "decode, batch 1, no context": [side.decode_tokens_s for side in sides],
            "  embedding looked up": [side.decode_tokens_s_without_embedding for side in sides],
            f"decode, batch {memory.batch}, context {memory.context}": [
                side.decode_tokens_s_at_context for side in sides
            ],
        }
        rows += [[name, *(number_text(rate, "token/s") for rate in told)] for name, told in rates.items()]
    name = "prefill" if decodes(report) else "encoding"
    rows.append([name, *(number_text(side.prefill_tokens_s, "token/s") for side in sides)])
    if decodes(report):
        rows.append(["weights compute-bound", *(batch_text(side) for side in sides)])
        rows.append(["cache read per step", *(size_text(side.kv_read_bytes_per_step) for side in sides)])
    if any(side.all_reduce_s_per_layer_decode is not None for side in sides):
        rows.append([REDUCE_ROWS[0], *(seconds_text(side.all_reduce_s_per_layer_decode) for side in sides)])
        rows.append([f"  {REDUCE_ROWS[1]}", *(seconds_text(side.all_reduce_s_per_layer_prefill) for side in sides)])
    for phase in bound.phases:
        told = [phase.target, *([phase.here or UNKNOWN] if bound.here else [])]
        rows.append([f"{phase.phase}: bound by", *told])
    yield from _table(rows)
    yield from wrapped(reduce_text(report), width, 2)


def _shapes(report: ModelReport, width: int, *, verbose: bool) -> Iterator[str]:
    yield "shapes"
    # A library of unknown limits is named in the sentence below; each with its reason is for who asks for more.
    poor = [
        check
        for check in report.shapes
        if verbose or check.good == "no" or (check.good == "unknown" and not check.dimension.startswith(HEAD_DIM))
    ]
    for check in poor:
        better = f"; nearest {check.better}" if check.better else ""
        gain = f", about {check.gain:.2f}x" if check.gain else ""
        words = ("good", "not") if not check.dimension.startswith(HEAD_DIM) else ("good,", "refused:")
        word = {"yes": words[0], "no": words[1], "unknown": "unknown:"}[check.good]
        here = f" (here: {check.here})" if check.here and check.here != check.good else ""
        text = f"{check.dimension} {check.value}: {word} {check.asks}{better}{gain}{here}"
        yield from wrapped(text, width, 2)
    yield from wrapped(good_text(report), width, 2)
    if not report.gemms:
        return
    shown = report.gemms if verbose else [g for g in report.gemms if g.gain]
    sides = [report.target, *([report.here] if report.here else [])]
    rows = [["product, m x n x k", *(f"used of {side}" for side in sides), "better n"]]
    rows += [_product(product, len(sides)) for product in shown]
    if shown:
        yield from _table(rows)


def _product(product: Gemm, sides: int) -> list[str]:
    tiles = [product.target, product.here][:sides]
    told = [f"{one.efficiency:.2f} ({one.tile}, {one.waves} waves)" if one else UNKNOWN for one in tiles]
    better = f"{product.better_n} ({product.gain:.2f}x)" if product.gain else ""
    return [f"{product.name} {product.m} x {product.n} x {product.k}", *told, better]


def _dtypes(report: ModelReport, width: int) -> Iterator[str]:
    yield "number formats"
    heads = ["", report.target, *([report.here] if report.here else [])]
    rows = [heads]
    for row in report.dtypes:
        name = f"{row.dtype}{' (used)' if row.used else ''}"
        fact = "tops_" if row.dtype == "int8" else "tflops_"
        rates = [(row.target, row.target_rate), *([(row.here or UNKNOWN, row.here_rate)] if report.here else [])]
        told = [f"{word}, {format_fact(fact, rate)}" if rate is not None else word for word, rate in rates]
        rows.append([name, *told])
    yield from _table(rows)
    for row in report.dtypes:
        if row.note:
            yield from wrapped(f"{row.dtype}: {row.note}", width, 2)


def _table(rows: list[list[str]]) -> Iterator[str]:
    columns = range(len(rows[0]))
    widths = [max(len(row[column]) for row in rows) for column in columns]
    for row in rows:
        first, *others = row
        cells = "  ".join(f"{text:<{width}}" for text, width in zip(others, widths[1:], strict=True))
        yield f"  {first:<{widths[0]}}  {cells}".rstrip()


def _working(working: Working, width: int) -> list[str]:
    inputs = ", ".join(f"{name} {plain_text(one)}" for name, one in working.inputs.items())
    return [
        *wrapped(f"{working.name} = {value_text(working.value, working.unit)}", width, 2),
        *wrapped(f"{working.formula}; {inputs}", width, 6),
    ]
