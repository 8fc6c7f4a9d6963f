"""`parity rule`: what a rule checks, why it matters and what to do."""

import json
from typing import Any

from parity.catalog import store


def test_the_list_has_every_rule_under_its_family(run: Any) -> None:
    answer = run("rule")
    family, listed = "", {}
    for line in answer.out.splitlines():
        if line and not line.startswith(" "):
            family = line
        elif line:
            severity, name, *_ = line.split()
            listed[name] = (family, severity)
    assert (answer.status, answer.err) == (0, "")
    lint = {card.id: ("lint", card.severity) for card in store.lint_book().cards}
    about_models = {card.id: ("model", card.severity) for card in store.model_cards().values()}
    assert listed == {card.id: (card.family, card.severity) for card in store.cards()} | lint | about_models


def test_one_rule_is_told_in_full(run: Any) -> None:
    card = store.card("memory-bandwidth-below-target")
    assert card.compare is not None
    answer = run("rule", card.id)
    assert answer.status == 0
    assert answer.out.startswith(f"{card.id}: {card.summary}\n  error, hardware, {card.status} since 0.1\n")
    assert f"\n  here / target of memory_bandwidth_gbps: at least {card.compare.at_least:g}\n" in answer.out
    assert f"\nwhy: {card.why}" in answer.out
    assert answer.out.rstrip().endswith(f"mend: {card.mend}".rstrip())


def test_settings_and_consequences_are_told(run: Any) -> None:
    told = run("rule", "other-processes").out
    assert "\n  setting utilization_percent: 5\n" in told
    differs = store.card("arch-differs")
    told = run("rule", "arch-differs").out
    assert f"\n  a finding lowers the level to {differs.caps_level}\n" in told
    # In the words of `parity doctor`.
    assert "\n  does not carry over: code generation, kernel selection, tuned parameters, single-GPU timings, " in told


def test_what_an_unknown_outcome_means_is_told(run: Any) -> None:
    for unknown, told in (
        ("fails", "\n  an unknown outcome fails the run (policy unknown: fail)\n"),
        ("reported", "\n  an unknown outcome is reported only\n"),
    ):
        card = next(card for card in store.cards() if card.unknown == unknown)
        assert told in run("rule", card.id).out


def test_every_rule_can_be_told(run: Any) -> None:
    for card in store.cards():
        assert run("rule", card.id).out.startswith(f"{card.id}: ")


def test_an_unknown_rule_offers_near_names(run: Any) -> None:
    assert run("rule", "ecc-difers") == (
        2, "", ("parity: no rule named 'ecc-difers'\n  close: ecc-differs, arch-differs, dtype-differs\n"
        "  mend: list all with `parity rule`\n"),
    )  # fmt: skip


def test_json_carries_the_cards(run: Any) -> None:
    every = [card.id for card in (*store.cards(), *store.model_cards().values(), *store.lint_book().cards)]
    assert [card["id"] for card in json.loads(run("rule", "--format", "json").out)] == every
    assert json.loads(run("rule", "ecc-differs", "--format", "json").out)["id"] == "ecc-differs"


def test_a_lint_rule_is_told_with_an_example_of_each_kind(run: Any) -> None:
    told = run("rule", "condition-always-true").out
    assert told.startswith("condition-always-true: ")
    assert 'found in utils.py:\n    def is_navi4(arch):\n        if "gfx1200" or "gfx1201" in arch:' in told
    assert "\nnot found in utils.py:\n" in told
    for card in store.lint_book().cards:
        assert run("rule", card.id).out.startswith(f"{card.id}: {card.summary}\n")


def test_a_near_lint_rule_is_offered(run: Any) -> None:
    assert "close: condition-always-true" in run("rule", "conditions-always-true").err
