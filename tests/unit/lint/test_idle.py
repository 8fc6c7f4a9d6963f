"""A rule that compares with what the target leaves open has no file read for it, and loses nothing."""

from __future__ import annotations

import msgspec
import pytest

from parity.config.project import Project
from parity.config.targets import resolve_target
from parity.lint.asked import asked_of
from parity.lint.linter import OWN, Rules, _can_speak, check_of, lint_text
from parity.lint.scanners import scan
from parity.lint.source import Source

FILES = {
    "Dockerfile": "FROM nvidia/cuda:12.8.1-devel-ubuntu22.04\nRUN pip install torch==2.6.0\n",
    "requirements.txt": "torch==2.6.0\nnccl==2.20\n",
    "run.sh": "pip install torch==2.6.0\ntorchrun --nproc-per-node 64 train.py\n",
    "pod.yaml": "kind: Pod\nspec: {containers: [{name: a, image: 'nvidia/cuda:13.0.1-devel-ubuntu24.04'}]}\n",
}
KINDS = {"Dockerfile": "dockerfile", "requirements.txt": "requirements", "run.sh": "shell", "pod.yaml": "yaml"}


def rules(count: int | None = None, **stack: str) -> Rules:
    target = msgspec.structs.replace(resolve_target("h100", Project(), source="test"), stack=stack, count=count)
    return Rules(asked_of(target), lambda _: True)


def idle(chosen: Rules) -> set[str]:
    return {card.id for card in chosen.cards.values() if not _can_speak(card, chosen.asked)}


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (rules(), {"pin-conflicts-with-target", "driver-too-old-for-cuda", "more-ranks-than-devices"}),
        (rules(count=8), {"pin-conflicts-with-target", "driver-too-old-for-cuda"}),
        (rules(torch="==2.9.*"), {"driver-too-old-for-cuda", "more-ranks-than-devices"}),
        (rules(8, driver=">=570"), set()),
    ],
)
def test_what_the_target_leaves_open_decides(chosen: Rules, expected: set[str]) -> None:
    assert idle(chosen) == expected


@pytest.mark.parametrize("path", FILES)
def test_an_idle_rule_yields_nothing(path: str) -> None:
    chosen = rules()
    facts = scan(Source(path, FILES[path]), KINDS[path])
    assert facts.requirements or facts.images
    for name in idle(chosen):
        card = chosen.cards[name]
        assert list(check_of(card)(facts, chosen.asked, **card.settings)) == []


@pytest.mark.parametrize(("path", "kind"), KINDS.items())
def test_no_file_is_called_for_by_an_idle_rule(path: str, kind: str) -> None:
    called = {one.id for one in rules().calling.of(path, kind, FILES[path])}
    assert not called & idle(rules())
    of_pins = {one.id for one in rules(torch="==2.9.*").calling.of(path, kind, FILES[path])}
    assert ("pin-conflicts-with-target" in of_pins) == ("torch" in FILES[path])


@pytest.mark.parametrize(
    ("path", "kind", "text"),
    [
        ("pyproject.toml", "pyproject", "[a\n"),
        (".github/workflows/a.yml", "github-workflow", "jobs: [\n"),
        (".gitlab-ci.yml", "gitlab-ci", "a: [\n"),
    ],
)
def test_what_a_run_fails_on_is_told_broken_although_no_rule_looks_at_it(path: str, kind: str, text: str) -> None:
    assert [one.rule for one in lint_text(path, text, kind, rules())[0]] == ["file-not-parsed"]


@pytest.mark.parametrize(("path", "kind"), [("a.py", "python"), ("pod.yaml", "yaml")])
def test_a_broken_file_is_told_where_it_is_named(path: str, kind: str) -> None:
    text = "def f(:\n" if kind == "python" else "a: [\n"
    assert lint_text(path, text, kind, rules())[0] == []
    assert [one.rule for one in lint_text(path, text, kind, rules(), named=True)[0]] == ["file-not-parsed"]


def test_a_comment_that_silences_an_idle_rule_is_still_told_of() -> None:
    text = "# parity: ignore[pin-conflicts-with-target] because\npip install torch==2.6.0\n"
    assert [one.rule for one in lint_text("run.sh", text, "shell", rules())[0]] == ["suppression-unused"]
    assert not {"pin-conflicts-with-target"} & OWN
