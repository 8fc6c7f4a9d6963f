"""Knows the JUnit report: a suite per file or subject, a case per issue; what fails the run fails its case."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

if TYPE_CHECKING:
    from parity.reports.issues import Issue, IssueReport

# What XML 1.0 cannot carry, not even escaped.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(report: IssueReport) -> str:
    """Return the report as JUnit XML with a final newline.

    The first case is the run itself: it fails exactly when the exit status is not 0, so that a reader who counts
    failures never sees a pass where there was none.
    """
    suites: dict[str, list[Issue]] = {}
    for issue in report.standing:
        suites.setdefault(_suite(issue), []).append(issue)
    found = report.standing
    counts = _counts(
        len(found) + 1, sum(one.fails for one in found) + (not report.passed), sum(map(_is_skipped, found))
    )
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        f"<testsuites name={_attribute(report.command)} {counts}>",
        *_verdict(report),
    ]
    for name, mine in suites.items():
        counts = _counts(len(mine), sum(one.fails for one in mine), sum(map(_is_skipped, mine)))
        lines.append(f"  <testsuite name={_attribute(name)} {counts}>")
        for issue in mine:
            lines += _case(issue, report.command)
        lines.append("  </testsuite>")
    return "\n".join([*lines, "</testsuites>"]) + "\n"


def _suite(issue: Issue) -> str:
    return issue.subject or (issue.place.path if issue.place is not None else issue.rule)


def _is_skipped(issue: Issue) -> bool:
    return issue.is_open and not issue.fails


def _counts(tests: int, failures: int, skipped: int) -> str:
    return f'tests="{tests}" failures="{failures}" errors="0" skipped="{skipped}"'


def _verdict(report: IssueReport) -> list[str]:
    counts = _counts(1, int(not report.passed), 0)
    head = f"    <testcase name={_attribute(report.title)} classname={_attribute(_class(report.command))}"
    suite = f"  <testsuite name={_attribute(report.command)} {counts}>"
    if report.passed:
        return [suite, f"{head}/>", "  </testsuite>"]
    told = _text("\n".join(report.closing) or report.title)
    failure = f'      <failure type="verdict" message={_attribute(report.title)}>{told}</failure>'
    return [suite, f"{head}>", failure, "    </testcase>", "  </testsuite>"]


def _case(issue: Issue, command: str) -> list[str]:
    where, place = "", ""
    if issue.place is not None:
        where = f"{issue.place.path}:{issue.place.line}:{issue.place.column}: "
        place = f' file={_attribute(issue.place.path)} line="{issue.place.line}"'
    name = f"{issue.rule} {issue.subject}" if issue.subject else issue.rule
    if not issue.subject and issue.place is not None:
        name += f" {issue.place.line}:{issue.place.column}"
    told = _text(f"{where}{issue.told}" + (f"\nmend: {issue.mend}" if issue.mend else ""))
    head = f"    <testcase name={_attribute(name)} classname={_attribute(_class(command))}{place}>"
    inner = f"      <system-out>{told}</system-out>"
    if issue.fails:
        inner = f'      <failure type="{issue.severity}" message={_attribute(issue.told)}>{told}</failure>'
    elif issue.is_open:
        inner = f"      <skipped message={_attribute('unknown: ' + issue.told)}/>"
    return [head, inner, "    </testcase>"]


def _class(command: str) -> str:
    return command.replace(" ", ".")


def _text(text: str) -> str:
    return escape(_FORBIDDEN.sub("?", text))


def _attribute(text: str) -> str:
    return quoteattr(_FORBIDDEN.sub("?", text), {"\n": "&#10;"})
