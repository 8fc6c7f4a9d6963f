"""Tests what each mode does with a perf test on the wrong machine."""

from __future__ import annotations

from collections.abc import Callable
from xml.etree import ElementTree as ET

import pytest

Gate = Callable[..., pytest.RunResult]

SUITE = """
    import pytest

    @pytest.fixture
    def gpu():
        raise RuntimeError("a fixture ran")

    @pytest.fixture
    def fine():
        return 1

    @pytest.mark.perf
    def test_time(fine):
        pass

    @pytest.mark.perf
    @pytest.mark.xfail
    def test_hidden(fine):
        raise AssertionError

    def test_function(fine):
        pass
"""


@pytest.fixture(autouse=True)
def _suite(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_suite=SUITE)


@pytest.mark.parametrize(
    ("mode", "outcomes", "status", "counts"),
    [
        ("fail", {"failed": 2, "passed": 1}, 1, "2 NOT MEASURED (2 failed), 0 ran"),
        ("skip", {"skipped": 2, "passed": 1}, 0, "2 NOT MEASURED (2 skipped), 0 ran"),
        ("xfail", {"xfailed": 2, "passed": 1}, 0, "2 NOT MEASURED (2 xfailed), 0 ran"),
        ("annotate", {"xfailed": 1, "passed": 2}, 0, "2 ran"),
    ],
)
def test_outcomes(gate: Gate, mode: str, outcomes: dict[str, int], status: int, counts: str) -> None:
    result = gate("--parity-target=h100", f"--parity-mode={mode}", "-W", "error")
    result.assert_outcomes(**outcomes)
    assert result.ret == status
    result.stdout.fnmatch_lines([f"perf tests    {counts}".replace("[", "[[]")])


def test_a_match_changes_nothing(gate: Gate) -> None:
    result = gate("--parity-target=here")
    result.assert_outcomes(passed=2, xfailed=1)
    result.stdout.fnmatch_lines(["verdict       match, level identical, equivalent required", "perf tests    2 ran"])


def test_a_match_that_does_not_pass_blocks(gate: Gate) -> None:
    gate("--parity-target=here-failing").assert_outcomes(failed=2, passed=1)


def test_the_failure_is_the_message_and_nothing_else(gate: Gate) -> None:
    result = gate("--parity-target=h100")
    result.stdout.fnmatch_lines(
        [
            "*_ test_time _*",
            "h100-id wanted, rtx-4090 here -> memory bandwidth 0.30x",
            "  memory bandwidth 1008 GB/s -> 3352 GB/s (0.30x)",
            "  SMs 128, 132 wanted",
            "  NOT MEASURED. To run it anyway: --parity-mode=annotate. Details: parity doctor --target h100",
            "*_ test_hidden _*",
            "FAILED test_suite.py::test_time - h100-id wanted, rtx-4090 here -> memory bandwidth 0.30x",
        ],
        consecutive=False,
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*pytest_parity/*")


def test_skips_point_at_the_test(gate: Gate) -> None:
    result = gate("--parity-target=h100", "--parity-mode=skip", "-rs")
    result.stdout.fnmatch_lines(["SKIPPED [[]1[]] test_suite.py:11: h100-id wanted, rtx-4090 here*"])


@pytest.mark.parametrize("extra", [[], ["--runxfail"]])
def test_xfail_names_the_reason_and_does_not_run(gate: Gate, extra: list[str]) -> None:
    result = gate("--parity-target=h100", "--parity-mode=xfail", "-rx", *extra)
    result.assert_outcomes(xfailed=2, passed=1)
    result.stdout.fnmatch_lines(["XFAIL test_suite.py::test_time - [[]NOTRUN[]] h100-id wanted*"])


def junit(pytester: pytest.Pytester) -> dict[str, ET.Element]:
    """Return the test cases of the report, by name."""
    root = ET.parse(pytester.path / "out.xml").getroot()
    return {case.attrib["name"]: case for case in root.iter("testcase")}


def test_junit_has_a_failure(pytester: pytest.Pytester, gate: Gate) -> None:
    gate("--parity-target=h100", "--junit-xml=out.xml")
    case = junit(pytester)["test_time"]
    assert [child.tag for child in case] == ["failure"]
    assert case[0].attrib["message"].startswith("h100-id wanted, rtx-4090 here")
    assert list(junit(pytester)["test_function"]) == []


def test_junit_skipped_and_xfailed(pytester: pytest.Pytester, gate: Gate) -> None:
    gate("--parity-target=h100", "--junit-xml=out.xml", "--parity-mode=skip")
    assert junit(pytester)["test_time"][0].attrib["type"] == "pytest.skip"
    gate("--parity-target=h100", "--junit-xml=out.xml", "--parity-mode=xfail")
    assert junit(pytester)["test_time"][0].attrib["type"] == "pytest.xfail"


def test_annotate_leaves_properties(pytester: pytest.Pytester, gate: Gate) -> None:
    result = gate("--parity-target=h100", "--junit-xml=out.xml", "--parity-mode=annotate")
    properties = {
        entry.attrib["name"]: entry.attrib["value"] for entry in junit(pytester)["test_time"].iter("property")
    }
    assert properties == {
        "parity": "mismatch",
        "parity_target": "h100-id",
        "parity_level": "same-vendor",
        "parity_conditions": "clean",
    }
    assert not list(junit(pytester)["test_function"].iter("property"))
    result.stdout.fnmatch_lines(["*those that ran say nothing certain about h100-id: h100-id wanted, *"])
