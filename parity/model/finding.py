"""Knows one disagreement, one question without an answer, and one exception somebody took responsibility for."""

import datetime as dt

import msgspec

from parity.model.rule import Severity


class Mismatch(msgspec.Struct, frozen=True, kw_only=True):
    """What a check yields when here and target disagree; id, severity and mend come from the rule's card.

    Attributes:
        subject: ``GPU 0 (NVIDIA H100 80GB HBM3)``, a package, a variable.
        here, wanted: both values with their units, as printed.
        ratio: here / target where both are numbers, else None.
        message: one sentence that needs no other field.
        mend: what to do, when the card's general advice can be made precise.
    """

    subject: str
    here: str
    wanted: str
    message: str
    ratio: float | None = None
    mend: str = ""


class Waiver(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A named, owned, dated exception to a rule.

    Attributes:
        rule: rule id.
        subject: words that the finding's subject must contain; empty: any.
        reason, owner: why, and who answers for it.
        until: last day on which it holds.
    """

    rule: str
    reason: str
    owner: str
    until: dt.date
    subject: str = ""

    @property
    def told(self) -> str:
        """Return ``waived until 2027-03-31 by perf-team: the pool is capped``."""
        return f"waived until {self.until.isoformat()} by {self.owner}: {self.reason}"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One disagreement of a verdict."""

    rule: str
    severity: Severity
    subject: str
    here: str
    wanted: str
    ratio: float | None
    message: str
    mend: str
    waived: Waiver | None = None


class Unknown(msgspec.Struct, frozen=True, kw_only=True):
    """One question of a verdict that the evidence does not answer."""

    rule: str
    subject: str
    why: str
    detail: str
