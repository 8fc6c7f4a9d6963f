"""Knows ``parity fleet``: many fingerprints at once: which nodes are alike, which are odd, slow, or not the target."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from parity import fleet_run, session
from parity.cli import options
from parity.errors import InputFileError, UsageError
from parity.inputs import near_names, printable, read_bytes

if TYPE_CHECKING:
    import argparse

    from parity.model.fleet import Fleet


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument(
        "places",
        metavar="FILE|DIR|-",
        nargs="*",
        help="JSON lines of `parity fleet collect`, fingerprints, reports of other tools, folders of them; - is "
        "standard input",
    )
    options.add_target(parser)
    options.add_require(parser)
    parser.add_argument("--baseline", metavar="FILE", help="say what changed since these nodes were collected")
    parser.add_argument(
        "--latest", action="store_true", help="of several readings that bear one name, only the newest counts"
    )
    parser.add_argument(
        "--expect",
        metavar="N|FILE",
        help="how many nodes there should be, or a file with their names, one per line: a node that is missing fails",
    )
    parser.add_argument(
        "--ignore",
        metavar="FACT",
        action="append",
        help="a value that makes no node odd: NCCL_SOCKET_IFNAME, 'library *', kernel; repeatable",
    )
    parser.add_argument(
        "--store", metavar="FILE.sqlite", help="keep every reading here, by node and time (see parity diff)"
    )
    parser.add_argument(
        "--export", metavar="FILE.parquet", help="write what the store holds, a row per value (gpu-parity[parquet])"
    )
    options.add_output(parser, ("text", "json", "markdown", "html"))
    parser.add_argument("--exit-zero", action="store_true", help="report, and exit 0 whatever was found")


def run(arguments: argparse.Namespace) -> int:
    """Read, judge, report; 0: every node is what was asked for (without a target: all are alike), 1, or 3 for none."""
    if arguments.export and not arguments.store:
        raise UsageError("nothing to export", where="--export", mend="name the store: --store FILE.sqlite")
    if not arguments.places:
        if not arguments.export:
            raise UsageError("no node given", where="FILE|DIR|-", mend="give files, folders, or - for standard input")
        return _export(arguments)
    if arguments.ignore and arguments.store:
        raise UsageError("a store keeps whole nodes", where="--ignore", mend="store first, then look without --store")
    for place in arguments.places:
        if place != "-" and not Path(place).exists():
            close = near_names(place, ("collect",))
            raise InputFileError("no such file or folder", where=place, close=close, mend="check the path")
    project = session.project_of(arguments.config)
    wish = fleet_run.Wish(
        target=arguments.target,
        require=arguments.require,
        baseline=arguments.baseline,
        store=arguments.store,
        latest=arguments.latest,
        ignore=tuple(arguments.ignore or ()),
        expected=None if arguments.expect is None else _expected(arguments.expect),
    )
    fleet, unstored = fleet_run.fleet_of(arguments.places, project, wish)
    options.write_reports(arguments, lambda name: render(fleet, name, verbose=arguments.verbose))
    if unstored is not None:
        raise unstored
    if arguments.export:
        _export(arguments)
    return 0 if arguments.exit_zero else fleet.exit_status


def _expected(text: str) -> tuple[str, ...] | int:
    """Return how many nodes there should be, or their names.

    Raises:
        UsageError: neither.
        InputFileError: the file cannot be read.
    """
    if text.isdecimal():
        if not int(text):
            raise UsageError("no fleet has no node", where=f"--expect {text}", mend="say how many there should be")
        return int(text)
    lines = read_bytes(text).decode("utf-8", errors="replace").splitlines()
    names = [words[0] for line in lines if (words := line.partition("#")[0].split())]  # of a hostfile: `n1 slots=8`
    if not names:
        raise UsageError("names no node", where=f"--expect {text}", mend="write one name per line")
    return tuple(map(printable, names))


def _export(arguments: argparse.Namespace) -> int:
    """Write the store as Parquet; 0, or 3 when it holds nothing."""
    from parity.fleet import parquet, past
    from parity.fleet.history import History

    with History(arguments.store, create=False) as history:
        count = parquet.write(arguments.export, past.facts(history))
    print(f"parity: {count} values exported to {arguments.export}", file=sys.stderr)
    return 0 if count else 3


def render(fleet: Fleet, name: str, *, verbose: bool) -> str:
    """Return the fleet in the format called ``name``."""
    if name == "json":
        return session.as_json(fleet).decode()
    if name == "markdown":
        from parity.reports import fleet_markdown

        return fleet_markdown.render(fleet)
    if name == "html":
        from parity.reports.html import fleet as fleet_page

        return fleet_page.render(fleet)
    from parity.reports import fleet_text

    return fleet_text.render(fleet, verbose=verbose, width=options.terminal()[0])
