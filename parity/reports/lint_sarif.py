"""Knows the linter's SARIF 2.1.0 report, within what GitHub's code scanning takes in.

Every result has a location, a relative URI with percent escapes and no empty text; the severity of a rule that is no
security rule is ``problem.severity``, never ``security-severity``.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from parity.model.lint import LintCard, LintFinding, LintReport

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
MAX_RESULTS = 25_000
MAX_TEXT = 1024
_PROBLEM = {"error": "error", "warning": "warning", "note": "recommendation"}


def render(report: LintReport, texts: Mapping[str, str], cards: Sequence[LintCard]) -> str:
    """Return the report as SARIF with a final newline."""
    used = [card for card in cards if any(finding.rule == card.id for finding in report.findings)]
    places = {card.id: number for number, card in enumerate(used)}
    results = [_result(finding, texts, places) for finding in report.findings[:MAX_RESULTS]]
    driver = {"name": "parity", "version": report.tool.get("version", "0"), "rules": [_rule(card) for card in used]}
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": _numbered(results)}
    payload = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return msgspec.json.format(msgspec.json.encode(payload), indent=2).decode() + "\n"


def _rule(card: LintCard) -> dict[str, Any]:
    why = card.why.strip()
    return {
        "id": card.id,
        "name": "".join(word.capitalize() for word in card.id.split("-")),
        "shortDescription": {"text": card.summary[:MAX_TEXT]},
        "fullDescription": {"text": why[:MAX_TEXT]},
        "help": {"text": f"{why}\n\n{card.mend.strip()}", "markdown": f"{why}\n\n**Mend**: {card.mend.strip()}"},
        "defaultConfiguration": {"level": card.severity},
        "properties": {
            "problem.severity": _PROBLEM[card.severity],
            "precision": "high",
            "tags": ["gpu", "performance"],
        },
    }


def _result(finding: LintFinding, texts: Mapping[str, str], places: Mapping[str, int]) -> dict[str, Any]:
    region = {"startLine": finding.line, "startColumn": finding.column}
    if (finding.end_line, finding.end_column) > (finding.line, finding.column):
        region |= {"endLine": finding.end_line, "endColumn": finding.end_column}
    location = {"artifactLocation": {"uri": uri(finding.path), "uriBaseId": "%SRCROOT%"}, "region": region}
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": places[finding.rule],
        "level": finding.severity,
        "message": {"text": finding.message},
        "locations": [{"physicalLocation": location}],
        "partialFingerprints": {"primaryLocationLineHash": fingerprint(finding, texts.get(finding.path))},
    }
    if finding.suppressed is not None:
        result["suppressions"] = [
            {"kind": "external" if finding.waived else "inSource", "justification": finding.suppressed}
        ]
    if finding.fix is not None:
        result["fixes"] = [_fix(finding)]
    return result


def _fix(finding: LintFinding) -> dict[str, Any]:
    fix = finding.fix
    assert fix is not None
    region = {
        "startLine": fix.line, "startColumn": fix.column, "endLine": fix.end_line, "endColumn": fix.end_column
    }  # fmt: skip
    replacement = {"deletedRegion": region, "insertedContent": {"text": fix.text}}
    change = {"artifactLocation": {"uri": uri(finding.path), "uriBaseId": "%SRCROOT%"}, "replacements": [replacement]}
    return {"description": {"text": finding.mend}, "artifactChanges": [change]}


def uri(path: str) -> str:
    """Return a relative path as a URI; a drive or scheme cannot appear, and blanks are escaped."""
    return quote(path.removeprefix("./"), safe="/!$&'()*+,=@~._-")


def fingerprint(finding: LintFinding, text: str | None) -> str:
    """Return what identifies a finding when lines move: its rule, path and line's text."""
    lines = (text or "").split("\n")
    line = lines[finding.line - 1].strip() if text and finding.line <= len(lines) else finding.message
    digest = hashlib.sha256(f"{finding.rule}\0{finding.path}\0{line}".encode(errors="surrogateescape"))
    return digest.hexdigest()[:32]


def _numbered(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give equal fingerprints a count: two findings of one rule on equal lines stay two."""
    seen: dict[str, int] = {}
    for result in results:
        hashes = result["partialFingerprints"]
        value = hashes["primaryLocationLineHash"]
        seen[value] = seen.get(value, 0) + 1
        hashes["primaryLocationLineHash"] = f"{value}:{seen[value]}"
    return results
