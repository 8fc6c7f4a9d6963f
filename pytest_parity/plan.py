"""Knows what is decided for one perf test before it starts. PYTEST_DONT_REWRITE."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from pytest_parity.verdict import Verdict
    from pytest_parity.visible import Visible


class Plan(NamedTuple):
    """What the gate does with one perf test.

    Attributes:
        verdict: that holds for the test.
        mode: what happens when the verdict blocks.
        conditions: what disturbed run conditions do to it.
        visible: the variables that selected the GPUs when this was decided.
        by: why the verdict is not the run's: ``marker``, ``selection`` (of other GPUs); empty when it is.
    """

    verdict: Verdict
    mode: str
    conditions: str
    visible: Visible
    by: str

    @property
    def is_watched(self) -> bool:
        """Whether run conditions are read around the test."""
        return not self.keeps_out and self.conditions != "off"

    @property
    def keeps_out(self) -> bool:
        """Whether the test must not run."""
        return self.verdict.blocks and self.mode != "annotate"


PLAN = pytest.StashKey["Plan | None"]()
"""On an item: its plan, None for a test the gate leaves alone."""
