"""Knows what a project file says about rules: their settings, the linter's choice, and waivers."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from parity.catalog import store
from parity.config.sections import converted, part, section
from parity.errors import ParityError, UnknownNameError
from parity.inputs import MAX_PROBLEMS, Document, near_names, printable, problem_at
from parity.model.finding import Waiver
from parity.model.model_rule import ModelCard
from parity.model.policy import LintSettings
from parity.model.rule import SEVERITIES, RuleCard

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.model.lint import LintCard


_LARGEST = 1e18
_FRACTIONS = frozenset({"share", "capped", "published_margin"})
_MOST = 20  # times the target's


def lint_of(document: Document, problems: list[ParityError]) -> LintSettings:
    """Return the linter's settings; every name in them must be a rule's."""
    settings = section(document, "lint", LintSettings, LintSettings(), problems)
    named = [("select", settings.select), ("ignore", settings.ignore)]
    named += [(f"per-file-ignores.{glob}", rules) for glob, rules in settings.per_file_ignores.items()]
    if any(rules for _, rules in named):
        known = [card.id for card in store.lint_book().cards]
        for key, rules in named:
            for rule in itertools.islice((rule for rule in rules if rule not in known), MAX_PROBLEMS):
                close = near_names(rule, known)
                mend = "list all with `parity rule`"
                problems.append(
                    problem_at(document, f"lint.{key}", f"no lint rule named {rule!r}", close=close, mend=mend)
                )
    return settings


def rules_of(document: Document, problems: list[ParityError]) -> dict[str, dict[str, float | int | str | bool]]:
    """Return rule id -> settings; ``off`` is a severity."""
    from parity.verdict.run_rules import known_settings

    settings: dict[str, dict[str, float | int | str | bool]] = {}
    for name, data in part(document, "rules", dict, problems).items():
        at = f"rules.{name}"
        card = _rule(document, str(name), at, problems)
        if card is None:
            continue
        if data == "off" or data is False:
            settings[card.id] = {"severity": "off"}
            continue
        if not isinstance(data, dict):
            problems.append(problem_at(document, at, "settings or `off` are needed", mend="write a mapping"))
            continue
        allowed = known_settings(card) if isinstance(card, RuleCard) else ("severity", *card.settings)
        for key, value in data.items():
            problems.extend(_check_setting(document, f"{at}.{key}", str(key), value, allowed))
        settings[card.id] = data
    return settings


def _check_setting(
    document: Document, at: str, key: str, value: object, allowed: tuple[str, ...]
) -> Iterator[ParityError]:
    if key not in allowed:
        mend = f"use one of: {', '.join(allowed)}"
        yield problem_at(document, at, "the rule has no such setting", close=near_names(key, allowed), mend=mend)
    elif key == "severity":
        if value is False:
            yield problem_at(document, at, "YAML reads off as false", mend='write "off" in quotes')
        elif value not in (*SEVERITIES, "off"):
            yield problem_at(document, at, f"{value!r} is no severity", mend="use error, warning, note or off")
    elif isinstance(value, bool) or not isinstance(value, (int, float)) or not -_LARGEST < value < _LARGEST:
        # No comparison with a NaN is ever false enough to be a finding: it would switch the rule off unseen.
        told = printable(repr(value))
        yield problem_at(document, at, f"a number is needed, not {told}", mend='correct the value, or write "off"')
    elif why := _impossible(key, value):
        yield problem_at(document, at, f"{value!r} {why}", mend='correct the value, or write "off"')


def _impossible(key: str, value: float) -> str:
    """Return why a number can be none of a setting's; a tolerance in percent, or none at all, judges nothing.

    >>> _impossible("at_least", 95), _impossible("at_least", 0.9), _impossible("at_most", 1.1)
    ('is no fraction: 0.95 is 95 %', '', '')
    """
    if key.endswith("at_least") or key in _FRACTIONS:
        if value > 1:
            return f"is no fraction: {value / 100:g} is {value:g} %" if value <= 100 else "is no fraction"
        is_met = value < 0 or (not value and (key == "published_margin" or key not in _FRACTIONS))
        return "is met by anything" if is_met else ""
    if key.endswith("at_most") and not 1 <= value <= _MOST:
        return "is no factor of 1 or more" if value < 1 else f"is met by anything: {value / 100:g} is {value:g} %"
    return "is negative" if value < 0 else ""


def _rule(
    document: Document, name: str, at: str, problems: list[ParityError]
) -> RuleCard | ModelCard | LintCard | None:
    about_models = store.model_cards()
    if name in about_models:
        return about_models[name]
    try:
        return store.card(name)
    except UnknownNameError as error:
        lint = {card.id: card for card in store.lint_book().cards}
        if name not in lint:
            close = near_names(name, [*(card.id for card in store.cards()), *about_models, *lint])
            problems.append(problem_at(document, at, error.what, close=close, mend=error.mend))
        return lint.get(name)


def waivers_of(document: Document, problems: list[ParityError]) -> tuple[tuple[Waiver, ...], tuple[Waiver, ...]]:
    """Return the waivers of rules for machines and models, and those of lint rules."""
    waivers: list[Waiver] = []
    lint_waivers: list[Waiver] = []
    for position, data in enumerate(part(document, "waivers", list, problems)):
        at = f"waivers[{position}]"
        waiver = converted(document, data, Waiver, at, problems)
        if waiver is None:
            continue
        problems.extend(
            problem_at(document, f"{at}.{key}", "empty", mend=f"say the {key}")
            for key in ("reason", "owner")
            if not getattr(waiver, key).strip()
        )
        card = _rule(document, waiver.rule, f"{at}.rule", problems)
        if card is not None:
            (waivers if isinstance(card, (RuleCard, ModelCard)) else lint_waivers).append(waiver)
    return tuple(waivers), tuple(lint_waivers)
