"""Knows what a run in GitHub Actions leaves there: one annotation, and a table in the step summary.

One annotation per run, not per test: GitHub shows ten of a kind per step, and plugins that annotate each failure
annotate the blocked tests, too.
PYTEST_DONT_REWRITE
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_parity.end_notes import NOTES
from pytest_parity.records import KEPT_OUT, RECORDS, SAVED_REMARK, count_text, plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pytest_parity.judge import Judge
    from pytest_parity.records import Record

MAX_ROWS = 100
MAX_CELL = 200
MAX_FILE_BYTES = 1024 * 1024 - 1024
"""GitHub drops the whole summary of a step above 1 MiB; other tools may write to the same file."""
MAX_ANNOTATION = 3000
"""Characters; GitHub cuts a message at 4,096."""

_MESSAGE = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY = _MESSAGE | str.maketrans({":": "%3A", ",": "%2C"})
# Nothing that ends a cell, opens a tag, a link, an image or code, or calls a person.
_CELL = str.maketrans(
    {
        "&": "&amp;",
        "<": "&lt;",
        ">": "&gt;",
        "|": "&#124;",
        "`": "&#96;",
        "\\": "&#92;",
        "*": "&#42;",
        "@": "&#64;",
        "~": "&#126;",
        "$": "&#36;",
    }
)


class GitHub:
    """Writes the step summary and the annotation, from the process that has the terminal."""

    def __init__(self, config: pytest.Config, judge: Judge) -> None:
        """Keep what will be told."""
        self._config = config
        self._judge = judge

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Append the table to the step summary; a failure is one line at the end of the run."""
        path = os.environ.get("GITHUB_STEP_SUMMARY")
        if not path or not self._has_something_to_say():
            return
        records = self._config.stash[RECORDS]
        lines = self._judge.run_verdict.lines if self._judge.run_verdict is not None else ()
        problem = append(Path(path), step_summary(records.summary(), records.all(), lines))
        if problem:
            self._config.stash[NOTES].add(f"parity: GITHUB_STEP_SUMMARY: {problem}", is_problem=True)

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Write the annotation at the start of a line and without colour: anything before it makes it plain text."""
        if self._has_something_to_say():
            terminalreporter.ensure_newline()
            terminalreporter.write_line(annotation(self._config.stash[RECORDS].summary()))

    def _has_something_to_say(self) -> bool:
        verdict = self._judge.run_verdict
        return bool(self._config.stash[RECORDS].all()) or (verdict is not None and bool(verdict.problem))


def annotation(summary: Mapping[str, Any]) -> str:
    """Return one workflow command: an error when perf tests failed for it, a warning when a number is in doubt."""
    counts = summary["counts"]
    gravest = _gravest(summary["judgements"])
    doubts = (summary["problem"], counts["disturbed"], counts["above_roof"])
    in_doubt = any(doubts) or (gravest is not None and gravest["blocks"])
    level = "error" if counts["failed"] else "warning" if in_doubt else "notice"
    title = "parity" if gravest is None else f"parity: {gravest['outcome']} for target {gravest['target']}"
    title += SAVED_REMARK * (gravest is not None and gravest["saved"])
    told = [gravest["headline"]] if gravest is not None else [summary["problem"]] if summary["problem"] else []
    message = _on_one_line(". ".join([*told, count_text(counts)]))[:MAX_ANNOTATION]
    return f"::{level} title={_on_one_line(title).translate(_PROPERTY)}::{message.translate(_MESSAGE)}"


def step_summary(summary: Mapping[str, Any], records: Sequence[Record], lines: Sequence[str]) -> str:
    """Return the run as GitHub-flavoured Markdown.

    Args:
        summary: the run in plain data.
        records: one per perf test; those to look at come first, and what is over ``MAX_ROWS`` is only counted.
        lines: the few lines in which this machine differs from the target.
    """
    told = [f"## parity: {_heading(summary)}", ""]
    for one in summary["judgements"]:
        told.append(f"* target {cell(one['target'])}: **{one['outcome']}**, level {cell(one['level'])}")
        told[-1] += f"{SAVED_REMARK * one['saved']}. {cell(one['headline'])}"
    if summary["problem"]:
        told.append(f"* not judged: {cell(summary['problem'])}")
    told += [f"  * {cell(line)}" for line in lines]
    told += ["", cell(count_text(summary["counts"])), ""]
    if records:
        told += ["| perf test | became | result | seconds | conditions |", "|---|---|---|---:|---|"]
        told += [_row(record) for record in sorted(records, key=_concern)[:MAX_ROWS]]
    if len(records) > MAX_ROWS:
        told += ["", f"and {len(records) - MAX_ROWS} more perf tests"]
    return "\n".join(told) + "\n"


def append(path: Path, text: str) -> str:
    """Append text to a step summary; return why it could not be, empty when it was."""
    data = text.encode("utf-8", "backslashreplace")
    try:
        used = path.stat().st_size if path.exists() else 0
        if used + len(data) > MAX_FILE_BYTES:
            return f"not written: {used} bytes are there already, and GitHub takes 1 MiB"
        with path.open("ab") as stream:
            stream.write(b"\n" + data if used else data)
    except (OSError, ValueError) as error:
        return f"not written: {getattr(error, 'strerror', None) or error}"
    return ""


def cell(text: object) -> str:
    """Return text on one line that stays in its cell and is no markup.

    >>> cell("test_x[a|<b>]")
    'test_x[a&#124;&lt;b&gt;]'
    """
    shown = _on_one_line(plain(text))
    cut = shown if len(shown) <= MAX_CELL else shown[: MAX_CELL - 2] + ".."
    return cut.translate(_CELL).replace("](", "]&#40;")


def _on_one_line(text: str) -> str:
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())


def _heading(summary: Mapping[str, Any]) -> str:
    gravest = _gravest(summary["judgements"])
    if gravest is None:
        return "not judged"
    outcome: str = gravest["outcome"]
    word = outcome if outcome == "match" else outcome.upper()
    word = f"{word}, but not passed" if outcome == "match" and gravest["blocks"] else word
    return word + SAVED_REMARK * bool(gravest["saved"])


def _gravest(judgements: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    blocking = [one for one in judgements if one["blocks"]]
    return next(iter([*blocking, *judgements]), None)


def _concern(record: Record) -> int:
    """Return where a test stands in the table: what was not measured, what is in doubt, the rest."""
    if record.state in KEPT_OUT:
        return 0
    is_doubtful = record.conditions_state == "disturbed" or record.is_above_roof
    return 1 if is_doubtful else 2 if record.blocks else 3


def _row(record: Record) -> str:
    became = "NOT MEASURED" if record.state in KEPT_OUT else record.state
    if record.state == "ran" and record.is_above_roof:
        became = "ran, above the roof"
    seconds = "" if record.seconds is None else f"{record.seconds:.3g}"
    return f"| {cell(record.nodeid)} | {became} | {record.result} | {seconds} | {'; '.join(_conditions(record))} |"


def _conditions(record: Record) -> Iterator[str]:
    if record.conditions is None:
        return
    yield cell(record.conditions_state)
    findings = record.conditions.get("findings")
    for finding in findings[:3] if isinstance(findings, list) else ():
        if isinstance(finding, dict):
            yield cell(finding.get("message") or finding.get("rule") or "")
