"""Knows how a perf test is kept from measuring on the wrong machine.

A blocked test is reported as setup passed, call failed, teardown passed, with the message as its whole text:
no fixture, body or setUpClass runs, a user's xfail cannot hide it, ``--pdb`` does not stop.
PYTEST_DONT_REWRITE
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_parity.blocking import SKIPPED_BY_GATE, Blocked, let_skips_of_the_user_win, skip
from pytest_parity.marks import read_marks
from pytest_parity.perf import PerfRules, classify_by_hook, parameters
from pytest_parity.perf_reports import PerfReports
from pytest_parity.plan import PLAN, Plan
from pytest_parity.settings import runs_tests
from pytest_parity.terminal import shows_header, terminal_encoding
from pytest_parity.verdict import printable
from pytest_parity.visible import visible_now
from pytest_parity.watching import Watching

if TYPE_CHECKING:
    from collections.abc import Generator

    from pytest_parity.judge import Judge
    from pytest_parity.verdict import Verdict


_MARKS = pytest.StashKey[int]()
"""On an item: how many marks of its own it had when it was looked at."""


class Gate:
    """The hooks of an active gate."""

    def __init__(self, config: pytest.Config, judge: Judge) -> None:
        """Judge nothing yet."""
        self._config = config
        self._judge = judge
        self._rules = PerfRules.of({}, config.rootpath)
        self._watching: Watching | None = None
        self._explained: dict[str, str] = {}  # headline -> the test whose message has all that differs

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Have the engine judge while tests are collected; wait only for those who need the verdict now."""
        if not runs_tests(self._config):
            return
        self._judge.ask()
        if shows_header(self._config) or self._config.pluginmanager.has_plugin("dsession"):
            self._judge.base()

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Give the verdict to an xdist worker of this machine; a remote one judges its own."""
        if node.gateway.spec.popen and runs_tests(self._config):
            node.workerinput["parity"] = {
                "answer": json.dumps(self._judge.base().answer),
                "encoding": terminal_encoding(self._config),
                "visible": json.dumps(self._judge.judged_under),
            }

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Decide for each selected test whether it is a perf test and what happens to it."""
        if not runs_tests(self._config):
            return
        base = self._judge.base()
        root = Path(base.folder) if base.folder else self._config.rootpath
        hooked = bool(self._config.hook.pytest_parity_classify.get_hookimpls())
        self._rules = PerfRules.of(base.perf_tests, root, classify_by_hook if hooked else None)
        for item in session.items:
            item.stash[_MARKS] = len(item.own_markers)
            try:
                plan = self._plan(item)
            except pytest.UsageError:
                if not hasattr(self._config, "workerinput"):
                    raise
                del item.stash[_MARKS]  # xdist has no way to tell: the test's setup looks again and says it
                continue
            if plan is not None and plan.keeps_out:
                self._spare_reruns(item)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Stop a blocked test before any fixture; the user's own skip wins."""
        plan = self._plan_now(item)
        if plan is None or not plan.verdict.blocks:
            return
        if plan.keeps_out:
            let_skips_of_the_user_win(item)
        self.stop(item, plan)

    def _plan_now(self, item: pytest.Item) -> Plan | None:
        """Return the plan as things stand: marks may have been added since, and other GPUs selected."""
        plan = item.stash.get(PLAN, None)
        is_stale = self._has_new_marks(item) if plan is None else plan.visible != visible_now()
        if not is_stale:
            return plan
        mistake = ""
        try:
            plan = self._plan(item)
        except pytest.UsageError as error:
            mistake = str(error)
        if mistake:
            pytest.fail(mistake, pytrace=False)
        if plan is not None and plan.keeps_out:
            self._spare_reruns(item)
        return plan

    def _has_new_marks(self, item: pytest.Item) -> bool:
        """Tell whether a test that was none of ours got marks since it was looked at, or never was."""
        seen, now = item.stash.get(_MARKS, -1), len(item.own_markers)
        item.stash[_MARKS] = now
        return seen != now

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
        if not late or item.stash.get(PLAN, None) is not None or fixturedef.argname in parameters(item):
            return (yield)
        plan = self._plan(item, is_perf=True)
        if plan is None or not plan.verdict.blocks:
            return (yield)
        if plan.mode == "annotate":
            return (yield)

        def stop(*_: object, **__: object) -> None:
            self.stop(item, plan)

        function = fixturedef.func
        vars(fixturedef)["func"] = stop
        try:
            return (yield)
        finally:
            vars(fixturedef)["func"] = function

    def stop(self, item: pytest.Item, plan: Plan) -> None:
        """Raise in place of a blocked test, as its mode says; only an annotated one goes on."""
        if plan.mode == "annotate":
            return
        if plan.mode == "skip":
            item.stash[SKIPPED_BY_GATE] = True
            skip(plan.verdict.headline, item)
        raise Blocked(self._message(item, plan.verdict), pytrace=False)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> None:
        """Stop a test that its own setup made a perf test."""
        if item.stash.get(PLAN, None) is None and (plan := self._plan_now(item)) is not None and plan.keeps_out:
            self.stop(item, plan)

    def _plan(self, item: pytest.Item, *, is_perf: bool = False) -> Plan | None:
        """Return what happens to a test, and remember it; with the first perf test come the hooks for perf tests."""
        plan = item.stash[PLAN] = self._decided(item, is_perf=is_perf)
        if plan is None:
            return None
        if self._watching is None:
            self._watching = Watching(self._config, self._judge)
            self._config.pluginmanager.register(PerfReports(self), "parity-perf-reports")
            # After the reports: of hooks that wrap, the one registered last is the outermost.
            self._config.pluginmanager.register(self._watching, "parity-watch")
        if plan.is_watched:
            self._watching.prepare()
        return plan

    def _decided(self, item: pytest.Item, *, is_perf: bool) -> Plan | None:
        marks = read_marks(item)
        if marks is None:
            if not is_perf and not self._rules.covers(item):
                return None
        elif marks.off:
            return None
        visible = visible_now()
        verdict = self._judge.of(item, marks, visible)
        settings = self._judge.settings
        mode = (marks and marks.mode) or settings.mode or verdict.mode
        if not verdict.active or mode == "off":
            return None
        conditions = (marks and marks.conditions) or settings.conditions or verdict.conditions
        by = "marker" if marks is not None and marks.judges else "selection"
        return Plan(verdict, mode, conditions, visible, "" if verdict is self._judge.base() else by)

    def _spare_reruns(self, item: pytest.Item) -> None:
        """Keep pytest-rerunfailures and pytest-retry, whose marks share a name, from running a blocked test again."""
        if any(hasattr(self._config.option, name) for name in ("reruns", "retries")):
            mark = pytest.mark.flaky(reruns=0, rerun_except=f"^{Blocked.__name__}", condition=False)
            item.add_marker(mark, append=False)

    def _message(self, item: pytest.Item, verdict: Verdict) -> str:
        """Return what a blocked test says: all that differs the first time, then only the decisive line."""
        name = printable(item.nodeid, terminal_encoding(self._config))
        first = self._explained.setdefault(verdict.headline, name)
        if first != name and verdict.lines:
            return f"{verdict.headline}\n  NOT MEASURED. What else differs: see {first}"
        target = self._judge.settings.target if verdict is self._judge.base() else verdict.target
        doctor = f"parity doctor --target {target}" if target else "parity doctor"
        return "\n".join(
            [
                verdict.headline,
                *(f"  {line}" for line in verdict.lines),
                f"  NOT MEASURED. To run it anyway: --parity-mode=annotate. Details: {doctor}",
            ]
        )
