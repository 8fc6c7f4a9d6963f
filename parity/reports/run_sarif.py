"""Knows the SARIF 2.1.0 report of a pytest run: perf tests that say nothing about the target, at their own lines.

Only what has a file is a result: code scanning refuses a whole upload for one result without a location. A machine
that is not the target is told through the tests it spoils; the rest is counted in the run's properties.
"""

from __future__ import annotations

import hashlib
import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

import msgspec

from parity.catalog import store
from parity.errors import UnknownNameError
from parity.reports.rows import one_line
from parity.reports.run_rows import SAVED_NOTE, disturbances, title

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.model.rule import Severity
    from parity.model.run import Run, RunTest
    from parity.reports.run_rows import Disturbance

SCHEMA_ADDRESS = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
MAX_RESULTS = 5000
MAX_TEXT = 1000
LEVELS: dict[Severity, Literal["error", "warning", "note"]] = {"error": "error", "warning": "warning", "note": "note"}


@dataclass(frozen=True)
class Rule:
    """What a rule says about itself in the report; no text is empty."""

    id: str
    summary: str
    why: str
    mend: str
    severity: Severity


@dataclass(frozen=True)
class Place:
    """A test's file from the top of the repository, percent-encoded, and its line where there is one."""

    uri: str
    line: int | None


@dataclass(frozen=True)
class Result:
    """One thing to say about one test."""

    rule: Rule
    severity: Severity
    text: str
    test: RunTest


NOT_MEASURED = Rule(
    id="perf-test-not-measured",
    summary="A perf test was kept from measuring on a machine that is not the target",
    why="A number from another machine says little about production, so the test's body did not run.",
    mend="Run it on a machine with the target GPU; `parity doctor` says what differs here.",
    severity="error",
)
OFF_TARGET = Rule(
    id="perf-test-ran-off-target",
    summary="A perf test measured on a machine that is not the target",
    why="The test ran because the mode is annotate; its numbers hold for this machine only.",
    mend="Do not compare its numbers with the target's; run it on a machine with the target GPU.",
    severity="warning",
)


def render(run: Run) -> str:
    """Return the run as indented SARIF with a final newline."""
    every = [result for test in run.tests for result in _results(test)]
    placed = [(result, place) for result in every if (place := place_of(run, result.test)) is not None]
    kept = placed[:MAX_RESULTS]
    rules = {result.rule.id: result.rule for result, _ in kept}
    order = {name: index for index, name in enumerate(rules)}
    log = {
        "$schema": SCHEMA_ADDRESS,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": run.tool.name,
                        "semanticVersion": run.tool.version,
                        "rules": [_rule(rule) for rule in rules.values()],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "invocations": [_invocation(run)],
                "results": [_result(result, place, order[result.rule.id]) for result, place in kept],
                "properties": {
                    "parity": {
                        "judgements": msgspec.to_builtins(run.judgements),
                        "counts": msgspec.to_builtins(run.counts),
                        "resultsWithoutLocation": len(every) - len(placed),
                        "resultsOverLimit": len(placed) - len(kept),
                    }
                },
            }
        ],
    }
    return msgspec.json.format(msgspec.json.encode(log), indent=2).decode() + "\n"


def place_of(run: Run, test: RunTest) -> Place | None:
    """Return where a test is; None when it is in no file of the repository."""
    path = posixpath.normpath(posixpath.join(run.folder, test.path)) if test.path else ""
    if not path or path in (".", "..") or path.startswith(("/", "../")) or path[1:3] in (":/", ":\\"):
        return None
    return Place(quote(path, safe="/"), test.line)


def _results(test: RunTest) -> Iterator[Result]:
    name = one_line(test.nodeid)
    if test.is_kept_out:
        severity: Severity = "error" if test.state == "failed" else "warning"
        yield Result(NOT_MEASURED, severity, f"{name} was not measured: {one_line(test.headline)}", test)
    elif test.state == "ran" and test.blocks:
        told = f"{name} ran, and says nothing certain about {one_line(test.target)}: {one_line(test.headline)}"
        yield Result(OFF_TARGET, "warning", told, test)
    for one in disturbances(test):
        told = f"{name}: {one.message or one.rule}" + (f" ({one.subject})" if one.subject else "")
        yield Result(rule_of(one), one.severity, told, test)


def rule_of(one: Disturbance) -> Rule:
    """Return what the rule's card says; the finding's own words where there is no card."""
    try:
        card = store.card(one.rule)
    except UnknownNameError:
        mend = one.mend or "Run the test again on a machine that does nothing else."
        return Rule(one.rule, one.rule.replace("-", " ").capitalize(), one.message or one.rule, mend, one.severity)
    return Rule(card.id, card.summary, " ".join(card.why.split()), " ".join(card.mend.split()), card.severity)


def _rule(rule: Rule) -> dict[str, Any]:
    advice = f"{rule.why} Mend: {rule.mend}"
    return {
        "id": rule.id,
        "shortDescription": {"text": _cut(rule.summary)},
        "fullDescription": {"text": _cut(rule.why)},
        "help": {"text": _cut(advice), "markdown": _cut(advice)},
        "defaultConfiguration": {"level": LEVELS[rule.severity]},
        "properties": {
            "tags": ["performance", "gpu"],
            "precision": "high",
            "problem.severity": "recommendation" if rule.severity == "note" else rule.severity,
        },
    }


def _result(result: Result, place: Place, index: int) -> dict[str, Any]:
    test = result.test
    physical: dict[str, Any] = {"artifactLocation": {"uri": place.uri}}
    if place.line is not None:
        physical["region"] = {"startLine": place.line}
    return {
        "ruleId": result.rule.id,
        "ruleIndex": index,
        "level": LEVELS[result.severity],
        "message": {"text": _cut(result.text)},
        "locations": [{"physicalLocation": physical, "logicalLocations": [{"fullyQualifiedName": test.nodeid}]}],
        "partialFingerprints": {"parityTest/v1": _digest(result.rule.id, test.nodeid, result.text)},
        "properties": {"target": test.target, "outcome": test.outcome, "parityLevel": test.level},
    }


def _invocation(run: Run) -> dict[str, Any]:
    """Return how this tool fared; a run that could not be judged was no success of ours."""
    told: dict[str, Any] = {
        "executionSuccessful": not run.problem,
        "exitCodeDescription": title(run),
        "startTimeUtc": run.started.replace("+00:00", "Z"),
    }
    messages = [*([f"not judged: {run.problem}"] if run.problem else []), *run.notes]
    if any(one.saved for one in run.judgements):
        messages.append(SAVED_NOTE)
    if messages:
        told["toolExecutionNotifications"] = [
            {"level": "error" if run.problem else "warning", "message": {"text": _cut(one_line(text))}}
            for text in messages
        ]
    return told


def _digest(rule: str, nodeid: str, text: str) -> str:
    """Return what tells one result from others across runs: rule and test, not the numbers in the text."""
    words = " ".join(word for word in text.split() if not any(one.isdigit() for one in word))
    return hashlib.sha256(f"{rule}\n{nodeid}\n{words}".encode()).hexdigest()[:32]


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 2] + ".."
