"""Tests runs whose targets only markers name: xdist workers see them, the process that has the terminal tells."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

if TYPE_CHECKING:
    from pathlib import Path

Gate = Callable[..., pytest.RunResult]

MARKED = """
    import pytest

    def test_function():
        pass

    @pytest.mark.parity(target={target!r}{more})
    def test_time():
        pass

    @pytest.mark.perf
    def test_other():
        pass
"""
SUMMED_UP = re.compile(r"^(?:parity|target |perf tests |conditions |FAILED  |parity report)")


def told(result: pytest.RunResult) -> tuple[int | pytest.ExitCode, dict[str, int], list[str]]:
    """Return what a run came to, in the words that do not depend on who ran the tests."""
    return result.ret, result.parseoutcomes(), [line for line in result.outlines if SUMMED_UP.match(line)]


@pytest.mark.parametrize(
    "case",  # mode, what requires a measurement, the marker's target and other settings, exit status
    [
        ("fail", "not", "h100", "", 1),
        ("skip", "not", "h100", "", 0),
        ("skip", "option", "h100", "", 1),
        ("skip", "variable", "h100", "", 1),
        ("xfail", "not", "h100", ", off=True", 0),
        ("skip", "option", "h100", ", mode='off'", 1),
        ("annotate", "option", "h100", "", 1),
        ("fail", "option", "here", "", 0),
    ],
)
def test_xdist_with_targets_by_marker_only_tells_the_same(
    pytester: pytest.Pytester, gate: Gate, monkeypatch: pytest.MonkeyPatch, case: tuple[str, str, str, str, int]
) -> None:
    mode, how, target, more, status = case
    pytester.makepyfile(MARKED.format(target=target, more=more))
    args = [f"--parity-mode={mode}", "--parity-report=run.json", "--junitxml=run.xml"]
    args += ["--parity-require-measured"] * (how == "option")
    if how == "variable":
        monkeypatch.setenv("PARITY_REQUIRE_MEASURED", "1")
    report, junit = pytester.path / "run.json", pytester.path / "run.xml"
    alone = gate(*args, child=True)
    run, tests = json.loads(report.read_text()), junit_properties(junit)
    report.unlink()
    spread = gate(*args, "-p", "xdist", "-n2", child=True)
    run_spread = json.loads(report.read_text())
    assert told(spread) == told(alone)
    assert junit_properties(junit) == tests
    for one in (run, run_spread):
        for name in ("seconds", "started"):
            del one[name]
        for test in one["tests"]:
            del test["seconds"], test["worker"]
    assert run_spread == run
    assert alone.ret == status


def junit_properties(path: Path) -> dict[str, list[tuple[str, str]]]:
    """Return name and value of each property of each test."""
    cases = ET.parse(path).getroot().iter("testcase")
    return {
        case.attrib["name"]: [(one.attrib["name"], one.attrib["value"]) for one in case.iter("property")]
        for case in cases
    }


def test_xdist_where_no_marker_names_a_target_loads_nothing_more(pytester: pytest.Pytester, gate: Gate) -> None:
    pytester.makepyfile(MARKED.replace("target={target!r}{more}", "off=True"))
    pytester.makeconftest(
        """
        import sys

        def pytest_unconfigure():
            print(*sorted(name for name in sys.modules if name.startswith("pytest_parity")))
        """
    )
    result = gate("-p", "xdist", "-n2", child=True)
    result.assert_outcomes(passed=3)
    assert result.outlines[-1] == "pytest_parity pytest_parity.plugin"
