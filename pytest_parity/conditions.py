"""Knows the run conditions of a test: the engine watches the GPUs from ``begin`` to ``end``, this process only asks.

PYTEST_DONT_REWRITE
"""

from __future__ import annotations

# By name: what a fixture puts in their place must not reach us.
from json import dumps as _to_json
from json.encoder import encode_basestring_ascii as _quoted
from os import getpid
from typing import TYPE_CHECKING, Any

from pytest_parity.engine_client import EngineError
from pytest_parity.records import plain
from pytest_parity.visible import visible_now

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_parity.engine_client import Engine
    from pytest_parity.settings import Settings
    from pytest_parity.visible import Visible

SCHEMA = "parity.conditions/1"
STATES = ("clean", "disturbed", "unknown")
DEADLINE_S = 5.0
"""How long the engine may take around one test: it answers in less than a millisecond once it watches, and waits two
seconds at most for a driver that is slow to attach to."""


class Watch:
    """The conditions of one test at a time. A failure costs conditions, never a test's result."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        """Watch nothing yet."""
        self._engine = engine
        self._timeout_s = min(DEADLINE_S, settings.timeout_s)
        where = {"config": settings.config, "rootdir": settings.rootdir}
        self._where = _to_json(where)[1:-1]
        self._series = "true" if settings.reports else "false"
        self._preparing: int | None = None
        self._asking: tuple[tuple[Visible, int], str] | None = None
        self._beginning = 0
        self._now = _Watched()
        self._left: dict[str, tuple[_Watched, Callable[[dict[str, Any]], None]]] = {}

    def prepare(self) -> None:
        """Have the engine attach to the drivers; nothing waits for it here."""
        if self._preparing is None:
            self._preparing = self._engine.send(f'"op": "watch", {self._where}')

    def begin(self, nodeid: str) -> None:
        """Have the watch begin; ``has_begun`` waits for it."""
        self._beginning = self._engine.send(f'{self._members()}, "test": {_quoted(plain(nodeid))}')

    def _members(self) -> str:
        """Return what all begins say, as JSON; it is the same for nearly all tests."""
        state = visible_now(), getpid()
        if self._asking is None or self._asking[0] != state:
            visible = ", ".join(f"{_quoted(name)}: {_quoted(value)}" for name, value in state[0])
            self._asking = state, f'"op": "begin", "pid": {state[1]}, "visible": {{{visible}}}, {self._where}'
        return self._asking[1]

    def has_begun(self, nodeid: str) -> None:
        """Wait until the counters are read."""
        before = self._now.ending
        self._now = _Watched(nodeid)
        # The engine reads the last test's end first, which a driver may keep as long again.
        patience = 2 if before is not None and self._engine.is_owed(before) else 1
        self._now.problem = self._answer(self._beginning, patience * self._timeout_s)[1]

    def end(self, nodeid: str, *, later: bool = False) -> None:
        """Have the watch end; the engine reads the counters at once, and nobody waits for what it makes of them.

        Args:
            nodeid: the test.
            later: what it makes of them may wait until the next test has begun.
        """
        now = self._now
        if now.nodeid == nodeid and now.ending is None and not now.problem:
            members = f'"op": "end", "test": {_quoted(plain(nodeid))}, "series": {self._series}'
            now.ending = self._engine.send(f'{members}, "later": true' if later else members, later=later)

    def leave(self, nodeid: str, tell: Callable[[dict[str, Any]], None]) -> None:
        """Have the conditions since ``begin`` told at ``settle``."""
        if self._now.nodeid == nodeid:
            self.end(nodeid, later=True)
            self._left[nodeid] = self._now, tell
            self._now.nodeid = ""

    def forget(self, nodeid: str) -> None:
        """Leave conditions untold: the test runs again."""
        self._left.pop(nodeid, None)

    def settle(self) -> None:
        """Tell the conditions that were left."""
        left, self._left = self._left, {}
        for watched, tell in left.values():
            tell(self._told(watched))

    def conditions(self, nodeid: str) -> dict[str, Any] | None:
        """Return the conditions since ``begin`` (``parity.conditions/1``), None when this test was not begun."""
        if self._now.nodeid != nodeid:
            return None
        self.end(nodeid)
        self._now.nodeid = ""
        return self._told(self._now)

    def _told(self, watched: _Watched) -> dict[str, Any]:
        if watched.problem or watched.ending is None:
            return unknown_conditions(watched.problem)
        answer, problem = self._answer(watched.ending, self._timeout_s)
        conditions = answer.get("conditions")
        if problem or not isinstance(conditions, dict) or conditions.get("state") not in STATES:
            return unknown_conditions(problem or "the engine's answer is not as agreed")
        return conditions

    def _answer(self, request_id: int, timeout_s: float) -> tuple[dict[str, Any], str]:
        try:
            answer = self._engine.receive(request_id, timeout_s)
        except EngineError as error:
            return {}, str(error)
        return answer, "" if answer["ok"] else str(answer.get("error") or "no reason given").partition("\n")[0]


class _Watched:
    """One test: its id until it is left, why it could not begin, and the request that ended it."""

    __slots__ = ("ending", "nodeid", "problem")

    def __init__(self, nodeid: str = "") -> None:
        self.nodeid = nodeid
        self.problem = ""
        self.ending: int | None = None


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
