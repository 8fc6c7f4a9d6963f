"""Knows the command line as a whole: which command, which exit status, and how an error is said."""

from __future__ import annotations

import argparse
import gc
import importlib
import os
import re
import sys
from typing import TYPE_CHECKING, NoReturn

from parity import __version__
from parity.cli.folding import columns_of, folded, tell
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
QUESTION = "Is this GPU the one that production runs on, and what may still be concluded if it is not?"
HELP_WIDTH = 100
GC_THRESHOLD = 50_000  # new objects before the first collection: what a short command makes lives until its answer
MISUSE = "2 misuse or internal error"
STATUS = (
    "0 parity; 1 findings at the fail level, or the level is under the requirement; "
    f"{MISUSE}; 3 nothing could be judged"
)
# command -> what its exit status says, where that is not STATUS
STATUSES = {
    "capture": f"0 captured; {MISUSE}, or measuring was interrupted; 3 no GPU could be read (the file is written)",
    "measure": f"0 measured; {MISUSE}, or interrupted; 3 nothing was measured",
    "diff": f"0 compared; 1 with --check, when the machines differ; {MISUSE}; 3 a side has no device",
    "compare": f"0 compared; {MISUSE}; 3 a side has no device",
    "targets": f"0 told; {MISUSE}",
    "explain": f"0 every device is the target's part; 1 one is not; {MISUSE}; 3 no device was read",
    "kernels": f"0 everything has code for what is judged; 1 something lacks it; {MISUSE}; 3 nothing was found",
    "lint": f"0 no finding at the fail level; 1 findings; {MISUSE}; 3 there was no file to scan",
    "model": f"0 it fits; 1 it does not, or findings at the fail level; {MISUSE}; 3 not known",
    "fleet": "0 every node is the target (without one: all are alike); 1 not so, an input was not understood, a device "
    f"is slow, something changed; {MISUSE}; 3 no GPU could be read",
    "fleet collect": f"0 collected; 1 a node gave nothing; {MISUSE}",
    "watch": "the command's own, 128 + n when signal n ended it, 127 not found, 126 cannot be run; 3 nothing was "
    f"watched, without a command or with --require-watch; {MISUSE}",
    "rule": f"0 told; {MISUSE}",
    "init": f"0 written; {MISUSE}, or all files are there",
}


class _Parser(argparse.ArgumentParser):
    """A parser whose refusals offer what was probably meant."""

    def error(self, message: str) -> NoReturn:
        """Print the usage, the refusal and the mend, and exit with status 2."""
        self.print_usage(sys.stderr)
        tell(f"{self.prog}: error: {message}{self._mend(message)}")
        sys.exit(2)

    def _mend(self, message: str) -> str:
        from parity.inputs import near_names  # imports msgspec: only where it is needed

        options = list(self._option_string_actions)
        before, _, rest = message.partition("unrecognized arguments: ")
        word = rest.split(maxsplit=1)[0] if rest and not before else ""
        if word and not word.startswith("-"):
            return f"\n  mend: write `--target {word}`" if "--target" in options else ""
        found = re.match(r"argument COMMAND: invalid choice: '([^']*)'", message)
        close = near_names(found[1], list(COMMANDS)) if found else near_names(word.partition("=")[0], options)
        return f"\n  close: {close}" if close else ""


class _Help(argparse.RawDescriptionHelpFormatter):
    """A help formatter that breaks no option or name at its hyphen: ``nvidia-smi`` stays one word."""

    def _split_lines(self, text: str, width: int) -> list[str]:
        import textwrap  # as argparse itself has it: only where help is asked for

        return textwrap.wrap(" ".join(text.split()), width, break_on_hyphens=False)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status.

    Args:
        argv: words after the program's name; None: the process's own.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        return _run(words)
    except ParityError as error:
        tell(f"parity: {error}")
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
        parser = _Parser(
            prog=f"parity {command}",
            description=_described(COMMANDS[command][1][0].upper() + COMMANDS[command][1][1:] + "."),
            epilog=_epilog(STATUSES.get(command, STATUS)),
            allow_abbrev=False,
            formatter_class=_formatter,
        )
        module.add_arguments(parser)
        status: int = module.run(parser.parse_args(words[count:]))
        return status
    parser = _Parser(
        prog="parity",
        description=_described(QUESTION),
        epilog=_epilog(f"{STATUS}. `parity COMMAND --help` says more"),
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


def _epilog(statuses: str) -> str:
    return folded(f"exit status: {statuses}.", width=_help_width(), hang=2)


def _described(text: str) -> str:
    return folded(text, width=_help_width(), hang=0)


def _help_width() -> int:
    columns = os.environ.get("COLUMNS", "")
    width = int(columns) if columns.isdigit() else min(columns_of(sys.stdout) or HELP_WIDTH, HELP_WIDTH)
    return max(width, 40) - 2


def _formatter(prog: str) -> argparse.HelpFormatter:
    """Return a help formatter that knows its width; argparse would import shutil and its compressors to find it."""
    return _Help(prog, width=_help_width())


def program() -> NoReturn:
    """Run as the program ``parity``.

    The answer of a short command is given long before the interpreter has taken itself apart, which costs as much again
    as reading a catalog; nothing here waits for that. What cannot be flushed is told as the interpreter tells it.
    """
    gc.set_threshold(GC_THRESHOLD)
    status = main()
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except (OSError, ValueError):
        sys.exit(status)
    os._exit(status)


if __name__ == "__main__":
    program()
