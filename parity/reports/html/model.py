"""Knows the page of ``parity model``: does it fit, what binds it here and on the target, which shapes waste."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.reports.html.model_evidence import evidence_of
from parity.reports.html.model_memory import memory_of
from parity.reports.html.model_shapes import shapes_of
from parity.reports.html.model_speed import speed_of
from parity.reports.html.model_words import MOST_ROWS
from parity.reports.html.page import chip, code, document_title, facts, hero, page, section
from parity.reports.html.tables import Column, table
from parity.reports.model_rows import (
    UNKNOWN,
    WORDS,
    count_text,
    parameters_text,
    ranks_text,
)

if TYPE_CHECKING:
    from parity.model.workload import ModelFinding, ModelReport
    from parity.reports.html.markup import Html

OUTCOMES = {"yes": "match", "tight": "unknown", "no": "mismatch", "unknown": "unknown"}
SEVERITIES = {"error": "bad", "warning": "doubt", "note": ""}


def render(report: ModelReport) -> str:
    """Return the report as one HTML page."""
    memory, model = report.footprint, report.model
    name = model.model_type or "the model"
    on = f"{memory.target.count}x {report.target}"
    layers = ", ".join(f"{count} {kind}" for kind, count in model.layers.items())
    wide = f"; wide: {', '.join(model.wide)}" if model.wide else ""
    stored = f"{model.dtype or UNKNOWN}{f' ({model.quantization})' if model.quantization else ''}"
    top = hero(
        OUTCOMES[memory.fits],
        WORDS[memory.fits].lower(),
        f"{name} on {on}: {memory.target.why}",
        facts(
            [
                ("model", parameters_text(model), f"{layers} layers"),
                ("stored", stored, f"cache {model.kv_dtype or UNKNOWN}{wide}"),
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
    return f"{finding.severity}, {waiver.told}"
