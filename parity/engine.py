"""Knows the engine: the same run as a child process, JSON lines in, JSON lines out.

The pytest plugin starts one engine per run and never imports this package itself. One request per line
(``{"id", "op", ...}``), one answer per line with the same ``id``. Operations:

* ``judge``: ``target``, ``require``, ``mode``, ``fingerprint`` and ``config`` (paths), ``rootdir``, ``reports``
  (paths), ``rules`` (names), ``sources`` (option name -> where its value came from), ``conditions`` (true: start the
  watcher). The machine is read once and judged as often as asked.
* ``fingerprint``: the fingerprint as ``parity.fingerprint/1``.
* ``begin``: ``test`` (id), ``pid`` (of pytest), ``visible`` (the visibility variables set there): the devices are
  watched from here on. ``why`` in the answer: what cannot be watched.
* ``end``: ``test``: the answer's ``conditions`` are those of the test as ``parity.conditions/1``.
* ``bye``: the engine ends. It also ends when its input does, so it never outlives pytest.
"""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from parity.errors import ParityError, UsageError
from parity.inputs import near_names
from parity.model.policy import MODES
from parity.model.rule import LEVELS
from parity.probes.child import die_with_parent

if TYPE_CHECKING:
    from collections.abc import Callable

    from parity.config.project import Project
    from parity.model.fingerprint import Fingerprint
    from parity.model.rule import RuleCard
    from parity.model.verdict import Verdict
    from parity.probes.watch import Watch

MAX_LINES = 8
TOLD_WAIT_S = 0.001


def main() -> None:
    """Answer requests until ``bye`` or the end of the input."""
    channel = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints from here on must not reach the channel
    die_with_parent()
    engine = Engine()
    try:
        for line in sys.stdin.buffer:
            answer = engine.answer(line)
            channel.write(msgspec.json.encode(answer) + b"\n")
            channel.flush()
            if answer.get("bye"):
                break
    finally:
        engine.close()


class Engine:
    """Answers requests; holds the fingerprints it has read."""

    def __init__(self) -> None:
        """Start with nothing read."""
        self._fingerprints: dict[str | None, Fingerprint] = {}
        self._projects: dict[tuple[str | None, str], Project] = {}
        self._watch: Watch | None = None
        self._asked: tuple[RuleCard, ...] = ()
        self._test: str | None = None
        self._has_begun = False

    def close(self) -> None:
        """End the watcher, if there is one."""
        if self._watch is not None:
            self._watch.close()
            self._watch = None

    def answer(self, line: bytes) -> dict[str, Any]:
        """Return the answer to one line; never raises."""
        number: Any = None
        try:
            request = msgspec.json.decode(line)
            number = request.get("id")
            handlers: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
                "judge": self._judge,
                "fingerprint": self._fingerprint,
                "begin": self._begin,
                "end": self._end,
                "bye": lambda _: {"bye": True},
            }
            handler = handlers.get(request.get("op"))
            if handler is None:
                raise ValueError(f"unknown operation {request.get('op')!r}")  # noqa: TRY301  (our client's mistake)
            return {"id": number, "ok": True, **handler(request)}
        except ParityError as error:
            return {"id": number, "ok": False, "kind": "usage", "error": str(error)}
        except Exception as error:
            return {"id": number, "ok": False, "kind": "internal", "error": f"{type(error).__name__}: {error}"}

    def _read(self, path: str | None) -> Fingerprint:
        from parity import session

        if path not in self._fingerprints:
            self._fingerprints[path] = session.fingerprint_of(path)
        return self._fingerprints[path]

    def _project(self, config: str | None, rootdir: str) -> Project:
        from parity import session

        key = (config, rootdir)
        if key not in self._projects:
            self._projects[key] = session.project_of(config, start=rootdir)
        return self._projects[key]

    def _fingerprint(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"fingerprint": msgspec.to_builtins(self._read(request.get("fingerprint")))}

    def _begin(self, request: dict[str, Any]) -> dict[str, Any]:
        if not self._has_begun:
            self._has_begun = True
            gc.freeze()  # the catalog stays: no collection walks it while a test is about to start or has just ended
        self._test = None
        if self._watch is None:
            return {"why": "run conditions were not asked for"}
        visible = request.get("visible") or {}
        why, waited_s = self._watch.begin(int(request["pid"]), {str(name): str(visible[name]) for name in visible})
        self._test = str(request["test"])
        return {**({"why": why} if why else {}), **({"waited_s": round(waited_s, 3)} if waited_s > TOLD_WAIT_S else {})}

    def _end(self, request: dict[str, Any]) -> dict[str, Any]:
        from parity import session
        from parity.model.interval import Gap, Interval

        test = str(request.get("test", ""))
        begun, self._test = self._test, None
        if self._watch is None or begun != test:
            detail = "run conditions were not asked for" if self._watch is None else f"{test!r} has not begun"
            gap = Gap(what="conditions", why="not_asked", detail=detail)
            return {"conditions": Interval(test=test, state="unknown", unknowns=(gap,))}
        return {"conditions": session.conditions_of(self._watch, test, self._asked)}

    def _watch_from_now_on(self, project: Project) -> None:
        """Start the watcher without waiting for it; the latest project's rule settings hold."""
        from parity import session
        from parity.probes.watch import Watch

        if self._watch is None:
            self._watch = Watch()
            self._watch.start()
        self._asked = session.prepare_conditions(project)

    def _judge(self, request: dict[str, Any]) -> dict[str, Any]:
        from parity import session
        from parity.config.targets import target_or_default

        sources = request.get("sources") or {}
        project = self._project(request.get("config"), request.get("rootdir") or ".")
        if request.get("conditions"):
            self._watch_from_now_on(project)
        require = _choice(request.get("require"), LEVELS, sources.get("require", "require"))
        mode = _choice(request.get("mode"), MODES, sources.get("mode", "mode")) or project.policy.mode
        target = target_or_default(
            request.get("target"), project, source=sources.get("target", "target"), require=require
        )
        perf_tests = msgspec.to_builtins(project.perf_tests)
        settings = {
            "mode": mode,
            "perf_tests": {"markers": [], "fixtures": [], "paths": [], **perf_tests},
            "folder": str(Path(project.folder).resolve()) if project.where else "",
        }
        if target is None:
            told = f"parity: {project.where} declares targets but no default_target: nothing is judged"
            return {"active": False, **settings, "header": told if project.targets else ""}
        rules = tuple(request.get("rules") or ())
        _known_rules(rules, sources.get("rules", "rules"))
        verdict = session.judge_fingerprint(self._read(request.get("fingerprint")), target, project, only=rules)
        for path in request.get("reports") or ():
            _write(path, verdict)
        return {"active": True, **settings, **_summary(verdict)}


def _choice(value: str | None, allowed: tuple[str, ...], source: str) -> Any:
    if value is not None and value not in allowed:
        raise UsageError(
            f"{value!r} is not one of {', '.join(allowed)}",
            where=source,
            close=near_names(value, allowed),
            mend="use one of these",
        )
    return value


def _known_rules(names: tuple[str, ...], source: str) -> None:
    from parity.catalog import store
    from parity.errors import UnknownNameError

    for name in names:
        try:
            store.card(name)
        except UnknownNameError as error:
            raise UnknownNameError(error.what, where=source, close=error.close, mend=error.mend) from None


def _summary(verdict: Verdict) -> dict[str, Any]:
    """Return what the plugin shows and gates on."""
    from parity.reports.rows import headline, here_text, questions, rows, subjects_text, wanted_text

    lines = []
    for row in rows(verdict)[:MAX_LINES]:
        finding = row.finding
        if not finding.waived and finding.severity != "note":
            lines.append(f"{finding.severity}[{finding.rule}] {subjects_text(row.subjects)}: {finding.message}")
    if not verdict.devices or verdict.outcome == "unknown":
        lines += [f"unknown[{item.rules[0]}] {item.detail}" for item in questions(verdict.unknowns)[:3]]
    wanted = wanted_text(verdict)
    passed = "" if verdict.passed == (verdict.outcome == "match") else ", passed" if verdict.passed else ", not passed"
    return {
        "target": {"id": verdict.target.id, "name": verdict.target.name},
        "require": verdict.target.require,
        "outcome": verdict.outcome,
        "level": verdict.level,
        "passed": verdict.passed,
        "exit_status": verdict.exit_status,
        "here": here_text(verdict),
        "header": f"parity: target {wanted}, here {here_text(verdict)}: {_told(verdict)}{passed}",
        "headline": headline(verdict),
        "lines": lines,
        "transfers": msgspec.to_builtins(verdict.transfers),
        "verdict": msgspec.to_builtins(verdict),
    }


def _told(verdict: Verdict) -> str:
    return verdict.outcome if verdict.level == "unknown" else f"{verdict.outcome} ({verdict.level})"


def _write(path: str, verdict: Verdict) -> None:
    """Write a report whose format the suffix names.

    Raises:
        UsageError: the suffix names no format, or the file cannot be written.
    """
    from parity.reports import json_report, markdown_report

    renderers = {".json": json_report.render, ".md": markdown_report.render}
    suffix = Path(path).suffix.lower()
    if suffix not in renderers:
        raise UsageError(
            f"no report format has the suffix {suffix!r}",
            where=f"--parity-report: {path}",
            mend=f"use one of: {', '.join(renderers)}",
        )
    try:
        Path(path).write_text(renderers[suffix](verdict), encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"cannot be written: {error.strerror}", where=f"--parity-report: {path}", mend="check the folder"
        ) from error


if __name__ == "__main__":
    main()
