"""Knows which rules a file calls for, by its path and its text, before anything parses it.

Parsing is most of the linter's time, and nine files in ten hold nothing that a rule could speak of. A rule's card says
by ``triggers`` and ``patterns`` which text it needs; a card without triggers is called for by any file.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from parity.lint.idle import QUIET_KINDS
from parity.lint.python_scope import about_perf, in_tests
from parity.model.lint import LintCard

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

# What settings and test marks are made of, wherever they stand in a file.
_ALWAYS_READ = frozenset({"environ", "pytestmark"})


class _Wanted(msgspec.Struct, frozen=True):
    """A rule with the texts that call for it."""

    card: LintCard
    triggers: frozenset[str]
    patterns: tuple[re.Pattern[str], ...]


class Calling:
    """The rules that read each kind of file, and the texts that call for them."""

    def __init__(
        self, cards: Iterable[LintCard], triggers: dict[str, frozenset[str]], idle: Collection[str] = ()
    ) -> None:
        """Sort the cards by kind of file.

        Args:
            cards: the rules that run on files.
            triggers: card id -> texts of which a file must hold one; none: any file.
            idle: ids of rules that find nothing in this run; they have a file read only where reading alone may tell.
        """
        self._triggers = triggers
        self._of_kind: dict[str, list[_Wanted]] = {}
        self._of_place: dict[tuple[str, bool, bool], tuple[list[_Wanted], frozenset[str]]] = {}
        for card in cards:
            wanted = _Wanted(card, triggers[card.id], tuple(re.compile(pattern) for pattern in card.patterns))
            for kind in card.files if card.id not in idle else set(card.files) - QUIET_KINDS:
                self._of_kind.setdefault(kind, []).append(wanted)

    def of(self, path: str, kind: str, text: str) -> list[LintCard]:
        """Return the rules that may speak of a file with this path, kind and text."""
        wanted, triggers = self._there(path, kind)
        held = {trigger for trigger in triggers if trigger in text}
        return [
            one.card
            for one in wanted
            if not one.triggers
            or (not held.isdisjoint(one.triggers) and all(pattern.search(text) for pattern in one.patterns))
        ]

    def words_of(self, cards: Collection[LintCard]) -> frozenset[str]:
        """Return the texts that call for some of the rules; none when a rule wants the whole file."""
        if any(not self._triggers[card.id] for card in cards):
            return frozenset()
        return _ALWAYS_READ.union(*(self._triggers[card.id] for card in cards))

    def _there(self, path: str, kind: str) -> tuple[list[_Wanted], frozenset[str]]:
        """Return the rules that read files of a kind at such a path, and the triggers of them all."""
        python = kind == "python"
        place = (kind, python and about_perf(path), python and in_tests(path))
        if place not in self._of_place:
            _, perf, tests = place
            lies = {"perf": perf, "tests": tests, "sources": not tests, "any": True}
            wanted = [one for one in self._of_kind.get(kind, []) if not python or lies[one.card.where]]
            self._of_place[place] = wanted, frozenset().union(*(one.triggers for one in wanted))
        return self._of_place[place]
