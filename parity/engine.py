"""Knows the engine: the same run as a child process, JSON lines in, JSON lines out.

The pytest plugin starts one engine per run and never imports this package itself. One request per line
(``{"id", "op", ...}``), one answer per line with the same ``id``. Operations:

* ``judge``: ``target``, ``require``, ``mode``, ``fingerprint`` and ``config`` (paths), ``rootdir``, ``rules``
  (names), ``sources`` (option name -> where its value came from). The machine is read once and judged as often
  as asked.
* ``fingerprint``: the fingerprint as ``parity.fingerprint/1``.
* ``report``: ``paths``, ``run`` (a finished run as the plugin knows it): written in the formats of the suffixes; the
  answer names the paths ``written`` and the ``problems``.
* ``begin`` / ``end``: around a perf test; acknowledged.
* ``bye``: the engine ends. It also ends when its input does, so it never outlives pytest.
"""

from __future__ import annotations

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
    from parity.model.verdict import Verdict

MAX_LINES = 8


def main() -> None:
    """Answer requests until ``bye`` or the end of the input."""
    channel = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints from here on must not reach the channel
    die_with_parent()
    engine = Engine()
    for line in sys.stdin.buffer:
        answer = engine.answer(line)
        channel.write(msgspec.json.encode(answer) + b"\n")
        channel.flush()
        if answer.get("bye"):
            break


class Engine:
    """Answers requests; holds the fingerprints it has read."""

    def __init__(self) -> None:
        """Start with nothing read."""
        self._fingerprints: dict[str | None, Fingerprint] = {}
        self._projects: dict[tuple[str | None, str], Project] = {}

    def answer(self, line: bytes) -> dict[str, Any]:
        """Return the answer to one line; never raises."""
        number: Any = None
        try:
            request = msgspec.json.decode(line)
            number = request.get("id")
            handlers: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
                "judge": self._judge,
                "fingerprint": self._fingerprint,
                "report": _report,
                "begin": lambda _: {},
                "end": lambda _: {},
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

    def _judge(self, request: dict[str, Any]) -> dict[str, Any]:
        from parity import session
        from parity.config.targets import target_or_default

        sources = request.get("sources") or {}
        project = self._project(request.get("config"), request.get("rootdir") or ".")
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


def _report(request: dict[str, Any]) -> dict[str, Any]:
    from parity.reports.run_files import run_of, write_run

    return write_run(run_of(request["run"]), request["paths"])


if __name__ == "__main__":
    main()
