"""Knows ``parity rule``: what a rule checks, why it matters and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from parity.catalog import store
from parity.cli import options
from parity.cli.folding import for_terminal
from parity.errors import UnknownNameError
from parity.inputs import near_names
from parity.lint.files import KINDS
from parity.reports.rows import CONCLUSION_WORDS

if TYPE_CHECKING:
    import argparse

    from parity.model.lint import LintCard
    from parity.model.model_rule import ModelCard
    from parity.model.rule import RuleCard


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="a rule; without it, all are listed")
    options.add_output(parser, ("text", "json"))


def run(arguments: argparse.Namespace) -> int:
    """Print one rule, or the list."""
    lint = {card.id: card for card in store.lint_book().cards}
    if arguments.name in lint:
        found = lint[arguments.name]
        _write(arguments, found, described_lint(found))
    elif arguments.name in store.model_cards():
        about = store.model_cards()[arguments.name]
        _write(arguments, about, described_model(about))
    elif arguments.name:
        card = card_of(arguments.name, [*lint, *store.model_cards()])
        _write(arguments, card, described(card))
    else:
        cards = store.cards()
        models = list(store.model_cards().values())
        every = [*cards, *models, *lint.values()]
        told = "\n".join((listed(list(cards)), listed_models(models), listed_lint(list(lint.values()))))
        _write(arguments, every, told)
    return 0


def _write(arguments: argparse.Namespace, value: object, text: str) -> None:
    def shown(whole: str) -> str:
        return for_terminal(whole, hang=2, keep=4)  # examples, indented by four, stand as they are written

    options.write_reports(arguments, lambda name: _json(value) if name == "json" else text, shown=shown)


def card_of(name: str, others: list[str]) -> RuleCard:
    """Return the card of a rule about machines.

    Raises:
        UnknownNameError: no rule has this name; near names of both kinds are given.
    """
    try:
        return store.card(name)
    except UnknownNameError as error:
        close = near_names(name, [*others, *(found.id for found in store.cards())])
        raise UnknownNameError(error.what, close=close, mend=error.mend) from None


def listed_lint(cards: list[LintCard]) -> str:
    """Return one line per lint rule."""
    width = max(len(card.id) for card in cards)
    return "\n".join(["lint", *(f"  {card.severity:<8} {card.id:<{width}}  {card.summary}" for card in cards)]) + "\n"


def listed_models(cards: list[ModelCard]) -> str:
    """Return one line per rule about models."""
    width = max(len(card.id) for card in cards)
    return "\n".join(["model", *(f"  {card.severity:<8} {card.id:<{width}}  {card.summary}" for card in cards)]) + "\n"


def described_model(card: ModelCard) -> str:
    """Return one rule about models in full."""
    lines = [f"{card.id}: {card.summary}", f"  {card.severity}, model, {card.status} since {card.since}"]
    lines += [f"  setting {name}: {value:g}" for name, value in card.settings.items()]
    lines += ["", f"why: {card.why.strip()}", f"mend: {card.mend.strip()}"]
    return "\n".join(lines) + "\n"


def described_lint(card: LintCard) -> str:
    """Return one lint rule in full, with an example of a finding and of silence."""
    lines = [f"{card.id}: {card.summary}", f"  {card.severity}, lint, {card.status} since {card.since}"]
    if card.target != "none":
        lines.append(f"  {'needs a target' if card.target == 'needed' else 'says more with a target'}")
    lines.append(f"  reads: {', '.join(KINDS[kind] for kind in card.files)}")
    for word, roles in (("silent in", card.silent_in), ("silent without --preview in", card.rests_in)):
        if roles:
            lines.append(f"  {word}: {', '.join(roles)}")
    lines += ["", f"why: {card.why.strip()}", f"mend: {card.mend.strip()}", ""]
    for word, found in (("found", True), ("not found", False)):
        example = next(one for one in card.examples if bool(one.at) == found)
        target = f", --target {example.target}" if example.target else ""
        lines += [f"{word} in {example.file}{target}:", *(f"    {line}" for line in example.text.rstrip().split("\n"))]
    lines += [f"source: {source.title}: {source.where}" for source in card.sources]
    return "\n".join(lines) + "\n"


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
        lines.append(f"  does not carry over: {', '.join(CONCLUSION_WORDS[name] for name in card.breaks)}")
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
