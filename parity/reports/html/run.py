"""Knows the page of a pytest run: what was measured, under which conditions, and each verdict that held for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.reports.html import verdict as told
from parity.reports.html.bars import counts_bar
from parity.reports.html.markup import el
from parity.reports.html.page import chip, code, document_title, facts, fold, hero, items, page, section
from parity.reports.html.run_roofline import rooflines
from parity.reports.html.tables import Column, table
from parity.reports.html.timeline import timeline
from parity.reports.rows import here_text, tally, wanted_text
from parity.reports.run_rows import (
    SAVED_NOTE,
    asked_text,
    became,
    by_concern,
    conditions_text,
    counts_text,
    disturbances,
    judged_text,
    seconds_text,
    title,
)
from parity.units import plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parity.model.run import Run, RunJudgement, RunTest
    from parity.model.verdict import Verdict
    from parity.reports.html.markup import Content, Html

MOST_TESTS = 500
FEW_TESTS = 12
MOST_VERDICTS = 20
_REACHED = (
    "What tests timed with parity_roofline, by the bytes, operations and seconds that they gave; the roofs are "
    "published peaks. Off the target a dot says what this device reaches."
)
# What a test counts as in the picture; green is only what measured the target and was not seen disturbed.
_KINDS = {
    "not measured": "bad",
    "measured off target": "doubt",
    "timed above the roof": "doubt",
    "measured under disturbed conditions": "doubt",
    "measured under unknown conditions": "doubt",
    "measured": "good",
    "not run for other reasons": "dim",
}
_RESULT_TONES = {"passed": "good", "failed": "bad", "error": "bad"}
_CONDITION_TONES = {"clean": "good", "disturbed": "bad", "unknown": "doubt"}


def render(run: Run) -> str:
    """Return the run as one HTML page."""
    judged = run.gravest
    outcome = "unknown" if judged is None else judged.outcome
    headline = run.problem and f"Not judged: {run.problem}"
    headline = headline or (judged.headline if judged else counts_text(run.counts))
    top = hero(
        "mismatch" if judged is not None and outcome == "match" and judged.blocks else outcome,
        title(run).lower(),
        headline or counts_text(run.counts),
        el("p", counts_text(run.counts), class_="good" if _is_clean(run) else "doubt"),
        _judgements(run),
        el("p", SAVED_NOTE, class_="doubt") if any(one.saved for one in run.judgements) else None,
        *(el("p", note, class_="doubt") for note in run.notes[:50]),
    )
    watched, reached = timeline(run.tests), rooflines(run)
    lead = "Bars reach from the least to the most that was read during a test; the mark is the mean."
    sections = [
        _carried(run),
        section("tests", "Perf tests", counts_bar(_counts(run)), *_tests(run)) if run.tests else None,
        section("roofline", "Roofline", *reached, lead=_REACHED) if reached else None,
        section("conditions", "Conditions", *watched, lead=lead) if watched else None,
        _disturbances(run),
        *_verdicts(run),
    ]
    foot = (
        f"pytest ended with status {run.exit_status} after {seconds_text(run.seconds)}, started {run.started}. Written "
        f"by {run.tool.name} {run.tool.version} from parity.run/1."
    )
    return page("pytest", document_title(title(run), counts_text(run.counts), "parity pytest"), top, sections, foot)


def _is_clean(run: Run) -> bool:
    """Return whether every perf test was measured and none was seen disturbed, so that green is no false pass."""
    counts = run.counts
    doubts = (counts.not_measured, counts.not_run, counts.disturbed, counts.conditions_unknown, counts.above_roof)
    return bool(run.tests) and not run.problem and not any(doubts) and not any(test.blocks for test in run.tests)


def _judgements(run: Run) -> Html | None:
    return facts([("target", code(one.target), _judgement(one)) for one in run.judgements[:MOST_VERDICTS]])


def _judgement(one: RunJudgement) -> str:
    return f"{judged_text(one)}, level {one.level}{asked_text(one)}"


def _carried(run: Run) -> Html | None:
    """Return what the run's own verdict lets carry over; those of markers follow with their verdicts."""
    if not run.verdicts:
        return None
    verdict = run.verdicts[0]
    lead = f"What a result of {here_text(verdict)} says of {wanted_text(verdict)}."
    return section("carries", "What carries over", told.carries(verdict), lead=lead)


def _counts(run: Run) -> list[tuple[int, str, str]]:
    kinds = [_kind(test) for test in run.tests]
    return [(kinds.count(kind), tone, kind) for kind, tone in _KINDS.items()]


def _kind(test: RunTest) -> str:
    if test.is_kept_out:
        return "not measured"
    if test.state != "ran":
        return "not run for other reasons"
    if test.blocks:
        return "measured off target"
    if test.is_above_roof:
        return "timed above the roof"
    if test.conditions_state in ("", "clean"):
        return "measured"
    return f"measured under {'disturbed' if test.conditions_state == 'disturbed' else 'unknown'} conditions"


def _tests(run: Run) -> list[Html]:
    """Return the tests that need a look; the others are folded away unless they are few."""
    tests = by_concern(run.tests)
    looked = [test for test in tests if _needs_look(test)]
    if len(tests) <= FEW_TESTS:
        return [_table("Perf tests, those that need a look first", tests)]
    told = [_table("Perf tests that need a look", looked)] if looked else []
    others = [test for test in tests if not _needs_look(test)]
    count = plural(len(others), "test")
    return [*told, fold("Measured on the target, undisturbed", _table("Perf tests", others), count=count)]


def _needs_look(test: RunTest) -> bool:
    return _KINDS[_kind(test)] != "good" or test.result not in ("passed", "xfailed")


def _table(caption: str, tests: Sequence[RunTest]) -> Html:
    columns = [
        Column("perf test", "head"), Column("became"), Column("result"), Column("duration", "number"),
        Column("conditions", "text"),
    ]  # fmt: skip
    rows = [_test(test) for test in tests[:MOST_TESTS]]
    rows += [()] * max(0, len(tests) - MOST_TESTS)  # only counted
    return table(caption, columns, rows, limit=MOST_TESTS)


def _test(test: RunTest) -> tuple[Content, ...]:
    tone = "bad" if test.is_kept_out else "doubt" if test.blocks or test.is_above_roof else ""
    return (
        code(test.nodeid),
        chip(became(test), tone) if tone else became(test),
        chip(test.result, _RESULT_TONES.get(test.result, "")),
        seconds_text(test.seconds),
        el("span", conditions_text(test), class_=_CONDITION_TONES.get(test.conditions_state, "")),
    )


def _disturbances(run: Run) -> Html | None:
    """Return what disturbed tests with its mend, each once."""
    found: dict[tuple[str, str], list[str]] = {}
    for test in run.tests:
        for one in disturbances(test):
            found.setdefault((one.rule, one.mend), []).append(one.message)
    if not found:
        return None
    rows = [
        (code(rule), str(len(messages)), "; ".join(dict.fromkeys(messages[:3])), mend)
        for (rule, mend), messages in found.items()
    ]
    columns = [Column("rule", "head"), Column("times", "number"), Column("seen", "text"), Column("mend", "text")]
    return section("disturbed", "What disturbed the tests", table("Causes and mends", columns, rows))


def _verdicts(run: Run) -> list[Html]:
    return [_verdict(verdict, number) for number, verdict in enumerate(run.verdicts[:MOST_VERDICTS])]


def _verdict(verdict: Verdict, number: int) -> Html:
    parts = [
        told.sides(verdict),
        told.ladder(verdict),
        *([el("h3", "What carries over"), told.carries(verdict)] if number else []),
        *told.ratios(verdict, {}),
        *told.findings(verdict),
        _mends(verdict),
        told.unknowns(verdict),
        told.devices(verdict),
    ]
    name = f"{here_text(verdict)} against {wanted_text(verdict)}"
    if number:
        return section(f"verdict-{number + 1}", name, fold("The verdict", *parts, count=tally(verdict)))
    return section("verdict-1", name, *parts)


def _mends(verdict: Verdict) -> Html | None:
    grave = [one for one in verdict.findings if one.severity == "error" and one.waived is None]
    listed = items([one.mend for one in grave[:200]])
    return fold("What to do", listed, count=plural(len(grave), "error"), opened=True) if listed else None
