"""The labelled findings on public repositories: whole, of known rules, and at least 95 of 100 that stand are true."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from parity.catalog import store

FOLDER = Path(__file__).parents[2] / "lint_labels"
KEYS = {"repo", "commit", "path", "line", "rule", "target", "label", "reason"}


def labels_of(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (FOLDER / name).read_text(encoding="utf-8").splitlines()]


FILES = sorted(path.name for path in FOLDER.glob("*.jsonl"))
LABELS = [one for name in FILES for one in labels_of(name)]


def test_every_label_says_where_what_and_why() -> None:
    known = {card.id for card in store.lint_book().cards}
    assert len(LABELS) >= 100
    for one in LABELS:
        assert set(one) - {"stands"} == KEYS, one  # stands: today's rules still say it
        assert one["rule"] in known, one
        assert len(one["commit"]) == 40, one
        assert one["reason"], one
        assert isinstance(one["label"], bool), one
        assert isinstance(one.get("stands", True), bool), one


def test_no_finding_is_labelled_twice() -> None:
    keys = [(one["repo"], one["path"], one["line"], one["rule"]) for one in LABELS]
    assert len(keys) == len(set(keys))


def test_enough_of_those_that_stand_are_true() -> None:
    standing = [one for one in LABELS if one.get("stands", True)]
    assert sum(one["label"] for one in standing) / len(standing) >= 0.95
