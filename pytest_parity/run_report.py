"""Knows how the finished run gets into the files of ``--parity-report``: an engine of its own renders and writes them.

A new engine, because the one that judged and watched may be dead or busy with a driver, and by now a hang would cost
the test results. Nothing that goes wrong here changes the exit status.
PYTEST_DONT_REWRITE
"""

from __future__ import annotations

import os
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_parity.channel import now
from pytest_parity.end_notes import NOTES
from pytest_parity.engine_client import Engine, EngineError
from pytest_parity.records import RECORDS, as_plain, plain
from pytest_parity.settings import runs_tests
from pytest_parity.worker_verdicts import documents, once, received

if TYPE_CHECKING:
    from pytest_parity.judge import Judge
    from pytest_parity.settings import Settings

SUFFIXES = (".json", ".md", ".html", ".sarif")


def check_suffixes(settings: Settings) -> None:
    """Refuse a report that nobody can write, before any test runs.

    Raises:
        pytest.UsageError: the suffix names no format.
    """
    for path in settings.reports:
        suffix = Path(path).suffix
        if suffix.lower() not in SUFFIXES:
            shown = plain(os.path.relpath(path, settings.directory))
            message = (
                f"--parity-report: {shown}: no report format has the suffix {suffix!r}; mend: use one of "
                f"{', '.join(SUFFIXES)}"
            )
            raise pytest.UsageError(message)


class RunReport:
    """Sends the run to the engine when it is over."""

    def __init__(self, config: pytest.Config, judge: Judge) -> None:
        """Hold nothing yet."""
        self._config = config
        self._judge = judge
        self._from_workers: list[dict[str, Any]] = []

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take the verdicts that an xdist worker asked for."""
        self._from_workers += received(node)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Have the reports written, also those of a run without a perf test; say what was not."""
        settings = self._judge.settings
        if not runs_tests(self._config):
            return
        run = self._run(getattr(session, "exitstatus", exitstatus))
        request = {"op": "report", "paths": list(settings.reports), "run": run}
        engine = Engine(directory=settings.directory, timeout_s=settings.timeout_s)
        try:
            answer = ask(engine, request)
        except EngineError as error:
            answer = {"written": [], "problems": [{"path": path, "why": str(error)} for path in settings.reports]}
        self._tell(answer)

    def _run(self, exitstatus: int) -> dict[str, Any]:
        """Return the run as the engine takes it."""
        records = self._config.stash[RECORDS]
        judge = self._judge
        verdicts = [*([judge.run_verdict] if judge.run_verdict is not None else []), *judge.other_verdicts]
        return {
            **records.summary(),
            "started": datetime.fromtimestamp(records.started, timezone.utc).isoformat(timespec="seconds"),
            "seconds": round(now() - records.started, 3),
            "exit_status": int(exitstatus),
            "folder": plain(folder_in_repository(self._config.rootpath)),
            "tests": [as_plain(record) for record in records.all()],
            "verdicts": once([*documents(verdicts), *self._from_workers]),
        }

    def _tell(self, answer: dict[str, Any]) -> None:
        notes = self._config.stash[NOTES]
        for path in answer["written"]:
            notes.add(f"parity report: {self._shown(path)}", is_problem=False)
        for problem in answer["problems"]:
            why = str(problem["why"]).partition("\n")[0]
            notes.add(f"parity report: {self._shown(problem['path'])}: NOT WRITTEN: {why}", is_problem=True)

    def _shown(self, path: str) -> str:
        directory = Path(self._judge.settings.directory)
        return plain(Path(path).relative_to(directory) if Path(path).is_relative_to(directory) else path)


def ask(engine: Engine, request: dict[str, Any]) -> dict[str, Any]:
    """Return the engine's answer, with lists under ``written`` and ``problems``, and end the engine.

    Raises:
        EngineError: there is no such answer.
    """
    try:
        answer = engine.receive(engine.send(request))
    finally:
        engine.close()
    if not answer["ok"]:
        raise EngineError(str(answer.get("error") or "no reason given"))
    written, problems = answer.get("written"), answer.get("problems")
    agreed = isinstance(written, list) and isinstance(problems, list)
    if not agreed or not all(isinstance(one, dict) and {"path", "why"} <= one.keys() for one in problems or ()):
        message = "the engine's answer is not as agreed"
        raise EngineError(message)
    return answer


def folder_in_repository(rootdir: Path) -> str:
    """Return rootdir relative to the repository it is in, with slashes; empty at its top, and outside of any.

    Files of a report are looked up from the top of the repository.
    """
    for folder in (rootdir, *rootdir.parents):
        if (folder / ".git").exists():
            relative = rootdir.relative_to(folder).as_posix()
            return "" if relative == "." else relative
    return ""
