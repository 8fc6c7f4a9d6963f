"""Tests an engine that fails in every way: perf tests are not measured, pytest goes on, nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.events import wait_for, wait_for_rest

Gate = Callable[..., pytest.RunResult]
Log = Callable[[], list[dict[str, Any]]]

SUITE = """
    import pytest

    @pytest.mark.perf
    def test_time():
        pass

    def test_function():
        pass
"""
REASONS = {
    "hang": "the engine gave no answer within 0.5 s",
    "crash": "the engine was killed by SIGSEGV: driver says no",
    "exit": "the engine ended with status 1: cannot import the vendor library",
    "garbage": "the engine wrote something else than an answer: 'NVRM: hello from the driver'",
    "huge": "the engine: its answer is over 16 MB",
    "shape": "the engine's answer is not as agreed: target is None, not a dict",
    "broken": "internal error: KeyError: 'sm_count'",
}


def is_gone(pid: int) -> bool:
    """Tell whether a process has ended, waiting a little."""
    for _ in range(1200):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        if Path(f"/proc/{pid}/stat").exists() and ") Z " in Path(f"/proc/{pid}/stat").read_text():
            return True  # ended; whoever inherited it has yet to notice
        time.sleep(0.05)
    return False


def pids(log: Log) -> list[int]:
    """Return the process ids of all engines started."""
    return [entry["pid"] for entry in log() if "pid" in entry]


@pytest.mark.parametrize("target", REASONS)
def test_a_failing_engine_is_unknown_and_blocks(
    pytester: pytest.Pytester, gate: Gate, engine_log: Log, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    pytester.makepyfile(SUITE)
    monkeypatch.setenv("PARITY_ENGINE_TIMEOUT", "0.5" if target == "hang" else "20")
    result = gate(f"--parity-target={target}", "-W", "error")
    result.assert_outcomes(failed=1, passed=1)
    assert f"unknown: target {target} could not be judged: {REASONS[target]}" in result.outlines
    assert f"here          unknown: {REASONS[target]}" in result.outlines
    assert all(is_gone(pid) for pid in pids(engine_log))
    assert len(pids(engine_log)) == 1


def test_modes_hold_for_a_failing_engine(pytester: pytest.Pytester, gate: Gate) -> None:
    pytester.makepyfile(SUITE)
    gate("--parity-target=exit", "--parity-mode=skip").assert_outcomes(skipped=1, passed=1)
    gate("--parity-target=exit", "--parity-mode=annotate").assert_outcomes(passed=2)


def test_a_failing_engine_is_mentioned_without_perf_tests(pytester: pytest.Pytester, gate: Gate) -> None:
    pytester.makepyfile("def test_function():\n    pass\n")
    result = gate("--parity-target=exit", "-q")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["here          unknown: the engine ended with status 1: *", "*perf_tests*not known*"])


@pytest.mark.parametrize("python", ["no-python", "", None])
def test_an_engine_that_cannot_be_started(
    pytester: pytest.Pytester, gate: Gate, monkeypatch: pytest.MonkeyPatch, python: str | None
) -> None:
    """Python inside another program need not know its own executable."""
    pytester.makepyfile(SUITE)
    monkeypatch.setattr(sys, "executable", python)
    result = gate("--parity-target=h100")
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(["unknown: target h100 could not be judged: the engine did not start: *"])


def test_the_engine_is_not_measured_for_coverage(
    pytester: pytest.Pytester, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG", "COV_CORE_SOURCE"):
        monkeypatch.setenv(name, "of the user")
    pytester.makepyfile(
        """
        import os
        import pathlib

        def test_function():
            assert os.environ["COVERAGE_PROCESS_START"] == "of the user"
            pids = pathlib.Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
            names = [pathlib.Path("/proc", pid, "environ").read_bytes() for pid in pids]
            assert len(names) == 1
            assert b"FAKE_ENGINE_LOG=" in names[0]
            assert b"of the user" not in names[0]
        """
    )
    if not Path(f"/proc/self/task/{os.getpid()}/children").exists():
        pytest.skip("this system does not list a process's children")
    gate("--parity-target=h100", child=True).assert_outcomes(passed=1)


@pytest.mark.parametrize("quiet", [[], ["-q"]])
def test_misuse_found_by_the_engine_ends_the_run(
    pytester: pytest.Pytester, gate: Gate, engine_log: Log, quiet: list[str]
) -> None:
    pytester.makepyfile(SUITE)
    result = gate("--parity-target=nonsense", *quiet)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert [line for line in result.errlines if line] == [
        "ERROR: --parity-target: no target is named 'nonsense'",
        "  close: h100",
    ]
    assert all(is_gone(pid) for pid in pids(engine_log))


def test_a_dead_engine_is_not_asked_again(pytester: pytest.Pytester, gate: Gate, engine_log: Log) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.parity(target="here")
        def test_other():
            pass

        @pytest.mark.perf
        def test_time():
            pass
        """
    )
    gate("--parity-target=exit").assert_outcomes(failed=2)
    assert len(pids(engine_log)) == 1


@pytest.mark.parametrize("target", ["here", "here-deaf"])
def test_a_suite_that_replaces_sleep_does_not_see_ours(pytester: pytest.Pytester, gate: Gate, target: str) -> None:
    """Found in the tests of pytest-rerunfailures: the engine's end was waited for with the test's own mock."""
    pytester.makepyfile(
        """
        import atexit
        import time
        from unittest import mock

        def test_function():
            time.sleep = mock.MagicMock()
            atexit.register(lambda: print("asked to sleep", time.sleep.call_count, "times"))
        """
    )
    result = gate(f"--parity-target={target}", child=True)
    result.stdout.fnmatch_lines(["asked to sleep 0 times"])


@pytest.mark.parametrize(
    "body",
    [
        "os._exit(3)",
        "os.kill(os.getpid(), signal.SIGKILL)",
        "pytest.exit('enough')",
        "raise KeyboardInterrupt",
        "os.kill(os.getpid(), signal.SIGINT)",
        "os.fork() or os._exit(0)",
        "os.fork() or sys.exit(0)",
    ],
)
def test_no_child_is_left(pytester: pytest.Pytester, gate: Gate, engine_log: Log, body: str) -> None:
    pytester.makepyfile(f"import os, signal, sys, pytest\n\ndef test_function():\n    {body}\n")
    gate("--parity-target=h100", child=True)
    [pid] = pids(engine_log)
    assert is_gone(pid)


def test_interrupted_while_waiting(
    pytester: pytest.Pytester, gate: Gate, engine_log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makepyfile(SUITE)
    gate("--collect-only")  # sets the environment up
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "pytest_parity.plugin", "--parity-target=hang"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    wait_for(lambda: [entry for entry in engine_log() if "op" in entry])
    wait_for_rest(process.pid)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=45)  # the engine's deadline is a minute
    assert process.returncode == pytest.ExitCode.INTERRUPTED
    assert is_gone(pids(engine_log)[0])


def test_tests_that_fork_see_one_thread(pytester: pytest.Pytester, gate: Gate) -> None:
    pytester.makepyfile("import threading\n\ndef test_function():\n    assert threading.active_count() == 1\n")
    gate("--parity-target=h100", "-q", child=True).assert_outcomes(passed=1)


def test_xdist_judges_once(pytester: pytest.Pytester, gate: Gate, engine_log: Log) -> None:
    pytester.makepyfile(SUITE, test_more=SUITE)
    result = gate("--parity-target=h100", "-p", "xdist", "-n2", child=True)
    result.assert_outcomes(failed=2, passed=2)
    result.stdout.fnmatch_lines(
        [
            "parity: target h100-id: mismatch",
            "h100-id wanted*",
            "perf tests    2 NOT MEASURED (2 failed), 0 ran",
            "FAILED *::test_time - h100-id wanted*",
        ]
    )
    assert len(pids(engine_log)) == 1


def test_xdist_markers_of_their_own(pytester: pytest.Pytester, gate: Gate) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.parity(target="here")
        def test_fits():
            pass

        @pytest.mark.perf
        def test_time():
            pass
        """
    )
    result = gate("--parity-target=h100", "-p", "xdist", "-n2", child=True)
    result.assert_outcomes(failed=1, passed=1)


def test_xdist_mistakes_in_a_marker_are_errors_of_the_test(pytester: pytest.Pytester, gate: Gate) -> None:
    pytester.makepyfile(
        test_mistake="""
        import pytest

        @pytest.mark.parity(tagret="here")
        def test_time():
            pass

        def test_function():
            pass
        """
    )
    result = gate("--parity-target=h100", "-p", "xdist", "-n2", child=True)
    result.assert_outcomes(errors=1, passed=1)
    result.stdout.fnmatch_lines(
        ["test_mistake.py:3: @pytest.mark.parity of test_mistake.py::test_time: no argument is named 'tagret'*"]
    )


def test_xdist_misuse_ends_the_run(pytester: pytest.Pytester, gate: Gate) -> None:
    pytester.makepyfile(SUITE)
    result = gate("--parity-target=nonsense", "-p", "xdist", "-n2", child=True)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --parity-target: no target is named 'nonsense'"])


def test_xdist_with_a_target_by_marker_only(pytester: pytest.Pytester, gate: Gate) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.parity(target="h100")
        def test_time():
            pass

        def test_function():
            pass
        """
    )
    gate("-p", "xdist", "-n2", child=True).assert_outcomes(failed=1, passed=1)


def test_items_that_pytester_makes_without_a_run(pytester: pytest.Pytester, gate: Gate, engine_log: Log) -> None:
    """A suite of a pytest plugin, run with a target in the environment; such a session has no exit status."""
    path = pytester.makepyfile(SUITE)
    report = f"--parity-report={pytester.path / 'run.json'}"
    config = pytester.parseconfigure("-p", "pytest_parity.plugin", "--parity-target=here", report)
    assert [item.name for item in pytester.genitems([pytester.getnode(config, path)])] == ["test_time", "test_function"]
    assert [one["run"]["exit_status"] for one in engine_log() if one.get("op") == "report"] == [pytest.ExitCode.OK]
