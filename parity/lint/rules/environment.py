"""Judges environment variables by the cards of variables that change a number (``rules/environment``)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from parity.lint.facts import Facts, Hit, Setting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.lint.asked import Asked

_PERF_PATH = re.compile(
    r"(?:^|[/_\-.])(?:bench(?:mark(?:s|ing)?)?|perf|throughput|latency)(?:$|[/_\-.])", re.IGNORECASE
)
_LASTING = frozenset({"image", "compose", "kubernetes"})


def serialises(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield variables that make launches wait."""
    return _of_kinds(facts, asked, ("serialises",))


def fakes_architecture(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield variables that make a GPU pass for another."""
    return _of_kinds(facts, asked, ("fake-arch",))


def profiles(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield variables that load a profiler or debugger."""
    return _of_kinds(facts, asked, ("profiler",))


def compiles(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield variables that have other code run than production's."""
    return _of_kinds(facts, asked, ("compiles",))


def communicates(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield variables that close a path between GPUs."""
    return _of_kinds(facts, asked, ("communication",))


def remembers(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield variables that change how memory is allocated."""
    return _of_kinds(facts, asked, ("memory",))


def dead(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield variables that nothing reads any more."""
    return _of_kinds(facts, asked, ("dead",))


def _of_kinds(facts: Facts, asked: Asked, kinds: tuple[str, ...]) -> Iterator[Hit]:
    cards = [card for card in asked.environment if card.kind in kinds and card.severity in ("error", "warning")]
    spec = asked.target.spec if asked.target else None
    for setting in facts.settings:
        if setting.value is None or not _measured(setting, facts):
            continue
        for card in cards:
            if spec is not None and card.vendor not in ("any", spec.vendor):
                continue
            if card.triggered_by(setting.name, setting.value):
                told = f"{setting.name}={setting.value}" if len(setting.value) < 60 else setting.name
                yield Hit(span=setting.whole, message=f"{told}: {card.effect}", mend=card.mend)
                break


def _measured(setting: Setting, facts: Facts) -> bool:
    """Return whether what it acts on is measured: images and deployments last, a script must be about perf."""
    if setting.how in _LASTING:
        return not setting.default or setting.how != "image"
    return setting.perf or _PERF_PATH.search(facts.path) is not None
