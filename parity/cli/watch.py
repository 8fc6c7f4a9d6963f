"""Knows ``parity watch``: run a command, record what the devices do meanwhile, say what bound them."""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from parity import session
from parity.cli import options
from parity.errors import ParityError, UsageError
from parity.outputs import write_file
from parity.units import plural
from parity.verdict.bound import DTYPES

if TYPE_CHECKING:
    import argparse

    from parity.model.watch import WatchReport
    from parity.watching.record import Recording

FORMATS = ("text", "json", "html")
DEFAULT_EVERY_S, LEAST_EVERY_S = 0.1, 0.01
NOTHING = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("--seconds", type=float, metavar="N", help="record at most so long; the command goes on")
    parser.add_argument(
        "--every", type=float, metavar="S", default=DEFAULT_EVERY_S,
        help=f"seconds between samples (default: {DEFAULT_EVERY_S}; a slow driver is asked less often)",
    )  # fmt: skip
    options.add_target(parser)
    parser.add_argument(
        "--dtype", choices=DTYPES, default="bf16", help="data type of the tensor cores' work (default: bf16)"
    )
    parser.add_argument(
        "--require-watch", action="store_true", help="exit 3, and start nothing, when no device can be watched"
    )
    options.add_output(parser, FORMATS)
    parser.add_argument(
        "command", nargs="...", metavar="-- CMD", help="the command and its words; without one, --seconds is needed"
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the command and report; its exit status is ours, 128 + n where a signal ended it."""
    from parity.probes.visibility import VISIBLE_VARIABLES
    from parity.watching.record import record

    command = arguments.command[1:] if arguments.command[:1] == ["--"] else arguments.command
    _check(arguments, command)
    project = session.project_of(arguments.config)
    target = None
    if arguments.target or project.default_target:
        target = session.target_of(arguments.target, project)
    recording = record(
        command,
        seconds=arguments.seconds,
        every_s=arguments.every,
        visible={name: os.environ[name] for name in VISIBLE_VARIABLES if name in os.environ},
        required=arguments.require_watch,
    )
    if recording.problem:
        print(f"parity watch: {recording.problem}", file=sys.stderr)
    else:
        try:
            from parity.watching.report import report_of

            _write(arguments, report_of(recording, project, target, dtype=arguments.dtype), alone=not command)
        except KeyboardInterrupt:
            print("parity watch: the report was interrupted", file=sys.stderr)
        except (ParityError, OSError) as error:
            print(f"parity watch: {error}", file=sys.stderr)
    return status_of(recording, required=arguments.require_watch)


def status_of(recording: Recording, *, required: bool) -> int:
    """Return the exit status: the command's own; without one 0, or 3 when nothing was watched."""
    blind = recording.answer is None
    if recording.ended is not None:
        return recording.ended.status or (NOTHING if required and recording.lost is not None else 0)
    if recording.stopped:
        return 128 + recording.stopped
    return NOTHING if blind or (required and recording.lost is not None) else 0


def render(report: WatchReport, name: str, *, verbose: bool, width: int) -> str:
    """Return the report in the format called ``name``."""
    if name == "json":
        return session.as_json(report).decode()
    if name == "html":
        from parity.reports.html import watch as watch_page

        return watch_page.render(report)
    from parity.reports import watch_text

    return watch_text.render(report, verbose=verbose, width=width)


def _check(arguments: argparse.Namespace, command: list[str]) -> None:
    """Refuse what cannot work before anything is started.

    Raises:
        UsageError: a number makes no sense, there is nothing to do, or a report could not be written.
    """
    if arguments.seconds is not None and not 0 < arguments.seconds < math.inf:
        raise UsageError(f"{arguments.seconds:g} is no time to watch", where="--seconds", mend="give seconds above 0")
    if not LEAST_EVERY_S <= arguments.every < math.inf:
        raise UsageError(
            f"{arguments.every:g} s is no distance of samples", where="--every", mend=f"give {LEAST_EVERY_S} or more"
        )
    if not command and arguments.seconds is None:
        raise UsageError("nothing to watch", mend="give `-- CMD`, or `--seconds N` to only watch")
    files = arguments.output or []
    arguments.format = arguments.format or [_format_of(file) for file in files] or ["text"]
    if len(files) > len(arguments.format):
        raise UsageError(
            f"{plural(len(files), 'file')} for {plural(len(arguments.format), 'format')}",
            where="-o",
            mend="give one --format per -o, in order",
        )
    for file in files:
        if not os.access(Path(file).parent, os.W_OK | os.X_OK):
            raise UsageError("the report cannot be written there", where=file, mend="check the folder and permissions")


def _format_of(file: str) -> str:
    """Return the format that a file's name asks for."""
    return {".json": "json", ".html": "html", ".htm": "html"}.get(Path(file).suffix.lower(), "text")


def _write(arguments: argparse.Namespace, report: WatchReport, *, alone: bool) -> None:
    """Write each format to its file; what has none to standard error, which the command's output is not on.

    A file that cannot be written any more costs itself: the report is then told as text.
    """
    width = _width()
    files = arguments.output or []
    for number, name in enumerate(arguments.format):
        text = render(report, name, verbose=arguments.verbose, width=width)
        if number >= len(files):
            (options.emit if alone else _emit)(text)
            continue
        try:
            write_file(files[number], text)
        except UsageError as error:
            _emit(f"parity watch: {error}\n")
            _emit(render(report, "text", verbose=arguments.verbose, width=width))
        else:
            _emit(f"parity watch: wrote {files[number]}\n")


def _emit(text: str) -> None:
    """Print to standard error; one that is closed or full changes nothing."""
    if sys.stderr is None:
        return
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        return


def _width() -> int:
    columns = os.environ.get("COLUMNS", "")
    if columns.isdigit() and int(columns):
        return int(columns)
    try:
        return os.get_terminal_size(2).columns
    except (OSError, ValueError):
        return 100
