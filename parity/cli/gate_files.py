"""Knows the files that the gate's step leaves: reports, one SARIF of all, the job summary and the outputs."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parity.outputs import remove_file, write_file
from parity.reports import sarif

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from parity.cli.gate_inputs import Inputs

FORMATS = ("json", "sarif", "github", "markdown")
MAX_SUMMARY_BYTES = 1024 * 1024 - 4096  # GitHub drops the whole summary of a step above 1 MiB


def file_name(command: str, form: str) -> str:
    """Return what a command's report is called: ``doctor.json``."""
    return f"{command}.{'md' if form == 'markdown' else form}"


def text_of(path: Path) -> str:
    """Return a report's text, empty when the command did not get to write it."""
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def read_report(path: Path) -> dict[str, Any] | None:
    """Return a JSON report, None when the command did not get to write it."""
    text = text_of(path)
    read: dict[str, Any] | None = json.loads(text) if text else None
    return read


def write_sarif(paths: Sequence[Path], inputs: Inputs, folder: Path) -> Path | None:
    """Write the runs of all SARIF files as one; None when no command wrote one.

    A file without a run that looked would close the alerts of those that did: a command that judged nothing writes
    none, and what an earlier run left under the name that was asked for goes.

    Raises:
        UsageError: it cannot be written.
    """
    runs = [run for path in paths if path.is_file() for run in json.loads(text_of(path))["runs"]]
    if not runs:
        if inputs.sarif:
            remove_file(inputs.sarif)
        return None
    target = Path(inputs.sarif) if inputs.sarif else folder / "parity.sarif"
    write_file(str(target), sarif.document(runs))
    return target


def problem(command: str, text: str) -> str:
    """Return Markdown that says why a command came to nothing; an indented line is shown as it is."""
    lines = "\n".join(f"    {line}" for line in text.splitlines())
    return f"### parity {command}: nothing was judged\n\n{lines}\n"


def append_summary(texts: Sequence[str], environment: Mapping[str, str]) -> None:
    """Append Markdown to the job summary, cut at a line's end to what GitHub takes.

    Raises:
        OSError: it cannot be written.
    """
    where = environment.get("GITHUB_STEP_SUMMARY")
    if not where:
        return
    path = Path(where)
    room = MAX_SUMMARY_BYTES - (path.stat().st_size if path.exists() else 0)
    data = "\n".join(texts).encode(errors="replace")
    if len(data) > room:
        data = data[: max(room, 0)].rpartition(b"\n")[0] + b"\n\nThe rest is in the report: a summary holds 1 MiB.\n"
    with path.open("ab") as stream:
        stream.write(data)


def append_outputs(outputs: Mapping[str, str], environment: Mapping[str, str]) -> None:
    """Append the step's outputs; no value can end early and start another output.

    Raises:
        OSError: they cannot be written.
    """
    where = environment.get("GITHUB_OUTPUT")
    if not where:
        return
    end = f"end-{secrets.token_hex(16)}"
    with Path(where).open("a", encoding="utf-8") as stream:
        stream.writelines(f"{name}<<{end}\n{value}\n{end}\n" for name, value in outputs.items())
