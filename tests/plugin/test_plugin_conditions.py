"""Tests run conditions as the plugin shows and gates on them; the fake engine reads the state from the test's name."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

Gate = Callable[..., pytest.RunResult]
Log = Callable[[], list[dict[str, Any]]]

SUITE = """
    import pytest

    @pytest.mark.perf
    def test_clean():
        print("measured")

    @pytest.mark.perf
    def test_disturbed():
        pass

    @pytest.mark.perf
    def test_unknown():
        pass

    def test_function():
        pass
"""


def asked(log: Log, *operations: str) -> list[tuple[str, str]]:
    """Return (operation, test) of the requests about conditions, in order."""
    return [(one["op"], one.get("test", "").rpartition("::")[2]) for one in log() if one.get("op") in operations]


def test_annotate_tells_and_passes(pytester: pytest.Pytester, gate: Gate) -> None:
    pytester.makepyfile(test_suite=SUITE)
    result = gate("--parity-target=here")
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(
        [
            "perf tests    3 ran",
            "conditions    1 clean, 1 disturbed, 1 unknown",
            "              throttled-during-test: GPU 0: throttled 40 %",
            "                in test_suite.py::test_disturbed",
            "              throttling: this driver has no such counter",
            "                in test_suite.py::test_unknown",
        ],
        consecutive=True,
    )


def test_fail_fails_what_is_not_clean(pytester: pytest.Pytester, gate: Gate) -> None:
    pytester.makepyfile(test_suite=SUITE)
    result = gate("--parity-target=here", "--parity-conditions=fail", "-rf")
    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines(
        [
            "disturbed run conditions: GPU 0: throttled 40 %",
            "  disturbed[[]throttled-during-test[]] GPU 0: throttled 40 %",
            "  The test itself passed. To accept it all the same: --parity-conditions=annotate",
            "unknown run conditions: this driver has no such counter",
            "FAILED test_suite.py::test_disturbed - disturbed run conditions: GPU 0: throttled 40 %",
        ]
    )
    assert not any("Traceback" in line or line.startswith("test_suite.py:") for line in result.outlines)


def test_fail_leaves_a_failure_alone(pytester: pytest.Pytester, gate: Gate) -> None:
    pytester.makepyfile("import pytest\n\n@pytest.mark.perf\ndef test_disturbed():\n    assert 1 == 2\n")
    result = gate("--parity-target=here", "--parity-conditions=fail")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E       assert 1 == 2"])


def test_begin_and_end_enclose_each_body(pytester: pytest.Pytester, gate: Gate, engine_log: Log) -> None:
    pytester.makepyfile(SUITE)
    gate("--parity-target=here")
    assert asked(engine_log, "watch", "begin", "end") == [
        ("watch", ""),
        ("begin", "test_clean"),
        ("end", "test_clean"),
        ("begin", "test_disturbed"),
        ("end", "test_disturbed"),
        ("begin", "test_unknown"),
        ("end", "test_unknown"),
    ]


def test_nobody_waits_for_what_the_conditions_were(
    pytester: pytest.Pytester, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_ENGINE_LATE", "end:test_clean")
    pytester.makepyfile(SUITE)
    result = gate("--parity-target=here", "--parity-report=run.json")
    result.stdout.fnmatch_lines(["conditions    1 clean, 1 disturbed, 1 unknown"])
    run = json.loads((pytester.path / "run.json").read_text(encoding="utf-8"))
    assert [one["conditions"]["state"] for one in run["tests"]] == ["clean", "disturbed", "unknown"]


def test_what_was_found_may_be_answered_out_of_order(
    pytester: pytest.Pytester, gate: Gate, engine_log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_ENGINE_OWES_S", "0.3")
    pytester.makepyfile(SUITE)
    result = gate("--parity-target=here", "--parity-report=run.json")
    result.stdout.fnmatch_lines(["conditions    1 clean, 1 disturbed, 1 unknown"])
    run = json.loads((pytester.path / "run.json").read_text(encoding="utf-8"))
    assert [one["conditions"]["state"] for one in run["tests"]] == ["clean", "disturbed", "unknown"]
    assert [one["later"] for one in engine_log() if one.get("op") == "end"] == [True] * 3


def test_garbage_for_what_was_found(pytester: pytest.Pytester, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_ENGINE_OWES_S", "0.3")
    monkeypatch.setenv("FAKE_ENGINE_CUTS", "test_disturbed")
    pytester.makepyfile(SUITE)
    result = gate("--parity-target=here")
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(
        ["conditions    1 clean, 2 unknown", "*the engine wrote something else than an answer*"]
    )


@pytest.mark.parametrize("args", [["--junitxml=junit.xml"], ["--parity-conditions=fail"], ["-p", "xdist", "-n1"]])
def test_whoever_needs_at_once_what_was_found_asks_so(
    pytester: pytest.Pytester, gate: Gate, engine_log: Log, args: list[str]
) -> None:
    pytester.makepyfile(SUITE)
    gate("--parity-target=here", *args, child=True).stdout.fnmatch_lines(
        ["conditions    1 clean, 1 disturbed, 1 unknown"]
    )
    assert not [one for one in engine_log() if one.get("later")]


def test_a_rerun_that_never_began_has_no_conditions(pytester: pytest.Pytester, gate: Gate) -> None:
    pytest.importorskip("pytest_rerunfailures")
    pytester.makepyfile(
        """
        import pytest

        RUNS = []

        @pytest.fixture
        def once():
            RUNS.append(1)
            assert len(RUNS) == 1

        @pytest.mark.perf
        def test_disturbed(once):
            assert 1 == 2
        """
    )
    result = gate("--parity-target=here", "-p", "pytest_rerunfailures", "--reruns=1", "--parity-report=run.json")
    result.assert_outcomes(errors=1)
    [one] = json.loads((pytester.path / "run.json").read_text(encoding="utf-8"))["tests"]
    assert one["conditions"] is None


def test_a_rerun_has_conditions_of_its_own(pytester: pytest.Pytester, gate: Gate, engine_log: Log) -> None:
    pytest.importorskip("pytest_rerunfailures")
    pytester.makepyfile("import pytest\n\n@pytest.mark.perf\ndef test_disturbed():\n    assert 1 == 2\n")
    result = gate("--parity-target=here", "-p", "pytest_rerunfailures", "--reruns=1")
    result.stdout.fnmatch_lines(["conditions    1 disturbed"])
    assert len(asked(engine_log, "end")) == 2


def test_a_time_limit_ends_while_the_watch_begins(
    pytester: pytest.Pytester, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_ENGINE_LATE", "begin:test_clean")
    pytester.makeconftest(
        """
        import signal
        import pytest

        @pytest.fixture(autouse=True)
        def limit(request):
            if request.node.name == "test_clean":
                signal.signal(signal.SIGALRM, lambda *_: pytest.fail("over the time limit"))
                signal.setitimer(signal.ITIMER_REAL, 0.5)
        """
    )
    pytester.makepyfile(SUITE)
    result = gate("--parity-target=here", "-s")
    result.assert_outcomes(passed=3, errors=1)
    result.stdout.fnmatch_lines(["over the time limit", "conditions    2 unknown"])
    result.stdout.no_fnmatch_line("*measured*")


@pytest.mark.parametrize(
    ("args", "suite"),
    [
        (["--parity-target=here", "--parity-conditions=off"], SUITE),
        (["--parity-target=here"], SUITE.replace("pytest.mark.perf", "pytest.mark.parity(conditions='off')")),
        (["--parity-target=h100"], SUITE),
        (["--parity-target=here", "--setup-plan"], SUITE),
        (["--parity-target=here", "--setup-only"], SUITE),
        (["--parity-target=here", "--collect-only"], SUITE),
        (["--parity-target=here", "-k", "test_function"], SUITE),
    ],
)
def test_nothing_is_watched(
    pytester: pytest.Pytester, gate: Gate, engine_log: Log, args: list[str], suite: str
) -> None:
    pytester.makepyfile(suite)
    gate(*args)
    assert asked(engine_log, "begin", "end") == []


def test_annotated_tests_are_watched(pytester: pytest.Pytester, gate: Gate, engine_log: Log) -> None:
    pytester.makepyfile(SUITE)
    gate("--parity-target=h100", "--parity-mode=annotate").assert_outcomes(passed=4)
    assert len(asked(engine_log, "end")) == 3


def test_subtests_do_not_end_the_watch(pytester: pytest.Pytester, gate: Gate, engine_log: Log) -> None:
    pytest.importorskip("_pytest.subtests", reason="subtests are part of pytest from 9.0 on")
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.perf
        def test_clean(subtests):
            for number in range(3):
                with subtests.test(number=number):
                    assert number != 1
        """
    )
    result = gate("--parity-target=here")
    assert asked(engine_log, "begin", "end") == [("begin", "test_clean"), ("end", "test_clean")]
    assert "conditions    1 clean" in result.outlines


def test_a_test_that_skips_itself_is_not_measured(pytester: pytest.Pytester, gate: Gate) -> None:
    pytester.makepyfile("import pytest\n\n@pytest.mark.perf\ndef test_clean():\n    pytest.skip('no GPU')\n")
    result = gate("--parity-target=here", "--parity-require-measured")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "perf tests    0 ran, 1 not run for other reasons" in result.outlines
    assert "FAILED        no perf test was measured on the target (--parity-require-measured)" in result.outlines


@pytest.mark.parametrize("workers", [[], ["-p", "xdist", "-n2"]])
@pytest.mark.parametrize(
    ("args", "status"),
    [
        (["--parity-target=here"], pytest.ExitCode.OK),
        (["--parity-target=here", "-k", "test_function"], pytest.ExitCode.TESTS_FAILED),
        (["--parity-target=here", "-k", "nothing"], pytest.ExitCode.TESTS_FAILED),
        (["--parity-target=here", "-m", "not perf"], pytest.ExitCode.TESTS_FAILED),
        (["--parity-target=h100", "--parity-mode=skip"], pytest.ExitCode.TESTS_FAILED),
        (["--parity-target=h100", "--parity-mode=annotate"], pytest.ExitCode.TESTS_FAILED),
        (["--parity-target=here", "--collect-only"], pytest.ExitCode.OK),
    ],
)
def test_require_measured(
    pytester: pytest.Pytester, gate: Gate, args: list[str], status: pytest.ExitCode, workers: list[str]
) -> None:
    pytester.makepyfile(SUITE)
    result = gate("--parity-require-measured", *args, *workers, child=bool(workers))
    assert result.ret == status


def test_a_saved_fingerprint_is_no_measurement(pytester: pytest.Pytester, gate: Gate) -> None:
    pytester.makepyfile(SUITE)
    pytester.path.joinpath("saved.json").write_text("{}")
    result = gate("--parity-target=here", "--parity-fingerprint=saved.json", "--parity-require-measured")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    told = "a saved fingerprint was judged, so nothing says that these tests ran on the target"
    assert f"FAILED        {told} (--parity-require-measured)" in result.outlines
    assert gate("--parity-target=here", "--parity-fingerprint=saved.json").ret == pytest.ExitCode.OK


@pytest.mark.parametrize("workers", [(), ("-p", "xdist.plugin", "-n", "2")])
@pytest.mark.parametrize("args", [(), ("-q",), ("-k", "nothing")])
def test_require_measured_without_a_target_fails_the_run(
    pytester: pytest.Pytester, gate: Gate, args: tuple[str, ...], workers: tuple[str, ...]
) -> None:
    pytester.makepyfile(SUITE)
    result = gate("--parity-require-measured", *args, *workers, child=bool(workers))
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert (
        "parity: FAILED: --parity-require-measured: there was no target to measure on; "
        "mend: add --parity-target=NAME, or name one in a marker"
    ) in result.outlines


def test_require_measured_by_variable(pytester: pytest.Pytester, gate: Gate) -> None:
    pytester.makepyfile(SUITE)
    result = gate("--parity-target=here", "-m", "not perf", environment={"PARITY_REQUIRE_MEASURED": "1"})
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result = gate("--parity-target=here", environment={"PARITY_REQUIRE_MEASURED": "perhaps"})
    assert result.ret == pytest.ExitCode.USAGE_ERROR


def test_xdist_workers_watch_their_own_tests(pytester: pytest.Pytester, gate: Gate, engine_log: Log) -> None:
    pytester.makepyfile(SUITE)
    result = gate("--parity-target=here", "-p", "xdist", "-n2", child=True)
    result.assert_outcomes(passed=4)
    assert "conditions    1 clean, 1 disturbed, 1 unknown" in result.outlines
    assert len(asked(engine_log, "judge")) == 1


def test_the_engine_dies_in_a_test(pytester: pytest.Pytester, gate: Gate, engine_log: Log) -> None:
    pytester.makepyfile(
        """
        import json, os, signal
        import pytest

        @pytest.mark.perf
        def test_first():
            with open(os.environ["FAKE_ENGINE_LOG"]) as log:
                os.kill(json.loads(log.readline())["pid"], signal.SIGKILL)

        @pytest.mark.perf
        def test_second():
            pass
        """
    )
    result = gate("--parity-target=here", child=True)
    result.assert_outcomes(passed=2)
    assert "conditions    2 unknown" in result.outlines
    assert "              the engine was killed by SIGKILL" in result.outlines


@pytest.mark.parametrize("what", ["os.getpid", "os.environ", "json.dumps", "json.JSONEncoder.encode"])
def test_what_a_fixture_replaces_costs_no_result(
    pytester: pytest.Pytester, gate: Gate, engine_log: Log, what: str
) -> None:
    pytester.makepyfile(
        f"""
        import os
        from unittest import mock

        import pytest

        PID = os.getpid()

        @pytest.fixture
        def replaced():
            with mock.patch("{what}"):
                yield

        @pytest.mark.perf
        def test_replaced(replaced):
            pass

        @pytest.mark.perf
        def test_clean():
            print("pid", PID)
        """
    )
    result = gate("--parity-target=here", "-rP", child=True)
    result.assert_outcomes(passed=2)
    begun = [one for one in engine_log() if one.get("op") == "begin"]
    assert {f"pid {one['of_pid']}" for one in begun} <= set(result.outlines), "the process that is measured is named"
    result.stdout.fnmatch_lines(["conditions    2 clean"])


FORKED = """
    import os
    import pickle

    import pytest
    from _pytest.runner import runtestprotocol

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(item, nextitem):
        there, here = os.pipe()
        pid = os.fork()
        if not pid:
            reports = runtestprotocol(item, nextitem=nextitem, log=False)
            data = [item.config.hook.pytest_report_to_serializable(config=item.config, report=one) for one in reports]
            os.write(here, pickle.dumps(data))
            os._exit(0)
        os.close(here)
        with os.fdopen(there, "rb") as stream:
            sent = pickle.loads(stream.read())
        os.waitpid(pid, 0)
        for one in sent:
            report = item.config.hook.pytest_report_from_serializable(config=item.config, data=one)
            item.ihook.pytest_runtest_logreport(report=report)
        return True
"""


def test_a_test_in_a_forked_copy_is_unknown(pytester: pytest.Pytester, gate: Gate) -> None:
    """As with pytest-forked: nobody asks the engine there, and that is told."""
    pytester.makeconftest(FORKED)
    pytester.makepyfile("import pytest\n\n@pytest.mark.perf\ndef test_clean():\n    pass\n")
    result = gate("--parity-target=here", child=True)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["conditions    1 unknown", "*not asked in a forked copy of the test process*"])
