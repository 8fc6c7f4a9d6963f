"""Knows what the fixtures give: a verdict, this machine's fingerprint, a measure of speed. PYTEST_DONT_REWRITE."""

from __future__ import annotations

from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest

from pytest_parity.plugin import GATE
from pytest_parity.verdict import INACTIVE, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_parity.judge import Judge
    from pytest_parity.roofline import Peaks, Roofline


def verdict_of(request: pytest.FixtureRequest) -> Verdict:
    """Return the verdict for the requesting test; without a target, an inactive one (outcome unknown)."""
    if not request.config.pluginmanager.has_plugin(GATE):
        return INACTIVE
    from pytest_parity.judge import JUDGE
    from pytest_parity.plan import PLAN

    plan = request.node.stash.get(PLAN, None)
    verdict: Verdict = request.config.stash[JUDGE].base() if plan is None else plan.verdict
    return verdict


def fingerprint_of(request: pytest.FixtureRequest) -> Mapping[str, Any]:
    """Return this machine's fingerprint, read-only; without a target an engine is started for the question.

    A machine that cannot be read fails the test with the reason.
    """
    from pytest_parity.engine_client import EngineError

    try:
        return MappingProxyType(_judge(request.config).fingerprint())
    except EngineError as error:
        reason = f"parity_fingerprint: this machine was not read: {error}"
    pytest.fail(reason, pytrace=False)


def homogeneous(request: pytest.FixtureRequest) -> None:
    """Fail on every rank of a distributed run whose ranks see different machines; one process alone passes."""
    from pytest_parity.engine_client import EngineError
    from pytest_parity.ranks import why_not_homogeneous

    try:
        why = why_not_homogeneous(_judge(request.config))
    except EngineError as error:
        why = f"the ranks could not be compared: {error}"
    if why:
        pytest.fail(f"parity_homogeneous: {why}", pytrace=False)


def roofline_of(request: pytest.FixtureRequest) -> Callable[..., Roofline]:
    """Return ``roofline`` with the peaks of the visible devices and of the target that holds for the test.

    The engine is asked when the first call needs it. Each measure goes into the run's reports. One beyond the running
    device's roof raises ``AboveRoofError``; with ``strict=False`` it is given, and marked in the reports.
    """
    from pytest_parity.marks import read_marks
    from pytest_parity.roofline import check_roof, note, read_peaks, roofline

    @cache
    def answer() -> Mapping[str, Any]:
        judge = _judge(request.config)
        marks = read_marks(request.node)
        own = None if marks is None else marks.target
        return judge.peaks(own or judge.settings.target)

    def peaks(device: int | None) -> tuple[Peaks, Peaks]:
        return read_peaks(answer(), device)

    def measure(*, strict: bool = True, **numbers: Any) -> Roofline:
        __tracebackhide__ = True
        measured = roofline(**numbers, peaks=peaks)
        note(request.node, measured)
        if strict:
            check_roof(measured)
        return measured

    return measure


def _judge(config: pytest.Config) -> Judge:
    """Return the run's judge; a run without a target gets one for its questions."""
    from pytest_parity.install import new_judge
    from pytest_parity.judge import JUDGE
    from pytest_parity.settings import resolve

    return config.stash.get(JUDGE, None) or new_judge(config, resolve(config))
