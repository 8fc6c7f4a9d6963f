"""Writes down what a suite did: one line per event, in the order of events, into the file that ``SUITE_TRACE`` names."""

from __future__ import annotations

import os
import sys

_FILE = os.environ.get("SUITE_TRACE", os.devnull)
_ROOT = os.environ.get("SUITE_ROOT", "?")


def trace(event: str) -> None:
    """Note an event of the suite whose folder holds the calling file."""
    frame = sys._getframe(1)
    while frame is not None and not frame.f_code.co_filename.startswith(_ROOT):
        frame = frame.f_back
    suite = "?" if frame is None else frame.f_code.co_filename[len(_ROOT) :].strip("/").partition("/")[0]
    line = f"{suite}\t{event}\n".encode()
    descriptor = os.open(_FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, line)
    finally:
        os.close(descriptor)
