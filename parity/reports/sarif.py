"""Knows SARIF 2.1.0 within what GitHub's code scanning takes in.

Code scanning refuses a whole upload for one result without a location or one empty text, and closes every alert that
an upload of the same category no longer has: an issue that is in no file is told at the report's stand-in for a place;
without one it is left out and counted in a notification. Relative URIs carry percent escapes; the severity of a rule
that is no security rule is ``problem.severity``, never ``security-severity``. An open question has the kind ``open``,
whose level the standard fixes to ``none``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from parity.reports.issues import fingerprints
from parity.units import plural

if TYPE_CHECKING:
    from parity.model.lint import Edit
    from parity.model.place import Place
    from parity.reports.issues import Issue, IssueReport, IssueRule

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
MAX_RESULTS = 5000  # code scanning keeps no more of a run
MAX_TEXT = 1024
_PROBLEM = {"error": "error", "warning": "warning", "note": "recommendation"}


def render(report: IssueReport) -> str:
    """Return the report as SARIF with a final newline."""
    pairs = zip(report.issues, fingerprints(report.issues), strict=True)
    placed = [
        (issue, place, fingerprint) for issue, fingerprint in pairs if (place := report.place_of(issue)) is not None
    ]
    kept = sorted(placed, key=lambda one: one[0].suppressed is not None)[:MAX_RESULTS] if _over(placed) else placed
    used = {issue.rule for issue, _, _ in kept}
    rules = [rule for rule in report.rules if rule.id in used]
    order = {rule.id: number for number, rule in enumerate(rules)}
    left = [
        (len(report.issues) - len(placed), "in no file of the repository"),
        (len(placed) - len(kept), "more than code scanning keeps"),
    ]
    run = {
        "tool": {
            "driver": {"name": "parity", "semanticVersion": report.version, "rules": [_rule(rule) for rule in rules]}
        },
        "automationDetails": {"id": f"{report.category}/"},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(report, [f"{plural(n, 'result')} left out: {why}" for n, why in left if n])],
        "results": [_result(issue, place, order[issue.rule], print_) for issue, place, print_ in kept],
    }
    return document([run])


def document(runs: list[dict[str, Any]]) -> str:
    """Return a SARIF log of runs, indented, with a final newline."""
    payload = {"$schema": SCHEMA, "version": "2.1.0", "runs": runs}
    return msgspec.json.format(msgspec.json.encode(payload), indent=2).decode() + "\n"


def _over(placed: list[Any]) -> bool:
    return len(placed) > MAX_RESULTS


def _rule(rule: IssueRule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "name": "".join(word.capitalize() for word in rule.id.split("-")),
        "shortDescription": {"text": cut(rule.summary)},
        "fullDescription": {"text": cut(rule.why)},
        "help": {"text": f"{rule.why}\n\n{rule.mend}", "markdown": f"{rule.why}\n\n**Mend**: {rule.mend}"},
        "defaultConfiguration": {"level": rule.severity},
        "properties": {
            "problem.severity": _PROBLEM[rule.severity],
            "precision": "high",
            "tags": ["gpu", "performance"],
        },
    }


def _result(issue: Issue, place: Place, index: int, fingerprint: str) -> dict[str, Any]:
    location = {"artifactLocation": artifact(place.path), "region": _region(place)}
    result: dict[str, Any] = {
        "ruleId": issue.rule,
        "ruleIndex": index,
        "level": "none" if issue.is_open else issue.severity,
        "message": {"text": cut(issue.told)},
        "locations": [{"physicalLocation": location}],
        "partialFingerprints": {"primaryLocationLineHash": fingerprint},
    }
    if issue.is_open:
        result["kind"] = "open"
    if issue.suppressed is not None:
        said = {"kind": issue.suppressed_in, "justification": issue.suppressed} if issue.suppressed else {}
        result["suppressions"] = [said or {"kind": issue.suppressed_in}]
    if issue.fix is not None:
        result["fixes"] = [_fix(issue.fix, place.path, issue.mend)]
    return result


def _region(place: Place) -> dict[str, int]:
    region = {"startLine": place.line, "startColumn": place.column}
    if (place.end_line, place.end_column) > (place.line, place.column):
        region |= {"endLine": place.end_line, "endColumn": place.end_column}
    return region


def _fix(fix: Edit, path: str, mend: str) -> dict[str, Any]:
    region = {
        "startLine": fix.line, "startColumn": fix.column, "endLine": fix.end_line, "endColumn": fix.end_column
    }  # fmt: skip
    replacement = {"deletedRegion": region, "insertedContent": {"text": fix.text}}
    change = {"artifactLocation": artifact(path), "replacements": [replacement]}
    return {"description": {"text": mend}, "artifactChanges": [change]}


def _invocation(report: IssueReport, left_out: list[str]) -> dict[str, Any]:
    told: dict[str, Any] = {"executionSuccessful": True, "exitCodeDescription": report.title}
    if left_out:
        told["toolExecutionNotifications"] = [{"level": "warning", "message": {"text": text}} for text in left_out]
    return told


def artifact(path: str) -> dict[str, str]:
    """Return a file of the repository."""
    return {"uri": uri(path), "uriBaseId": "%SRCROOT%"}


def uri(path: str) -> str:
    """Return a relative path as a URI reference: no scheme can be read out of it, and bytes that are no text stay.

    >>> uri("a b/c:d.py"), uri("x:y")
    ('a%20b/c%3Ad.py', 'x%3Ay')
    """
    return quote(path.removeprefix("./").encode(errors="surrogateescape"), safe="/!$&'()*+,=@~._-")


def cut(text: str) -> str:
    """Return a text within what code scanning takes."""
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 2] + ".."
