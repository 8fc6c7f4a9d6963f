"""Knows the page of ``parity model`` about all models that a project names: which hold, and each as on its own page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.reports.html.model import findings_table
from parity.reports.html.model_evidence import evidence_of
from parity.reports.html.model_memory import memory_of
from parity.reports.html.model_shapes import shapes_of
from parity.reports.html.model_speed import speed_of
from parity.reports.html.model_words import TONES
from parity.reports.html.page import chip, document_title, fold, hero, items, page, section
from parity.reports.html.tables import Column, table
from parity.reports.model_rows import WORDS, parameters_text
from parity.units import plural

if TYPE_CHECKING:
    from parity.model.models_report import ModelsReport
    from parity.model.workload import ModelReport
    from parity.reports.html.markup import Html

STATES = {0: ("ok", "good"), 1: ("failed", "bad")}
NOT_KNOWN = ("not known", "doubt")
MOST_ROWS = 400


def render(report: ModelsReport) -> str:
    """Return the report as one HTML page."""
    failed = sum(one.exit_status == 1 for one in report.models)
    open_ = sum(one.exit_status not in (0, 1) for one in report.models)
    outcome = {0: "match", 1: "mismatch"}.get(report.exit_status, "unknown")
    word, _ = STATES.get(report.exit_status, NOT_KNOWN)
    headline = f"{plural(len(report.models), 'model')}: {failed} failed, {open_} not known"
    sections = [
        section("models", "Models", _overview(report), items([f"Expired: {text}" for text in report.expired])),
        *(_model(position, one) for position, one in enumerate(report.models, start=1)),
    ]
    foot = f"Written by parity from parity.models/1; exit status {report.exit_status}."
    title = document_title(word.upper(), headline, "parity model")
    return page("model", title, hero(outcome, word, headline), sections, foot)


def _overview(report: ModelsReport) -> Html:
    columns = [
        Column("gate", "chip"), Column("model", "head"), Column("on"), Column("asked", "text"), Column("fits", "chip"),
        Column("findings", "number"), Column("waived", "number"),
    ]  # fmt: skip
    rows = []
    for one in report.models:
        place = one.footprint.target
        waived = sum(finding.waived is not None for finding in one.findings)
        rows.append(
            [
                chip(*STATES.get(one.exit_status, NOT_KNOWN)),
                one.model.source,
                f"{place.count}x {place.device}",
                f"context {one.footprint.context}, batch {one.footprint.batch}",
                chip(WORDS[place.fits].lower(), TONES[place.fits]),
                str(len(one.findings) - waived),
                str(waived),
            ]
        )
    return table("What the project file asks of each", columns, rows, limit=MOST_ROWS)


def _model(position: int, report: ModelReport) -> Html:
    place = report.footprint.target
    shapes = shapes_of(report) if report.shapes or report.gemms else []
    return section(
        f"model-{position}",
        f"{report.model.source} on {place.count}x {place.device}",
        findings_table(report) if report.findings else None,
        *memory_of(report),
        fold("Ceilings on speed", *speed_of(report)),
        fold("Shapes", *shapes, count=plural(len(report.shapes), "dimension")) if shapes else None,
        *evidence_of(report),
        lead=f"{report.model.model_type or 'no type'}: {parameters_text(report.model)}; {place.why}",
    )
