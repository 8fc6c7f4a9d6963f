"""Knows this tool's own JSON: a fingerprint, or a verdict that carries one."""

from __future__ import annotations

from typing import Any

import msgspec

from parity.errors import InputFileError
from parity.model.fingerprint import SCHEMA, Fingerprint, sealed

NAME = "parity"
VERDICT = "parity.verdict/1"
_OURS = "parity."


def detect(data: Any) -> bool:
    """Return whether a JSON value was written by this tool."""
    return isinstance(data, dict) and (str(data.get("schema", "")).startswith(_OURS) or _is_bare(data))


def _is_bare(data: dict[str, Any]) -> bool:
    """Return whether it is a fingerprint whose schema was left out, being the default of its field."""
    return "schema" not in data and str(data.get("identity_hash", "")).startswith("sha256:")


def read(data: dict[str, Any], *, where: str) -> Fingerprint:
    """Return the saved fingerprint; its origin stays what it was, for it is not a foreign report.

    Raises:
        InputFileError: another document of this tool, another version, or a bad value.
    """
    schema, inner = data.get("schema"), data
    if schema == VERDICT and isinstance(data.get("fingerprint"), dict):
        inner = data["fingerprint"]
        schema = inner.get("schema")
    if schema is None and _is_bare(inner):
        schema = SCHEMA
    if schema != SCHEMA:
        raise InputFileError(
            f"schema is {str(schema)[:60]!r}, wanted {SCHEMA!r}",
            where=where,
            mend="give a fingerprint, or a verdict with its fingerprint, of this version (`parity capture`)",
        )
    try:
        return sealed(msgspec.convert(inner, Fingerprint))
    except (
        msgspec.ValidationError,
        msgspec.EncodeError,
        UnicodeError,
        OverflowError,
        RecursionError,
    ) as error:
        raise InputFileError(f"not a fingerprint: {error}", where=where, mend="capture it again") from error
