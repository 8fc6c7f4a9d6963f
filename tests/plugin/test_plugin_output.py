"""Tests what the terminal shows, and that no way of asking for less breaks it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Gate = Callable[..., pytest.RunResult]

SUITE = """
    import pytest

    @pytest.mark.perf
    def test_time():
        pass

    def test_function():
        pass
"""


def test_header_and_summary(pytester: pytest.Pytester, gate: Gate) -> None:
    pytester.makepyfile(SUITE)
    gate("--parity-target=h100").stdout.fnmatch_lines(
        [
            "parity: target h100-id: mismatch",
            "*= parity =*",
            "target        The h100 (h100-id)",
            "here          2 x rtx-4090",
            "verdict       mismatch, level same-vendor, equivalent required",
            "carries over  yes: correctness; no: code generation, kernel *; unknown: memory fit",
            "perf tests    1 NOT MEASURED (1 failed), 0 ran",
        ]
    )


def test_no_section_without_perf_tests(pytester: pytest.Pytester, gate: Gate) -> None:
    pytester.makepyfile("def test_function():\n    pass\n")
    result = gate("--parity-target=h100")
    result.stdout.no_fnmatch_line("*= parity =*")


@pytest.mark.parametrize(
    ("args", "told"),
    [
        ([], True),
        (["-v"], True),
        (["-q"], False),
        (["-k", "function"], True),  # nothing was left out by it
        (["-k", "one"], False),
        (["--parity-mode=off"], False),
        (["--collect-only"], False),
    ],
)
def test_a_gate_that_no_test_passes_is_told(pytester: pytest.Pytester, gate: Gate, args: list[str], told: bool) -> None:
    pytester.makepyfile("def test_function_one():\n    pass\n\ndef test_function_two():\n    pass\n")
    line = "parity: no perf test among 2 collected: mark them `perf`, or declare perf_tests in parity.yaml"
    assert (line in gate("--parity-target=h100", *args).outlines) is told


def test_that_is_not_told_of_a_run_with_perf_tests_or_of_a_project_target(
    pytester: pytest.Pytester, gate: Gate
) -> None:
    pytester.makepyfile(SUITE)
    gate("--parity-target=h100").stdout.no_fnmatch_line("parity: no perf test*")
    pytester.makepyfile("def test_function():\n    pass\n")
    pytester.path.joinpath("parity.yaml").write_text("version: 1\ndefault_target: prod\n")
    gate().stdout.no_fnmatch_line("parity: no perf test*")


def test_what_differs_is_told_once(pytester: pytest.Pytester, gate: Gate) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.perf
        @pytest.mark.parametrize("size", [1, 2, 3])
        def test_time(size):
            pass

        @pytest.mark.parity(target="b200")
        def test_other():
            pass
        """
    )
    result = gate("--parity-target=h100")
    result.assert_outcomes(failed=4)
    headlines = [line for line in result.outlines if line.startswith(("h100-id wanted", "b200-id wanted"))]
    told = [line for line in result.outlines if line.startswith("  NOT MEASURED. To run it anyway")]
    referred = [line for line in result.outlines if line.startswith("  NOT MEASURED. What else differs: see ")]
    assert (len(headlines), len(told), len(referred)) == (4, 2, 2)
    assert {line.rpartition(" ")[2] for line in referred} == {"test_what_differs_is_told_once.py::test_time[1]"}


@pytest.mark.parametrize("args", [["-q"], ["--no-header"], ["-qq"]])
def test_less_output(pytester: pytest.Pytester, gate: Gate, args: list[str]) -> None:
    pytester.makepyfile(SUITE)
    result = gate("--parity-target=h100", *args)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.no_fnmatch_line("parity: *")


def test_no_summary(pytester: pytest.Pytester, gate: Gate) -> None:
    pytester.makepyfile(SUITE)
    result = gate("--parity-target=h100", "--no-summary")
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.no_fnmatch_line("*= parity =*")


def test_no_terminal(pytester: pytest.Pytester, gate: Gate) -> None:
    pytester.makepyfile(SUITE)
    result = gate("--parity-target=h100", "-p", "no:terminal")
    assert result.ret == pytest.ExitCode.TESTS_FAILED


@pytest.mark.parametrize("plugin", ["skipping", "unittest", "junitxml", "capture", "logging"])
def test_without_builtin_plugins(pytester: pytest.Pytester, gate: Gate, plugin: str) -> None:
    pytester.makepyfile(SUITE)
    gate("--parity-target=h100", "-p", f"no:{plugin}").assert_outcomes(failed=1, passed=1)


@pytest.mark.parametrize(("encoding", "arrow"), [("ascii", "\\u2192"), ("utf-8", "\N{RIGHTWARDS ARROW}")])
def test_text_fits_the_stream(
    pytester: pytest.Pytester, gate: Gate, monkeypatch: pytest.MonkeyPatch, encoding: str, arrow: str
) -> None:
    pytester.makepyfile(SUITE)
    monkeypatch.setenv("PYTHONIOENCODING", encoding)
    result = gate("--parity-target=unicode", child=True)
    result.assert_outcomes(failed=1, passed=1)
    assert f"unicode-id wanted, rtx-4090 here {arrow} memory bandwidth 0.30x" in result.outlines
    assert f"  memory bandwidth 1008 GB/s {arrow} 3352 GB/s (0.30x)" in result.outlines
