"""Tests that a blocked test behaves like a plain failure next to everything else pytest and users do."""

from __future__ import annotations

import textwrap
from collections.abc import Callable

import pytest

Gate = Callable[..., pytest.RunResult]

SUITE = """
    import pytest

    RAN = []

    @pytest.fixture(scope="module", autouse=True)
    def module_wide():
        RAN.append("module")

    @pytest.fixture
    def warm_up():
        RAN.append("warm_up")

    @pytest.mark.perf
    @pytest.mark.usefixtures("warm_up")
    def test_time():
        RAN.append("body")

    def test_function():
        assert RAN == ["module"]
"""


def test_no_fixture_or_body_runs(pytester: pytest.Pytester, gate: Gate) -> None:
    pytester.makepyfile(SUITE)
    pytester.makeconftest(
        """
        def pytest_runtest_setup(item):
            assert item.name != "test_time", "a conftest's setup hook ran"
        """
    )
    gate("--parity-target=h100").assert_outcomes(failed=1, passed=1)


USER_SKIPS = """
    import unittest
    import pytest

    pytestmark = pytest.mark.perf

    @pytest.mark.skip(reason="own words")
    def test_skip():
        pass

    @pytest.mark.skipif(True, reason="own words")
    def test_skipif():
        pass

    @pytest.mark.xfail(run=False, reason="own words")
    def test_not_run():
        pass

    @unittest.skip("own words")
    def test_function_with_unittest_skip():
        pass

    @unittest.skip("own words")
    class Whole(unittest.TestCase):
        def test_time(self):
            pass

    class Method(unittest.TestCase):
        @unittest.skip("own words")
        def test_time(self):
            pass
"""


@pytest.mark.parametrize("mode", ["fail", "skip", "xfail"])
def test_skips_of_the_user_win(pytester: pytest.Pytester, gate: Gate, mode: str) -> None:
    pytester.makepyfile(USER_SKIPS)
    result = gate("--parity-target=h100", f"--parity-mode={mode}", "-rsx")
    result.assert_outcomes(skipped=5, xfailed=1)
    assert sum("own words" in line for line in result.outlines) >= 6
    result.stdout.no_fnmatch_line("*h100-id wanted*")
    result.stdout.fnmatch_lines(["perf tests    0 ran, 6 not run for other reasons"])


@pytest.mark.parametrize("mark", ["xfail", "xfail(strict=True)", "xfail(raises=Exception)"])
def test_xfail_of_the_user_does_not_hide_a_mismatch(pytester: pytest.Pytester, gate: Gate, mark: str) -> None:
    pytester.makepyfile(
        f"""
        import pytest

        @pytest.mark.perf
        @pytest.mark.{mark}
        def test_time():
            raise ValueError
        """
    )
    gate("--parity-target=h100").assert_outcomes(failed=1)
    gate("--parity-target=here").assert_outcomes(xfailed=1)


@pytest.mark.parametrize("style", ["short", "long", "native", "no", "line", "auto"])
def test_traceback_styles(pytester: pytest.Pytester, gate: Gate, style: str) -> None:
    pytester.makepyfile(SUITE)
    result = gate("--parity-target=h100", f"--tb={style}")
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(["FAILED *::test_time - h100-id wanted, rtx-4090 here -> memory bandwidth 0.30x"])
    result.stdout.no_fnmatch_line("*gate.py*")
    if style == "line":
        result.stdout.fnmatch_lines(["test_traceback_styles.py:13: h100-id wanted, rtx-4090 here*"])


def test_the_short_summary_has_one_line_on_ci(
    pytester: pytest.Pytester, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makepyfile(SUITE)
    monkeypatch.setenv("CI", "true")
    result = gate("--parity-target=h100", "--tb=no")
    result.stdout.no_fnmatch_line("*1008 GB/s*")
    result.stdout.fnmatch_lines(["FAILED *::test_time - h100-id wanted, rtx-4090 here -> memory bandwidth 0.30x"])


@pytest.mark.parametrize(
    "args", [["--full-trace"], ["--showlocals"], ["--durations=3"], ["-W", "error"], ["--strict-markers"], ["-vv"]]
)
def test_other_options(pytester: pytest.Pytester, gate: Gate, args: list[str]) -> None:
    pytester.makepyfile(SUITE)
    result = gate("--parity-target=h100", *args)
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.no_fnmatch_line("*gate.py*")


def test_pdb_does_not_stop(pytester: pytest.Pytester, gate: Gate) -> None:
    pytester.makepyfile(SUITE)
    result = gate("--parity-target=h100", "--pdb")
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.no_fnmatch_line("*entering PDB*")


def test_plans_and_listings_stay_clean(pytester: pytest.Pytester, gate: Gate) -> None:
    pytester.makepyfile(SUITE)
    for option in ("--collect-only", "--setup-plan"):
        result = gate("--parity-target=h100", option)
        assert result.ret == 0
        result.stdout.no_fnmatch_line("*NOT MEASURED*")


def test_deselected_perf_tests_are_not_mentioned(pytester: pytest.Pytester, gate: Gate) -> None:
    pytester.makepyfile(SUITE)
    for selection in (["-m", "not perf"], ["-k", "function"]):
        result = gate("--parity-target=h100", *selection)
        result.assert_outcomes(passed=1, deselected=1)
        result.stdout.no_fnmatch_line("perf tests *")


def test_exit_first_and_last_failed(pytester: pytest.Pytester, gate: Gate) -> None:
    pytester.makepyfile(SUITE)
    result = gate("--parity-target=h100", "-x")
    result.assert_outcomes(failed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    gate("--parity-target=h100", "--lf").assert_outcomes(failed=1, deselected=0)


def test_parameters_with_ids_outside_ascii(pytester: pytest.Pytester, gate: Gate) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.perf
        @pytest.mark.parametrize("size", [1], ids=["gr\\u00f6\\u00dfe-\\u2192"])
        def test_time(size):
            pass
        """
    )
    gate("--parity-target=h100", "--junit-xml=out.xml").assert_outcomes(failed=1)


def test_subtests_of_tests_that_run(pytester: pytest.Pytester, gate: Gate) -> None:
    pytester.makepyfile(
        """
        import unittest
        import pytest

        @pytest.mark.perf
        class Timed(unittest.TestCase):
            def test_time(self):
                for size in (1, 2):
                    with self.subTest(size=size):
                        pass
        """
    )
    gate("--parity-target=h100").assert_outcomes(failed=1)
    result = gate("--parity-target=here")
    result.stdout.fnmatch_lines(["perf tests    1 ran"])


def test_a_project_full_of_parity(pytester: pytest.Pytester, gate: Gate) -> None:
    """The user owns the name: a package, a test package, a fixture and an argument."""
    files = {
        "parity/__init__.py": "raise ImportError('not yours to import')\n",
        "tests/__init__.py": "",
        "tests/parity/__init__.py": "",
        "tests/parity/test_numeric.py": """
            import pytest

            @pytest.fixture
            def parity():
                return "odd"

            @pytest.mark.parametrize("name", ["a"])
            def test_numeric(parity, name):
                assert parity == "odd"

            @pytest.mark.perf
            def test_time(parity):
                pass
        """,
    }
    for name, text in files.items():
        path = pytester.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
    result = gate("--parity-target=h100", child=True)
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(["verdict       mismatch, level same-vendor, equivalent required"])


RETRIES = """
    import pytest

    def pytest_addoption(parser):
        parser.addoption("--retries")

    def pytest_configure(config):
        config.addinivalue_line("markers", "flaky: runs again")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(item, call):
        if call.when == "call":
            print("again:", [mark.kwargs.get("condition") for mark in item.iter_markers("flaky")])
"""


def test_blocked_tests_are_not_retried(pytester: pytest.Pytester, gate: Gate) -> None:
    """The plugin ``pytest-retry`` looks at the nearest mark, and leaves a test alone whose ``condition`` is false."""
    pytester.makeconftest(RETRIES)
    pytester.makepyfile(SUITE)
    result = gate("--parity-target=h100", "-s")
    result.stdout.fnmatch_lines(["*again: [[]False[]]*", "*again: [[][]]*"])


CALLS = """
    import pytest

    CALLS = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(item, call):
        CALLS.append((item.name, call))

    def pytest_exception_interact(node):
        print("interact:", node.name)

    def pytest_sessionfinish():
        for name, call in CALLS:
            print(f"{name} {call.when}: {'raised' if call.excinfo else 'passed'}")
"""


@pytest.mark.parametrize(("mode", "call"), [("fail", "raised"), ("xfail", "passed")])
def test_the_call_says_what_its_report_says(pytester: pytest.Pytester, gate: Gate, mode: str, call: str) -> None:
    """The plugin ``flaky`` goes by the call: it dropped the report of a failed test whose call looks passed."""
    pytester.makeconftest(CALLS)
    pytester.makepyfile(SUITE)
    result = gate("--parity-target=h100", f"--parity-mode={mode}", "-s")
    result.stdout.fnmatch_lines(["*test_time setup: passed", f"test_time call: {call}", "test_time teardown: passed"])
    result.stdout.no_fnmatch_line("*interact:*")
