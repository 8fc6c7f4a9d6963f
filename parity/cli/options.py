"""Knows the options that commands share, and where a report goes."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING

from parity.errors import UsageError
from parity.model.rule import LEVELS, SEVERITIES
from parity.outputs import remove_file, write_file
from parity.units import plural

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

FORMATS = ("text", "json", "markdown")
DEFAULT_WIDTH = 80
_COLOUR = r"\x1b\[[0-9;]*m"  # for the terminal, not for a file


def add_fingerprint(parser: argparse.ArgumentParser) -> None:
    """Add ``--fingerprint``."""
    parser.add_argument(
        "--fingerprint",
        metavar="FILE",
        help="judge this saved fingerprint, or a report of nvidia-smi, amd-smi, rocm-smi, rocminfo, collect_env or "
        "node labels (detected by content; - is standard input), instead of this machine",
    )


def add_target(parser: argparse.ArgumentParser, *, required: bool = False) -> None:
    """Add ``--target`` and ``--config``."""
    parser.add_argument(
        "--target",
        metavar="T",
        required=required,
        help="h100, 8xh100, a100-sxm4-40gb/1g.5gb, a target of the project file, or a captured fingerprint",
    )
    parser.add_argument("--config", metavar="FILE", help="project file (default: parity.yaml or pyproject.toml nearby)")


def add_require(parser: argparse.ArgumentParser) -> None:
    """Add ``--require``."""
    parser.add_argument(
        "--require",
        metavar="LEVEL",
        choices=LEVELS,
        help=f"least level that passes: {', '.join(LEVELS)} (default: equivalent)",
    )


def add_fail_on(parser: argparse.ArgumentParser) -> None:
    """Add ``--fail-on``."""
    parser.add_argument(
        "--fail-on", choices=SEVERITIES, help="least severity that gives exit status 1 (default: policy, error)"
    )


def add_output(parser: argparse.ArgumentParser, formats: Sequence[str] = FORMATS) -> None:
    """Add ``--format``, ``-o`` and ``-v``."""
    parser.add_argument(
        "--format", choices=formats, action="append", metavar="F", help=f"{', '.join(formats)}; repeatable with -o"
    )
    parser.add_argument(
        "-o", "--output", metavar="FILE", action="append", help="write the report here instead of standard output"
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="reasons, mends, unanswered questions, facts")


def write_reports(
    arguments: argparse.Namespace, render: Callable[[str], str | None], *, shown: Callable[[str], str] | None = None
) -> None:
    """Render each asked format and write it to its file, or to standard output.

    The n-th ``--format`` goes to the n-th ``-o``; formats beyond the files go to standard output.

    Args:
        arguments: as ``add_output`` made them.
        render: format -> report; None: there is none, and none of an earlier run is left in its file.
        shown: what standard output gets of a text report, where that is not the whole lines that a file gets.

    Raises:
        UsageError: more files than formats, or a file that cannot be written.
    """
    formats = arguments.format or ["text"]
    files = arguments.output or []
    if len(files) > len(formats):
        what = f"{plural(len(files), 'file')} for {plural(len(formats), 'format')}"
        raise UsageError(what, where="-o", mend="give one --format per -o, in order")
    for number, name in enumerate(formats):
        text = render(name)
        if text is None:
            if number < len(files):
                remove_file(files[number])
        elif number < len(files):
            write_file(files[number], re.sub(_COLOUR, "", text))
        else:
            emit(shown(text) if shown is not None and name == "text" else text)


def emit(text: str) -> None:
    """Print a report; characters that the stream cannot carry become question marks, never an exception.

    A reader that goes away (``parity ... | head``) ends the printing, and changes no exit status.

    Raises:
        UsageError: the stream takes no more, for example because the disk is full.
    """
    if sys.stdout is None:  # closed: `parity ... >&-`
        return
    encoding = sys.stdout.encoding or "utf-8"
    try:
        sys.stdout.write(text.encode(encoding, errors="replace").decode(encoding))
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        what = f"cannot be written: {error.strerror}"
        raise UsageError(what, where="standard output", mend="check where it goes") from error


def terminal() -> tuple[int, bool, bool]:
    """Return (columns, colour, ascii only) of standard output.

    Colour follows NO_COLOR and FORCE_COLOR, else whether a terminal is there; width follows COLUMNS, else the terminal.
    """
    if sys.stdout is None:
        return DEFAULT_WIDTH, False, True
    is_terminal = sys.stdout.isatty()
    colour = is_terminal and os.environ.get("TERM") != "dumb"
    if os.environ.get("NO_COLOR"):
        colour = False
    elif os.environ.get("FORCE_COLOR"):
        colour = True
    columns = os.environ.get("COLUMNS", "")
    if columns.isdigit() and int(columns):
        width = int(columns)
    else:
        try:
            width = os.get_terminal_size(sys.stdout.fileno()).columns if is_terminal else DEFAULT_WIDTH
        except (OSError, ValueError):
            width = DEFAULT_WIDTH
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    return width, colour, not encoding.startswith("utf")
