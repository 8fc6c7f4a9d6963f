"""Knows what an engine answer says: the verdict as plain data, and the verdict of a run that got no answer.

PYTEST_DONT_REWRITE
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_parity.settings import CONDITIONS, MODES

if TYPE_CHECKING:
    from collections.abc import Mapping

OUTCOMES = ("match", "mismatch", "unknown")
TRANSFERS = (
    "correctness",
    "code_generation",
    "kernel_selection",
    "tuned_parameters",
    "timings_single_gpu",
    "timings_multi_gpu",
    "memory_fit",
)


_NONE: Mapping[str, Any] = MappingProxyType({})
_NOTHING_KNOWN: Mapping[str, str] = MappingProxyType(dict.fromkeys(TRANSFERS, "unknown"))


class AnswerError(ValueError):
    """An engine answer that does not have the agreed shape."""


class Verdict(NamedTuple):
    """The judgement of this machine against one target.

    Attributes:
        active: False when no target is declared anywhere; then nothing is gated.
        outcome: ``match``, ``mismatch`` or ``unknown``.
        level: the parity level reached: ``identical`` ... ``different``, or ``unknown``.
        passed: whether the run's policy accepts the verdict.
        target: catalog id of the target, or what was asked for when nothing could be judged.
        here: what this machine has, in a few words; empty where the engine does not say.
        headline: one line with target, what was found and the decisive ratio.
        lines: the few lines that differ.
        conditions: what disturbed run conditions do to a perf test, as the project says.
        require_measured: whether the project fails a run that measured no perf test.
        transfers: conclusion -> ``yes``, ``no`` or ``unknown``; every name of ``TRANSFERS`` is there.
        perf_tests: extra ``markers``, ``fixtures`` and ``paths`` of the project file.
        folder: folder of the project file, which ``paths`` are relative to; empty without one.
        document: the whole verdict, ``parity.verdict/1``; empty when nothing could be judged.
        problem: why there is no answer; empty when there is one.
        answer: the engine's answer as it came, for passing on to other processes.
    """

    active: bool
    outcome: str
    level: str
    passed: bool
    target: str = ""
    target_name: str = ""
    require: str = ""
    mode: str = "fail"
    conditions: str = "annotate"
    require_measured: bool = False
    here: str = ""
    header: str = ""
    headline: str = ""
    lines: tuple[str, ...] = ()
    transfers: Mapping[str, str] = _NOTHING_KNOWN
    perf_tests: Mapping[str, tuple[str, ...]] = _NONE
    folder: str = ""
    document: Mapping[str, Any] = _NONE
    problem: str = ""
    answer: Mapping[str, Any] = _NONE

    def __repr__(self) -> str:
        """Return what a failing assert should show, without the documents."""
        return f"<Verdict {self.outcome}, level {self.level}: {self.headline or 'no target'}>"

    @property
    def blocks(self) -> bool:
        """Whether a perf test must not be measured under this verdict."""
        return self.active and not (self.passed and self.outcome != "unknown")

    def in_encoding(self, encoding: str) -> Verdict:
        """Return the verdict with text a stream of this encoding can carry, without control characters."""
        return self._replace(
            target=printable(self.target, encoding),
            target_name=printable(self.target_name, encoding),
            here=printable(self.here, encoding),
            header=printable(self.header, encoding),
            headline=printable(self.headline, encoding),
            lines=tuple(printable(line, encoding) for line in self.lines),
        )


INACTIVE = Verdict(active=False, outcome="unknown", level="unknown", passed=False, answer={"active": False})


def read_answer(answer: Mapping[str, Any]) -> Verdict:
    """Return the verdict of an ``ok`` answer to ``judge``.

    Raises:
        AnswerError: a key is missing or has a value that is not agreed.
    """
    if answer.get("active") is False:
        header, required = _typed(answer, "header", str, ""), _typed(answer, "require_measured", bool, False)
        return INACTIVE._replace(header=_first_line(header), require_measured=required)
    target = _typed(answer, "target", dict)
    outcome, mode = _typed(answer, "outcome", str), _typed(answer, "mode", str)
    conditions = _typed(answer, "conditions", str, "annotate")
    known = outcome in OUTCOMES and mode in MODES and conditions in CONDITIONS
    if answer.get("active") is not True or not known:
        told = f"{answer.get('active')!r}, {outcome!r}, {mode!r}, {conditions!r}"
        message = f"active, outcome, mode or conditions is not as agreed: {told}"
        raise AnswerError(message)
    headline = _first_line(_typed(answer, "headline", str))
    transfers = _typed(answer, "transfers", dict, {})
    perf_tests = _typed(answer, "perf_tests", dict, {})
    return Verdict(
        active=True,
        outcome=outcome,
        level=_typed(answer, "level", str),
        passed=_typed(answer, "passed", bool),
        target=_typed(target, "id", str),
        target_name=_typed(target, "name", str, ""),
        require=_typed(answer, "require", str),
        mode=mode,
        conditions=conditions,
        require_measured=_typed(answer, "require_measured", bool, False),
        here=_first_line(_typed(answer, "here", str, "")),
        header=_first_line(_typed(answer, "header", str, "")) or headline,
        headline=headline,
        lines=_strings(answer, "lines"),
        transfers={name: str(transfers.get(name, "unknown")) for name in TRANSFERS},
        perf_tests={name: _strings(perf_tests, name) for name in ("markers", "fixtures", "paths")},
        folder=_typed(answer, "folder", str, ""),
        document=_typed(answer, "verdict", dict, {}),
        problem=_typed(answer, "problem", str, ""),
        answer=answer,
    )


def not_judged(problem: str, *, target: str | None, mode: str | None, detail: tuple[str, ...] = ()) -> Verdict:
    """Return the verdict of a run without an answer: unknown, which never passes by default.

    Args:
        problem: one line, why there is no answer.
        target: the target asked for, None when the project file names it.
        mode: the mode asked for; ``fail`` when nobody said.
        detail: further lines, such as the end of what the engine wrote to standard error.
    """
    named = target or "of the project file"
    text = f"unknown: target {named} could not be judged: {problem}"
    return read_answer(
        {
            "active": True,
            "target": {"id": target or "(project file)", "name": ""},
            "mode": mode or "fail",
            "require": "",
            "outcome": "unknown",
            "level": "unknown",
            "passed": False,
            "header": text,
            "headline": text,
            "lines": list(detail),
            "problem": problem,
        }
    )


def printable(text: str, encoding: str) -> str:
    """Return text without control characters, escaped where the encoding cannot carry it."""
    shown = "".join(one if one.isprintable() or one in "\n\t" else "?" for one in text)
    try:
        shown.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return shown.encode("ascii", "backslashreplace").decode("ascii")
    return shown


_REQUIRED = object()


def _typed(data: Mapping[str, Any], key: str, kind: type, default: Any = _REQUIRED) -> Any:
    value = data.get(key)
    if value is None and default is not _REQUIRED:
        return default
    if not isinstance(value, kind):
        message = f"{key} is {value!r:.60}, not a {kind.__name__}"
        raise AnswerError(message)
    return value


def _strings(data: Mapping[str, Any], key: str) -> tuple[str, ...]:
    values = _typed(data, key, list, [])
    if not all(isinstance(value, str) for value in values):
        message = f"{key} holds more than strings"
        raise AnswerError(message)
    return tuple(values)


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0].rstrip()
