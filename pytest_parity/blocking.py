"""Knows how a blocked test is stopped and reported: as one plain failure, xfail or skip, without a traceback.

PYTEST_DONT_REWRITE
"""

from __future__ import annotations

from bdb import BdbQuit
from typing import TYPE_CHECKING, NoReturn

import pytest

from pytest_parity.message import set_message

if TYPE_CHECKING:
    from _pytest.outcomes import Failed  # pytest types its public name, pytest.fail.Exception, as Any

    from pytest_parity.plan import Plan
else:
    Failed = pytest.fail.Exception

SKIPPED_BY_GATE = pytest.StashKey[bool]()
"""On an item: the gate skipped it, not its author."""


class Blocked(Failed):
    """Raised in place of a test that must not measure."""


class Told(Blocked, BdbQuit):
    """What is left of it once it is reported: a failure to whoever asks, and nothing to stop at for a debugger.

    Without an exception, the plugin ``flaky`` takes the test for one that passed, and drops its report.
    """


def rewrite(report: pytest.TestReport, plan: Plan, message: str) -> str:
    """Make the report of a blocked phase what users expect to read; return what became of the test."""
    report.__dict__.pop("wasxfail", None)
    if report.when != "call":
        report.outcome, report.longrepr = "passed", None
        return ""
    set_message(report, message)
    if plan.mode == "xfail":
        report.outcome = "skipped"
        report.wasxfail = f"[NOTRUN] {plan.verdict.headline}"
        return "xfailed"
    report.outcome = "failed"
    return "failed"


def after_report(call: pytest.CallInfo[None], state: str) -> None:
    """Leave in a reported phase what says the same as its report: an error in a failed one, none in any other."""
    if call.excinfo is not None:
        told = (Told, Told(str(call.excinfo.value), pytrace=False), call.excinfo.tb)
        call.excinfo = pytest.ExceptionInfo.from_exc_info(told) if state == "failed" else None


def let_skips_of_the_user_win(item: pytest.Item) -> None:
    """Raise the user's own skip, or xfail without run, if there is one."""
    skipping = item.config.pluginmanager.get_plugin("skipping")
    if skipping is not None:
        skipping.pytest_runtest_setup(item)
    for owner in (getattr(item, "obj", None), getattr(item, "cls", None)):
        if getattr(owner, "__unittest_skip__", False):  # unittest.skip is no pytest mark
            skip(str(getattr(owner, "__unittest_skip_why__", "")), item)


def skip(reason: str, item: pytest.Item) -> NoReturn:
    """Skip with the test's own location, where it has one."""
    has_line = item.reportinfo()[1] is not None  # without one, pytest fails on the location
    raise pytest.skip.Exception(reason, _use_item_location=has_line)
