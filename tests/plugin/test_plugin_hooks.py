"""Tests the hooks for other plugins, and that a conftest with them works without a target."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Gate = Callable[..., pytest.RunResult]

SUITE = """
    import pytest

    def test_kernel_speed():
        pass

    @pytest.mark.perf
    def test_marked():
        pass

    @pytest.mark.parity(target="h100")
    def test_own():
        pass
"""
CLASSIFY = """
    def pytest_parity_classify(item):
        return {"test_kernel_speed": True, "test_marked": False, "test_own": False}[item.name]
"""
LISTEN = """
    def pytest_parity_verdict(config, verdict):
        with open("verdicts.txt", "a") as stream:
            stream.write(f"{verdict.target} {verdict.outcome}\\n")
"""


@pytest.mark.parametrize("source", [CLASSIFY, LISTEN])
def test_a_conftest_with_optional_hooks_needs_no_plugin(pytester: pytest.Pytester, gate: Gate, source: str) -> None:
    optional = source.replace("    def ", "    import pytest\n\n    @pytest.hookimpl(optionalhook=True)\n    def ", 1)
    pytester.makeconftest(optional)
    pytester.makepyfile(test_suite="def test_kernel_speed(): pass")
    assert pytester.runpytest_subprocess("-p", "no:parity", "-p", "no:pytest_parity.plugin").ret == pytest.ExitCode.OK
    assert gate("--parity-target=h100").ret == (source == CLASSIFY)
    assert pytester.path.joinpath("verdicts.txt").exists() == (source == LISTEN)


def test_classify_has_the_last_word_but_for_markers(pytester: pytest.Pytester, gate: Gate) -> None:
    pytester.makeconftest(CLASSIFY)
    pytester.makepyfile(test_suite=SUITE)
    result = gate("--parity-target=h100", "-v")
    result.assert_outcomes(failed=2, passed=1)
    result.stdout.fnmatch_lines(["*::test_kernel_speed FAILED*", "*::test_marked PASSED*", "*::test_own FAILED*"])


def test_classify_may_leave_it(pytester: pytest.Pytester, gate: Gate) -> None:
    pytester.makeconftest("def pytest_parity_classify(config, item):\n    return None\n")
    pytester.makepyfile(SUITE)
    gate("--parity-target=h100").assert_outcomes(failed=2, passed=1)


def test_classify_of_a_folder_is_for_that_folder(pytester: pytest.Pytester, gate: Gate) -> None:
    pytester.mkpydir("speed").joinpath("conftest.py").write_text("def pytest_parity_classify(item): return True\n")
    (pytester.path / "speed" / "test_inside.py").write_text("def test_a(): pass\n")
    pytester.makepyfile(test_outside="def test_b(): pass\n")
    gate("--parity-target=h100").assert_outcomes(failed=1, passed=1)


def test_each_verdict_is_told_once(pytester: pytest.Pytester, gate: Gate) -> None:
    pytester.makeconftest(LISTEN)
    pytester.makepyfile(SUITE)
    gate("--parity-target=here").assert_outcomes(failed=1, passed=2)
    assert (pytester.path / "verdicts.txt").read_text() == "here-id match\nh100-id mismatch\n"


@pytest.mark.parametrize("source", [CLASSIFY, LISTEN])
def test_without_a_target_the_hooks_are_known_and_not_called(
    pytester: pytest.Pytester, gate: Gate, source: str
) -> None:
    pytester.makeconftest(source)
    pytester.makepyfile(SUITE.replace('(target="h100")', ""))
    gate("-W", "error").assert_outcomes(passed=3)
    assert not (pytester.path / "verdicts.txt").exists()
