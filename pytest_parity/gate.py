"""Knows how a perf test is kept from measuring on the wrong machine, and how that is reported.

A blocked test is reported as setup passed, call failed, teardown passed, with the message as its whole text:
no fixture, body or setUpClass runs, a user's xfail cannot hide it, ``--pdb`` does not stop.
PYTEST_DONT_REWRITE
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from pytest_parity.engine_client import Engine
from pytest_parity.judge import Judge
from pytest_parity.message import set_message
from pytest_parity.perf import PerfRules
from pytest_parity.plugin import GATE
from pytest_parity.records import register_records
from pytest_parity.settings import read_marks, resolve, runs_tests
from pytest_parity.summary import IdleHeader, Summary
from pytest_parity.verdict import INACTIVE, Verdict, read_answer

if TYPE_CHECKING:
    from collections.abc import Generator

    from _pytest.outcomes import Failed  # pytest types its public name, pytest.fail.Exception, as Any

    from pytest_parity.settings import Settings
else:
    Failed = pytest.fail.Exception

JUDGE = pytest.StashKey[Judge]()
"""On the config: the run's judge."""


@dataclass(frozen=True)
class Plan:
    """What the gate does with one perf test."""

    verdict: Verdict
    mode: str

    @property
    def keeps_out(self) -> bool:
        """Whether the test must not run."""
        return self.verdict.blocks and self.mode != "annotate"


PLAN = pytest.StashKey["Plan | None"]()
"""On an item: its plan, None for a test the gate leaves alone."""
_SKIPPED_BY_GATE = pytest.StashKey[bool]()


class Blocked(Failed):
    """Raised in place of a test that must not measure."""


def install(config: pytest.Config, *, judge: bool) -> None:
    """Set up the gate for a run; without anything to judge by, only say so in the header.

    Raises:
        pytest.UsageError: an option or variable has a bad value.
    """
    settings = resolve(config)
    if not judge:
        config.pluginmanager.register(IdleHeader(settings), "parity-idle")
        return
    given = _given_by_controller(config)
    judging = new_judge(config, settings)
    if "answer" in given:
        judging.preset(read_answer(json.loads(given["answer"])).in_encoding(given["encoding"]))
    _register(config, judging)


def install_late(session: pytest.Session) -> None:
    """Set up the gate after collection, for markers that name a target where the run has none."""
    judging = new_judge(session.config, resolve(session.config))
    judging.preset(INACTIVE)
    _register(session.config, judging).pytest_collection_finish(session)


def new_judge(config: pytest.Config, settings: Settings) -> Judge:
    """Return the run's judge; its engine starts with the first request and ends with the run."""
    engine = Engine(directory=settings.directory, timeout_s=settings.timeout_s)
    config.add_cleanup(engine.close)
    given = _given_by_controller(config)
    judge = Judge(settings, engine, lambda: given.get("encoding") or _terminal_encoding(config))
    config.stash[JUDGE] = judge
    return judge


def _register(config: pytest.Config, judge: Judge) -> Gate:
    gate = Gate(config, judge)
    config.pluginmanager.register(gate, GATE)
    register_records(config, judge)
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Summary(config, judge), "parity-summary")
    return gate


class Gate:
    """The hooks of an active gate."""

    def __init__(self, config: pytest.Config, judge: Judge) -> None:
        """Judge nothing yet."""
        self._config = config
        self._judge = judge
        self._rules = PerfRules.of({}, config.rootpath)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Have the engine judge while tests are collected; wait only for those who need the verdict now."""
        if not runs_tests(self._config):
            return
        self._judge.ask()
        if _shows_header(self._config) or self._config.pluginmanager.has_plugin("dsession"):
            self._judge.base()

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Give the verdict to an xdist worker of this machine; a remote one judges its own."""
        if node.gateway.spec.popen and runs_tests(self._config):
            answer = json.dumps(self._judge.base().answer)
            node.workerinput["parity"] = {"answer": answer, "encoding": _terminal_encoding(self._config)}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Decide for each selected test whether it is a perf test and what happens to it."""
        if not runs_tests(self._config):
            return
        base = self._judge.base()
        self._rules = PerfRules.of(base.perf_tests, Path(base.folder) if base.folder else self._config.rootpath)
        for item in session.items:
            try:
                plan = item.stash[PLAN] = self._plan(item)
            except pytest.UsageError:
                if not hasattr(self._config, "workerinput"):
                    raise
                continue  # xdist has no way to tell: the test's setup says it
            if plan is not None and plan.keeps_out:
                self._spare_reruns(item)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Stop a blocked test before any fixture; the user's own skip wins."""
        plan = item.stash.get(PLAN, None)
        if plan is None:  # marks may have been added since
            try:
                plan = item.stash[PLAN] = self._plan(item)
            except pytest.UsageError as error:
                pytest.fail(str(error), pytrace=False)
        if plan is None or not plan.verdict.blocks:
            return
        if plan.mode != "annotate":
            _let_skips_of_the_user_win(item)
        self._stop(item, plan)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
    ) -> Generator[None, object, object]:
        """Stop a test that asks for a perf fixture only while it runs (``request.getfixturevalue``).

        The fixture's own function is replaced for this one call, so that pytest caches and finishes it as any other
        that failed.
        """
        item = request.node
        late = fixturedef.argname in self._rules.fixtures and isinstance(item, pytest.Item)
        if not late or item.stash.get(PLAN, None) is not None:
            return (yield)
        plan = item.stash[PLAN] = self._plan(item, is_perf=True)
        if plan is None or not plan.verdict.blocks:
            return (yield)
        if plan.mode == "annotate":
            return (yield)

        def stop(*_: object, **__: object) -> None:
            self._stop(item, plan)

        function = fixturedef.func
        vars(fixturedef)["func"] = stop
        try:
            return (yield)
        finally:
            vars(fixturedef)["func"] = function

    def _stop(self, item: pytest.Item, plan: Plan) -> None:
        """Raise in place of a blocked test, as its mode says; only an annotated one goes on."""
        if plan.mode == "annotate":
            return
        if plan.mode == "skip":
            item.stash[_SKIPPED_BY_GATE] = True
            _skip(plan.verdict.headline)
        raise Blocked(self._message(plan.verdict), pytrace=False)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> None:
        """Fail a blocked test, whose setup was reported as passed."""
        plan = item.stash.get(PLAN, None)
        if plan is not None and plan.keeps_out:
            raise Blocked(self._message(plan.verdict), pytrace=False)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Turn our exception into a plain failure, or an xfail, and note what became of each perf test."""
        report = yield
        plan = item.stash.get(PLAN, None)
        if plan is None:
            return report
        state = ""
        if call.excinfo is not None and isinstance(call.excinfo.value, Blocked):
            state = _rewrite(report, plan, str(call.excinfo.value.msg))
            call.excinfo = None  # nothing to debug: --pdb does not stop here
        elif call.when == "setup" and not report.passed:
            state = "skipped" if item.stash.get(_SKIPPED_BY_GATE, False) else "not run"
        elif call.when == "call":
            state = "ran"
        if state:  # crosses process borders: exact builtin types only
            report.__dict__["parity"] = {
                "state": state,
                "target": plan.verdict.target,
                "outcome": plan.verdict.outcome,
                "level": plan.verdict.level,
                "blocks": plan.verdict.blocks,
                "mode": plan.mode,
                "headline": plan.verdict.headline,
            }
        return report

    def _plan(self, item: pytest.Item, *, is_perf: bool = False) -> Plan | None:
        marks = read_marks(item)
        if marks is None:
            if not is_perf and not self._rules.covers(item):
                return None
            verdict, mode = self._judge.base(), None
        elif marks.off:
            return None
        else:
            verdict, mode = self._judge.of_marks(marks, item.nodeid), marks.mode
        mode = mode or self._judge.settings.mode or verdict.mode
        if not verdict.active or mode == "off":
            return None
        return Plan(verdict, mode)

    def _spare_reruns(self, item: pytest.Item) -> None:
        """Keep pytest-rerunfailures from running a blocked test again."""
        if self._config.pluginmanager.has_plugin("rerunfailures"):
            mark = pytest.mark.flaky(reruns=0, rerun_except=f"^{Blocked.__name__}")
            item.add_marker(mark, append=False)

    def _message(self, verdict: Verdict) -> str:
        target = self._judge.settings.target if verdict is self._judge.base() else verdict.target
        doctor = f"parity doctor --target {target}" if target else "parity doctor"
        return "\n".join(
            [
                verdict.headline,
                *(f"  {line}" for line in verdict.lines),
                f"  NOT MEASURED. To run it anyway: --parity-mode=annotate. Details: {doctor}",
            ]
        )


def _rewrite(report: pytest.TestReport, plan: Plan, message: str) -> str:
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


def _let_skips_of_the_user_win(item: pytest.Item) -> None:
    """Raise the user's own skip, or xfail without run, if there is one."""
    skipping = item.config.pluginmanager.get_plugin("skipping")
    if skipping is not None:
        skipping.pytest_runtest_setup(item)
    for owner in (getattr(item, "obj", None), getattr(item, "cls", None)):
        if getattr(owner, "__unittest_skip__", False):  # unittest.skip is no pytest mark
            _skip(str(getattr(owner, "__unittest_skip_why__", "")))


def _skip(reason: str) -> NoReturn:
    """Skip with the test's own location, where this pytest can."""
    try:
        skipped = pytest.skip.Exception(reason, _use_item_location=True)
    except TypeError:
        skipped = pytest.skip.Exception(reason)
    raise skipped


def _shows_header(config: pytest.Config) -> bool:
    return (
        config.pluginmanager.has_plugin("terminalreporter")
        and config.getoption("verbose", default=0) >= 0
        and not config.getoption("no_header", default=False)
    )


def _terminal_encoding(config: pytest.Config) -> str:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    stream = getattr(getattr(reporter, "_tw", None), "_file", None) or sys.__stdout__
    return getattr(stream, "encoding", None) or "utf-8"


def _given_by_controller(config: pytest.Config) -> dict[str, str]:
    given: dict[str, str] = getattr(config, "workerinput", {}).get("parity", {})
    return given
