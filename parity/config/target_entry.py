"""Knows one target as a project file declares it."""

from __future__ import annotations

import msgspec

from parity.model.rule import Level


class TargetEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One target as a project file declares it; absent keys come from ``extends``.

    Attributes:
        device: catalog name, or path of a captured fingerprint.
        partition: MIG profile or AMD compute partition that production uses.
        stack: component or package -> version specifier.
        conditions: condition -> value or comparison.
    """

    device: str | None = None
    count: int | None = None
    require: Level | None = None
    partition: str | None = None
    stack: dict[str, str] = {}
    conditions: dict[str, str | float | int | bool] = {}
    extends: str | None = None
