"""Knows the engine: the same run as a child process, JSON lines in, JSON lines out.

The pytest plugin starts one engine per run and never imports this package itself. One request per line
(``{"id", "op", ...}``), one answer per line with the same ``id``. Operations:

* ``judge``: ``target``, ``require``, ``mode``, ``fingerprint`` and ``config`` (paths), ``rootdir``, ``visible``
  (the variables that select GPUs, as they stand in the test process), ``rules`` (names), ``sources`` (option name ->
  where its value came from). The machine is read once per such selection and judged as often as asked.
* ``peaks``: peak bandwidth and dense rates of the visible devices, and of ``target`` or the project's default.
* ``told``: what the machine tells that its like tells too, as ``facts``; ``compare``: ``ranks`` (``rank``, ``host``,
  ``facts`` or ``problem`` of each): the answer's ``lines`` say what they disagree about.
* ``fingerprint``: the fingerprint as ``parity.fingerprint/1``.
* ``watch``: ``config``, ``rootdir``: attach to the drivers, to be ready for the first ``begin``; nobody need wait.
* ``begin``: ``test`` (id), ``pid`` (of pytest), ``visible`` (the visibility variables set there): the devices are
  watched from here on. ``why`` in the answer: what cannot be watched.
* ``end``: ``test``: the answer's ``conditions`` are those of the test as ``parity.conditions/1``; ``devices`` is empty
  unless ``series`` is true. With ``later`` the counters are read at once, and the rest is worked out once nothing
  was asked for a moment: other requests may be answered before. Every answer begins with its id.
* ``report``: ``paths``, ``run`` (a finished run as the plugin knows it): written in the formats of the suffixes; the
  answer names the paths ``written`` and the ``problems``.
* ``bye``: the engine ends. It also ends when its input does, so it never outlives pytest.
"""

from __future__ import annotations

import gc
import json
import os
from collections import deque
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from parity.errors import ParityError, UsageError
from parity.inputs import near_names
from parity.model.policy import MODES
from parity.model.rule import LEVELS
from parity.probes.child import die_with_parent
from parity.probes.visibility import VISIBLE_VARIABLES
from parity.requests import Requests

if TYPE_CHECKING:
    from collections.abc import Callable

    from parity.config.project import Project
    from parity.model.fingerprint import Fingerprint
    from parity.model.interval import Interval
    from parity.model.rule import RuleCard
    from parity.model.verdict import Verdict
    from parity.probes.watch import Watch

MAX_LINES = 8
TOLD_WAIT_S = 0.001
OWED_S = 0.002  # the next test mostly begins sooner, and its first moments need every core there is
MAX_OWED = 64


def main() -> None:
    """Answer requests until ``bye`` or the end of the input."""
    channel = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints from here on must not reach the channel
    die_with_parent()
    engine = Engine()
    requests = Requests(0)
    try:
        while (line := requests.next(engine.patience_s)) != b"":
            answer = engine.owed_answer() if line is None else engine.answer(line)
            if answer is None:
                continue
            channel.write(_written(answer) + b"\n")
            channel.flush()
            if answer.get("bye"):
                break
    finally:
        engine.close()


class Engine:
    """Answers requests; holds the fingerprints it has read."""

    def __init__(self) -> None:
        """Start with nothing read."""
        self._fingerprints: dict[tuple[str | None, tuple[tuple[str, str], ...]], Fingerprint] = {}
        self._projects: dict[tuple[str | None, str], Project] = {}
        self._watch: Watch | None = None
        self._asked: tuple[RuleCard, ...] = ()
        self._test: str | None = None
        self._has_begun = False
        self._owed: deque[tuple[Any, Callable[[], dict[str, Any]]]] = deque()
        self._handlers: dict[Any, Callable[[dict[str, Any]], dict[str, Any] | None]] = {
            "judge": self._judge,
            "fingerprint": self._fingerprint,
            "told": self._told,
            "compare": _compare,
            "peaks": self._peaks,
            "watch": self._watch_for,
            "begin": self._begin,
            "end": self._end,
            "report": _report,
            "bye": lambda _: {"bye": True},
        }
        self._patience_s = OWED_S
        self._may_owe = _cores() > 1  # else working out later would take from the next test's time

    def close(self) -> None:
        """End the watcher, if there is one."""
        if self._watch is not None:
            self._watch.close()
            self._watch = None

    @property
    def patience_s(self) -> float | None:
        """Return how long to wait for a request before what is owed is worked out; None: nothing is owed."""
        return self._patience_s if self._owed else None

    def answer(self, line: bytes) -> dict[str, Any] | None:
        """Return the answer to one line, None when it is owed; never raises."""
        self._patience_s = OWED_S
        number: Any = None
        try:
            request = _read(line)
            number = request.get("id")
            handler = self._handlers.get(request.get("op"))
            if handler is None:
                raise ValueError(f"unknown operation {request.get('op')!r}")  # noqa: TRY301  (our client's mistake)
            told = handler(request)
        except Exception as error:
            return {"id": number, "ok": False, **_mistake(error)}
        return None if told is None else {"id": number, "ok": True, **told}

    def owed_answer(self) -> dict[str, Any]:
        """Return the oldest answer that is owed; never raises."""
        self._patience_s = 0.0
        number, work = self._owed.popleft()
        try:
            return {"id": number, "ok": True, **work()}
        except Exception as error:
            return {"id": number, "ok": False, **_mistake(error)}

    def _read(self, request: dict[str, Any]) -> Fingerprint:
        """Return the fingerprint of a file, or of this machine as a process with these variables sees it."""
        from parity import session

        path = request.get("fingerprint")
        visible = dict(request.get("visible") or {}) if path is None else {}
        key = (path, tuple(sorted(visible.items())))
        if key not in self._fingerprints:
            if path is None and request.get("visible") is not None:
                for name in VISIBLE_VARIABLES:  # the probes' child processes inherit them
                    os.environ.pop(name, None)
                os.environ.update(visible)
            self._fingerprints[key] = session.fingerprint_of(path)
        return self._fingerprints[key]

    def _project(self, config: str | None, rootdir: str) -> Project:
        from parity import session

        key = (config, rootdir)
        if key not in self._projects:
            self._projects[key] = session.project_of(config, start=rootdir)
        return self._projects[key]

    def _fingerprint(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"fingerprint": msgspec.to_builtins(self._read(request))}

    def _told(self, request: dict[str, Any]) -> dict[str, Any]:
        from parity.fleet.ranks import facts_of

        return {"facts": facts_of(self._read(request))}

    def _peaks(self, request: dict[str, Any]) -> dict[str, Any]:
        from parity import session
        from parity.catalog import store
        from parity.config.targets import target_or_default
        from parity.verdict.peaks import peaks_here, peaks_of

        fingerprint = self._read(request)
        project = self._project(request.get("config"), request.get("rootdir") or ".")
        target = target_or_default(request.get("target"), project, source="target", require=None)
        nothing = "; ".join(note.text for note in fingerprint.notes[:3]) or "no GPU could be read"
        known = peaks_here(session.identify_all(fingerprint), store.device_spec)
        here = [{"name": name, "facts": facts} for name, facts in known]
        wanted = None if target is None else {"name": target.id, "facts": peaks_of(target)}
        return {"here": here, "target": wanted, "problem": "" if here else nothing}

    def _begin(self, request: dict[str, Any]) -> dict[str, Any]:
        if not self._has_begun:
            self._has_begun = True
            gc.freeze()  # the catalog stays: no collection walks it while a test is about to start or has just ended
        self._test = None
        if self._watch is None:
            self._watch_for(request)
        assert self._watch is not None
        visible = request.get("visible") or {}
        why, waited_s = self._watch.begin(int(request["pid"]), {str(name): str(visible[name]) for name in visible})
        self._test = str(request["test"])
        return {**({"why": why} if why else {}), **({"waited_s": round(waited_s, 3)} if waited_s > TOLD_WAIT_S else {})}

    def _end(self, request: dict[str, Any]) -> dict[str, Any] | None:
        from parity import conditions
        from parity.model.interval import Gap, Interval

        test = str(request.get("test", ""))
        begun, self._test = self._test, None
        if self._watch is None or begun != test:
            gap = Gap(what="conditions", why="not_asked", detail=f"{test!r} has not begun")
            return {"conditions": Interval(test=test, state="unknown", unknowns=(gap,))}
        work = partial(_conditions, conditions.read_conditions(self._watch, test, self._asked), request)
        if not (request.get("later") and self._may_owe and len(self._owed) < MAX_OWED):
            return work()
        self._owed.append((request.get("id"), work))
        return None

    def _watch_for(self, request: dict[str, Any]) -> dict[str, Any]:
        """Start the watcher without waiting for it; the latest project's rule settings hold."""
        from parity import conditions
        from parity.probes.watch import Watch

        if self._watch is None:
            self._watch = Watch()
            self._watch.start()
        self._asked = conditions.prepare_conditions(self._project(request.get("config"), request.get("rootdir") or "."))
        return {}

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
            "conditions": project.policy.conditions,
            "require_measured": project.policy.require_measured,
            "perf_tests": {"markers": [], "fixtures": [], "paths": [], **perf_tests},
            "folder": str(Path(project.folder).resolve()) if project.where else "",
        }
        if target is None:
            told = f"parity: {project.where} declares no default_target, judged are only tests whose marker names one"
            return {"active": False, **settings, "header": told if project.targets else ""}
        rules = tuple(request.get("rules") or ())
        _known_rules(rules, sources.get("rules", "rules"))
        verdict = session.judge_fingerprint(self._read(request), target, project, only=rules)
        return {"active": True, **settings, **_summary(verdict)}


def _mistake(error: Exception) -> dict[str, str]:
    if isinstance(error, ParityError):
        return {"kind": "usage", "error": str(error)}
    return {"kind": "internal", "error": f"{type(error).__name__}: {error}"}


def _conditions(work: Callable[[], Interval], request: dict[str, Any]) -> dict[str, Any]:
    interval = work()
    return {"conditions": interval if request.get("series") else msgspec.structs.replace(interval, devices=())}


def _cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _read(line: bytes) -> Any:
    """Return a request; names of files and folders that are no UTF-8 come as lone surrogates."""
    try:
        return msgspec.json.decode(line)
    except msgspec.DecodeError:
        request = json.loads(line)
        if request.get("op") == "report":  # nothing in it but its paths is looked up again
            request["run"] = _carried(request["run"])
        return request


def _carried(value: Any) -> Any:
    """Return data whose text any file can carry."""
    if isinstance(value, dict):
        return {_carried(name): _carried(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_carried(one) for one in value]
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


def _written(answer: dict[str, Any]) -> bytes:
    """Return an answer on one line; see ``_read``."""
    try:
        return msgspec.json.encode(answer)
    except UnicodeEncodeError:
        return json.dumps(msgspec.to_builtins(answer)).encode()


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
    told = [row for row in rows(verdict) if not row.finding.waived and row.finding.severity != "note"]
    lines += [
        f"{row.finding.severity}[{row.finding.rule}] {subjects_text(row.subjects)}: {row.finding.message}"
        for row in told[:MAX_LINES]
    ]
    if len(told) > MAX_LINES:
        lines.append(f"and {len(told) - MAX_LINES} more")
    if not verdict.devices or verdict.outcome == "unknown":
        lines += [f"unknown[{item.rules[0]}] {item.detail}" for item in questions(verdict.unknowns)[:3]]
    wanted = wanted_text(verdict)
    passed = "" if verdict.passed == (verdict.outcome == "match") else ", passed" if verdict.passed else ", not passed"
    return {
        "target": {"id": verdict.target.label, "name": verdict.target.name},
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


def _compare(request: dict[str, Any]) -> dict[str, Any]:
    from parity.fleet.ranks import NO_GPU, Rank, disagreements

    ranks = msgspec.convert(request["ranks"], list[Rank])
    blind = all(one.facts.get(NO_GPU[0]) == NO_GPU[1] for one in ranks)
    return {"lines": ["no rank sees a GPU"] if blind else [str(one) for one in disagreements(ranks)]}


def _report(request: dict[str, Any]) -> dict[str, Any]:
    from parity.reports.run_files import run_of, write_run

    return write_run(run_of(request["run"]), request["paths"])


if __name__ == "__main__":
    main()
