"""Knows the page of ``parity lint``: which rules speak, where, the source line of each, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.rule import SEVERITIES
from parity.reports import lint_rows
from parity.reports.html.bars import counts_bar
from parity.reports.html.markup import clean, el
from parity.reports.html.page import chip, code, document_title, facts, fold, hero, items, page, section
from parity.reports.html.tables import Column, table
from parity.units import plural

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from parity.model.lint import LintFinding, LintReport
    from parity.reports.html.markup import Html

TONES = {"error": "bad", "warning": "doubt", "note": ""}
BAR_TONES = {"error": "bad", "warning": "doubt", "note": "dim"}
MOST_PLACES = 100  # shown of one rule
MOST_SHOWN = 1500  # shown of all rules
MOST_FILES = 50


def render(report: LintReport, texts: Mapping[str, str]) -> str:
    """Return the report as one HTML page.

    Args:
        report: what to tell.
        texts: path -> the file's text, for the snippets.
    """
    found = lint_rows.standing(report)
    word = "findings" if report.exit_status else "passed"
    counts = {severity: sum(one.severity == severity for one in found) for severity in SEVERITIES}
    top = hero(
        "mismatch" if report.exit_status else "match",
        word,
        lint_rows.tally(report),
        counts_bar(
            [(counts[name], BAR_TONES[name], plural(counts[name], name).partition(" ")[2]) for name in SEVERITIES]
        ),
        facts([("target", report.target or "none given", None), ("files read", str(report.files), None)]),
        items([told.removesuffix(" (-v lists them)") for told in lint_rows.summary(report)[1:]]),
    )
    by_rule = _by_rule(found)
    sections = [
        section("rules", "Rules that speak", _rules(by_rule)) if by_rule else None,
        section("findings", "Findings", *_findings(by_rule, texts)) if by_rule else None,
        section("files", "Files", _files(found)) if found else None,
        section("evidence", "Left out", *_rest(report)) if _rest(report) else None,
    ]
    tool = f"{report.tool.get('name', 'parity')} {report.tool.get('version', '')}".strip()
    foot = f"Written by {tool} from parity.lint/1; exit status {report.exit_status}."
    return page("lint", document_title(word.upper(), lint_rows.tally(report), "parity lint"), top, sections, foot)


def _by_rule(found: Sequence[LintFinding]) -> dict[str, list[LintFinding]]:
    """Return the findings of each rule, the gravest rule first, then the one that speaks most."""
    groups: dict[str, list[LintFinding]] = {}
    for one in found:
        groups.setdefault(one.rule, []).append(one)
    order = sorted(groups.items(), key=lambda pair: (SEVERITIES.index(pair[1][0].severity), -len(pair[1]), pair[0]))
    return dict(order)


def _rules(by_rule: Mapping[str, Sequence[LintFinding]]) -> Html:
    columns = [
        Column("severity", "chip"), Column("rule", "head"), Column("findings", "number"), Column("files", "number"),
        Column("mend", "text"),
    ]  # fmt: skip
    rows = [
        (
            chip(found[0].severity, TONES[found[0].severity]),
            code(rule),
            str(len(found)),
            str(len({one.path for one in found})),
            found[0].mend,
        )
        for rule, found in by_rule.items()
    ]
    return table("Rules that speak, the gravest first", columns, rows)


def _findings(by_rule: Mapping[str, Sequence[LintFinding]], texts: Mapping[str, str]) -> list[Html]:
    """Return each rule's findings; the first rule's are open."""
    told, left = [], MOST_SHOWN
    for number, (rule, found) in enumerate(by_rule.items()):
        shown = found[: min(MOST_PLACES, left)]
        left -= len(shown)
        more = len(found) - len(shown)
        rest = el("p", f"and {more} more; `--format json` has all of them", class_="dim") if more else None
        places = el("ul", *(_place(one, texts.get(one.path)) for one in shown), class_="places")
        severity = found[0].severity
        name = el("span", chip(severity, TONES[severity]), " ", code(rule))
        told.append(fold(name, places, rest, count=plural(len(found), "finding"), opened=number == 0))
    return told


def _place(finding: LintFinding, text: str | None) -> Html:
    where = f"{finding.path}:{finding.line}:{finding.column}"
    shown = lint_rows.snippet(finding, text)
    return el("li", el("p", code(where)), el("p", finding.message), _snippet(shown) if shown else None)


def _snippet(shown: tuple[str, str]) -> Html:
    """Return the source line with the found stretch marked."""
    line, carets = shown
    start, end = len(carets) - len(carets.lstrip(" ")), len(carets)
    # clean: what one_line keeps has the same length, so that the marks stay in place.
    safe = clean(line)
    marked = el("mark", safe[start:end]) if safe[start:end] else None
    return el("pre", el("code", safe[:start], marked, safe[end:]), tabindex=0)


def _files(found: Sequence[LintFinding]) -> Html:
    counts: dict[str, list[int]] = {}
    for one in found:
        counts.setdefault(one.path, [0] * len(SEVERITIES))[SEVERITIES.index(one.severity)] += 1
    order = sorted(counts.items(), key=lambda pair: ([-count for count in pair[1]], pair[0]))
    columns = [Column("file", "head"), *(Column(f"{name}s", "number") for name in SEVERITIES)]
    rows = [(code(path), *(str(count) if count else "" for count in each)) for path, each in order]
    told = table("Files, the gravest first", columns, rows, limit=MOST_FILES)
    return fold("Findings of each file", told, count=plural(len(counts), "file"))


def _rest(report: LintReport) -> list[Html]:
    told = []
    if report.unknowns:
        columns = [Column("place", "head"), Column("what"), Column("why", "text")]
        rows = [(code(f"{one.path}:{one.line}"), one.what, one.why) for one in report.unknowns]
        unknown = table("Values that the files do not settle", columns, rows)
        told.append(fold("Not settled by the files", unknown, count=plural(len(rows), "value")))
    silenced = [one for one in report.findings if one.suppressed is not None]
    if silenced:
        columns = [Column("place", "head"), Column("rule"), Column("reason", "text")]
        cells = [(code(f"{one.path}:{one.line}"), code(one.rule), one.suppressed) for one in silenced]
        quiet = table("Findings silenced by inline comments", columns, cells)
        told.append(fold("Silenced by inline comments", quiet, count=plural(len(silenced), "finding")))
    skipped = items([code(rule) for rule in report.skipped_rules])
    if skipped:
        told.append(
            fold(
                "Rules that did not run for want of a target", skipped, count=plural(len(report.skipped_rules), "rule")
            )
        )
    return told
