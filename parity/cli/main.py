"""Knows the command line as a whole: which command, which exit status, and how an error is said."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from typing import TYPE_CHECKING

from parity import __version__
from parity.errors import ParityError

if TYPE_CHECKING:
    from collections.abc import Sequence

# command -> (module, what it does)
COMMANDS = {
    "doctor": ("parity.cli.doctor", "judge this machine, or a saved fingerprint, against a target"),
    "capture": ("parity.cli.capture", "fingerprint this machine (redacted by default)"),
    "measure": (
        "parity.cli.measure",
        "measure what the GPUs of this machine deliver: bandwidth, matrix rate, launches",
    ),
    "diff": ("parity.cli.diff", "compare two machines: fingerprints, reports of other tools, or catalog names"),
    "compare": (
        "parity.cli.compare",
        "hold devices side by side: facts, per watt, ridge points, what a result carries over",
    ),
    "targets": ("parity.cli.targets", "list the catalog, or show one part with the source of each fact"),
    "explain": ("parity.cli.explain", "say why this is, or is not, the target: each candidate with its reason"),
    "kernels": (
        "parity.cli.kernels",
        "show the native code of installed kernel libraries, and what runs on the target",
    ),
    "lint": ("parity.cli.lint", "scan a repository for parity problems; needs no GPU"),
    "model": ("parity.cli.model", "say what a model asks of a target: memory, shapes, what binds it; no GPU needed"),
    "fleet": (
        "parity.cli.fleet",
        "compare many nodes: alike, odd, slow, changed, not the target; and fleet collect",
    ),
    "fleet collect": ("parity.cli.fleet_collect", "take the fingerprints of many nodes through their launcher"),
    "watch": ("parity.cli.watch", "run a command and record what the devices do meanwhile; its exit status is kept"),
    "rule": ("parity.cli.rule", "explain a rule; without a name, list them"),
    "init": ("parity.cli.init", "write parity.yaml, and a workflow if asked"),
}
HELP_WIDTH = 100
EPILOG = """\
exit status: 0 parity; 1 findings at the fail level, or the level is under the requirement; 2 misuse or internal
error; 3 nothing could be judged. Every command has its own --help."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status.

    Args:
        argv: words after the program's name; None: the process's own.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        return _run(words)
    except ParityError as error:
        print(f"parity: {error}", file=sys.stderr)
        return error.exit_status
    except BrokenPipeError:
        # The reader of our output went away (`parity ... | head`): not an error of ours.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("parity: interrupted", file=sys.stderr)
        return 2
    except Exception as error:
        if os.environ.get("PARITY_DEBUG"):
            raise
        print(
            f"parity: internal error: {type(error).__name__}: {error}\n"
            "  mend: run again with PARITY_DEBUG=1 and report the traceback",
            file=sys.stderr,
        )
        return 2


def _run(words: list[str]) -> int:
    count = 2 if " ".join(words[:2]) in COMMANDS else 1
    command = " ".join(words[:count])
    if command in COMMANDS:
        _load_msgspec()
        module = importlib.import_module(COMMANDS[command][0])
        parser = argparse.ArgumentParser(
            prog=f"parity {command}",
            description=COMMANDS[command][1][0].upper() + COMMANDS[command][1][1:] + ".",
            epilog=EPILOG,
            allow_abbrev=False,
            formatter_class=_formatter,
        )
        module.add_arguments(parser)
        status: int = module.run(parser.parse_args(words[count:]))
        return status
    parser = argparse.ArgumentParser(
        prog="parity",
        description="Is this GPU the one that production runs on, and what may still be concluded if it is not?",
        epilog=EPILOG,
        allow_abbrev=False,
        formatter_class=_formatter,
    )
    parser.add_argument("--version", action="version", version=f"parity {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name, (_, summary) in COMMANDS.items():
        if " " not in name:
            commands.add_parser(name, help=summary, add_help=False)
    parser.parse_args(words)
    parser.print_help(sys.stderr if words else sys.stdout)
    return 2


def _load_msgspec() -> None:
    """Import msgspec on the standard library's typing.

    Where another package (torch, for one) has installed typing_extensions, msgspec would import it, which takes as long
    as judging a fingerprint (12 of 80 ms, benchmarks/doctor_startup.py) and serves types that are not used here.
    """
    if "msgspec" in sys.modules or "typing_extensions" in sys.modules:
        return
    sys.modules["typing_extensions"] = None  # type: ignore[assignment]
    try:
        importlib.import_module("msgspec")
    finally:
        del sys.modules["typing_extensions"]


def _formatter(prog: str) -> argparse.HelpFormatter:
    """Return a help formatter that knows its width; argparse would import shutil and its compressors to find it."""
    columns = os.environ.get("COLUMNS", "")
    width = int(columns) if columns.isdigit() else HELP_WIDTH
    return argparse.RawDescriptionHelpFormatter(prog, width=max(width, 40) - 2)


if __name__ == "__main__":
    sys.exit(main())
