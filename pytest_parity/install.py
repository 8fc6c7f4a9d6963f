"""Knows how the gate is set up for a run: in the main process, an xdist worker, or late. PYTEST_DONT_REWRITE."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pytest_parity.engine_client import Engine
from pytest_parity.gate import Gate
from pytest_parity.judge import JUDGE, Judge
from pytest_parity.plugin import GATE, LATE, add_hookspecs
from pytest_parity.records import register_records
from pytest_parity.settings import resolve
from pytest_parity.summary import Summary
from pytest_parity.terminal import terminal_encoding
from pytest_parity.verdict import INACTIVE, read_answer

if TYPE_CHECKING:
    import pytest

    from pytest_parity.settings import Settings
    from pytest_parity.verdict import Verdict


def install(config: pytest.Config, *, judge: bool) -> None:
    """Set up the gate for a run; without anything to judge by, only say so.

    Raises:
        pytest.UsageError: an option or variable has a bad value.
    """
    settings = resolve(config)
    if not judge:
        from pytest_parity.idle import Idle

        if settings.reports:
            from pytest_parity.run_report import check_suffixes

            check_suffixes(settings)
        config.pluginmanager.register(Idle(config, settings), "parity-idle")
        return
    given = _given_by_controller(config)
    judging = new_judge(config, settings)
    if "answer" in given:
        verdict = read_answer(json.loads(given["answer"])).in_encoding(given["encoding"])
        judging.preset(verdict, tuple((name, value) for name, value in json.loads(given["visible"])))
    _register(config, judging)


def install_late(session: pytest.Session) -> None:
    """Set up the gate after collection, for markers that name a target where the run has none."""
    judging = new_judge(session.config, resolve(session.config))
    judging.preset(INACTIVE)
    if hasattr(session.config, "workerinput"):
        worker: Any = session.config
        worker.workeroutput[LATE] = True
    _register(session.config, judging).pytest_collection_finish(session)


def install_at_controller(config: pytest.Config, started: float) -> None:
    """Set up what tells of perf tests that xdist workers gate by their markers alone; nothing is gated here.

    Args:
        config: of the process that has the terminal.
        started: seconds since 1970 when the first worker was set up.
    """
    judging = new_judge(config, resolve(config))
    judging.preset(INACTIVE)
    register_records(config, judging, started)
    config.pluginmanager.register(Summary(config, judging), "parity-summary")


def new_judge(config: pytest.Config, settings: Settings) -> Judge:
    """Return the run's judge; its engine starts with the first request and ends with the run."""
    engine = Engine(directory=settings.directory, timeout_s=settings.timeout_s)
    config.add_cleanup(engine.close)
    given = _given_by_controller(config)
    add_hookspecs(config)

    def tell(verdict: Verdict) -> None:
        config.hook.pytest_parity_verdict(config=config, verdict=verdict)

    judge = Judge(settings, engine, lambda: given.get("encoding") or terminal_encoding(config), tell)
    config.stash[JUDGE] = judge
    return judge


def _register(config: pytest.Config, judge: Judge) -> Gate:
    gate = Gate(config, judge)
    config.pluginmanager.register(gate, GATE)
    register_records(config, judge)
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Summary(config, judge), "parity-summary")
    return gate


def _given_by_controller(config: pytest.Config) -> dict[str, str]:
    given: dict[str, str] = getattr(config, "workerinput", {}).get("parity", {})
    return given
