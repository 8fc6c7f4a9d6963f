"""Knows ``parity capture``: write down what this machine is, ready to be judged elsewhere or to serve as a target."""

from __future__ import annotations

import argparse

from parity import session
from parity.cli import measuring_options, options
from parity.cli.folding import tell
from parity.model.redact import redacted
from parity.outputs import write_file
from parity.units import plural


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("-o", "--output", metavar="FILE", help="write here instead of standard output")
    parser.add_argument(
        "--redact",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="take out unique ids, serial numbers, host and user names (default)",
    )
    measuring_options.add_measure(parser)


def run(arguments: argparse.Namespace) -> int:
    """Capture and write; 3 when no GPU could be read, 2 when measuring was interrupted (the file is written anyway)."""
    measuring_options.refuse_strays(arguments)
    fingerprint, interrupted = session.fingerprint_of(None), False
    if arguments.measure:
        wish = measuring_options.wish_of(arguments)
        fingerprint, report = measuring_options.measure_here(fingerprint, wish, session.project_of(None))
        interrupted = report.interrupted
    if arguments.redact:
        fingerprint = redacted(fingerprint)
    text = session.as_json(fingerprint).decode()
    if arguments.output:
        write_file(arguments.output, text)
    else:
        options.emit(text)
    count = len(fingerprint.visible_devices)
    where = arguments.output or "standard output"
    tell(f"parity: {plural(count, 'visible device')} captured to {where}")
    for note in fingerprint.notes:
        tell(f"parity: {note.source}: {note.text}")
    if interrupted:
        return measuring_options.INTERRUPTED
    return 0 if count else 3
