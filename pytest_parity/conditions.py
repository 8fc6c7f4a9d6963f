"""Knows the run conditions of a test: the engine watches the GPUs from ``begin`` to ``end``, this process only asks.

PYTEST_DONT_REWRITE
"""

from __future__ import annotations

from os import getpid  # by name: what a fixture puts in its place must not reach us
from typing import TYPE_CHECKING, Any

from pytest_parity.engine_client import EngineError
from pytest_parity.records import plain
from pytest_parity.visible import visible_now

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_parity.engine_client import Engine
    from pytest_parity.settings import Settings

SCHEMA = "parity.conditions/1"
STATES = ("clean", "disturbed", "unknown")
DEADLINE_S = 5.0
"""How long the engine may take around one test: it answers in less than a millisecond once it watches, and waits two
seconds at most for a driver that is slow to attach to."""


class Watch:
    """The conditions of one test at a time. A failure costs conditions, never a test's result."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        """Watch nothing yet."""
        self._keeps_series = bool(settings.reports)
        self._engine = engine
        self._timeout_s = min(DEADLINE_S, settings.timeout_s)
        self._where = {"config": settings.config, "rootdir": settings.rootdir}
        self._preparing: int | None = None
        self._open = ""
        self._beginning = 0
        self._ending: int | None = None
        self._problem = ""
        self._late: Callable[[dict[str, Any]], None] | None = None

    def prepare(self) -> None:
        """Have the engine attach to the drivers; nothing waits for it here."""
        if self._preparing is None:
            self._preparing = self._engine.send({"op": "watch", **self._where})

    def begin(self, nodeid: str) -> None:
        """Have the watch begin; ``has_begun`` waits for it."""
        request = {
            "op": "begin",
            "test": plain(nodeid),
            "pid": getpid(),
            "visible": dict(visible_now()),
            **self._where,
        }
        self._beginning = self._engine.send(request)

    def has_begun(self, nodeid: str) -> None:
        """Wait until the counters are read; the engine has told of the test before by then."""
        self.settle()
        self._open, self._problem, self._ending = nodeid, "", None
        self._problem = self._answer(self._beginning)[1]

    def end(self, nodeid: str) -> None:
        """Have the watch end; the engine reads the counters at once, and nobody waits for what it makes of them."""
        if self._open == nodeid and self._ending is None and not self._problem:
            self._ending = self._engine.send({"op": "end", "test": plain(nodeid), "series": self._keeps_series})

    def leave(self, nodeid: str, tell: Callable[[dict[str, Any]], None]) -> None:
        """Have the conditions since ``begin`` told once the engine has worked them out: at ``settle`` at the latest."""
        if self._open == nodeid:
            self.end(nodeid)
            self._late = tell

    def settle(self) -> None:
        """Tell the conditions that were left."""
        tell, self._late = self._late, None
        conditions = None if tell is None else self.conditions(self._open)
        if tell is not None and conditions is not None:
            tell(conditions)

    def conditions(self, nodeid: str) -> dict[str, Any] | None:
        """Return the conditions since ``begin`` (``parity.conditions/1``), None when this test was not begun."""
        if self._open != nodeid:
            return None
        self.end(nodeid)
        self._open = ""
        if self._problem or self._ending is None:
            return unknown_conditions(self._problem)
        answer, problem = self._answer(self._ending)
        conditions = answer.get("conditions")
        if problem or not isinstance(conditions, dict) or conditions.get("state") not in STATES:
            return unknown_conditions(problem or "the engine's answer is not as agreed")
        return conditions

    def _answer(self, request_id: int) -> tuple[dict[str, Any], str]:
        try:
            answer = self._engine.receive(request_id, self._timeout_s)
        except EngineError as error:
            return {}, str(error)
        return answer, "" if answer["ok"] else str(answer.get("error") or "no reason given").partition("\n")[0]


def unknown_conditions(detail: str) -> dict[str, Any]:
    """Return the conditions of a test that could not be watched."""
    return {
        "schema": SCHEMA,
        "state": "unknown",
        "seconds": None,
        "samples": 0,
        "devices": [],
        "findings": [],
        "unknowns": [{"what": "run conditions", "why": "failed", "detail": detail}],
    }


def told_findings(conditions: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return (rule, one line) of each finding that disturbs, and of whatever else makes the state what it is."""
    findings = [one for one in conditions.get("findings") or () if isinstance(one, dict)]
    told = [
        (str(one.get("rule")), f"{one.get('subject')}: {one.get('message')}")
        for one in findings
        if one.get("severity") != "note"
    ]
    if told or conditions.get("state") != "unknown":
        return told
    gaps = [one for one in conditions.get("unknowns") or () if isinstance(one, dict)]
    return [(str(one.get("what")), str(one.get("detail") or one.get("why"))) for one in gaps[:1]]
