"""Run report files: what the plugin sent, which format goes where, what could not be written."""

from __future__ import annotations

import json
from pathlib import Path

import golden
import msgspec
import pytest
import runs

from parity.model.run import KEPT_OUT, State
from parity.reports import run_files
from parity.reports.run_files import FORMATS, counts, run_of, write_run
from pytest_parity.records import KEPT_OUT as PLUGIN_KEPT_OUT
from pytest_parity.records import STATES
from pytest_parity.run_report import SUFFIXES


def test_each_suffix_has_its_format(tmp_path: Path) -> None:
    paths = [str(tmp_path / f"new/folder/run{suffix}") for suffix in (".json", ".md", ".html", ".SARIF")]
    assert write_run(runs.case("blocked"), paths) == {"written": paths, "problems": []}
    assert json.loads(Path(paths[0]).read_text(encoding="utf-8"))["schema"] == "parity.run/1"
    assert Path(paths[1]).read_text(encoding="utf-8").startswith("## parity: MISMATCH\n")
    assert Path(paths[2]).read_text(encoding="utf-8").startswith("<!doctype html>\n")
    assert json.loads(Path(paths[3]).read_text(encoding="utf-8"))["version"] == "2.1.0"


def test_what_cannot_be_written_does_not_cost_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> str:
        raise KeyError("x")

    monkeypatch.setitem(FORMATS, ".html", broken)
    (tmp_path / "file").write_text("")
    paths = [str(tmp_path / name) for name in ("file/a.json", "b.html", "c.pdf", "d.md")]
    told = write_run(runs.case("empty"), paths)
    assert told["written"] == [paths[3]]
    assert told["problems"] == [
        {"path": paths[0], "why": "Not a directory"},
        {"path": paths[1], "why": "internal error: KeyError: 'x'"},
        {"path": paths[2], "why": "no report format has this suffix; use one of .json, .md, .html, .sarif"},
    ]
    assert sorted(one.name for one in tmp_path.iterdir()) == ["d.md", "file"]


def test_tests_are_counted_anew() -> None:
    data = runs.data_of(runs.off_target("a"), runs.perf_test("b"), counts={"perf_tests": 99})
    made = run_of(data).counts
    assert (made.perf_tests, made.failed, made.ran, made.not_measured) == (2, 1, 1, 1)
    seen = [runs.perf_test("x", conditions=runs.conditions(state)) for state in ("clean", "disturbed", "unknown")]
    told = counts(runs.run(*seen).tests)
    assert (told.disturbed, told.conditions_unknown, told.above_roof) == (1, 1, 0)
    beyond = runs.perf_test("x", rooflines=[runs.measure(), runs.measure(above_roof=True)])
    assert counts(runs.run(beyond, runs.perf_test("y", rooflines=[runs.measure()])).tests).above_roof == 1


def test_a_verdict_that_cannot_be_read_is_a_note() -> None:
    good = msgspec.to_builtins(golden.verdict("workstation"))
    run = run_of(runs.data_of(runs.perf_test("x"), verdicts=[{"schema": "parity.verdict/9"}, good]))
    assert [verdict.outcome for verdict in run.verdicts] == ["mismatch"]
    assert run.notes[0].startswith("verdict 1 was left out, it cannot be read: ")


def test_unique_ids_are_masked() -> None:
    unique = "GPU-5e3a1c2b-0000-1111-2222-333344445555"
    data = json.loads(json.dumps(msgspec.to_builtins(golden.verdict("workstation"), builtin_types=())))
    data["fingerprint"]["devices"][0]["locator"]["uuid"] = {"type": "reading", "value": unique, "source": "nvml"}
    run = run_of(runs.data_of(runs.perf_test("x"), verdicts=[data]))
    assert run.verdicts[0].fingerprint.redacted
    assert unique not in FORMATS[".json"](run)


@pytest.mark.parametrize("broken", [{"tests": [{"nodeid": "x"}]}, {"started": 3}, {"judgements": None}])
def test_what_is_not_as_agreed_is_refused(broken: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        run_of({**runs.data_of(), **broken})


def test_plugin_and_library_agree() -> None:
    assert tuple(run_files.FORMATS) == SUFFIXES
    assert set(STATES) == set(State.__args__)  # type: ignore[attr-defined]
    assert KEPT_OUT == PLUGIN_KEPT_OUT
