"""Knows the page of ``parity model``: does it fit, what binds it here and on the target, which shapes waste."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.reports.html.bars import Part, legend, ratio_bar, scale_of, stacked_bar
from parity.reports.html.markup import el
from parity.reports.html.page import chip, code, document_title, facts, fold, hero, items, page, section
from parity.reports.html.roofline import Roof, roofline
from parity.reports.html.tables import Column, table
from parity.reports.model_rows import (
    REDUCE_ROWS,
    UNKNOWN,
    WORDS,
    batch_text,
    count_text,
    decodes,
    good_text,
    number_text,
    parameters_text,
    plain_text,
    range_text,
    ranks_text,
    reduce_text,
    seconds_text,
    size_text,
    value_text,
    weights_text,
)
from parity.units import format_fact, format_ratio, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parity.model.workload import DeviceBound, Gemm, GemmTiles, ModelFinding, ModelReport, Placement, ShapeCheck
    from parity.reports.html.markup import Html

OUTCOMES = {"yes": "match", "tight": "unknown", "no": "mismatch", "unknown": "unknown"}
TONES = {"yes": "good", "tight": "doubt", "no": "bad", "unknown": "doubt", "throttled": "doubt"}
SEVERITIES = {"error": "bad", "warning": "doubt", "note": ""}
MOST_ROWS = 400
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def render(report: ModelReport) -> str:
    """Return the report as one HTML page."""
    memory, model = report.footprint, report.model
    name = model.model_type or "the model"
    on = f"{memory.target.count}x {report.target}"
    layers = ", ".join(f"{count} {kind}" for kind, count in model.layers.items())
    stored = f"{model.dtype or UNKNOWN}{f' ({model.quantization})' if model.quantization else ''}"
    top = hero(
        OUTCOMES[memory.fits],
        WORDS[memory.fits].lower(),
        f"{name} on {on}: {memory.target.why}",
        facts(
            [
                ("model", parameters_text(model), f"{layers} layers"),
                ("stored", stored, f"cache {model.kv_dtype or UNKNOWN}"),
                ("asked", f"context {memory.context}, batch {memory.batch}", ranks_text(memory.target)),
                ("smallest count that fits", count_text(memory.target.smallest_count, memory.target), report.target),
            ]
        ),
    )
    sections = [
        section("findings", "What to change", findings_table(report)) if report.findings else None,
        section("memory", "Memory of each device", *memory_of(report)),
        section("speed", "Ceilings on speed", *speed_of(report)),
        section("shapes", "Shapes", *shapes_of(report)) if report.shapes or report.gemms else None,
        section("evidence", "Evidence", *evidence_of(report)),
    ]
    foot = f"Written by parity from parity.model/1. Model read from {model.source}; exit status {report.exit_status}."
    title = document_title(WORDS[memory.fits], f"{name} on {on}", "parity model")
    return page("model", title, top, sections, foot)


def findings_table(report: ModelReport) -> Html:
    """Return what is wrong with a model, and who has waived it."""
    columns = [
        Column("severity", "chip"), Column("rule", "head"), Column("subject"), Column("what", "text"),
        Column("mend", "text"),
    ]  # fmt: skip
    rows = [(_severity(one), code(one.rule), one.subject, one.message, _what_to_do(one)) for one in report.findings]
    return table("Findings, the gravest first", columns, rows, limit=MOST_ROWS)


def _severity(finding: ModelFinding) -> Html:
    return chip("waived", "") if finding.waived else chip(finding.severity, SEVERITIES[finding.severity])


def _what_to_do(finding: ModelFinding) -> str:
    waiver = finding.waived
    if waiver is None:
        return finding.mend
    return f"{finding.severity}, waived until {waiver.until} by {waiver.owner}: {waiver.reason}"


def _places(report: ModelReport) -> list[Placement]:
    return [report.footprint.target, *([report.footprint.here] if report.footprint.here else [])]


def parts_of(place: Placement) -> list[Part] | None:
    """Return what one device holds, None when weights or cache are not known."""
    if place.weights_bytes is None or place.kv_bytes is None:
        return None
    parts = [
        Part("weights", "part-a", place.weights_bytes, place.weights_bytes),
        Part("cache", "part-b", place.kv_bytes, place.kv_bytes),
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
        ["cache", *(size_text(place.kv_bytes) for place in places)],
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


def evidence_of(report: ModelReport) -> list[Html]:
    """Return what is folded away: formats, open questions, limits, and how each number came about."""
    return [one for one in (_dtypes(report), _unknowns(report), _limits(report), _workings(report)) if one]


def _dtypes(report: ModelReport) -> Html | None:
    if not report.dtypes:
        return None
    columns = [Column("format", "head"), Column(f"on {report.target}")]
    columns += [Column("here")] if report.here else []
    rows = []
    for one in report.dtypes:
        fact = "tops_" if one.dtype == "int8" else "tflops_"
        sides = [(one.target, one.target_rate), *([(one.here or UNKNOWN, one.here_rate)] if report.here else [])]
        cells = [
            el("span", chip(word, TONES.get(word, "")), f" {format_fact(fact, rate)}" if rate is not None else None)
            for word, rate in sides
        ]
        name = el("span", one.dtype, " ", chip("used")) if one.used else one.dtype
        rows.append([name, *cells, one.note])
    told = table("Number formats", [*columns, Column("note", "text")], rows, limit=MOST_ROWS)
    return fold("Number formats", told, count=plural(len(report.dtypes), "format"))


def _unknowns(report: ModelReport) -> Html | None:
    if not report.unknowns:
        return None
    columns = [Column("what", "head"), Column("why", "text")]
    told = table("What is not known", columns, [(one.what, one.why) for one in report.unknowns], limit=MOST_ROWS)
    return fold("What is not known", told, count=plural(len(report.unknowns), "question"))


def _limits(report: ModelReport) -> Html | None:
    told = items(list(report.footprint.not_modelled))
    return fold("What is not modelled", told) if told else None


def _workings(report: ModelReport) -> Html | None:
    if not report.workings:
        return None
    columns = [Column("number", "head"), Column("value", "number"), Column("formula", "text"), Column("inputs", "text")]
    rows = [
        (
            one.name,
            value_text(one.value, one.unit),
            one.formula,
            ", ".join(f"{name} {plain_text(value)}" for name, value in one.inputs.items()),
        )
        for one in report.workings
    ]
    told = table("How each number came about", columns, rows, limit=MOST_ROWS)
    return fold("How each number came about", told, count=plural(len(rows), "number"))
