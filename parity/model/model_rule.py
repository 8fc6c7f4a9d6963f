"""Knows the card of a rule about models: what is wrong, how grave it is, why it matters and what to do."""

from typing import Literal

import msgspec

from parity.model.rule import Severity


class ModelExample(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A worked case of a rule, run as a test.

    Attributes:
        model: name of a recorded configuration (``tests/fixtures/models/MODELS.yaml``).
        target, here: target expressions; ``here`` empty: none.
        outcome: ``pass`` (the rule is silent) or the severity of the finding.
        changes: keys of the configuration with other values.
    """

    model: str
    target: str
    outcome: Literal["pass", "error", "warning", "note"]
    here: str = ""
    context: int = 8192
    batch: int = 1
    dtype: str | None = None
    tp: int | None = None
    pp: int | None = None
    min_wave_efficiency: float | None = None
    changes: dict[str, int | float | str | bool] = {}


class ModelCard(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One rule about models as its card under ``rules/models`` states it.

    Attributes:
        id: kebab-case; reads after "allow".
        settings: numbers that a project may set otherwise.
    """

    id: str
    summary: str
    severity: Severity
    status: Literal["preview", "stable"]
    since: str
    why: str
    mend: str
    settings: dict[str, float | int] = {}
    examples: tuple[ModelExample, ...] = ()
