"""Tests that a process which selects other GPUs than the run was judged under gets a verdict of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Gate = Callable[..., pytest.RunResult]
Log = Callable[[], list[dict[str, Any]]]

SUITE = """
    import pytest

    @pytest.mark.perf
    @pytest.mark.parametrize("number", range(4))
    def test_time(number):
        pass
"""


def judged_under(log: Log) -> list[dict[str, str]]:
    """Return the variables of each judge request."""
    return [one["visible"] for one in log() if one.get("op") == "judge"]


@pytest.fixture(autouse=True)
def _no_selection(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")
    for name in (*names, "PYTEST_XDIST_WORKER"):
        monkeypatch.delenv(name, raising=False)


def test_a_conftest_that_selects_after_the_run_was_judged(
    pytester: pytest.Pytester, gate: Gate, engine_log: Log
) -> None:
    pytester.makeconftest(
        """
        import os

        def pytest_runtestloop():
            os.environ["CUDA_VISIBLE_DEVICES"] = "1"
        """
    )
    pytester.makepyfile(SUITE)
    result = gate("--parity-target=sees-gpu-1", child=True)
    assert judged_under(engine_log) == [{}, {"CUDA_VISIBLE_DEVICES": "1"}]
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(["target        sees-gpu-1-id (by the GPUs selected later): *"])


def test_each_worker_is_judged_by_the_gpu_it_selects(pytester: pytest.Pytester, gate: Gate, engine_log: Log) -> None:
    pytester.makeconftest(
        """
        import os

        worker = os.environ.get("PYTEST_XDIST_WORKER")
        if worker:
            os.environ["CUDA_VISIBLE_DEVICES"] = worker.removeprefix("gw")
        """
    )
    pytester.makepyfile(SUITE)
    result = gate("--parity-target=sees-gpu-1", "-p", "xdist", "-n2", "--dist=each", child=True)
    result.assert_outcomes(passed=4, failed=4)
    asked = judged_under(engine_log)
    assert sorted(one.get("CUDA_VISIBLE_DEVICES", "") for one in asked) == ["", "0", "1"]


def test_workers_that_select_nothing_judge_nothing(pytester: pytest.Pytester, gate: Gate, engine_log: Log) -> None:
    pytester.makepyfile(SUITE)
    gate("--parity-target=h100", "-p", "xdist", "-n2", child=True).assert_outcomes(failed=4)
    assert judged_under(engine_log) == [{}]


def test_a_saved_fingerprint_has_its_own_selection(pytester: pytest.Pytester, gate: Gate, engine_log: Log) -> None:
    pytester.makeconftest("import os\n\ndef pytest_runtestloop():\n    os.environ['HIP_VISIBLE_DEVICES'] = '0'\n")
    pytester.makepyfile(SUITE)
    gate("--parity-target=h100", "--parity-fingerprint=saved.json", child=True).assert_outcomes(failed=4)
    assert len(judged_under(engine_log)) == 1
