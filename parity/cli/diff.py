"""Knows ``parity diff``: what differs between two machines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from parity import session
from parity.catalog import store
from parity.catalog.as_fingerprint import as_fingerprint
from parity.cli import options
from parity.cli.folding import tell
from parity.cli.no_device import no_device
from parity.errors import UnknownNameError, UsageError
from parity.fleet.diff import MachineDiff, compare

if TYPE_CHECKING:
    import argparse

    from parity.model.fingerprint import Fingerprint


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("a", metavar="A", help="a fingerprint, a report of another tool, a catalog name, or `here`")
    parser.add_argument("b", metavar="B", nargs="?", help="likewise")
    parser.add_argument(
        "--since",
        metavar="DATE",
        help="say what changed on node A since then: 2026-11-01, 36h, '2 weeks ago'; needs --store",
    )
    parser.add_argument("--store", metavar="FILE.sqlite", help="readings kept by `parity fleet --store`")
    parser.add_argument("--check", action="store_true", help="exit 1 when hardware, software or variables differ")
    options.add_output(parser, ("text", "json"))


def run(arguments: argparse.Namespace) -> int:
    """Compare; 0, with ``--check`` 1 when the machines drifted apart; 3 when a side has no device or could not tell."""
    if arguments.since is not None or arguments.store is not None:
        return _since(arguments)
    if arguments.b is None:
        raise UsageError("one machine given, two needed", where="B", mend="name another, or use --since and --store")
    sides = [machine(name) for name in (arguments.a, arguments.b)]
    comparison = compare(sides[0], sides[1], names=(arguments.a, arguments.b))
    options.write_reports(arguments, lambda name: render(comparison, name, verbose=arguments.verbose))
    named = zip((arguments.a, arguments.b), sides, strict=True)
    empty = [(name, side) for name, side in named if not side.visible_devices]
    for name, side in empty:
        tell(f"parity: {no_device(side, where=name)}")
    if empty:
        return 3
    if not arguments.check or comparison.drifted:
        return int(arguments.check)
    return 3 if comparison.undecided else 0


def _since(arguments: argparse.Namespace) -> int:
    """Tell what changed on a node; 0, or with ``--check`` 1 when anything did."""
    from parity.fleet.history import History
    from parity.fleet.past import since
    from parity.reports import history_text

    if arguments.b is not None or arguments.since is None or arguments.store is None:
        raise UsageError(
            "--since, --store and one node belong together", mend="parity diff --since DATE --store FILE.sqlite NODE"
        )
    with History(arguments.store, create=False) as history:
        found = since(history, arguments.a, arguments.since)
    options.write_reports(
        arguments, lambda name: session.as_json(found).decode() if name == "json" else history_text.render(found)
    )
    return int(arguments.check and bool(found.steps or found.measured))


def machine(name: str) -> Fingerprint:
    """Return the machine a word of the command line means.

    Raises:
        UnknownNameError: neither a file nor a catalog name.
        InputFileError: the file is no report a reader knows.
    """
    if name == "here":
        return session.fingerprint_of(None)
    if name == "-" or Path(name).exists() or Path(name.rpartition("#")[0]).is_file():
        return session.fingerprint_of(name)
    try:
        return as_fingerprint(store.device_spec(name))
    except UnknownNameError as error:
        raise UnknownNameError(
            f"{name!r} is neither a file nor a catalog name", close=error.close, mend="check the path or the name"
        ) from None


def render(comparison: MachineDiff, name: str, *, verbose: bool) -> str:
    """Return the comparison in the format called ``name``."""
    if name == "json":
        return session.as_json(comparison).decode()
    from parity.reports import diff_text

    return diff_text.render(comparison, verbose=verbose, width=options.terminal()[0])
