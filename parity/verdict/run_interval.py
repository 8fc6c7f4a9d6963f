"""Knows how the conditions of one test are judged: every interval card over every watched device."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import msgspec

from parity.model.interval import Gap, Interval, IntervalFinding, State
from parity.verdict.run_rules import configured, is_asked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from parity.model.finding import Mismatch
    from parity.model.interval import WatchedDevice
    from parity.model.policy import Rulebook
    from parity.model.rule import RuleCard


def interval_cards(cards: Iterable[RuleCard], rulebook: Rulebook) -> tuple[RuleCard, ...]:
    """Return the cards to ask of each test, with a project's settings and their checks loaded.

    Args:
        cards: rule cards; those of scope ``interval`` count.
        rulebook: a project's settings; a rule that is off is not asked. ``only`` does not hold here: it chooses what a
            test wants to hear about its machine.
    """
    everything = msgspec.structs.replace(rulebook, only=())
    asked = tuple(
        configured(card, everything) for card in cards if card.scope == "interval" and is_asked(card.id, everything)
    )
    for card in asked:
        _check_of(card)
    return asked


def judge_interval(interval: Interval, asked: Iterable[RuleCard]) -> Interval:
    """Return the interval with its findings and state.

    Args:
        interval: what was read, without findings.
        asked: what ``interval_cards`` returned.
    """
    findings = tuple(finding for device in interval.devices for card in asked for finding in _findings(card, device))
    blind = tuple(
        Gap(what="throttling", why="not_supported", detail=f"{device.label}: nothing about throttling could be read")
        for device in interval.devices
        if not device.throttle_known
    )
    state: State = "clean"
    if any(finding.severity != "note" for finding in findings):
        state = "disturbed"
    elif blind or not interval.devices:
        state = "unknown"
    return msgspec.structs.replace(interval, findings=findings, state=state, unknowns=(*interval.unknowns, *blind))


def _findings(card: RuleCard, device: WatchedDevice) -> Iterable[IntervalFinding]:
    for item in _check_of(card)(device, **card.settings):
        yield IntervalFinding(
            rule=card.id,
            severity=card.severity,
            subject=item.subject,
            message=item.message,
            mend=item.mend or card.mend.strip(),
        )


def _check_of(card: RuleCard) -> Callable[..., Iterator[Mismatch]]:
    module = importlib.import_module(f"parity.checks.{card.check}")
    check: Callable[..., Iterator[Mismatch]] = module.check
    return check
