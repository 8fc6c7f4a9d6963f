"""The labelled findings on public repositories: whole, of known rules, and at least 95 of 100 true."""

from __future__ import annotations

import json
from pathlib import Path

from parity.catalog import store

FILES = sorted((Path(__file__).parents[2] / "lint_labels").glob("*.jsonl"))
LABELS = [json.loads(line) for path in FILES for line in path.read_text(encoding="utf-8").splitlines()]


def test_every_label_says_where_what_and_why() -> None:
    known = {card.id for card in store.lint_book().cards}
    assert len(LABELS) >= 100
    for one in LABELS:
        assert set(one) == {"repo", "commit", "path", "line", "rule", "target", "label", "reason"}
        assert one["rule"] in known, one
        assert len(one["commit"]) == 40, one
        assert one["reason"], one
        assert isinstance(one["label"], bool), one


def test_no_finding_is_labelled_twice() -> None:
    keys = [(one["repo"], one["path"], one["line"], one["rule"]) for one in LABELS]
    assert len(keys) == len(set(keys))


def test_enough_of_them_are_true() -> None:
    assert sum(one["label"] for one in LABELS) / len(LABELS) >= 0.95
