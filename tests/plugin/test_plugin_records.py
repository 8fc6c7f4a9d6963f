"""What the run leaves behind: JUnit, reports of other plugins, GitHub, and the run's own report."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from pytest_parity import github
from pytest_parity.engine_client import Engine, EngineError
from pytest_parity.github import MAX_FILE_BYTES, annotation, append, cell, step_summary
from pytest_parity.records import Record, count_text, plain
from pytest_parity.run_report import ask, folder_in_repository

if TYPE_CHECKING:
    from pathlib import Path

Gate = Callable[..., pytest.RunResult]
DEAF = """
import os, time

def main():
    open(os.path.join(os.environ["STUB_HANGS"], str(os.getpid())), "w").close()
    time.sleep(600)
"""
HEADLINE = "h100-id wanted, rtx-4090 here -> memory bandwidth 0.30x"
SUITE = """
    import pytest

    @pytest.mark.perf
    def test_time():
        pass

    @pytest.mark.perf
    def test_wrong():
        assert False

    @pytest.mark.perf
    @pytest.mark.skip(reason="mine")
    def test_later():
        pass

    @pytest.mark.parity(target="here")
    def test_elsewhere():
        pass

    def test_function():
        pass
"""


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    """Return the folder with the suite."""
    pytester.makepyfile(test_suite=SUITE)
    return pytester


def properties(element: ET.Element | None) -> dict[str, str]:
    """Return the properties directly under an element."""
    assert element is not None
    return {one.attrib["name"]: one.attrib["value"] for one in element.findall("./properties/property")}


def junit(path: Path) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """Return the properties of the suite and of each test."""
    root = ET.parse(path).getroot()
    tests = {case.attrib["name"]: properties(case) for case in root.iter("testcase")}
    return properties(root.find("testsuite")), tests


@pytest.mark.parametrize("workers", [(), ("-p", "xdist.plugin", "-n", "2")])
def test_junit_names_machine_and_verdict(
    suite: pytest.Pytester, gate: Gate, workers: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_ENGINE_CONDITIONS", "disturbed")
    gate("--parity-target=h100", "--parity-mode=annotate", "--junit-xml=out.xml", *workers, child=bool(workers))
    whole, tests = junit(suite.path / "out.xml")
    assert whole == {
        "parity": "mismatch",
        "parity_target": "h100-id",
        "parity_level": "same-vendor",
        "parity_device": "2x rtx-4090",
        "parity_driver": "570.86.15",
        "parity_identity_hash": "abc",
    }
    wrong = {
        "parity": "mismatch",
        "parity_target": "h100-id",
        "parity_level": "same-vendor",
        "parity_conditions": "disturbed",
    }
    assert tests["test_time"] == tests["test_wrong"] == wrong
    assert tests["test_elsewhere"] == {
        **wrong,
        "parity": "match",
        "parity_target": "here-id",
        "parity_level": "identical",
    }
    assert tests["test_later"] == tests["test_function"] == {}


def test_junit_can_be_left_alone(suite: pytest.Pytester, gate: Gate) -> None:
    gate("--parity-target=h100", "--parity-mode=annotate", "--junit-xml=out.xml", "--parity-junit=off")
    whole, tests = junit(suite.path / "out.xml")
    assert whole == {}
    assert set(map(len, tests.values())) == {0}


def test_junit_of_a_run_without_a_target_is_untouched(suite: pytest.Pytester, gate: Gate) -> None:
    suite.makepyfile(test_suite="def test_it(): pass")
    gate("--junit-xml=out.xml")
    assert junit(suite.path / "out.xml") == ({}, {"test_it": {}})


def test_json_report_has_the_run_and_each_perf_test(
    suite: pytest.Pytester, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_ENGINE_CONDITIONS", "disturbed")
    names = ("-p", "pytest_jsonreport.plugin", "-p", "pytest_metadata.plugin", "--json-report")
    gate("--parity-target=h100", "--parity-mode=annotate", *names)
    report = json.loads((suite.path / ".report.json").read_text(encoding="utf-8"))
    assert [(one["target"], one["source"]) for one in report["parity"]["judgements"]] == [
        ("h100-id", "run"),
        ("here-id", "marker"),
    ]
    counts = report["parity"]["counts"]
    assert (counts["perf_tests"], counts["ran"], counts["not_run"], counts["disturbed"]) == (4, 3, 1, 3)
    told = {test["nodeid"].partition("::")[2]: test.get("metadata", {}).get("parity") for test in report["tests"]}
    assert told["test_function"] is None
    assert (told["test_time"]["state"], told["test_time"]["conditions"]["state"]) == ("ran", "disturbed")
    assert (told["test_later"]["state"], told["test_later"]["mode"]) == ("not run", "annotate")


def test_html_has_one_escaped_line_and_the_environment(suite: pytest.Pytester, gate: Gate) -> None:
    names = ("-p", "pytest_html.plugin", "-p", "pytest_metadata.plugin", "--html=out.html", "--self-contained-html")
    gate("--parity-target=<i>h100", *names, child=True)
    page = (suite.path / "out.html").read_text(encoding="utf-8")
    assert "<p>parity: &lt;i&gt;h100-id: mismatch (same-vendor). " in page
    assert "<i>h100-id" not in page.split("<p>parity:")[1].split("</p>")[0]
    assert "2 perf tests NOT MEASURED (2 failed), 1 ran, 1 not run for other reasons</p>" in page
    assert "h100-id: mismatch&#34;" in page, "the environment table, as JSON in an attribute"


def test_a_run_without_a_target_tells_other_reports_nothing(suite: pytest.Pytester, gate: Gate) -> None:
    suite.makepyfile(test_suite="def test_it(): pass")
    gate("-p", "pytest_jsonreport.plugin", "--json-report")
    assert "parity" not in json.loads((suite.path / ".report.json").read_text(encoding="utf-8"))


@pytest.fixture
def actions(gate: Gate, tmp_path: Path) -> Callable[..., tuple[pytest.RunResult, str]]:
    """Return a function that runs in GitHub Actions, and gives the step summary, too."""
    path = tmp_path / "summary.md"

    def run(*args: str, **options: Any) -> tuple[pytest.RunResult, str]:
        here = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(path)}
        result = gate(*args, environment=here, **options)
        return result, path.read_text(encoding="utf-8") if path.exists() else ""

    return run


@pytest.mark.parametrize("extra", [(), ("-p", "xdist.plugin", "-n", "2"), ("--color=yes",), ("-q",)])
def test_actions_get_one_annotation_and_a_table(suite: pytest.Pytester, actions: Any, extra: tuple[str, ...]) -> None:
    result, summary = actions("--parity-target=h100", *extra, child="-n" in extra)
    told = [line for line in result.outlines if "::error" in line or "::warning" in line or "::notice" in line]
    counts = "2 perf tests NOT MEASURED (2 failed), 1 ran, 1 not run for other reasons"
    assert told == [f"::error title=parity%3A mismatch for target h100-id::{HEADLINE}. {counts}"]
    assert summary.startswith("## parity: MISMATCH\n\n* target h100-id: **mismatch**, level same-vendor. ")
    rows = [line for line in summary.splitlines() if line.startswith("| test_suite.py")]
    assert sorted(rows[:2]) == [
        "| test_suite.py::test_time | NOT MEASURED | failed |  |  |",
        "| test_suite.py::test_wrong | NOT MEASURED | failed |  |  |",
    ]
    assert len(rows) == 4
    assert "test_function" not in summary


@pytest.mark.parametrize(
    ("words", "level"),
    [
        (("--parity-target=h100", "--parity-mode=skip"), "warning"),
        (("--parity-target=h100", "--parity-mode=annotate"), "warning"),
        (("--parity-target=here",), "notice"),
        (("--parity-target=crash", "-k", "nothing"), "warning"),
    ],
)
def test_the_annotation_is_as_grave_as_the_run(
    suite: pytest.Pytester, actions: Any, words: tuple[str, ...], level: str
) -> None:
    result, _ = actions(*words)
    assert [line.split(" ")[0] for line in result.outlines if line.startswith("::")] == [f"::{level}"]


@pytest.mark.parametrize("words", [("--parity-target=h100", "-k", "function"), ("--parity-target=h100", "--co"), ()])
def test_actions_hear_nothing_without_a_perf_test(suite: pytest.Pytester, actions: Any, words: tuple[str, ...]) -> None:
    suite.makepyfile(test_suite="def test_function(): pass")
    result, summary = actions(*words)
    assert (summary, [line for line in result.outlines if line.startswith("::")]) == ("", [])


def test_an_older_step_summary_is_kept(suite: pytest.Pytester, actions: Any, tmp_path: Path) -> None:
    (tmp_path / "summary.md").write_text("# mine\n")
    _, summary = actions("--parity-target=h100")
    assert summary.startswith("# mine\n\n## parity: MISMATCH\n")


def test_a_step_summary_that_cannot_be_written_is_one_line(suite: pytest.Pytester, gate: Gate) -> None:
    here = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(suite.path)}
    result = gate("--parity-target=h100", environment=here)
    assert "parity: GITHUB_STEP_SUMMARY: not written: Is a directory" in result.outlines
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_a_full_step_summary_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "summary.md"
    path.write_bytes(b"x" * (MAX_FILE_BYTES - 10))
    assert append(path, "short\n") == ""
    assert append(path, "longer than what is left\n").startswith("not written: ")
    assert path.stat().st_size == MAX_FILE_BYTES - 10 + len("\nshort\n")


def record(name: str, **changes: Any) -> Record:
    """Return a record of a test that ran on the target."""
    values: dict[str, Any] = {
        "nodeid": f"test_a.py::{name}",
        "path": "test_a.py",
        "line": 1,
        "worker": "",
        "target": "h100",
        "outcome": "match",
        "level": "identical",
        "by": "run",
        "blocks": False,
        "headline": "",
        "mode": "fail",
        "state": "ran",
        "result": "passed",
        "seconds": 0.5,
        "conditions": None,
    }
    return Record(**{**values, **changes})


def summary_of(*records: Record, problem: str = "", headline: str = "fine", saved: bool = False) -> dict[str, Any]:
    """Return a run's summary."""
    states = [one.state for one in records]
    names = ("ran", "failed", "skipped", "xfailed", "not run")
    counts = {name.replace(" ", "_"): states.count(name) for name in names}
    seen = {"disturbed": sum(one.conditions_state == "disturbed" for one in records), "conditions_unknown": 0}
    seen["above_roof"] = sum(one.is_above_roof for one in records)
    judged = {"target": "h100", "outcome": "match", "level": "identical", "blocks": False, "headline": headline}
    counts = {"perf_tests": len(records), **counts, **seen}
    return {"judgements": [{**judged, "source": "run", "saved": saved}], "counts": counts, "problem": problem}


def test_the_table_is_capped_and_says_so() -> None:
    many = [record(f"test_{number}") for number in range(3000)]
    blocked = record("test_blocked", state="failed", result="failed", seconds=None)
    text = step_summary(summary_of(*many, blocked), [*many, blocked], ())
    assert text.count("\n| test_a.py") == github.MAX_ROWS
    assert text.endswith(f"\nand {3001 - github.MAX_ROWS} more perf tests\n")
    assert text.index("test_blocked") < text.index("test_0 ")
    assert len(text.encode()) < 100 * 1024


HOSTILE = "a|b\n::error::x\r<img src=x>`c`@me [x](y)\x1b[31m\udcff\N{SNOWMAN}"


def test_hostile_names_stay_where_they_are() -> None:
    watched = {"state": "disturbed", "findings": [{"message": HOSTILE}, 3]}
    one = record("x", nodeid=HOSTILE, conditions=watched)
    text = step_summary(summary_of(one, problem=HOSTILE, headline=HOSTILE), [one], [HOSTILE])
    row = next(line for line in text.splitlines() if line.startswith("| a"))
    assert row.count("|") == 6
    assert not re.search(r"[\x1b\r`@]|<img|\]\(", text)
    assert text.encode()
    told = annotation(summary_of(one, problem=HOSTILE, headline=f"50% {HOSTILE}"))
    assert "\n" not in told + cell(HOSTILE)
    assert "\x1b" not in told
    assert told.count("::") == 4, "the command's own two, and two that GitHub takes as text"
    assert "50%25 a|b" in told


def test_counts_read_aloud() -> None:
    assert count_text(summary_of(record("a"))["counts"]) == "1 perf test ran"
    both = summary_of(
        record("a"), record("b", state="failed"), record("c", state="skipped"), record("d", state="not run")
    )
    assert (
        count_text(both["counts"])
        == "2 perf tests NOT MEASURED (1 failed, 1 skipped), 1 ran, 1 not run for other reasons"
    )
    beyond = record("e", rooflines=[{"above_roof": False}, {"above_roof": True}])
    assert count_text(summary_of(beyond)["counts"]) == "1 perf test ran, 1 above the roof"
    assert annotation(summary_of(beyond)).startswith("::warning ")
    assert "::e | ran, above the roof |" in step_summary(summary_of(beyond), [beyond], ())


def sent(engine_log: Any) -> dict[str, Any]:
    """Return the one run that the engine was sent."""
    [request] = [entry for entry in engine_log() if entry.get("op") == "report"]
    return dict(request)


def test_github_marks_what_a_saved_fingerprint_says() -> None:
    told = summary_of(record("a"), saved=True)
    assert "title=parity%3A match for target h100 (saved fingerprint)::" in annotation(told)
    table = step_summary(told, [record("a")], ())
    assert "## parity: match (saved fingerprint)\n" in table
    assert "**match**, level identical (saved fingerprint). fine" in table


def test_properties_and_report_mark_a_saved_fingerprint(suite: pytest.Pytester, gate: Gate, engine_log: Any) -> None:
    suite.path.joinpath("saved.json").write_text("{}")
    args = ("--parity-target=here", "--parity-report=out.json", "--junit-xml=out.xml", "--parity-mode=annotate")
    gate(*args, "--parity-fingerprint=saved.json")
    whole, tests = junit(suite.path / "out.xml")
    assert whole["parity_source"] == tests["test_time"]["parity_source"] == "saved fingerprint"
    assert whole["parity_device"].endswith(" (saved fingerprint)")
    assert "parity_source" not in tests["test_function"]
    assert {one["saved"] for one in sent(engine_log)["run"]["judgements"]} == {True}


def test_the_whole_run_is_sent(
    suite: pytest.Pytester, gate: Gate, engine_log: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_ENGINE_CONDITIONS", "disturbed")
    result = gate("--parity-target=h100", "--parity-report=out.json", "--parity-report=sub.md")
    request = sent(engine_log)
    assert request["paths"] == [str(suite.path / "out.json"), str(suite.path / "sub.md")]
    run = request["run"]
    assert {one["nodeid"].partition("::")[2]: (one["state"], one["result"], one["mode"]) for one in run["tests"]} == {
        "test_time": ("failed", "failed", "fail"),
        "test_wrong": ("failed", "failed", "fail"),
        "test_later": ("not run", "skipped", "fail"),
        "test_elsewhere": ("ran", "passed", "fail"),
    }
    first, last = run["tests"][0], run["tests"][-1]
    assert (first["path"], first["line"], first["seconds"], first["blocks"]) == ("test_suite.py", 3, None, True)
    assert 0 <= last["seconds"] < 600
    assert last["conditions"]["state"] == "disturbed"
    assert (run["exit_status"], run["problem"], run["folder"]) == (1, "", "")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", run["started"])
    assert [one["target"]["id"] for one in run["verdicts"]] == ["h100-id", "here-id"]
    assert str(suite.path) not in json.dumps(run)
    assert result.outlines.count("parity report: out.json") == 1


def test_the_run_is_sent_when_nothing_ran(suite: pytest.Pytester, gate: Gate, engine_log: Any) -> None:
    result = gate("--parity-target=h100", "--parity-report=out.json", "-k", "nowhere")
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    run = sent(engine_log)["run"]
    assert (run["tests"], run["counts"]["perf_tests"], run["exit_status"]) == ([], 0, 5)
    assert [one["outcome"] for one in run["judgements"]] == ["mismatch"]


def test_the_run_of_a_dead_engine_is_sent_to_a_new_one(suite: pytest.Pytester, gate: Gate, engine_log: Any) -> None:
    gate("--parity-target=crash", "--parity-report=out.json")
    run = sent(engine_log)["run"]
    assert run["problem"].startswith("the engine was killed by SIGSEGV")
    assert run["verdicts"] == []
    assert {one["outcome"] for one in run["tests"]} == {"unknown"}
    assert (suite.path / "out.json").is_file()


def test_listing_tests_writes_no_report(suite: pytest.Pytester, gate: Gate, engine_log: Any) -> None:
    gate("--parity-target=h100", "--parity-report=out.json", "--collect-only")
    assert engine_log() == []


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("refuse", "NOT WRITTEN: the disk is full"),
        ("crash", "NOT WRITTEN: the engine was killed by SIGSEGV: driver says no"),
        ("exit", "NOT WRITTEN: the engine ended with status 1: cannot import the vendor library"),
        ("garbage", "NOT WRITTEN: the engine wrote something else than an answer: 'NVRM: hello from the driver'"),
        ("hang", "NOT WRITTEN: the engine gave no answer within 2 s"),
    ],
)
@pytest.mark.parametrize("target", ["h100", "here"])
def test_a_report_that_fails_changes_nothing_else(
    suite: pytest.Pytester, gate: Gate, how: str, told: str, target: str
) -> None:
    if how in ("hang", "garbage") and target == "here":
        pytest.skip("slow, and tried with the other target")
    suite.makepyfile(test_suite="import pytest\n@pytest.mark.perf\ndef test_it(): pass\n")
    here = {"FAKE_ENGINE_REPORT": how, "PARITY_ENGINE_TIMEOUT": "2"}
    result = gate(f"--parity-target={target}", "--parity-report=out.json", environment=here)
    assert f"parity report: out.json: {told}" in result.outlines
    assert result.ret == (pytest.ExitCode.OK if target == "here" else pytest.ExitCode.TESTS_FAILED)
    result.assert_outcomes(passed=target == "here", failed=target == "h100")


def test_an_engine_that_does_not_read_cannot_hold_up_the_end(
    suite: pytest.Pytester, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run over 64 KiB does not fit into the pipe."""
    suite.makepyfile(
        test_suite="""
        import pytest

        @pytest.mark.perf
        @pytest.mark.parametrize("n", range(300))
        def test_it(n):
            pass
        """
    )
    deaf = suite.mkdir("deaf") / "parity"
    deaf.mkdir()
    (deaf / "__init__.py").touch()
    (deaf / "engine.py").write_text(DEAF)
    here = {"PARITY_ENGINE_PATH": str(deaf.parent), "PARITY_ENGINE_TIMEOUT": "1"}
    result = gate("--parity-target=h100", "--parity-report=out.json", environment=here)
    assert "parity report: out.json: NOT WRITTEN: the engine gave no answer within 1 s" in result.outlines
    result.assert_outcomes(failed=300)


def test_an_engine_that_does_not_read_is_reaped_and_its_pipes_are_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "parity").mkdir()
    (tmp_path / "parity" / "__init__.py").touch()
    (tmp_path / "parity" / "engine.py").write_text(DEAF)
    monkeypatch.setenv("PARITY_ENGINE_PATH", str(tmp_path))
    engine = Engine(directory=str(tmp_path), timeout_s=1.0)
    with pytest.raises(EngineError, match="gave no answer within 1 s"):
        ask(engine, {"op": "report", "run": "x" * 300_000})
    process = engine._process
    assert process is not None
    assert process.returncode is not None
    assert engine._channel is None


def test_a_failed_report_is_told_without_a_summary_too(suite: pytest.Pytester, gate: Gate) -> None:
    here = {"FAKE_ENGINE_REPORT": "refuse"}
    result = gate("--parity-target=h100", "--parity-report=out.json", "--no-summary", child=True, environment=here)
    assert "parity report: out.json: NOT WRITTEN: the disk is full" in result.errlines
    result.stdout.no_fnmatch_line("parity report*")


@pytest.mark.parametrize("name", ["out.pdf", "out", "out.json.gz"])
def test_a_suffix_without_a_format_ends_the_run_at_once(
    suite: pytest.Pytester, gate: Gate, engine_log: Any, name: str
) -> None:
    result = gate("--parity-target=h100", f"--parity-report={name}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [f"ERROR: --parity-report: {name}: no report format has the suffix *; mend: use one of *"]
    )
    assert engine_log() == []


def test_reruns_count_once(suite: pytest.Pytester, gate: Gate, engine_log: Any) -> None:
    suite.makepyfile(
        test_suite="""
        import pytest
        from _pytest.runner import runtestprotocol

        @pytest.mark.perf
        def test_it(request):
            request.config.tries = getattr(request.config, "tries", 0) + 1
            assert request.config.tries > 1
        """
    )
    suite.makeconftest(
        """
        from _pytest.runner import runtestprotocol

        def pytest_runtest_protocol(item, nextitem):
            for _ in range(2):
                for report in runtestprotocol(item, nextitem=nextitem, log=False):
                    item.ihook.pytest_runtest_logreport(report=report)
            return True
        """
    )
    gate("--parity-target=here", "--parity-report=out.json")
    [test] = sent(engine_log)["run"]["tests"]
    assert (test["state"], test["result"]) == ("ran", "passed")


RESULTS = """
    import pytest
    import unittest

    pytestmark = pytest.mark.perf

    @pytest.fixture
    def broken():
        raise RuntimeError

    @pytest.fixture
    def broken_end():
        yield
        raise RuntimeError

    def test_passed(): pass
    def test_failed(): assert 0
    def test_skipped(): pytest.skip("now")
    def test_error(broken): pass
    def test_error_at_end(broken_end): pass
    @pytest.mark.xfail
    def test_xfailed(): assert 0
    @pytest.mark.xfail
    def test_xpassed(): pass
    @pytest.mark.xfail(run=False)
    def test_not_run(): pass
    class TestCase(unittest.TestCase):
        def test_subtests(self):
            with self.subTest("one"):
                assert 0
"""


def test_results_are_those_of_pytest(suite: pytest.Pytester, gate: Gate, engine_log: Any) -> None:
    suite.makepyfile(test_suite=RESULTS)
    gate("--parity-target=here", "--parity-report=out.json")
    assert {
        one["nodeid"].rpartition("::")[2]: (one["state"], one["result"]) for one in sent(engine_log)["run"]["tests"]
    } == {
        "test_passed": ("ran", "passed"),
        "test_failed": ("ran", "failed"),
        "test_skipped": ("not run", "skipped"),
        "test_error": ("not run", "error"),
        "test_error_at_end": ("ran", "error"),
        "test_xfailed": ("ran", "xfailed"),
        "test_xpassed": ("ran", "xpassed"),
        "test_not_run": ("not run", "xfailed"),
        "test_subtests": ("ran", "failed"),
    }


def test_verdicts_of_workers_reach_the_report_once(suite: pytest.Pytester, gate: Gate, engine_log: Any) -> None:
    suite.makepyfile(
        test_suite="""
        import pytest

        @pytest.mark.parity(target="h100")
        @pytest.mark.parametrize("n", range(8))
        def test_it(n):
            pass
        """
    )
    gate("--parity-target=here", "--parity-report=out.json", "-p", "xdist.plugin", "-n", "2", child=True)
    run = sent(engine_log)["run"]
    assert len(run["tests"]) == 8
    assert {one["worker"] for one in run["tests"]} == {"gw0", "gw1"}
    assert [one["outcome"] for one in run["verdicts"]] == ["match", "mismatch"]


@pytest.mark.parametrize("workers", [(), ("-p", "xdist.plugin", "-n", "2")])
def test_measures_reach_the_report_of_a_perf_test(
    suite: pytest.Pytester, gate: Gate, engine_log: Any, workers: tuple[str, ...]
) -> None:
    suite.makepyfile(
        test_suite="""
        import pytest

        @pytest.mark.perf
        def test_two(parity_roofline):
            assert parity_roofline(seconds=1e-3, bytes=6e8, flops=1.2e11).of_here > 0.7
            parity_roofline(seconds=2e-3, bytes=6e8)

        @pytest.mark.perf
        def test_mistaken(parity_roofline):
            parity_roofline(seconds=1e-3)

        def test_functional(parity_roofline):
            parity_roofline(seconds=1e-3, bytes=6e8)
        """
    )
    gate("--parity-target=here", "--parity-report=out.json", *workers, child=bool(workers))
    told = {one["nodeid"].rpartition("::")[2]: one for one in sent(engine_log)["run"]["tests"]}
    assert told.keys() == {"test_two", "test_mistaken"}
    first, second = told["test_two"]["rooflines"]
    assert (first["flops"], second["seconds"], second["flops"]) == (1.2e11, 2e-3, 0.0)
    assert first["here"] == {"name": "rtx-4090", "bandwidth_gbps": 1008.1, "dense_rate": 165.2}
    assert told["test_mistaken"]["rooflines"] == []


@pytest.mark.parametrize("workers", [(), ("-p", "xdist.plugin", "-n", "2")])
def test_a_time_above_the_roof_fails_and_is_counted(
    suite: pytest.Pytester, gate: Gate, engine_log: Any, workers: tuple[str, ...]
) -> None:
    suite.makepyfile(
        test_suite="""
        import pytest

        @pytest.mark.perf
        def test_not_awaited(parity_roofline):
            parity_roofline(seconds=1e-6, bytes=1e9)

        @pytest.mark.perf
        def test_cached(parity_roofline):
            assert parity_roofline(seconds=1e-3, bytes=4e9, strict=False).of_here > 3

        @pytest.mark.perf
        def test_sound(parity_roofline):
            assert parity_roofline(seconds=1e-3, bytes=9e8).of_here > 0.8
        """
    )
    result = gate("--parity-target=here", "--parity-report=out.json", *workers, child=bool(workers))
    result.assert_outcomes(failed=1, passed=2)
    line = "*AboveRoofError: parity_roofline: 992 times what rtx-4090 can do at most: this is no measurement"
    result.stdout.fnmatch_lines([line])
    assert "roofline      2 with a time that this GPU cannot reach, no measurement" in result.outlines
    run = sent(engine_log)["run"]
    assert run["counts"]["above_roof"] == 2
    marked = {one["nodeid"].rpartition("::")[2]: one["rooflines"][0]["above_roof"] for one in run["tests"]}
    assert marked == {"test_not_awaited": True, "test_cached": True, "test_sound": False}


def test_text_that_no_encoding_carries_is_escaped(suite: pytest.Pytester, gate: Gate, engine_log: Any) -> None:
    (suite.path / "test_suite.py").unlink()
    try:
        (suite.path / "test_\udcff.py").write_text("import pytest\n@pytest.mark.perf\ndef test_it(): pass\n")
    except OSError:
        pytest.skip("this file system takes no such name")
    # pytest's own terminal and cache stumble over such a name.
    plain_pytest = ("--import-mode=importlib", "-p", "no:terminal", "-p", "no:cacheprovider")
    gate("--parity-target=here", "--parity-report=out.json", *plain_pytest, child=True)
    [test] = sent(engine_log)["run"]["tests"]
    assert (test["nodeid"], test["path"]) == ("test_\\udcff.py::test_it", "test_\\udcff.py")
    assert plain("\ud800") == "\\ud800"


def test_the_folder_is_told_from_the_top_of_the_repository(tmp_path: Path) -> None:
    inner = tmp_path / "python" / "package"
    inner.mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    assert folder_in_repository(inner) == "python/package"
    assert folder_in_repository(tmp_path) == ""
