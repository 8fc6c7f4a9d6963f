"""Knows when the run conditions of a test are read: just before its body and just after, outside its own time.

PYTEST_DONT_REWRITE
"""

from __future__ import annotations

from functools import partial
from os import getpid  # by name: what a fixture puts in its place must not reach us
from typing import TYPE_CHECKING, Any

import pytest

from pytest_parity.conditions import Watch, told_findings, unknown_conditions
from pytest_parity.message import set_message
from pytest_parity.plan import PLAN
from pytest_parity.records import RECORDS

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from pytest_parity.judge import Judge

_CALLED = pytest.StashKey[bool]()
"""On an item: its body has run, so what is reported next is the test itself and not a subtest."""
_NOTE: pytest.StashKey[dict[str, Any]] = pytest.StashKey()
"""On an item: what the gate noted about its body."""


class Watching:
    """The hooks around the body of a perf test; registered after ``PerfReports``, which it completes."""

    def __init__(self, config: pytest.Config, judge: Judge) -> None:
        """Watch nothing yet."""
        self._watch = Watch(judge.engine, judge.settings)
        self._runs_bodies = not config.getoption("setuponly", default=False)
        self._records = config.stash.get(RECORDS, None)
        # What a worker sends, and what pytest writes about a test, is complete with the report of its teardown.
        self._tells_late = self._records is not None and not config.getoption("xmlpath", default=None)
        self._owner = getpid()

    def prepare(self) -> None:
        """Have the drivers attached while the first tests run."""
        self._watch.prepare()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, None, None]:
        """Note that the body has run."""
        try:
            return (yield)
        finally:
            item.stash[_CALLED] = True

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Begin when the setup is reported, end before the body is; both are outside the durations pytest takes.

        Nobody waits for what the conditions were: they are told when the run ends. Where a report needs them earlier,
        they are asked when the teardown is reported; where they decide, at once.
        """
        plan = item.stash.get(PLAN, None)
        if plan is None or not plan.is_watched:
            return (yield)
        decides = plan.conditions == "fail"
        # A copy that pytest-forked made ends with its test: what it leaves for later, nobody hears.
        tells_late = self._tells_late and not decides and getpid() == self._owner
        conditions = None
        if call.when == "setup":
            self._watch.forget(item.nodeid)
        elif call.when == "teardown" and tells_late:
            self._watch.leave(item.nodeid, partial(self._tell, item.nodeid))
        elif call.when == "teardown" or (decides and item.stash.get(_CALLED, False)):
            conditions = self._conditions(item)
        elif item.stash.get(_CALLED, False):
            self._watch.end(item.nodeid, later=tells_late)
        begins = call.when == "setup" and call.excinfo is None and self._runs_bodies
        if begins:
            self._watch.begin(item.nodeid)  # while the report is made
        report = yield
        note = report.__dict__.get("parity")
        if call.when == "call" and note is not None and item.stash.get(_CALLED, False):
            item.stash[_NOTE] = note
        if conditions is not None and _NOTE in item.stash:
            told: dict[str, Any] = item.stash[_NOTE]
            report.__dict__["parity"] = {**told, "conditions": conditions}
            if decides and call.when == "call":
                _fail_if_disturbed(report, conditions)
        if begins and report.passed:
            item.stash[_CALLED] = False  # also for a rerun
            self._has_begun(item, report)
        return report

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self) -> Generator[None, object, object]:
        """Have the last test's conditions told before anything is written, also by the wrappers of others."""
        self._watch.settle()
        return (yield)

    def _has_begun(self, item: pytest.Item, report: pytest.TestReport) -> None:
        """Wait for the begin; a time limit that ends meanwhile ends the test here, as it would in the setup."""
        try:
            self._watch.has_begun(item.nodeid)
        except pytest.fail.Exception as error:
            report.outcome = "failed"
            set_message(report, str(error))

    def _conditions(self, item: pytest.Item) -> dict[str, Any] | None:
        """Return the conditions of a test that has ended, whatever happens to the question."""
        try:
            return self._watch.conditions(item.nodeid)
        except pytest.fail.Exception as error:  # the alarm of a time limit went off here
            return unknown_conditions(f"interrupted: {error}")

    def _tell(self, nodeid: str, conditions: dict[str, Any]) -> None:
        """Complete the record of a test."""
        record = self._records.of(nodeid) if self._records is not None else None
        if record is not None:
            record.conditions = conditions


def _fail_if_disturbed(report: pytest.TestReport, conditions: Mapping[str, Any]) -> None:
    """Fail a test that passed under conditions that make its numbers worthless, or that nobody could watch."""
    if not report.passed or conditions["state"] == "clean":
        return
    findings = told_findings(conditions)
    word = "disturbed" if conditions["state"] == "disturbed" else "unknown"
    first = f"{word} run conditions: {findings[0][1] if findings else 'nothing could be watched'}"
    lines = [f"  {conditions['state']}[{rule}] {text}" for rule, text in findings]
    mend = "  The test itself passed. To accept it all the same: --parity-conditions=annotate"
    report.outcome = "failed"
    set_message(report, "\n".join([first, *lines, mend]))
