"""Knows the short way to a saved fingerprint; everything else goes to the readers of foreign reports.

Judging a saved fingerprint is the common case and must start fast; the dialects' readers are imported only when needed.
"""

from __future__ import annotations

import msgspec

from parity.model.fingerprint import Fingerprint, sealed
from parity.readers import saved_json

HEAD_BYTES = 4096


def read_report(raw: bytes, *, where: str) -> Fingerprint:
    """Return the fingerprint that a saved fingerprint, a verdict or a foreign report describes.

    Args:
        raw: the file as it is; quoting, colours, markdown and lost line breaks are undone.
        where: name of the file for messages.

    Raises:
        InputFileError: nothing in it is understood, or its syntax is broken.
    """
    saved = _saved(raw, where)
    if saved is not None:
        return saved
    from parity.readers import report

    return report.read_report(raw, where=where)


def _saved(raw: bytes, where: str) -> Fingerprint | None:
    """Return what a whole JSON document of this tool says; None for anything else, damaged ones included."""
    if raw.lstrip()[:1] != b"{" or b'"parity.' not in raw[:HEAD_BYTES]:
        return None
    try:
        return sealed(msgspec.json.decode(raw, type=Fingerprint))
    except (msgspec.MsgspecError, UnicodeError, OverflowError, RecursionError):
        pass  # a verdict, another version, or damaged: the longer way says what
    try:
        data = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return saved_json.read(data, where=where) if saved_json.detect(data) else None
