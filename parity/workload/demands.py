"""Knows what a project asks of a model beyond the rules' cards: severities, settings, a floor for waves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from parity.catalog.store import model_cards
from parity.model.workload import ModelFinding

if TYPE_CHECKING:
    from parity.model.model_rule import ModelCard
    from parity.model.rule import Severity

FOOTPRINT_RULES = ("footprint-beyond-target", "footprint-tight-on-target")


class Demands(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked.

    Attributes:
        fits: the model must fit the target; otherwise whether it does is told as a note.
        min_wave_efficiency: floor of the wave efficiency of every product on the target; None: none.
        rules: rule id -> setting -> value, as in a project file; ``severity: off`` silences a rule.
    """

    fits: bool = True
    min_wave_efficiency: float | None = None
    rules: dict[str, dict[str, float | int | str | bool]] = {}

    def severity(self, card: ModelCard) -> Severity | None:
        """Return how grave a finding of the card is, None when nobody wants to hear of it."""
        told = self.rules.get(card.id, {}).get("severity", card.severity)
        if told == "off":
            return None
        if not self.fits and card.id in FOOTPRINT_RULES:
            return "note"
        return "error" if told == "error" else "warning" if told == "warning" else "note"

    def setting(self, rule: str, name: str) -> float:
        """Return a number that the project or else the card sets."""
        own = self.rules.get(rule, {}).get(name)
        return float(own if isinstance(own, (int, float)) else model_cards()[rule].settings[name])

    def finding(self, rule: str, *, subject: str, message: str, mend: str = "") -> list[ModelFinding]:
        """Return a finding of a rule, none when it is switched off; the card's mend stands in for a missing one."""
        card = model_cards()[rule]
        severity = self.severity(card)
        if severity is None:
            return []
        mend = mend or card.mend.strip()
        return [ModelFinding(rule=rule, severity=severity, subject=subject, message=message, mend=mend)]
