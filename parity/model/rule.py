"""Knows a rule card: what is compared, which way, how grave it is, and what it says."""

from typing import Literal, get_args

import msgspec

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)  # grave to slight
Level = Literal["identical", "equivalent", "same-arch", "same-vendor", "different", "unknown"]
LEVELS: tuple[Level, ...] = ("identical", "equivalent", "same-arch", "same-vendor", "different")
CONCLUSIONS = (
    "correctness",
    "code_generation",
    "kernel_selection",
    "tuned_parameters",
    "timings_single_gpu",
    "timings_multi_gpu",
    "memory_fit",
)


class Compare(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A comparison of one numeric fact that needs no code of its own.

    Attributes:
        fact: fact name (``parity.model.spec.FACTS``).
        what: the fact in words, for messages.
        at_least: finding when here / target is below this ratio; None: no lower bound.
        at_most: finding when here / target is above this ratio; None: no upper bound.
        as_sold: compare what the parts are sold with, not this board's own reading: factory overclocks, per-die caches
            and chip power (without its board) would make a part differ from itself.
    """

    fact: str
    what: str
    at_least: float | None = None
    at_most: float | None = None
    as_sold: bool = False


class Example(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A worked case of a rule, run as a test.

    Attributes:
        here: name of a recorded fingerprint (``tests/fixtures/fingerprints``) or catalog part.
        target: target expression.
        outcome: ``pass``, ``unknown`` or the severity of the finding.
        where: optional changes to the fingerprint: dotted path below the first device -> value; null makes it absent.
    """

    here: str
    target: str
    outcome: Literal["pass", "unknown", "error", "warning", "note"]
    where: dict[str, int | float | str | bool | None] = {}


class RuleCard(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One named check as its card under ``rules/checks`` states it.

    Attributes:
        id: kebab-case; reads after "allow".
        family: ``hardware``, ``stack``, ``conditions``, ``environment``, ``host``, ``policy`` or ``run``.
        scope: ``device``: asked once per visible device; ``machine``: asked once; ``interval``: asked of each watched
            device after each test that ran.
        check: module and function in ``parity/checks``; empty when ``compare`` says it all.
        settings: keyword arguments of the check; a project may override each by name.
        caps_level: a finding means the level is at most this.
        breaks: conclusions that do not carry over while a finding stands.
        unknown: ``fails``: an unknown outcome leaves the level and the run undecided; ``reported``: it is listed only.
    """

    id: str
    summary: str
    family: Literal["hardware", "stack", "conditions", "environment", "host", "policy", "run"]
    severity: Severity
    status: Literal["preview", "stable"]
    since: str
    scope: Literal["device", "machine", "interval"]
    why: str
    mend: str
    check: str = ""
    compare: Compare | None = None
    settings: dict[str, float | int | str | bool] = {}
    caps_level: Level | None = None
    breaks: tuple[str, ...] = ()
    unknown: Literal["fails", "reported"] = "reported"
    examples: tuple[Example, ...] = ()
