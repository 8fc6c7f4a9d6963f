"""Knows what the fixtures give: a test's verdict and this machine's fingerprint. PYTEST_DONT_REWRITE."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest

from pytest_parity.plugin import GATE
from pytest_parity.verdict import INACTIVE, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping


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
    from pytest_parity.install import new_judge
    from pytest_parity.judge import JUDGE
    from pytest_parity.settings import resolve

    config = request.config
    judge = config.stash.get(JUDGE, None) or new_judge(config, resolve(config))
    try:
        return MappingProxyType(judge.fingerprint())
    except EngineError as error:
        reason = f"parity_fingerprint: this machine was not read: {error}"
    pytest.fail(reason, pytrace=False)
