"""Knows one value that two machines do not share."""

from __future__ import annotations

from typing import Literal

import msgspec

Section = Literal["identity", "stack", "conditions", "host", "environment"]
Kind = Literal["changed", "only-a", "only-b"]


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One value that two machines do not share.

    Attributes:
        section: block of the fingerprint.
        subject: ``GPU 0``, ``GPU 0-7``, ``machine``.
        kind: ``changed``; ``only-a`` / ``only-b``: the other side does not tell.
        a, b: the values as printed; empty where a side does not tell.
        ratio: b / a where both are numbers.
        why: the reason for which the other side does not tell, where it was asked and gave none.
    """

    section: Section
    subject: str
    name: str
    kind: Kind
    a: str
    b: str
    ratio: float | None = None
    why: str = ""

    @property
    def sides(self) -> tuple[str, str]:
        """Return a and b in words: a side without a value does not tell it, or has it unset."""
        none = "unset" if self.kind == "changed" else "not told"
        return self.a or none, self.b or none
