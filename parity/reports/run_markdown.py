"""Knows the Markdown report of a pytest run: for notes on merge requests and for reading as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.reports import markdown_report
from parity.reports.markdown_report import cell
from parity.reports.run_rows import (
    asked_text,
    became,
    by_concern,
    conditions_text,
    counts_text,
    judged_text,
    seconds_text,
    title,
)

if TYPE_CHECKING:
    from parity.model.run import Run, RunTest

MAX_ROWS = 500
HEADING = "## parity: "


def render(run: Run) -> str:
    """Return the run as GitHub-flavoured Markdown."""
    lines = [f"{HEADING}{title(run)}", "", f"{counts_text(run.counts)}.", ""]
    for one in run.judgements:
        told = f"**{judged_text(one)}**, level `{one.level}`. {cell(one.headline)}"
        lines.append(f"* target `{cell(one.target)}`{asked_text(one)}: {told}")
    if run.problem:
        lines.append(f"* not judged: {cell(run.problem)}")
    lines += [f"* {cell(note)}" for note in run.notes]
    lines += _tests(run)
    for verdict in run.verdicts:
        whole = markdown_report.render(verdict).rstrip("\n").split("\n")
        lines += ["", f"### {cell(verdict.target.name)}", *whole[1:]]
    lines += ["", f"pytest ended with status {run.exit_status} after {seconds_text(run.seconds)}; "]
    lines[-1] += f"started {cell(run.started)}; {cell(run.tool.name)} {cell(run.tool.version)}"
    return "\n".join(lines) + "\n"


def _tests(run: Run) -> list[str]:
    if not run.tests:
        return []
    lines = ["", "| perf test | became | result | duration | conditions |", "|---|---|---|---:|---|"]
    lines += [_row(test) for test in by_concern(run.tests)[:MAX_ROWS]]
    more = len(run.tests) - MAX_ROWS
    return [*lines, "", f"and {more} more perf tests"] if more > 0 else lines


def _row(test: RunTest) -> str:
    return (
        f"| {cell(test.nodeid)} | {became(test)} | {test.result} | {seconds_text(test.seconds)} "
        f"| {cell(conditions_text(test))} |"
    )
