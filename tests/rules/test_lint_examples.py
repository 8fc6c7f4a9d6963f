"""Every lint card's examples, run through the whole linter."""

from __future__ import annotations

import datetime as dt
import importlib
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from parity.catalog import store
from parity.config.project import Project, load_project
from parity.config.targets import resolve_target
from parity.lint.asked import asked_of
from parity.lint.files import KINDS, kind_of
from parity.lint.linter import OWN, Rules, lint_paths, triggers_of
from parity.lint.source import Span
from parity.lint.waive import expired

if TYPE_CHECKING:
    from parity.model.lint import LintCard, LintExample
    from parity.model.target import Target

CARDS = store.lint_book().cards
CASES = [
    pytest.param(card, example, id=f"{card.id}-{number}")
    for card in CARDS
    for number, example in enumerate(card.examples)
]


def target_of(example: LintExample) -> Target | None:
    if not example.target:
        return None
    target = resolve_target(example.target, Project(), source="example")
    return msgspec.structs.replace(target, stack=example.stack)


@pytest.mark.parametrize(("card", "example"), CASES)
def test_example(card: LintCard, example: LintExample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in (example.file, *example.beside):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(example.text if name == example.file else "", encoding="utf-8")
    target = target_of(example)
    # Rules about the linting itself need the others to have something to say.
    chosen = (lambda _: True) if card.id in OWN else (lambda name: name == card.id)
    rules = Rules(asked_of(target, declared=example.declared, gated=example.gated, preview=example.preview), chosen)
    outcome = lint_paths(["."], rules)
    if example.file == "parity.yaml":
        project, today = load_project(Path("parity.yaml")), dt.datetime.now(dt.timezone.utc).date()
        outcome.findings += expired(project.lint_waivers, today, card=card, path="parity.yaml", text=example.text)
    found = tuple(
        str(Span(one.line, one.column, one.end_line, one.end_column))
        for one in outcome.findings
        if one.rule == card.id and one.suppressed is None
    )
    assert found == example.at, [one.message for one in outcome.findings]


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.id)
def test_card_is_complete(card: LintCard) -> None:
    assert card.why.strip()
    assert card.mend.strip()
    assert card.sources
    assert set(card.files) <= set(KINDS)
    assert any(example.at for example in card.examples), "no example of a finding"
    assert any(not example.at for example in card.examples), "no example of silence"
    assert {kind_of(example.file) for example in card.examples if example.at} <= set(card.files)
    if card.target == "needed":
        assert all(example.target for example in card.examples if example.at)
    if card.id not in OWN:
        module, function = card.check.split(".")
        assert callable(getattr(importlib.import_module(f"parity.lint.rules.{module}"), function))


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.id)
def test_examples_hold_a_trigger(card: LintCard) -> None:
    for example in card.examples:
        if example.at and card.triggers:
            assert any(trigger in example.text for trigger in triggers_of(card, asked_of(target_of(example))))


def test_every_rule_function_has_a_card() -> None:
    folder = Path(store.__file__).resolve().parent.parent / "lint" / "rules"
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert modules == {card.check.split(".")[0] for card in CARDS if card.id not in OWN}


def test_no_shipped_id_is_taken_twice() -> None:
    ids = [card.id for card in CARDS]
    assert len(ids) == len(set(ids))
    assert not {card.id for card in store.cards()} & set(ids)
