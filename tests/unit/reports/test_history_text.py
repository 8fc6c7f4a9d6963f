"""A node's past in a terminal: what changed and when, and what the rates did."""

from __future__ import annotations

from typing import Any

from parity.model.difference import Difference
from parity.model.history import Drift, NodeHistory, Step
from parity.reports.history_text import render


def history(**more: Any) -> NodeHistory:
    told = {"node": "n1", "since": "2026-11-01T00:00:00Z", "readings": 3, "first": "A", "last": "Z", **more}
    return NodeHistory(**told)


def test_what_changed_is_told_oldest_first_and_rates_beside_their_day() -> None:
    driver = Difference(section="stack", subject="machine", name="driver", kind="changed", a="570.1", b="580.1")
    unset = Difference(section="environment", subject="machine", name="NCCL_ALGO", kind="changed", a="", b="Ring")
    silent = Difference(section="stack", subject="machine", name="nccl", kind="only-a", a="2.27", b="")
    drift = Drift(at="B", name="dram_copy", device=3, unit="GB/s", before=2900.0, after=2552.0, ratio=0.88)
    steps = (Step(at="B", differences=(driver,)), Step(at="C", differences=(unset, silent)))
    assert render(history(steps=steps, measured=(drift,))) == (
        "n1: 3 readings from A to Z\n\nB\n  machine driver: 570.1 -> 580.1\n  GPU 3 dram_copy 2900 -> 2552 GB/s (0.88x)\n\nC\n  machine NCCL_ALGO: unset -> Ring\n"
        "  machine nccl: 2.27 -> not told\n"
    )


def test_nothing_changed_is_not_nothing_to_compare() -> None:
    assert render(history()).endswith("\nnothing changed\n")
    assert render(history(readings=1)).endswith("1 reading from A to Z\nnothing to compare it with\n")


def test_names_are_harmless() -> None:
    assert "\x1b" not in render(history(node="n\x1b[31m"))
