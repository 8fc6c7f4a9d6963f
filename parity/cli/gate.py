"""Knows the gate of a GitHub Actions step: doctor and lint in one run, and what GitHub shows and keeps of it.

Run by ``action.yml``; not a command of users. Everything comes from the environment, nothing from a shell's words, so
that no input can become an option or a command.
"""

from __future__ import annotations

import contextlib
import io
import secrets
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from parity.cli import gate_files
from parity.cli.gate_inputs import Inputs, inputs_of
from parity.cli.main import main as command
from parity.errors import ParityError
from parity.model.fingerprint import Fingerprint
from parity.model.redact import redacted
from parity.reports import github
from parity.session import as_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MISUSE = 2
# The gravest first: what could not be done hides what was found, which hides that there was nothing to judge.
_GRAVITY = (2, 1, 3, 0)


class Ran(msgspec.Struct, frozen=True, kw_only=True):
    """One command's end.

    Attributes:
        name: ``doctor`` or ``lint``.
        status: exit status.
        problem: what it said on standard error when it wrote no report, or not all of it.
        report: its JSON, None when it wrote none.
    """

    name: str
    status: int
    problem: str = ""
    report: dict[str, Any] | None = None


def main(environment: Mapping[str, str]) -> int:
    """Run what the inputs ask for, leave outputs, summary and SARIF, and return the step's exit status."""
    try:
        inputs = inputs_of(environment)
        folder = Path(tempfile.mkdtemp(prefix="parity-", dir=environment.get("RUNNER_TEMP") or None))
        ran = [_run(name, inputs, folder) for name in inputs.commands]
        return _finish(inputs, folder, ran, environment)
    except (ParityError, OSError) as error:
        _say_problem(str(error))
        gate_files.append_summary([gate_files.problem("gate", str(error))], environment)
        gate_files.append_outputs({"verdict": "unknown", "passed": "false"}, environment)
        return MISUSE


def _run(name: str, inputs: Inputs, folder: Path) -> Ran:
    """Run one command: text to the log, every other format to a file."""
    formats = [
        word
        for form in gate_files.FORMATS
        for word in ("--format", form, "-o", str(folder / gate_files.file_name(name, form)))
    ]
    errors = io.StringIO()
    with _no_commands(), contextlib.redirect_stderr(errors):
        try:
            status = command([name, *formats, "--format", "text", *inputs.words(name)])
        except SystemExit as stop:  # argparse
            status = stop.code if isinstance(stop.code, int) else MISUSE
        print(errors.getvalue().rstrip("\n") + "\n" if errors.getvalue() else "", end="")
    report = gate_files.read_report(folder / gate_files.file_name(name, "json"))
    if report is None and status == 0:  # a pass without a report is none
        status = MISUSE
    is_whole = report is not None and status != MISUSE
    problem = "" if is_whole else errors.getvalue().strip() or f"exit status {status} and no report"
    return Ran(name=name, status=status, problem=problem, report=report)


@contextlib.contextmanager
def _no_commands() -> Iterator[None]:
    """Keep the runner from taking printed text for commands: names and values come from whoever wrote the change."""
    token = secrets.token_hex(16)
    print(f"::stop-commands::{token}")
    try:
        yield
    finally:
        print(f"::{token}::")


def _finish(inputs: Inputs, folder: Path, ran: list[Ran], environment: Mapping[str, str]) -> int:
    for one in ran:
        if one.problem:
            _say_problem(f"parity {one.name}: {one.problem}")
        print(gate_files.text_of(folder / gate_files.file_name(one.name, "github")), end="", flush=True)
    sarif = gate_files.write_sarif([folder / gate_files.file_name(one.name, "sarif") for one in ran], inputs, folder)
    if inputs.summary:
        told = [
            gate_files.problem(one.name, one.problem)
            if one.problem
            else gate_files.text_of(folder / gate_files.file_name(one.name, "markdown"))
            for one in ran
        ]
        gate_files.append_summary(told, environment)
    gate_files.append_outputs(_outputs(ran, folder, sarif), environment)
    return _status(inputs, ran)


def _status(inputs: Inputs, ran: list[Ran]) -> int:
    statuses = [one.status for one in ran if one.problem or inputs.fail_on != "never"]
    return min(statuses, key=lambda status: _GRAVITY.index(status) if status in _GRAVITY else 0, default=0)


def _outputs(ran: list[Ran], folder: Path, sarif: Path | None) -> dict[str, str]:
    of = {one.name: one for one in ran}
    doctor, lint = of.get("doctor"), of.get("lint")
    first = doctor or lint
    assert first is not None  # a mode has one command at least
    told = {
        "verdict": _verdict(doctor, lint),
        "level": ((doctor.report or {}).get("level", "unknown")) if doctor else "",
        "passed": "true" if all(one.status == 0 for one in ran) else "false",
        "report": str(folder / gate_files.file_name(first.name, "json")) if first.report is not None else "",
        "lint-report": str(folder / gate_files.file_name("lint", "json")) if lint and lint.report is not None else "",
        "sarif": str(sarif) if sarif is not None else "",
    }
    if doctor is not None and doctor.report is not None:
        path = folder / "fingerprint.json"
        fingerprint = msgspec.convert(doctor.report["fingerprint"], Fingerprint)
        path.write_bytes(as_json(redacted(fingerprint)))
        told["fingerprint"] = str(path)
    return told


def _verdict(doctor: Ran | None, lint: Ran | None) -> str:
    if doctor is not None:
        return str((doctor.report or {}).get("outcome", "unknown"))
    if lint is None or lint.report is None:
        return "unknown"
    standing = [finding for finding in lint.report["findings"] if finding["suppressed"] is None]
    return "findings" if standing else "clean"


def _say_problem(text: str) -> None:
    title = github.property_("parity: the gate could not run")
    print(f"::error title={title}::{github.message(text)}", flush=True)
