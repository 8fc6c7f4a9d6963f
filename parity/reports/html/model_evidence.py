"""Knows what the page of ``parity model`` folds away: formats, open questions, limits, how each number came about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.reports.html.markup import el
from parity.reports.html.model_words import MOST_ROWS, TONES
from parity.reports.html.page import chip, fold, items
from parity.reports.html.tables import Column, table
from parity.reports.model_rows import (
    UNKNOWN,
    plain_text,
    value_text,
)
from parity.units import format_fact, plural

if TYPE_CHECKING:
    from parity.model.workload import ModelReport
    from parity.reports.html.markup import Html


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
