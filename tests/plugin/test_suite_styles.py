"""Small suites in every style, run by a real pytest: what ran, what was reported, and with which exit status.

The suites are the files ``suites/*.suite``. Most run together in one process, as parts of one large project; those with
settings or names of their own run alone. ``-m slow`` adds each suite by itself in every situation.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import plugin_suites as ps
import pytest

pytestmark = pytest.mark.slow
SUITES = ps.read_suites()
TOGETHER = tuple(suite for suite in SUITES.values() if not suite.alone)
ALONE = tuple(suite for suite in SUITES.values() if suite.alone)
Runs = Callable[[ps.Suite, str, bool], ps.Run]


def case(suite: ps.Suite, situation: str, *, alone: bool) -> object:
    """Return one set of arguments."""
    return pytest.param(suite, situation, alone, id=f"{situation}-{suite.name}")


def exhaustive() -> list[object]:
    """Return what the quick tests leave out: every suite by itself, in every situation."""
    return [
        case(suite, situation, alone=True)
        for suite in SUITES.values()
        for situation in ps.SITUATIONS
        if not (suite.alone and situation in suite.situations)
    ]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """Return a function that runs a suite, together with others or alone, once for all tests that look at the run."""
    made: dict[tuple[str, str], ps.Run] = {}

    def run(suite: ps.Suite, situation: str, alone: bool) -> ps.Run:
        if suite.why_not():
            pytest.skip(suite.why_not())
        key = (suite.name if alone else "", situation)
        if key not in made:
            folder = tmp_path_factory.mktemp("suites")
            made[key] = ps.run_suites([suite] if alone else TOGETHER, situation, folder)
        return made[key]

    return run


def check_suite(run: ps.Run, suite: ps.Suite, situation: str) -> None:
    """Compare outcomes, events and records of one suite with what it should do."""
    assert run.outcomes(suite.name) == suite.outcomes_in(situation), run.out + run.err
    assert run.traces.get(suite.name, []) == suite.trace_in(situation)
    blocked = ps.SITUATIONS[situation].blocked
    for name, expected in suite.outcomes.items():
        for case in run.cases[suite.name][name]:
            if expected.gated and blocked and situation not in expected.otherwise:
                check_blocked(case, situation)
            elif not expected.gated and not expected.otherwise:
                assert "could not be judged" not in case.message
                assert ps.HEADLINE not in case.message + case.text
            ran = (
                case.outcome not in {"skipped", "error"} and "+" not in expected.outcome
            )  # two cases: the last has them
            if expected.gated and situation == "annotate" and not expected.otherwise and ran:
                assert case.properties["parity_target"] == "h100-id"
                assert case.properties["parity_level"] == "same-vendor"
            if situation in {"off", "idle"} and not expected.otherwise:
                assert not any("parity" in key for key in case.properties)


def check_blocked(case: ps.Case, situation: str) -> None:
    """Check that the record of a blocked test has the headline and nothing of the plugin's inside."""
    wanted = "unknown: target " if situation == "unknown" else ps.HEADLINE
    first = case.message.partition("\n")[0].removeprefix("[NOTRUN] ")
    assert first.startswith(wanted)
    assert "Traceback" not in case.text
    assert "pytest_parity" not in case.text


def check_run(run: ps.Run, suites: tuple[ps.Suite, ...], situation: str) -> None:
    """Check what concerns the whole run: exit status, the counts line, the summary, the engines."""
    outcomes = [part for suite in suites for one in suite.outcomes_in(situation).values() for part in one.split("+")]
    bad = sum(one in {"failed", "error"} for one in outcomes)
    assert run.status == (pytest.ExitCode.TESTS_FAILED if bad else pytest.ExitCode.OK), run.out + run.err
    subtests = sum("subtests" in suite.name for suite in suites)
    if not subtests:  # pytest counts each subtest that passed
        counts = ps.tally(outcomes)
        assert run.counts == counts, run.out
        skipped = counts.get("skipped", 0) + counts.get("xfailed", 0)
        bad_ones = (counts.get("failed", 0), counts.get("error", 0))
        assert [run.totals[name] for name in ps.TOTALS[1:]] == [*bad_ones, skipped]
    out = run.out.replace("PluggyTeardownRaisedWarning:", "")  # a hook of the user that cannot cope
    for word in ("INTERNALERROR", "pytest_parity/", "never awaited", "Warning:"):
        assert word not in out
    assert "Traceback" not in run.err
    pids = [entry["pid"] for entry in run.asked if "pid" in entry]
    markers = any("parity(target" in text for suite in suites for text in suite.files.values())
    assert len(pids) == (0 if situation == "off" or (situation == "idle" and not markers) else 1)
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


@pytest.mark.parametrize(
    ("suite", "situation", "alone"),
    [case(suite, situation, alone=False) for situation in ps.SITUATIONS for suite in TOGETHER],
)
def test_suites_together(runs: Runs, suite: ps.Suite, situation: str, alone: bool) -> None:
    check_suite(runs(suite, situation, alone), suite, situation)


@pytest.mark.parametrize("situation", ps.SITUATIONS)
def test_the_run_of_all_suites_together(runs: Runs, situation: str) -> None:
    check_run(runs(TOGETHER[0], situation, False), TOGETHER, situation)


@pytest.mark.parametrize(
    ("suite", "situation", "alone"),
    [case(suite, situation, alone=True) for suite in ALONE for situation in suite.situations],
)
def test_suites_with_settings_of_their_own(runs: Runs, suite: ps.Suite, situation: str, alone: bool) -> None:
    run = runs(suite, situation, alone)
    check_suite(run, suite, situation)
    check_run(run, (suite,), situation)


@pytest.mark.slow
@pytest.mark.parametrize(("suite", "situation", "alone"), exhaustive())
def test_each_suite_alone_in_every_situation(runs: Runs, suite: ps.Suite, situation: str, alone: bool) -> None:
    run = runs(suite, situation, alone)
    check_suite(run, suite, situation)
    check_run(run, (suite,), situation)


def test_there_are_enough_suites() -> None:
    """At least 25, each with tests that are gated and, but for those that say why, tests that are not."""
    assert len(SUITES) >= 25
    assert all(any(one.gated for one in suite.outcomes.values()) for suite in SUITES.values())
