"""Knows ``parity capture``: write down what this machine is, ready to be judged elsewhere or to serve as a target."""

from __future__ import annotations

import argparse
import sys

from parity import session
from parity.cli import options
from parity.model.redact import redacted
from parity.outputs import write_file


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("-o", "--output", metavar="FILE", help="write here instead of standard output")
    parser.add_argument(
        "--redact",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="take out unique ids, serial numbers, host and user names (default)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Capture and write; 3 when no GPU could be read (the file is written all the same)."""
    fingerprint = session.fingerprint_of(None)
    if arguments.redact:
        fingerprint = redacted(fingerprint)
    text = session.as_json(fingerprint).decode()
    if arguments.output:
        write_file(arguments.output, text)
    else:
        options.emit(text)
    count = len(fingerprint.visible_devices)
    where = arguments.output or "standard output"
    print(f"parity: {count} visible device{'' if count == 1 else 's'} captured to {where}", file=sys.stderr)
    for note in fingerprint.notes:
        print(f"parity: {note.source}: {note.text}", file=sys.stderr)
    return 0 if count else 3
