"""Suites under the options and plugins that people use: selection, stopping early, output, reruns, xdist."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path

import plugin_suites as ps
import pytest

pytestmark = pytest.mark.slow
SUITES = ps.read_suites()
TOGETHER = tuple(suite for suite in SUITES.values() if not suite.alone)
EVERYDAY = SUITES["everyday"]
CHECKS = ["data", "check one", "check two", "check three"]
ALL = ["data", "warm_up", "time one", "check one", "warm_up", "time two", "check two", "check three"]
BLOCKED = {"failed": 2, "passed": 3}
RAN = {"passed": 5}
Everyday = Callable[..., ps.Run]


def needs(module: str) -> pytest.MarkDecorator:
    """Skip a test where a plugin is not installed."""
    return pytest.mark.skipif(importlib.util.find_spec(module) is None, reason=f"needs {module}")


@pytest.fixture
def everyday(tmp_path: Path) -> Everyday:
    """Return a function that runs the everyday suite."""

    def run(situation: str, *arguments: str, **environment: str) -> ps.Run:
        return ps.run_suites([EVERYDAY], situation, tmp_path, *arguments, **environment)

    return run


SELECTIONS = {
    "-x": ("fail", ["-x"], 1, {"failed": 1}, []),
    "maxfail": ("fail", ["--maxfail=2"], 1, {"failed": 2, "passed": 1}, ["data", "check one"]),
    "-k": ("fail", ["-k", "check"], 0, {"passed": 3}, CHECKS),
    "-m": ("fail", ["-m", "not perf"], 0, {"passed": 3}, CHECKS),
    "-m perf": ("fail", ["-m", "perf"], 1, {"failed": 2}, []),
    "-m perf, skipped": ("skip", ["-m", "perf"], 0, {"skipped": 2}, []),
    "-m perf, match": (
        "match",
        ["-m", "perf"],
        0,
        {"passed": 2},
        ["data", "warm_up", "time one", "warm_up", "time two"],
    ),
    "deselect": ("fail", ["--deselect", "test_everyday_a.py::test_time_one"], 1, {"failed": 1, "passed": 3}, CHECKS),
    "by id": ("fail", ["test_everyday_b.py::test_time_two"], 1, {"failed": 1}, []),
    "stepwise": ("fail", ["--stepwise"], 2, {"failed": 1}, []),
    "nothing": ("fail", ["-k", "nowhere"], 5, {}, []),
    "setup-only": ("fail", ["--setup-only"], 0, {}, ["data"]),
    "setup-show": ("fail", ["--setup-show"], 1, BLOCKED, CHECKS),
    "durations": ("fail", ["--durations=0", "-vv"], 1, BLOCKED, CHECKS),
    "capture": ("fail", ["-s"], 1, BLOCKED, CHECKS),
    "no assert rewriting": ("fail", ["--assert=plain"], 1, BLOCKED, CHECKS),
    "no cache": ("fail", ["-p", "no:cacheprovider"], 1, BLOCKED, CHECKS),
    "no skipping": ("fail", ["-p", "no:skipping"], 1, BLOCKED, CHECKS),
    "no warnings plugin": ("fail", ["-p", "no:warnings", "-p", "no:logging", "-p", "no:doctest"], 1, BLOCKED, CHECKS),
    "xunit1": ("fail", ["-o", "junit_family=xunit1"], 1, BLOCKED, CHECKS),
    "importlib": ("fail", ["--import-mode=importlib"], 1, BLOCKED, CHECKS),
    "warnings are errors": ("fail", ["-W", "error", "--strict-markers", "--strict-config"], 1, BLOCKED, CHECKS),
    "keep duplicates": ("match", ["--keep-duplicates", "."], 0, RAN, ALL),
    "pdb": ("fail", ["--pdb"], 1, BLOCKED, CHECKS),
    "trace": ("fail", ["--trace", "-m", "perf"], 1, {"failed": 2}, []),
}


@pytest.mark.parametrize(("situation", "words", "status", "counts", "events"), SELECTIONS.values(), ids=SELECTIONS)
def test_selection(
    everyday: Everyday, situation: str, words: list[str], status: int, counts: dict[str, int], events: list[str]
) -> None:
    run = everyday(situation, *words)
    assert (run.status, run.counts) == (status, counts), run.out + run.err
    assert run.traces.get("everyday", []) == events
    assert "INTERNALERROR" not in run.out
    assert "gate.py" not in run.out
    judged = situation == "match" or not {"failed", "skipped"}.isdisjoint(counts)
    assert ("perf tests    " in run.out) == judged


@pytest.mark.parametrize("option", ["--collect-only", "--setup-plan", "--fixtures", "--markers", "--cache-show"])
def test_nothing_is_run_or_said_when_nothing_runs(everyday: Everyday, option: str) -> None:
    run = everyday("fail", option)
    assert run.status == 0, run.out + run.err
    assert run.traces == {}
    assert "NOT MEASURED" not in run.out
    assert "INTERNALERROR" not in run.out


def test_last_failed_and_failed_first(everyday: Everyday) -> None:
    assert everyday("fail").counts == BLOCKED
    again = everyday("fail", "--lf")
    assert (again.counts, again.traces) == ({"failed": 2}, {})
    first = everyday("match", "--ff")
    assert first.counts == RAN
    assert first.traces["everyday"][:5] == ["data", "warm_up", "time one", "warm_up", "time two"]
    assert everyday("fail", "--lf").counts == BLOCKED  # nothing failed on the right machine: all run


@pytest.mark.parametrize("style", ["long", "short", "line", "native", "no", "auto"])
def test_no_traceback_in_any_style(everyday: Everyday, style: str) -> None:
    run = everyday("fail", f"--tb={style}")
    assert (run.status, run.counts) == (1, BLOCKED)
    assert run.out.count(f"FAILED test_everyday_a.py::test_time_one - {ps.HEADLINE}") == 1
    for word in ("Traceback", "gate.py", "_pytest", "pytest_parity", "Blocked", "Failed:"):
        assert word not in run.out
    if style != "line":  # pytest 9.2 writes the whole text and the line, older ones only the line
        assert ("SMs 128, 132 wanted" in run.out) == (style != "no")


OUTPUT = {
    "-q": (True, True),
    "-qq": (True, True),
    "-v": (True, True),
    "-rA": (True, True),
    "--no-header": (True, True),
    "--no-summary": (False, False),
    "-p no:terminal": (False, False),
    "--color=yes": (True, True),
}


@pytest.mark.parametrize("words", OUTPUT)
def test_output(everyday: Everyday, words: str) -> None:
    run = everyday("fail", *words.split())
    section, headline = OUTPUT[words]
    assert run.status == 1
    assert run.outcomes("everyday") == EVERYDAY.outcomes_in("fail")
    assert run.traces["everyday"] == CHECKS
    assert ("NOT MEASURED (2 failed)" in run.out) == section
    assert (ps.HEADLINE in run.out) == headline
    assert run.err == ""


@pytest.mark.parametrize("columns", ["20", "80", "400"])
def test_narrow_and_wide_terminals(everyday: Everyday, columns: str) -> None:
    run = everyday("fail", COLUMNS=columns)
    assert (run.status, run.counts) == (1, BLOCKED)
    assert ps.HEADLINE in run.out


@pytest.mark.parametrize(
    "variables",
    [{"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}, {"PYTHONIOENCODING": "latin-1"}, {"PYTHONIOENCODING": "utf-16"}],
    ids=["ascii", "latin-1", "utf-16"],
)
def test_stdout_that_cannot_carry_the_text(tmp_path: Path, variables: dict[str, str]) -> None:
    """The engine's arrows and the user's names need more than the stream has; only what is written is escaped."""
    suite = SUITES["names_outside_ascii"]
    run = ps.run_suites([suite], "fail", tmp_path, "--parity-target=unicode", "-p", "no:cacheprovider", **variables)
    assert run.status == 1, run.out + run.err
    assert run.outcomes(suite.name) == suite.outcomes_in("fail")
    assert run.traces[suite.name] == suite.trace_in("fail")
    assert "UnicodeEncodeError" not in run.out + run.err


BENCHMARK_OPTIONS = {
    "--benchmark-skip": (0, {"skipped": 2, "passed": 1}),
    "--benchmark-only": (1, {"failed": 2, "skipped": 1}),
    "--benchmark-disable": (1, {"failed": 2, "passed": 1}),
    "--benchmark-enable": (1, {"failed": 2, "passed": 1}),
    "--benchmark-autosave": (1, {"failed": 2, "passed": 1}),
    "--benchmark-json=b.json": (1, {"failed": 2, "passed": 1}),
}


@needs("pytest_benchmark")
@pytest.mark.parametrize("option", BENCHMARK_OPTIONS)
def test_options_of_pytest_benchmark(tmp_path: Path, option: str) -> None:
    suite = SUITES["pytest_benchmark"]
    run = ps.run_suites([suite], "fail", tmp_path, option)
    assert (run.status, run.counts) == BENCHMARK_OPTIONS[option], run.out + run.err
    assert set(run.traces.get(suite.name, [])) <= {"big", "function"}
    assert "INTERNALERROR" not in run.out


@needs("pytest_rerunfailures")
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("rerunfailures", ["--reruns=2"]),
        ("rerunfailures", ["--force-reruns=2"]),
        ("rerunfailures", ["--reruns=2", "--only-rerun=.*"]),
        pytest.param("pytest_rerunfailures", ["--reruns=2"]),
    ],
)
def test_reruns_run_only_what_may_change(tmp_path: Path, name: str, words: list[str]) -> None:
    suite = SUITES["own_failures"]
    plain = ps.run_suites([suite], "fail", tmp_path / "plain")
    run = ps.run_suites([suite], "fail", tmp_path / "again", "-p", name, *words)
    assert run.counts == plain.counts, run.out
    assert run.status == plain.status == 1
    assert plain.traces[suite.name] == ["broken", "assert"]
    assert sorted(run.traces[suite.name]) == ["assert"] * 3 + ["broken"] * 3
    assert " 4 rerun" in run.out


@needs("pytest_timeout")
@pytest.mark.parametrize("method", ["signal", "thread"])
def test_timeouts(everyday: Everyday, method: str) -> None:
    run = everyday("fail", "-p", "pytest_timeout", "--timeout=300", f"--timeout-method={method}", "-W", "error")
    assert (run.status, run.counts, run.traces["everyday"]) == (1, BLOCKED, CHECKS)


@needs("pytest_randomly")
@pytest.mark.parametrize("situation", ["fail", "match"])
def test_any_order(tmp_path: Path, situation: str) -> None:
    check_unordered(ps.run_suites(TOGETHER, situation, tmp_path, "-p", "pytest_randomly"), situation)


def check_unordered(run: ps.Run, situation: str, times: int = 1) -> None:
    """Check outcomes, events and counts where order and the number of higher fixtures may differ."""
    for suite in TOGETHER:
        wanted = {name: "+".join([one] * times) for name, one in suite.outcomes_in(situation).items()}
        got = run.outcomes(suite.name)
        if times > 1:
            got = {name: "+".join(sorted(one.split("+"))) for name, one in got.items()}
            wanted = {name: "+".join(sorted(one.split("+"))) for name, one in wanted.items()}
        assert got == wanted, run.out + run.err
        assert set(run.traces.get(suite.name, [])) == set(suite.trace_in(situation))
    outcomes = [
        one for suite in TOGETHER for joined in suite.outcomes_in(situation).values() for one in joined.split("+")
    ]
    assert run.counts == {name: times * count for name, count in ps.tally(outcomes).items()}
    assert run.status == 1
    assert "INTERNALERROR" not in run.out


SLOW = pytest.mark.slow


@needs("xdist")
@pytest.mark.parametrize(
    ("situation", "dist"),
    [
        ("fail", "load"),
        ("fail", "each"),
        ("match", "loadscope"),
        ("annotate", "worksteal"),
        pytest.param("fail", "loadscope", marks=SLOW),
        pytest.param("fail", "loadgroup", marks=SLOW),
        pytest.param("fail", "worksteal", marks=SLOW),
        pytest.param("match", "load", marks=SLOW),
        pytest.param("skip", "load", marks=SLOW),
        pytest.param("xfail", "loadfile", marks=SLOW),
    ],
)
def test_xdist(tmp_path: Path, situation: str, dist: str) -> None:
    run = ps.run_suites(TOGETHER, situation, tmp_path, "-p", "xdist", "-n2", f"--dist={dist}")
    check_unordered(run, situation, times=2 if dist == "each" else 1)
    assert run.out.count("= parity =") == 1
    assert run.out.count("parity: ") == 1
    asked = [entry for entry in run.asked if entry.get("op") == "judge"]
    assert sum("@pytest.mark" not in str(entry["sources"]) for entry in asked) == 1
    assert not any(Path(f"/proc/{entry['pid']}").exists() for entry in run.asked if "pid" in entry)


@needs("xdist")
def test_xdist_with_an_engine_that_fails(everyday: Everyday) -> None:
    run = everyday("unknown", "-p", "xdist", "-n2")
    assert (run.status, run.counts) == (1, BLOCKED)
    assert set(run.traces["everyday"]) == set(CHECKS)
    assert run.out.count("here          unknown: the engine ended with status 1") == 1
    assert sum("pid" in entry for entry in run.asked) == 1


def test_json_of_pytest_benchmark_has_no_blocked_test(tmp_path: Path) -> None:
    pytest.importorskip("pytest_benchmark")
    suite = SUITES["pytest_benchmark"]
    ran = ps.run_suites([suite], "match", tmp_path, "--benchmark-json=b.json")
    document = json.loads((tmp_path / suite.name / "b.json").read_text(encoding="utf-8"))
    assert (ran.status, len(document["benchmarks"])) == (0, 2)
    (tmp_path / suite.name / "b.json").unlink()
    ps.run_suites([suite], "fail", tmp_path, "--benchmark-json=b.json")
    path = tmp_path / suite.name / "b.json"
    assert not path.exists() or not path.read_text() or not json.loads(path.read_text())["benchmarks"]
