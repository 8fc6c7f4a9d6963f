"""Knows how to get a verdict: one request per distinct settings, each answered once.

PYTEST_DONT_REWRITE
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_parity.engine_client import EngineError
from pytest_parity.verdict import INACTIVE, AnswerError, Verdict, not_judged, read_answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_parity.engine_client import Engine
    from pytest_parity.settings import MarkSettings, Settings


class Judge:
    """The verdicts of one run.

    The run's verdict is asked for early and awaited late; that of markers with settings of their own when
    the first such marker is met.
    """

    def __init__(self, settings: Settings, engine: Engine, encoding: Callable[[], str]) -> None:
        """Ask nothing yet; ``encoding`` names the terminal's encoding once there is a terminal."""
        self.settings = settings
        self._engine = engine
        self._encoding = encoding
        self._pending: int | None = None
        self._base: Verdict | None = None
        self._of_marks: dict[tuple[Any, ...], Verdict] = {}

    def preset(self, verdict: Verdict) -> None:
        """Take the verdict of the run from elsewhere; then no engine is started for it."""
        self._base = verdict

    def ask(self) -> None:
        """Send the run's request without waiting for the answer."""
        if self._base is None and self._pending is None:
            self._pending = self._engine.send(_request(self.settings))

    def base(self) -> Verdict:
        """Return the verdict of the run.

        Raises:
            pytest.UsageError: the engine says that the settings cannot be used.
        """
        if self._base is None:
            self.ask()
            request_id, self._pending = self._pending or 0, None
            self._base = self._answer(request_id, self.settings.target, self.settings.mode)
        return self._base

    def of_marks(self, marks: MarkSettings, nodeid: str) -> Verdict:
        """Return the verdict for the settings of a test's markers; without a setting to judge by, the run's.

        Raises:
            pytest.UsageError: as ``base``; the text names the test.
        """
        key = (marks.target, marks.require, marks.rules)
        if key == (None, None, None):
            return self.base()
        if key not in self._of_marks:
            if self._pending is not None:
                self.base()
            self._of_marks[key] = self._judge_marks(marks, f"@pytest.mark.parity of {nodeid}")
        return self._of_marks[key]

    @property
    def run_verdict(self) -> Verdict | None:
        """Return the verdict of the run if there is one by now; nothing is asked and nobody waits."""
        return self._base

    @property
    def marker_verdicts(self) -> tuple[Verdict, ...]:
        """Return the verdicts there are by now for markers with settings of their own."""
        return tuple(self._of_marks.values())

    def fingerprint(self) -> dict[str, Any]:
        """Return the fingerprint behind the run's verdict, asking for it where there is no verdict.

        Raises:
            EngineError: there is no answer with a fingerprint.
        """
        read = None if self._base is None else self._base.document.get("fingerprint")
        if read is None:
            request = {"op": "fingerprint", "fingerprint": self.settings.fingerprint}
            answer = self._engine.receive(self._engine.send(request))
            read = answer.get("fingerprint") if answer["ok"] else answer.get("error")
        if not isinstance(read, dict):
            reason = str(read).partition("\n")[0]
            raise EngineError(reason)
        return read

    def _judge_marks(self, marks: MarkSettings, where: str) -> Verdict:
        settings = self.settings
        sources = dict(settings.sources)
        own = ("target", "require", "rules")
        sources.update({name: where for name in own if getattr(marks, name) is not None})
        # The marker's own mode is no part of the question: tests that differ only in it share the answer.
        target, mode = marks.target or settings.target, settings.mode
        request = _request(
            settings,
            target=target,
            require=marks.require or settings.require,
            mode=mode,
            rules=None if marks.rules is None else list(marks.rules),
            sources=sources,
        )
        return self._answer(self._engine.send(request), target, mode, where=f"{where}: ")

    def _answer(self, request_id: int, target: str | None, mode: str | None, where: str = "") -> Verdict:
        try:
            answer = self._engine.receive(request_id)
            if not answer["ok"]:
                text = str(answer.get("error") or "no reason given")
                if answer.get("kind") == "usage":
                    raise pytest.UsageError(where + text)
                first, *rest = text.splitlines()
                verdict = not_judged(f"internal error: {first}", target=target, mode=mode, detail=tuple(rest))
            else:
                verdict = read_answer(answer)
                if verdict is INACTIVE and target is not None:
                    verdict = not_judged("the engine did not take the target", target=target, mode=mode)
        except EngineError as error:
            verdict = not_judged(str(error), target=target, mode=mode, detail=error.detail)
        except AnswerError as error:
            verdict = not_judged(f"the engine's answer is not as agreed: {error}", target=target, mode=mode)
        return verdict.in_encoding(self._encoding())


def _request(settings: Settings, **own: Any) -> dict[str, Any]:
    """Return a judge request with the run's settings, replaced where a test has its own."""
    return {
        "op": "judge",
        "target": settings.target,
        "require": settings.require,
        "mode": settings.mode,
        "fingerprint": settings.fingerprint,
        "config": settings.config,
        "rootdir": settings.rootdir,
        "rules": None,
        "sources": dict(settings.sources),
        **own,
    }
