"""Knows how to get a verdict: one request per distinct settings, each answered once.

PYTEST_DONT_REWRITE
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_parity.engine_client import EngineError
from pytest_parity.marks import place_of
from pytest_parity.verdict import AnswerError, Verdict, not_judged, read_answer
from pytest_parity.visible import Visible, visible_now

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_parity.engine_client import Engine
    from pytest_parity.marks import MarkSettings
    from pytest_parity.settings import Settings


JUDGE = pytest.StashKey["Judge"]()
"""On the config: the run's judge."""


class Judge:
    """The verdicts of one run.

    The run's verdict is asked for early and awaited late. A test has another one when its markers say so, or when the
    process by then sees other GPUs than when the run was judged.
    """

    def __init__(
        self, settings: Settings, engine: Engine, encoding: Callable[[], str], on_verdict: Callable[[Verdict], object]
    ) -> None:
        """Ask nothing yet.

        Args:
            settings: of the run.
            engine: answers the questions.
            encoding: names the terminal's encoding once there is a terminal.
            on_verdict: told each verdict once.
        """
        self.settings = settings
        self.engine = engine
        self._encoding = encoding
        self._on_verdict = on_verdict
        self._pending: int | None = None
        self._base: Verdict | None = None
        self._visible: Visible = ()
        self._others: dict[tuple[Any, ...], Verdict] = {}

    def preset(self, verdict: Verdict, visible: Visible | None = None) -> None:
        """Take the verdict of the run from elsewhere; then no engine is started for it.

        Args:
            verdict: of this machine.
            visible: the variables it was judged under; by default those of this process.
        """
        self._base = verdict
        self._visible = visible_now() if visible is None else visible

    def ask(self) -> None:
        """Send the run's request without waiting for the answer."""
        if self._base is None and self._pending is None:
            self._visible = visible_now()
            self._pending = self.engine.send(_request(self.settings, self._visible))

    def base(self) -> Verdict:
        """Return the verdict of the run.

        Raises:
            pytest.UsageError: the engine says that the settings cannot be used.
        """
        if self._base is None:
            self.ask()
            request_id, self._pending = self._pending or 0, None
            self._base = self._answer(request_id, self.settings.target, self.settings.mode)
            self._on_verdict(self._base)
        return self._base

    @property
    def judged_under(self) -> Visible:
        """The variables that the run's verdict holds for."""
        return self._visible

    def of(self, item: pytest.Item, marks: MarkSettings | None, visible: Visible) -> Verdict:
        """Return the verdict for a test: the run's, unless its markers or the GPUs it sees make another one.

        Args:
            item: the test, for messages.
            marks: what its markers say.
            visible: the variables that select GPUs, as they stand now.

        Raises:
            pytest.UsageError: as ``base``; the text names the test.
        """
        base = self.base()
        own = (None, None, None) if marks is None else (marks.target, marks.require, marks.rules)
        if self.settings.fingerprint is not None:  # of a machine whose own variables are in it
            visible = self._visible
        if own == (None, None, None) and (visible == self._visible or not base.active):
            return base
        key = (own, visible)
        if key not in self._others:
            self._others[key] = self._judge(item, marks, visible)
            self._on_verdict(self._others[key])
        return self._others[key]

    @property
    def run_verdict(self) -> Verdict | None:
        """Return the verdict of the run if there is one by now; nothing is asked and nobody waits."""
        return self._base

    @property
    def other_verdicts(self) -> tuple[Verdict, ...]:
        """Return the verdicts there are by now for markers with settings of their own, and other GPUs selected."""
        return tuple(self._others.values())

    def fingerprint(self) -> dict[str, Any]:
        """Return the fingerprint behind the run's verdict, asking for it where there is no verdict.

        Raises:
            EngineError: there is no answer with a fingerprint.
        """
        read = None if self._base is None else self._base.document.get("fingerprint")
        if read is None:
            request = {"op": "fingerprint", "fingerprint": self.settings.fingerprint, "visible": dict(visible_now())}
            answer = self.engine.receive(self.engine.send(request))
            read = answer.get("fingerprint") if answer["ok"] else answer.get("error")
        if not isinstance(read, dict):
            reason = str(read).partition("\n")[0]
            raise EngineError(reason)
        return read

    def told(self) -> dict[str, Any]:
        """Return ``facts`` that this machine's like tells too, or the ``problem`` that there are none; never raises."""
        request = {"op": "told", "fingerprint": self.settings.fingerprint, "visible": dict(visible_now())}
        try:
            answer = self.engine.receive(self.engine.send(request))
        except EngineError as error:
            return {"problem": str(error)}
        return {"facts": answer.get("facts")} if answer["ok"] else {"problem": str(answer.get("error"))}

    def disagreements(self, ranks: list[Any]) -> str:
        """Return what ranks disagree about, a line per fact; empty when nothing.

        Raises:
            EngineError: there is no answer.
        """
        answer = self.engine.receive(self.engine.send({"op": "compare", "ranks": ranks}))
        if not answer["ok"] or not isinstance(answer.get("lines"), list):
            raise EngineError(str(answer.get("error") or "the answer is not as agreed").partition("\n")[0])
        return "\n".join(str(line) for line in answer["lines"])

    def peaks(self, target: str | None) -> dict[str, Any]:
        """Return the peaks of the visible devices and of a target; ``problem`` says why there are none.

        Args:
            target: what the marker or the run names; None: the project's, if it has one.
        """
        request = {
            "op": "peaks",
            "target": target,
            "fingerprint": self.settings.fingerprint,
            "config": self.settings.config,
            "rootdir": self.settings.rootdir,
            "visible": dict(visible_now()),
        }
        try:
            answer = self.engine.receive(self.engine.send(request))
        except EngineError as error:
            return {"problem": str(error)}
        return answer if answer["ok"] else {"problem": str(answer.get("error")).partition("\n")[0]}

    def _judge(self, item: pytest.Item, marks: MarkSettings | None, visible: Visible) -> Verdict:
        settings = self.settings
        if marks is None:
            request = _request(settings, visible)
            return self._answer(self.engine.send(request), settings.target, settings.mode)
        where = place_of(item)
        sources = dict(settings.sources)
        sources.update({name: where for name in ("target", "require", "rules") if getattr(marks, name) is not None})
        # The marker's own mode is no part of the question: tests that differ only in it share the answer.
        target, mode = marks.target or settings.target, settings.mode
        request = _request(
            settings,
            visible,
            target=target,
            require=marks.require or settings.require,
            rules=None if marks.rules is None else list(marks.rules),
            sources=sources,
        )
        return self._answer(self.engine.send(request), target, mode, where=where)

    def _answer(self, request_id: int, target: str | None, mode: str | None, where: str = "") -> Verdict:
        try:
            answer = self.engine.receive(request_id)
            if not answer["ok"]:
                text = str(answer.get("error") or "no reason given")
                if answer.get("kind") == "usage":
                    raise pytest.UsageError(text if not where or where in text else f"{where}: {text}")
                first, *rest = text.splitlines()
                verdict = not_judged(f"internal error: {first}", target=target, mode=mode, detail=tuple(rest))
            else:
                verdict = read_answer(answer)
                if not verdict.active and target is not None:
                    verdict = not_judged("the engine did not take the target", target=target, mode=mode)
        except EngineError as error:
            verdict = not_judged(str(error), target=target, mode=mode, detail=error.detail)
        except AnswerError as error:
            verdict = not_judged(f"the engine's answer is not as agreed: {error}", target=target, mode=mode)
        return verdict.in_encoding(self._encoding())


def _request(settings: Settings, visible: Visible, **own: Any) -> dict[str, Any]:
    """Return a judge request with the run's settings, replaced where a test has its own."""
    return {
        "op": "judge",
        "target": settings.target,
        "require": settings.require,
        "mode": settings.mode,
        "fingerprint": settings.fingerprint,
        "config": settings.config,
        "rootdir": settings.rootdir,
        "visible": dict(visible),
        "rules": None,
        "sources": dict(settings.sources),
        **own,
    }
