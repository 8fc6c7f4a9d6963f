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
