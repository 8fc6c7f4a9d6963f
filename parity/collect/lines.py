"""Knows the line that stands for one node of a fleet: its name and its fingerprint, or why there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from parity.model.fleet import NODE_SCHEMA
from parity.model.redact import redacted

if TYPE_CHECKING:
    from parity.model.fingerprint import Fingerprint


def line_of(node: str, fingerprint: Fingerprint, *, redact: bool = True) -> bytes:
    """Return a node as one JSON line. The name stays: a fleet without names cannot be mended."""
    told = redacted(fingerprint) if redact else fingerprint
    return msgspec.json.encode({"schema": NODE_SCHEMA, "node": node, "fingerprint": told}) + b"\n"


def problem_line(node: str, why: str) -> bytes:
    """Return the line of a node that gave no fingerprint; `parity fleet` tells it and does not pass."""
    return msgspec.json.encode({"schema": NODE_SCHEMA, "node": node, "problem": why}) + b"\n"
