"""Real reports of other machines, judged as their labels say (the files are not in the repository)."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest

from parity import session
from parity.config.project import Project

FOLDER = Path(os.environ.get("PARITY_SAMPLES", "/nonexistent"))
TARGETS = {"verdict_h100_sxm": "h100", "verdict_mi300x": "mi300x", "verdict_b200": "b200"}


def rows() -> list[dict[str, str]]:
    index = FOLDER / "INDEX.csv"
    if not index.is_file():
        return []
    with index.open(newline="") as stream:
        return list(csv.DictReader(stream))


if not rows():
    pytest.skip("PARITY_SAMPLES does not point at the sample reports", allow_module_level=True)


@pytest.mark.parametrize("column", sorted(TARGETS))
@pytest.mark.parametrize("row", rows(), ids=lambda row: row["file"])
def test_outcome_is_as_labelled(row: dict[str, str], column: str) -> None:
    project = Project()
    target = session.target_of(TARGETS[column], project)
    verdict = session.judge_fingerprint(session.fingerprint_of(str(FOLDER / row["file"])), target, project)
    accepted = {row[column]}
    if "all:unknown" in row["also_acceptable"]:
        accepted.add("unknown")
    assert verdict.outcome in accepted
    if verdict.outcome == "match":
        assert verdict.exit_status == 0
    if verdict.outcome == "mismatch":
        assert verdict.exit_status == 1
