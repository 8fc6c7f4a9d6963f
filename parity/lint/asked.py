"""Knows what one run is asked: the target, the facts to judge by, and what the project declares."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from parity.catalog import store
from parity.lint import parts
from parity.model.environment import EnvironmentCard
from parity.model.lint_data import LintData
from parity.model.policy import PerfTests
from parity.model.stack_facts import StackFacts
from parity.model.target import Target

if TYPE_CHECKING:
    from parity.model.spec import DeviceSpec


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Everything besides a file that a rule may look at.

    Attributes:
        declared: the project declares a target, in its own file; a target on the command line alone is a question.
        gated: the project declares targets and no default one, so its perf tests are gated only where a run names one.
        preview: what rests until it is asked for is asked for.
        perf_tests: what makes a test a perf test, besides the plugin's defaults.
    """

    target: Target | None
    data: LintData
    stack: StackFacts
    environment: tuple[EnvironmentCard, ...]
    declared: bool = False
    gated: bool = False
    preview: bool = False
    perf_tests: PerfTests = PerfTests()

    @property
    def pins(self) -> dict[str, str]:
        """Return what the target pins: component or package name -> version specifier."""
        return {} if self.target is None else self.target.stack

    @property
    def spec(self) -> DeviceSpec:
        """Return the target's part; only rules that need a target ask."""
        assert self.target is not None
        return self.target.spec

    def spec_for(self, path: str) -> DeviceSpec | None:
        """Return the target's part, None without a target or when the path speaks for another GPU."""
        if self.target is None or parts.speaks_for_another(path, self.target.spec):
            return None
        return self.target.spec


def asked_of(
    target: Target | None,
    *,
    declared: bool = False,
    gated: bool = False,
    preview: bool = False,
    perf_tests: PerfTests | None = None,
) -> Asked:
    """Return what a run is asked, with the shipped facts."""
    return Asked(
        target=target,
        data=store.lint_book().data,
        stack=store.stack_facts(),
        environment=store.environment_cards(),
        declared=declared or gated,
        gated=gated,
        preview=preview,
        perf_tests=perf_tests or PerfTests(),
    )
