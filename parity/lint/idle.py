"""Knows which rules have nothing to compare a file with, whatever it holds, because of what the target leaves open.

A rule about the target's pins says nothing where the target has none. Files that only such rules call for are most of
the scripts and manifests of a repository, and parsing them is most of the time it takes to lint one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from parity.lint.asked import Asked
    from parity.model.lint import LintCard


def _pins(asked: Asked) -> bool:
    return asked.target is not None and bool(asked.target.stack)


def _driver(asked: Asked) -> bool:
    return asked.target is not None and "driver" in asked.target.stack


def _count(asked: Asked) -> bool:
    return asked.target is not None and asked.target.count is not None


# The function of a rule -> whether it can speak.
_ASKS: dict[str, Callable[[Asked], bool]] = {
    "stack.conflicts_with_pins": _pins,
    "stack.needs_newer_driver": _driver,
    "host.more_ranks_than_devices": _count,
}
# Kinds of files of which reading alone tells nothing: no doubt, and of a broken one nothing either.
QUIET_KINDS = frozenset({"shell", "yaml"})


def is_idle(card: LintCard, asked: Asked) -> bool:
    """Return whether a rule yields nothing in any file of this run."""
    asks = _ASKS.get(card.check)
    return asks is not None and not asks(asked)
