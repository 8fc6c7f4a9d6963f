"""Every rule card's examples, run through the whole judgement."""

from __future__ import annotations

import datetime as dt
import importlib
from pathlib import Path

import machines
import pytest

from parity import session
from parity.catalog import store
from parity.config.project import Project
from parity.model.rule import CONCLUSIONS, Example, RuleCard
from parity.model.spec import FACTS

TODAY = dt.date(2026, 11, 22)
CASES = [
    pytest.param(card, example, id=f"{card.id}-{number}")
    for card in store.cards()
    for number, example in enumerate(card.examples)
]


@pytest.mark.parametrize(("card", "example"), CASES)
def test_example(card: RuleCard, example: Example) -> None:
    fingerprint = machines.changed(machines.machine(example.here), example.where)
    verdict = session.judge_fingerprint(
        fingerprint, machines.target(example.target), Project(), only=(card.id,), today=TODAY
    )
    found = {finding.severity for finding in verdict.findings}
    outcome = found.pop() if found else "unknown" if verdict.unknowns else "pass"
    assert outcome == example.outcome, [finding.message for finding in verdict.findings] or verdict.unknowns


@pytest.mark.parametrize("card", store.cards(), ids=lambda card: card.id)
def test_card_is_complete(card: RuleCard) -> None:
    assert card.why.strip()
    assert card.mend.strip()
    assert card.summary.strip()
    assert bool(card.check) != bool(card.compare) or card.id == "waiver-expired"
    assert set(card.breaks) <= set(CONCLUSIONS)
    if card.compare:
        assert card.scope == "device"
        assert card.compare.fact in {*FACTS, "unit_count"}
        assert (card.compare.at_least is None) != (card.compare.at_most is None), "a rule has one direction"
    if card.check:
        assert callable(importlib.import_module(f"parity.checks.{card.check}").check)


# `waiver-expired` is judged from the project file, not the machine: tests/unit/verdict/test_judge.py.
# Cards of scope `interval` are judged from what happened during a test: tests/unit/checks/test_during_test.py.
OF_MACHINES = [card for card in store.cards() if card.id != "waiver-expired" and card.scope != "interval"]


@pytest.mark.parametrize("card", OF_MACHINES, ids=lambda card: card.id)
def test_card_has_a_finding_and_a_pass(card: RuleCard) -> None:
    outcomes = {example.outcome for example in card.examples}
    assert card.severity in outcomes
    assert "pass" in outcomes


def test_every_check_module_has_a_card() -> None:
    used = {card.check for card in store.cards()} - {""}
    helpers = {"__init__", "subject", "compare_fact", "versions", "installed_libraries", "measured"}
    helpers |= {
        "code_runs",
        "code_coverage",
        "package_coverage",
        "tuned_coverage",
    }  # judge files, not machines: `parity kernels`
    modules = {path.stem for path in (Path(store.rules_folder()).parent / "parity" / "checks").glob("*.py")}
    assert modules - helpers == used


@pytest.mark.parametrize("part", [entry.id for entry in store.index()])
def test_every_part_is_identical_to_itself_and_to_nothing_else(part: str) -> None:
    verdict = session.judge_fingerprint(machines.machine(part), machines.target(part), Project(), today=TODAY)
    assert [device.identity for device in verdict.devices] == [part]
    assert (verdict.outcome, verdict.level) == ("match", "identical")
    assert [finding.rule for finding in verdict.findings if finding.severity == "error"] == []
