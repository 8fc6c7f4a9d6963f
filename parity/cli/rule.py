"""Knows ``parity rule``: what a rule checks, why it matters and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from parity.catalog import store
from parity.cli import options

if TYPE_CHECKING:
    import argparse

    from parity.model.rule import RuleCard


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="a rule; without it, all are listed")
    options.add_output(parser, ("text", "json"))


def run(arguments: argparse.Namespace) -> int:
    """Print one rule, or the list."""
    if arguments.name:
        card = store.card(arguments.name)
        options.write_reports(arguments, lambda name: _json(card) if name == "json" else described(card))
    else:
        cards = store.cards()
        options.write_reports(arguments, lambda name: _json(list(cards)) if name == "json" else listed(list(cards)))
    return 0


def _json(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n"


def listed(cards: list[RuleCard]) -> str:
    """Return one line per rule, grouped by family."""
    width = max(len(card.id) for card in cards)
    lines: list[str] = []
    for family in dict.fromkeys(card.family for card in cards):
        lines += ["", family]
        lines += [f"  {card.severity:<8} {card.id:<{width}}  {card.summary}" for card in cards if card.family == family]
    return "\n".join(lines[1:]) + "\n"


def described(card: RuleCard) -> str:
    """Return one rule in full."""
    lines = [f"{card.id}: {card.summary}", f"  {card.severity}, {card.family}, {card.status} since {card.since}"]
    if card.caps_level:
        lines.append(f"  a finding lowers the level to {card.caps_level}")
    if card.breaks:
        lines.append(f"  breaks: {', '.join(name.replace('_', ' ') for name in card.breaks)}")
    if card.compare:
        bounds = [
            f"{word} {bound:g}"
            for word, bound in (("at least", card.compare.at_least), ("at most", card.compare.at_most))
            if bound is not None
        ]
        lines.append(f"  here / target of {card.compare.fact}: {' and '.join(bounds)}")
    lines += [f"  setting {name}: {value}" for name, value in card.settings.items()]
    unknown = "fails the run (policy unknown: fail)" if card.unknown == "fails" else "is reported only"
    return "\n".join([*lines, f"  an unknown outcome {unknown}", "", f"why: {card.why}", f"mend: {card.mend}"]) + "\n"
