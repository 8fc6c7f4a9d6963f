"""Knows how perf tests are reported: a blocked one as a plain failure, each with a note of what became of it.

These hooks are called for every test, so they are registered with the first perf test of a run and not before.
PYTEST_DONT_REWRITE
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_parity.blocking import SKIPPED_BY_GATE, Blocked, after_report, rewrite
from pytest_parity.plan import PLAN
from pytest_parity.roofline import take_notes

if TYPE_CHECKING:
    from collections.abc import Generator

    from pytest_parity.gate import Gate


class PerfReports:
    """The hooks around the body and the reports of perf tests."""

    def __init__(self, gate: Gate) -> None:
        """Keep the gate, which stops tests."""
        self._gate = gate

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Fail a blocked test, whose setup was reported as passed.

        Before what others put around the call: profilers, markers on a timeline, device synchronisation.
        """
        plan = item.stash.get(PLAN, None)
        if plan is not None and plan.keeps_out:
            self._gate.stop(item, plan)
        return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Turn our exception into a plain failure, or an xfail, and note what became of each perf test."""
        try:
            report = yield
        except Exception:
            # A conftest that looks at the values of a failed test, as pytest's documentation shows: here are none.
            if call.excinfo is None or not isinstance(call.excinfo.value, Blocked):
                raise
            report = pytest.TestReport.from_item_and_call(item, call)
        plan = item.stash.get(PLAN, None)
        if plan is None:
            return report
        state = ""
        if call.excinfo is not None and isinstance(call.excinfo.value, Blocked):
            state = rewrite(report, plan, str(call.excinfo.value.msg))
            after_report(call, state)  # nothing to debug: --pdb does not stop here
        elif report.skipped and item.stash.get(SKIPPED_BY_GATE, False):
            state = "skipped"
            report.longrepr = (str(item.path), (report.location[1] or 0) + 1, f"Skipped: {plan.verdict.headline}")
        elif call.when == "setup" and not report.passed:
            state = "not run"
        elif call.when == "call":
            state = "not run" if report.skipped and not hasattr(report, "wasxfail") else "ran"
        if state:  # crosses process borders: exact builtin types only
            report.__dict__["parity"] = {
                "state": state,
                "mode": plan.mode,
                "target": plan.verdict.target,
                "outcome": plan.verdict.outcome,
                "level": plan.verdict.level,
                "by": plan.by,
                "blocks": plan.verdict.blocks,
                "headline": plan.verdict.headline,
                "conditions": None,
                **take_notes(item),
            }
        return report
