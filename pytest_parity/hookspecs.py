"""Knows the hooks that other plugins and conftest files may implement. PYTEST_DONT_REWRITE.

Implement them with ``@pytest.hookimpl(optionalhook=True)``: pytest refuses a hook that nobody specified, and nobody did
where gpu-parity is not installed or is switched off (``-p no:parity``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_parity.verdict import Verdict


@pytest.hookspec(firstresult=True)
def pytest_parity_classify(config: pytest.Config, item: pytest.Item) -> bool | None:
    """Say whether a test is a perf test, for suites that tell theirs by something else than marks and fixtures.

    The first answer that is not None is the last word, except for a ``parity`` marker on the test itself. Called once
    per selected test when collection is done, and again before a test that was none, with an active target only.

    Args:
        config: of the run.
        item: the test.

    Returns:
        True: gate it. False: leave it alone. None: decide as usual.
    """


@pytest.hookspec
def pytest_parity_verdict(config: pytest.Config, verdict: Verdict) -> None:
    """Hear each verdict once: that of the run, then those of markers and workers that need another.

    Called where the engine was asked: on the xdist controller for the run. A verdict cannot be changed here.

    Args:
        config: of the run.
        verdict: outcome, level, passed, target, headline, transfers, and all of ``parity.verdict/1`` as ``document``.
    """
