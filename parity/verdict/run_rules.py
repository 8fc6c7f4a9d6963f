"""Knows how rules are run: every card, over every device and every part the device may be."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import msgspec

from parity.checks.compare_fact import compare_fact
from parity.checks.subject import Subject
from parity.model.absent import UNANSWERED, Absent
from parity.model.finding import Mismatch
from parity.model.rule import RuleCard

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from parity.checks.subject import Machine
    from parity.model.policy import Rulebook
    from parity.model.target import Target


class Hit(msgspec.Struct, frozen=True):
    """One mismatch with the card of the rule that found it; ``device`` is an index, None for the machine."""

    card: RuleCard
    mismatch: Mismatch
    device: int | None = None


class Gap(msgspec.Struct, frozen=True):
    """One question without an answer, with the card of the rule that asked; ``device`` as in ``Hit``."""

    card: RuleCard
    absent: Absent
    subject: str
    device: int | None = None


def fails(gap: Gap) -> bool:
    """Return whether an open question leaves the run undecided.

    The card says so; or the rule is an error-level one and its question was asked of this machine without an answer,
    which is no property of the source but a fault here.
    """
    return gap.card.unknown == "fails" or (gap.card.severity == "error" and gap.absent.why in UNANSWERED)


class Results(msgspec.Struct):
    """What rules said about one subject under one hypothesis, or about the machine."""

    hits: list[Hit] = []
    gaps: list[Gap] = []


def configured(card: RuleCard, rulebook: Rulebook) -> RuleCard:
    """Return the card with the project's settings in place of its own."""
    override = rulebook.settings.get(card.id)
    return _overridden(card, override) if override else card


def is_asked(name: str, rulebook: Rulebook) -> bool:
    """Return whether the project, or the test, wants to hear of a rule; ``severity: off`` says no."""
    if rulebook.only and name not in rulebook.only:
        return False
    return rulebook.settings.get(name, {}).get("severity") != "off"


def _overridden(card: RuleCard, override: dict[str, Any]) -> RuleCard:
    override = dict(override)
    severity = override.pop("severity", card.severity)
    severity = card.severity if severity == "off" else severity
    if card.compare is not None:
        compare = msgspec.structs.replace(card.compare, **override)
        return msgspec.structs.replace(card, severity=severity, compare=compare)
    return msgspec.structs.replace(card, severity=severity, settings={**card.settings, **override})


def known_settings(card: RuleCard) -> tuple[str, ...]:
    """Return the settings a project may give for a rule."""
    own = (
        ("at_least", "at_most")
        if card.compare is not None
        else tuple(name for name in card.settings if name != "severity")
    )
    return ("severity", *own)


def run_device_rules(cards: Iterable[RuleCard], subject: Subject, target: Target) -> Results:
    """Return what the device-scope rules say of one device under one hypothesis."""
    results = Results()
    index = subject.device.locator.index
    for card in cards:
        if card.scope == "device":
            _collect(results, card, _ask(card, subject, target), subject.label, index)
    return results


def run_machine_rules(cards: Iterable[RuleCard], machine: Machine, target: Target) -> Results:
    """Return what the machine-scope rules say."""
    results = Results()
    for card in cards:
        if card.scope == "machine":
            _collect(results, card, _ask(card, machine, target), "machine", None)
    return results


def _ask(card: RuleCard, here: Subject | Machine, target: Target) -> Iterator[Mismatch | Absent]:
    if card.compare is not None and isinstance(here, Subject):
        given = card.compare
        yield from compare_fact(
            here,
            target,
            fact=given.fact,
            what=given.what,
            at_least=given.at_least,
            at_most=given.at_most,
            as_sold=given.as_sold,
        )
    elif card.check:
        module = importlib.import_module(f"parity.checks.{card.check}")
        yield from module.check(here, target, **card.settings)


def _collect(
    results: Results, card: RuleCard, said: Iterator[Mismatch | Absent], label: str, device: int | None
) -> None:
    for item in said:
        if isinstance(item, Mismatch):
            results.hits.append(Hit(card, item, device))
        else:
            results.gaps.append(Gap(card, item, label, device))


def merged(per_hypothesis: list[Results], parts: list[str]) -> Results:
    """Return what holds whichever of several parts a device is; what depends on it becomes a gap."""
    if len(per_hypothesis) == 1:
        return per_hypothesis[0]
    together = Results()
    names = list(dict.fromkeys(hit.card.id for results in per_hypothesis for hit in results.hits))
    for name in names:
        found: list[list[Hit]] = [[h for h in results.hits if h.card.id == name] for results in per_hypothesis]
        if all(found):
            mildest: list[Hit] = min(found, key=_distance)
            together.hits.extend(mildest)
        else:
            hit = next(hits for hits in found if hits)[0]
            detail = f"depends on which part this is: {' or '.join(parts)}"
            absent = Absent(why="not_asked", source="catalog", detail=detail)
            together.gaps.append(Gap(hit.card, absent, hit.mismatch.subject, hit.device))
    for results in per_hypothesis:
        for gap in results.gaps:
            told = {hit.card.id for hit in together.hits} | {known.card.id for known in together.gaps}
            if gap.card.id not in told:
                together.gaps.append(gap)
    return together


def _distance(hits: list[Hit]) -> float:
    """Return how far a finding is from agreement: the mildest hypothesis is told."""
    ratio = hits[0].mismatch.ratio
    return abs((ratio or 1.0) - 1.0)
