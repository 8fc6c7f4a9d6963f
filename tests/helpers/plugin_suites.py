"""Knows how to read a ``.suite`` file, run suites with the plugin in a real pytest process, and read what came of it."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.stubs.patience import PATIENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PLUGIN_TESTS = Path(__file__).resolve().parents[1] / "plugin"
ROOT = PLUGIN_TESTS.parents[1]
HEADLINE = "h100-id wanted, rtx-4090 here -> memory bandwidth 0.30x"
PYTEST = tuple(int(part) for part in pytest.__version__.split(".")[:2] if part.isdigit())
TOTALS = ("tests", "failures", "errors", "skipped")
_PART = re.compile(r"^-- (.+) --$", re.MULTILINE)
_COUNT = re.compile(r"(\d+) (failed|passed|skipped|xfailed|xpassed|errors?)\b")
_INHERITED = ("PATH", "HOME", "TMPDIR", "SYSTEMROOT", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "STUB_HANGS")


@dataclass(frozen=True)
class Situation:
    """One way to ask: the options, and what becomes of a gated test; None if it runs."""

    arguments: tuple[str, ...]
    blocked: str | None = None


SITUATIONS = {
    "match": Situation(("--parity-target=here",)),
    "fail": Situation(("--parity-target=h100",), "failed"),
    "skip": Situation(("--parity-target=h100", "--parity-mode=skip"), "skipped"),
    "xfail": Situation(("--parity-target=h100", "--parity-mode=xfail"), "xfailed"),
    "annotate": Situation(("--parity-target=h100", "--parity-mode=annotate")),
    "off": Situation(("--parity-target=h100", "--parity-mode=off")),
    "idle": Situation(()),
    "unknown": Situation(("--parity-target=exit",), "failed"),
}


@dataclass(frozen=True)
class Expected:
    """What becomes of one test: its own outcome, whether it is gated, and situations where it is otherwise."""

    outcome: str
    gated: bool
    otherwise: Mapping[str, str]

    def in_situation(self, name: str) -> str:
        """Return the outcome in a situation."""
        own = SITUATIONS[name].blocked if self.gated else None
        return self.otherwise.get(name, own or self.outcome)


@dataclass(frozen=True)
class Suite:
    """One small project with what it should do.

    Attributes:
        story: what the suite stands for.
        files: path -> text.
        outcomes: ``module.Class::test`` -> what becomes of it.
        events: situations in which an event happens (None: in all), and the event; in order.
        plugins: modules to load with ``-p``.
        needs: the least pytest.
        before: the least pytest that it is not for.
        alone: whether it needs a process of its own: settings, or names that others have too.
        situations: those that decide, for a suite that runs alone.
    """

    name: str
    story: str
    files: Mapping[str, str]
    outcomes: Mapping[str, Expected]
    events: tuple[tuple[frozenset[str] | None, str], ...]
    plugins: tuple[str, ...] = ()
    needs: tuple[int, ...] = (0,)
    before: tuple[int, ...] = (99,)
    alone: bool = False
    situations: tuple[str, ...] = ("match", "fail", "annotate")
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    def trace_in(self, situation: str) -> list[str]:
        """Return the events of a situation."""
        return [event for where, event in self.events if where is None or situation in where]

    def outcomes_in(self, situation: str) -> dict[str, str]:
        """Return what becomes of each test."""
        return {name: expected.in_situation(situation) for name, expected in self.outcomes.items()}

    def why_not(self) -> str:
        """Return why this suite cannot run here, or nothing."""
        if not self.needs <= PYTEST < self.before:
            return "for another pytest"
        missing = [name for name in self.plugins if importlib.util.find_spec(name.partition(".")[0]) is None]
        return f"needs {', '.join(missing)}" if missing else ""


@dataclass(frozen=True)
class Case:
    """One ``testcase`` of a JUnit file."""

    outcome: str
    message: str
    text: str
    properties: Mapping[str, str]


@dataclass(frozen=True)
class Run:
    """What came of one pytest process.

    Attributes:
        cases: suite -> test -> its case or cases (several under ``--dist=each``, reruns, subtests).
        traces: suite -> events in order.
        counts: the numbers of the last line.
        totals: the numbers of the JUnit file's ``testsuite``.
        asked: what the engines were asked; a ``pid`` entry each.
    """

    status: int
    out: str
    err: str
    cases: Mapping[str, Mapping[str, list[Case]]]
    traces: Mapping[str, list[str]]
    counts: Mapping[str, int]
    totals: Mapping[str, int]
    asked: list[dict[str, object]]

    def outcomes(self, suite: str) -> dict[str, str]:
        """Return the outcomes of a suite's tests; two of one name are joined."""
        return {name: "+".join(case.outcome for case in cases) for name, cases in self.cases.get(suite, {}).items()}


def read_suite(path: Path) -> Suite:
    """Return the suite of a ``.suite`` file: a story, ``key: value`` lines, then ``-- name --`` parts.

    The parts are files, then ``outcomes`` and ``trace``. A trace line that starts with ``~`` happens only when gated
    tests run; one that starts with situations in brackets, only there.
    """
    head, *parts = _PART.split(path.read_text(encoding="utf-8"))
    story, settings = [], {}
    for line in head.strip().splitlines():
        key, colon, value = line.partition(": ")
        if colon and key in {"plugins", "needs", "before", "alone", "arguments", "environment", "situations"}:
            settings[key] = value
        else:
            story.append(line)
    texts = dict(zip(parts[::2], (text.lstrip("\n") for text in parts[1::2]), strict=True))
    outcomes = dict(_expected(line) for line in texts.pop("outcomes").splitlines() if line.strip())
    events = tuple(_event(line) for line in texts.pop("trace").splitlines() if line.strip())
    return Suite(
        name=path.stem,
        story=" ".join(story),
        files=texts,
        outcomes=outcomes,
        events=events,
        plugins=tuple(settings.get("plugins", "").split()),
        needs=tuple(int(part) for part in settings.get("needs", "0").split(".")),
        before=tuple(int(part) for part in settings.get("before", "99").split(".")),
        alone=settings.get("alone") == "yes",
        situations=tuple(settings.get("situations", "match fail annotate").split()),
        arguments=tuple(settings.get("arguments", "").split("|")) if settings.get("arguments") else (),
        environment=dict(pair.split("=", 1) for pair in settings.get("environment", "").split()),
    )


def read_suites() -> dict[str, Suite]:
    """Return all suites by name."""
    return {path.stem: read_suite(path) for path in sorted((PLUGIN_TESTS / "suites").glob("*.suite"))}


def write_suite(suite: Suite, folder: Path) -> None:
    """Write the files of a suite."""
    for name, text in suite.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def environment_for(folder: Path, **own: str) -> dict[str, str]:
    """Return the environment of a run in ``folder``: nothing of ours but what a process needs, and ``own``."""
    given = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return {
        **given,
        "PARITY_ENGINE_PATH": str(PLUGIN_TESTS / "fake_engine"),
        "FAKE_ENGINE_LOG": str(folder / "engine.log"),
        "PYTHONPATH": os.pathsep.join([str(PATIENT), str(ROOT), str(PLUGIN_TESTS / "suites" / "support")]),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONIOENCODING": "utf-8",
        "COLUMNS": "160",
        "SUITE_TRACE": str(folder / "trace.log"),
        "SUITE_ROOT": str(folder),
        **own,
    }


def command(plugins: Iterable[str], *arguments: str) -> list[str]:
    """Return the command that runs pytest with the plugin."""
    loaded = [word for plugin in plugins for word in ("-p", plugin)]
    return [sys.executable, "-m", "pytest", "-p", "pytest_parity.plugin", *loaded, *arguments]


def run_suites(suites: Iterable[Suite], situation: str, folder: Path, *arguments: str, **environment: str) -> Run:
    """Write the suites into ``folder``, unless they are there, and run them: one in its own folder, several in one."""
    chosen = list(suites)
    for suite in chosen:
        if not (folder / suite.name).exists():
            write_suite(suite, folder / suite.name)
    work = folder / chosen[0].name if len(chosen) == 1 else folder
    for name in ("engine.log", "trace.log", "junit.xml"):
        (folder / name).unlink(missing_ok=True)
    plugins = dict.fromkeys(name for suite in chosen for name in suite.plugins)
    own = [word for suite in chosen for word in suite.arguments]
    added = {**{name: text for suite in chosen for name, text in suite.environment.items()}, **environment}
    done = subprocess.run(
        command(
            plugins,
            f"--rootdir={work}",
            f"--junit-xml={folder}/junit.xml",
            *SITUATIONS[situation].arguments,
            *own,
            *arguments,
        ),
        cwd=work,
        env=environment_for(folder, **added),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=300,
        check=False,
    )
    out = done.stdout.decode("utf-8", errors="replace")
    return Run(
        status=done.returncode,
        out=out,
        err=done.stderr.decode("utf-8", errors="replace"),
        cases=read_junit(folder / "junit.xml", alone=chosen[0].name if len(chosen) == 1 else None),
        traces=read_trace(folder / "trace.log"),
        counts=read_counts(out),
        totals=read_totals(folder / "junit.xml"),
        asked=[json.loads(line) for line in _lines(folder / "engine.log")],
    )


def read_junit(path: Path, alone: str | None) -> dict[str, dict[str, list[Case]]]:
    """Return suite -> ``module.Class::test`` -> cases."""
    found: dict[str, dict[str, list[Case]]] = {}
    if not path.exists():
        return found
    for node in ET.parse(path).iter("testcase"):
        classname = node.get("classname", "")
        suite, _, rest = (alone, "", classname) if alone else classname.partition(".")
        found.setdefault(suite or "", {}).setdefault(f"{rest}::{node.get('name')}", []).append(_case(node))
    return found


def read_totals(path: Path) -> dict[str, int]:
    """Return what the JUnit file counts: ``tests``, ``failures``, ``errors``, ``skipped``."""
    suite = ET.parse(path).find("testsuite") if path.exists() else None
    return {} if suite is None else {name: int(suite.get(name, "-1")) for name in TOTALS}


def read_trace(path: Path) -> dict[str, list[str]]:
    """Return suite -> events."""
    found: dict[str, list[str]] = {}
    for line in _lines(path):
        suite, _, event = line.partition("\t")
        found.setdefault(suite, []).append(event)
    return found


def read_counts(out: str) -> dict[str, int]:
    """Return the numbers of pytest's last line, ``error`` for both its spellings."""
    last = next((line for line in reversed(out.splitlines()) if re.search(r" in \d+\.\d+s", line)), "")
    return {name.removesuffix("s") if name.startswith("error") else name: int(n) for n, name in _COUNT.findall(last)}


def leftovers(marker: str) -> list[int]:
    """Return the processes that have ``marker`` in their environment; those that ended do not count."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            try:
                if marker.encode() in (folder / "environ").read_bytes():
                    found.append(int(folder.name))
            except OSError:
                continue
    return found


def tally(outcomes: Iterable[str]) -> dict[str, int]:
    """Return how often each outcome occurs."""
    return dict(Counter(outcomes))


def _case(node: ET.Element) -> Case:
    outcome, message, text = "passed", "", ""
    for child in node:
        if child.tag in {"failure", "error", "skipped"}:
            outcome = {"failure": "failed", "error": "error", "skipped": "skipped"}[child.tag]
            if child.get("type") == "pytest.xfail":
                outcome = "xfailed"
            message, text = child.get("message", ""), child.text or ""
    properties = {one.get("name", ""): one.get("value", "") for one in node.iter("property")}
    return Case(outcome, message, text, properties)


def _expected(line: str) -> tuple[str, Expected]:
    name, outcome, *rest = re.split(r"\s\s+", line.strip())
    words = " ".join(rest).split()
    otherwise = dict(word.split("=", 1) for word in words if "=" in word)
    return name, Expected(outcome, "gated" in words, otherwise)


def _event(line: str) -> tuple[frozenset[str] | None, str]:
    if line.startswith("~"):
        return frozenset(name for name, one in SITUATIONS.items() if one.blocked is None), line[1:].strip()
    if line.startswith("["):
        names, _, event = line[1:].partition("]")
        return frozenset(names.split()), event.strip()
    return None, line.strip()


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []
