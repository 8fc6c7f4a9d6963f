"""Knows what the fixtures give: a test's verdict and this machine's fingerprint. PYTEST_DONT_REWRITE."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest

from pytest_parity.plugin import GATE
from pytest_parity.verdict import INACTIVE, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

_NO_TARGET = "parity_fingerprint: no target is declared; mend: give --parity-target=NAME"


def verdict_of(request: pytest.FixtureRequest) -> Verdict:
    """Return the verdict for the requesting test; without a target, an inactive one (outcome unknown)."""
    if not request.config.pluginmanager.has_plugin(GATE):
        return INACTIVE
    from pytest_parity.gate import JUDGE, PLAN  # noqa: PLC0415  (not loaded without a target)

    plan = request.node.stash.get(PLAN, None)
    verdict: Verdict = request.config.stash[JUDGE].base() if plan is None else plan.verdict
    return verdict


def fingerprint_of(request: pytest.FixtureRequest) -> Mapping[str, Any]:
    """Return the fingerprint in the run's verdict, read-only; without a target, skip the test and say so."""
    if not request.config.pluginmanager.has_plugin(GATE):
        pytest.skip(_NO_TARGET)
    from pytest_parity.gate import JUDGE  # noqa: PLC0415  (not loaded without a target)

    verdict = request.config.stash[JUDGE].base()
    if not verdict.active:
        pytest.skip(_NO_TARGET)
    fingerprint = verdict.document.get("fingerprint")
    if not isinstance(fingerprint, dict):
        why = verdict.problem or verdict.headline
        pytest.fail(f"parity_fingerprint: this machine was not read: {why}", pytrace=False)
    return MappingProxyType(fingerprint)
