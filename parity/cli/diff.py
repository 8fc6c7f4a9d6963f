"""Knows ``parity diff``: what differs between two machines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from parity import session
from parity.catalog import store
from parity.catalog.as_fingerprint import as_fingerprint
from parity.cli import options
from parity.errors import UnknownNameError, UsageError
from parity.fleet.diff import GATED, MachineDiff, compare
from parity.units import format_ratio

if TYPE_CHECKING:
    import argparse

    from parity.model.difference import Difference
    from parity.model.fingerprint import Fingerprint

SECTION_WORDS = {
    "identity": "hardware",
    "stack": "software",
    "environment": "environment variables",
    "conditions": "state",
    "host": "host",
}


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
    """Compare; 0, or with ``--check`` 1 when the machines drifted apart, 3 when a side has no device."""
    if arguments.since is not None or arguments.store is not None:
        return _since(arguments)
    if arguments.b is None:
        raise UsageError("one machine given, two needed", where="B", mend="name another, or use --since and --store")
    sides = [machine(name) for name in (arguments.a, arguments.b)]
    comparison = compare(sides[0], sides[1], names=(arguments.a, arguments.b))
    options.write_reports(
        arguments,
        lambda name: session.as_json(comparison).decode() if name == "json" else as_text(comparison, arguments.verbose),
    )
    if not arguments.check:
        return 0
    if any(not side.visible_devices for side in sides):
        return 3
    return 1 if comparison.drifted else 0


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
    if name == "-" or Path(name).exists():
        return session.fingerprint_of(name)
    try:
        return as_fingerprint(store.device_spec(name))
    except UnknownNameError as error:
        raise UnknownNameError(
            f"{name!r} is neither a file nor a catalog name", close=error.close, mend="check the path or the name"
        ) from None


def as_text(comparison: MachineDiff, verbose: bool) -> str:  # noqa: FBT001
    """Return the comparison as text; values that only one side tells are counted, and shown when verbose."""
    lines: list[str] = []
    changed = [item for item in comparison.differences if item.kind == "changed"]
    for section, word in SECTION_WORDS.items():
        rows = [item for item in changed if item.section == section]
        if rows:
            lines += ["", f"{word}{'' if section in GATED else ' (not gated)'}", *_table(rows, comparison)]
    lines += [
        "",
        f"{len(changed)} value{'' if len(changed) == 1 else 's'} differ{'s' if len(changed) == 1 else ''}"
        if changed
        else "nothing differs that both sides tell",
    ]
    untold = [item for item in comparison.differences if item.kind != "changed"]
    if untold:
        lines.append(f"{len(untold)} values are told by one side only" + ("" if verbose else " (-v)"))
    if verbose:
        lines += [
            f"  {item.subject:<8} {item.name}: {item.a or item.b}, told by {'A' if item.kind == 'only-a' else 'B'}"
            for item in untold
        ]
    return "\n".join(lines[1:] if lines[0] == "" else lines) + "\n"


def _table(rows: list[Difference], comparison: MachineDiff) -> list[str]:
    subject = max(len(item.subject) for item in rows)
    name = max(len(item.name) for item in rows)
    heads = [_cut(Path(side).name or side) for side in (comparison.a, comparison.b)]
    a = max(len(heads[0]), *(len(_cut(item.a)) for item in rows))
    b = max(len(heads[1]), *(len(_cut(item.b)) for item in rows))
    lines = [f"  {'':<{subject}}  {'':<{name}}  {heads[0]:>{a}}  {heads[1]:>{b}}"]
    for item in rows:
        left, right = (_cut(value) or "unset" for value in (item.a, item.b))
        ratio = format_ratio(item.ratio)
        line = f"  {item.subject:<{subject}}  {item.name:<{name}}  {left:>{a}}  {right:>{b}}  {ratio}"
        lines.append(line.rstrip())
    return lines


def _cut(text: str) -> str:
    return text if len(text) <= 28 else text[:26] + ".."
