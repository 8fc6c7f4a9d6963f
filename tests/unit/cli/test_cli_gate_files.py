"""The files of the gate's step: no value starts another output, no summary is dropped, no alert is closed by nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import composite
import pytest
import sarif_rules
from hypothesis import given
from hypothesis import strategies as st
from issue_examples import issue, report

from parity.cli import gate_files
from parity.cli.gate_inputs import Inputs
from parity.reports import sarif

if TYPE_CHECKING:
    from pathlib import Path

INPUTS = Inputs(commands=("doctor",))


@pytest.mark.parametrize("value", ["", "a", "a\nb=c", "x<<EOF\ny\nEOF\npassed=true", "end-\nend"])
def test_an_output_is_what_it_was_and_nothing_else(value: str, tmp_path: Path) -> None:
    path = tmp_path / "output"
    path.write_text("before=1\n")
    gate_files.append_outputs({"verdict": value, "level": "l"}, {"GITHUB_OUTPUT": str(path)})
    assert composite.parsed(path.read_text()) == {"before": "1", "verdict": value, "level": "l"}


def test_outside_of_a_workflow_nothing_is_written() -> None:
    gate_files.append_outputs({"a": "b"}, {})
    gate_files.append_summary(["x"], {})


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=200))
def test_a_problem_is_shown_as_it_is(text: str) -> None:
    told = gate_files.problem("doctor", text).split("\n\n", 1)[1]
    assert all(line.startswith("    ") for line in told.rstrip("\n").splitlines() if line)


def test_a_summary_keeps_what_is_there_and_within_what_github_takes(tmp_path: Path) -> None:
    path = tmp_path / "summary"
    path.write_text("mine\n")
    about = {"GITHUB_STEP_SUMMARY": str(path)}
    gate_files.append_summary(["one\n", "two\n"], about)
    assert path.read_text() == "mine\none\n\ntwo\n"
    gate_files.append_summary(["line\n" * 500_000], about)
    assert path.stat().st_size <= 1024 * 1024
    assert path.read_text().endswith("line\n\nThe rest is in the report: a summary holds 1 MiB.\n")
    gate_files.append_summary(["more\n" * 10_000], about)
    assert path.stat().st_size <= 1024 * 1024


def test_one_sarif_of_all_runs(tmp_path: Path) -> None:
    paths = [tmp_path / "a.sarif", tmp_path / "b.sarif", tmp_path / "gone.sarif"]
    for path, category in zip(paths[:2], ("x", "y"), strict=True):
        path.write_text(sarif.render(report(issue(), category=category)))
    target = gate_files.write_sarif(paths, INPUTS, tmp_path)
    assert target == tmp_path / "parity.sarif"
    text = target.read_text()
    assert sarif_rules.problems(text) == []
    assert [run["automationDetails"]["id"] for run in json.loads(text)["runs"]] == ["x/", "y/"]


def test_where_nothing_looked_there_is_no_sarif_to_close_alerts(tmp_path: Path) -> None:
    assert gate_files.write_sarif([tmp_path / "gone.sarif"], INPUTS, tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_a_report_that_was_not_written_is_none(tmp_path: Path) -> None:
    assert gate_files.read_report(tmp_path / "gone.json") is None
    (tmp_path / "here.json").write_text('{"a": 1}')
    read: dict[str, Any] | None = gate_files.read_report(tmp_path / "here.json")
    assert read == {"a": 1}
