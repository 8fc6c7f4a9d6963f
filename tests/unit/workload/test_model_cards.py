"""Every rule about models: its card's examples are run, its severity is the card's, and a project may change it."""

from __future__ import annotations

import models
import pytest

from parity.catalog.store import cards, lint_book, model_cards
from parity.model.model_rule import ModelExample
from parity.model.workload import ModelReport, Parallelism
from parity.workload.demands import Demands
from parity.workload.estimate import estimate
from parity.workload.question import Question

EXAMPLES = [(rule, example) for rule, card in model_cards().items() for example in card.examples]


def report(example: ModelExample, **demanded: object) -> ModelReport:
    ranks = {name: value for name in ("tp", "pp") if (value := getattr(example, name)) is not None}
    question = Question(
        shape=models.shape(example.model, **example.changes),
        target=models.target(example.target),
        here=models.target(example.here) if example.here else None,
        context=example.context,
        batch=example.batch,
        dtype=example.dtype,
        spread=Parallelism(**ranks) if ranks else None,
    )
    asked = Demands(min_wave_efficiency=example.min_wave_efficiency, **demanded)  # type: ignore[arg-type]
    return estimate(question, source="config.json", demands=asked)


@pytest.mark.parametrize(("rule", "example"), EXAMPLES, ids=[f"{rule}-{e.outcome}-{e.target}" for rule, e in EXAMPLES])
def test_the_cards_examples(rule: str, example: ModelExample) -> None:
    told = {finding.severity for finding in report(example).findings if finding.rule == rule}
    assert told == (set() if example.outcome == "pass" else {example.outcome})


@pytest.mark.parametrize("rule", model_cards())
def test_every_rule_has_an_example_of_a_finding(rule: str) -> None:
    if rule == "bound-flips":  # needs a batch that is worked out from both devices: tested with the findings
        return
    assert any(example.outcome != "pass" for example in model_cards()[rule].examples)


def test_ids_are_unique_among_all_rules() -> None:
    other = {card.id for card in (*cards(), *lint_book().cards)}
    assert not other & set(model_cards())


def test_a_project_may_change_or_silence_a_rule() -> None:
    example = next(example for rule, example in EXAMPLES if rule == "poor-tiles" and example.outcome == "note")
    grave = report(example, rules={"poor-tiles": {"severity": "error"}})
    assert {f.severity for f in grave.findings if f.rule == "poor-tiles"} == {"error"}
    assert grave.exit_status == 1
    silent = report(example, rules={"poor-tiles": {"severity": "off"}})
    assert not [f for f in silent.findings if f.rule == "poor-tiles"]
    low = report(example, rules={"poor-tiles": {"at_least": 0.01}})
    assert not [f for f in low.findings if f.rule == "poor-tiles"]


def test_a_model_that_need_not_fit_is_told_as_a_note() -> None:
    example = ModelExample(model="llama-3.1-70b", target="h100", outcome="note")
    told = report(example, fits=False)
    assert {f.severity for f in told.findings if f.rule == "footprint-beyond-target"} == {"note"}
    assert told.exit_status == 0


def test_a_floor_that_cannot_be_judged_is_no_pass() -> None:
    odd = ModelExample(
        model="llama-3.1-8b",
        target="h100",
        outcome="pass",
        min_wave_efficiency=0.1,
        changes={"model_type": "never-seen"},
    )
    assert report(odd).exit_status == 3


@pytest.mark.parametrize(
    ("model", "target", "what"),
    [
        ("llama-3.1-8b", "mi300x", "wave efficiency of any product"),  # whose libraries' tiles are not known
        ("mamba-2.8b", "h100", "wave efficiency of the recurrent layers"),
        ("mixtral-8x7b", "4xh100", "wave efficiency of the experts"),
        ("deepseek-v2-lite", "h100", "wave efficiency of the latent projections"),
        ("qwen2-vl-7b", "h100", "wave efficiency of the tower"),
    ],
)
def test_a_floor_does_not_pass_for_products_that_are_not_counted(model: str, target: str, what: str) -> None:
    floor = ModelExample(model=model, target=target, outcome="pass", min_wave_efficiency=0.01)
    told = report(floor)
    assert what in [unknown.what for unknown in told.unknowns]
    assert told.exit_status == 3
    assert report(ModelExample(model=model, target=target, outcome="pass")).exit_status != 3


def test_a_floor_on_a_target_of_unknown_tiles_is_no_failure_either() -> None:
    told = report(ModelExample(model="llama-3.1-8b", target="mi300x", outcome="pass", min_wave_efficiency=0.999))
    assert told.exit_status == 3
    assert not [finding for finding in told.findings if finding.rule == "wave-efficiency-below-floor"]
