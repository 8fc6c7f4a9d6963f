"""Knows which format a run report's suffix names, and how the reports get onto the disk: whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from parity import __version__
from parity.errors import ParityError
from parity.model.redact import redacted
from parity.model.run import KEPT_OUT, Run, RunCounts, RunTest
from parity.model.verdict import Verdict
from parity.outputs import write_file
from parity.reports import run_json, run_markdown, run_sarif
from parity.reports.html import run as run_html

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

FORMATS: dict[str, Callable[[Run], str]] = {
    ".json": run_json.render,
    ".md": run_markdown.render,
    ".html": run_html.render,
    ".sarif": run_sarif.render,
}


def run_of(data: Mapping[str, Any]) -> Run:
    """Return the run that the plugin sent; tests are counted anew.

    A verdict that cannot be read, such as one from another version on a remote machine, is left out with a note.

    Raises:
        msgspec.ValidationError: the rest is not as agreed.
    """
    verdicts, notes = [], []
    for number, document in enumerate(data.get("verdicts") or ()):
        try:
            verdict = msgspec.convert(document, Verdict)
        except msgspec.ValidationError as error:
            notes.append(f"verdict {number + 1} was left out, it cannot be read: {error}")
            continue
        verdicts.append(msgspec.structs.replace(verdict, fingerprint=redacted(verdict.fingerprint)))
    tests = msgspec.convert(data.get("tests") or (), tuple[RunTest, ...])
    given = {key: value for key, value in data.items() if key not in ("verdicts", "tests", "counts", "tool")}
    tool = {"name": "parity", "version": __version__}
    whole = msgspec.convert({**given, "tool": tool, "counts": counts(tests), "tests": (), "verdicts": ()}, Run)
    return msgspec.structs.replace(whole, tests=tests, verdicts=tuple(verdicts), notes=tuple(notes))


def write_run(run: Run, paths: Sequence[str]) -> dict[str, Any]:
    """Write the run to each path, in the format that its suffix names; folders are made.

    Returns:
        ``written``: the paths; ``problems``: ``path`` and ``why`` of each that was not.
    """
    written: list[str] = []
    problems: list[dict[str, str]] = []
    for path in paths:
        render = FORMATS.get(Path(path).suffix.lower())
        try:
            if render is None:
                raise ParityError(f"no report format has this suffix; use one of {', '.join(FORMATS)}")  # noqa: TRY301
            text = render(run)
            write_file(path, text)
        except ParityError as error:
            problems.append({"path": path, "why": error.what.removeprefix("cannot be written: ")})
        except Exception as error:  # one format's defect must not cost the others
            problems.append({"path": path, "why": f"internal error: {type(error).__name__}: {error}"})
        else:
            written.append(path)
    return {"written": written, "problems": problems}


def counts(tests: Sequence[RunTest]) -> RunCounts:
    """Return how many tests there are of each kind."""
    kept_out = {state: sum(test.state == state for test in tests) for state in KEPT_OUT}
    return RunCounts(
        perf_tests=len(tests),
        ran=sum(test.state == "ran" for test in tests),
        not_run=sum(test.state == "not run" for test in tests),
        disturbed=sum(test.conditions_state == "disturbed" for test in tests),
        conditions_unknown=sum(test.conditions_state == "unknown" for test in tests),
        above_roof=sum(test.is_above_roof for test in tests),
        **kept_out,
    )
