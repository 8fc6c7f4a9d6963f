"""A project's word on a model: waivers cover findings until their day, the policy says what fails."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import models
import pytest

from parity.model.finding import Waiver
from parity.model.policy import Policy
from parity.verdict.model_gate import ended, gated, together
from parity.workload.estimate import estimate
from parity.workload.question import Question

if TYPE_CHECKING:
    from parity.model.workload import ModelReport

TODAY = dt.date(2026, 11, 22)


def report(name: str = "llama-3.1-70b", on: str = "h200", **asked: Any) -> ModelReport:
    return estimate(models.question(name, on, **asked), source="models/70b/config.json")


def waiver(rule: str = "footprint-tight-on-target", subject: str = "", until: dt.date = TODAY) -> Waiver:
    return Waiver(rule=rule, subject=subject, reason="a trial", owner="serving", until=until)


@pytest.mark.parametrize("subject", ["", "models/70b/config.json", "1x h200-sxm-141gb"])
def test_a_waiver_covers_a_finding_to_its_last_day(subject: str) -> None:
    told = gated(report(), [waiver(subject=subject)], Policy(), today=TODAY)
    assert told.exit_status == 0
    assert [finding.waived is not None for finding in told.findings] == [True]


@pytest.mark.parametrize(
    "given",
    [
        waiver(until=TODAY - dt.timedelta(days=1)),
        waiver(subject="models/8b"),
        waiver(rule="footprint-beyond-target"),
    ],
)
def test_other_waivers_do_not(given: Waiver) -> None:
    told = gated(report(), [given], Policy(), today=TODAY)
    assert told.exit_status == 1
    assert all(finding.waived is None for finding in told.findings)


def test_the_policy_says_what_fails() -> None:
    noted = report("llama-3.1-8b", "h100", context=200_000)
    assert {finding.severity for finding in noted.findings} >= {"warning"}
    assert gated(noted, [], Policy(), today=TODAY).exit_status == 0
    assert gated(noted, [], Policy(fail_on="warning"), today=TODAY).exit_status == 1


def test_what_is_not_known_follows_the_policy() -> None:
    open_question = report("llama-3.1-8b", "h100")
    assert gated(open_question, [], Policy(), today=TODAY).exit_status == 0
    unread = Question(shape=models.shape("llama-3.1-8b", model_type="never-seen"), target=models.target("h100"))
    odd = estimate(unread, source="config.json")
    assert gated(odd, [], Policy(), today=TODAY).exit_status == 3
    assert gated(odd, [], Policy(unknown="report"), today=TODAY).exit_status == 0
    vision = report("deepseek-v3", "16xh100")
    assert gated(vision, [], Policy(unknown="strict"), today=TODAY).exit_status == 3


def test_expired_waivers_of_models_are_told() -> None:
    old = waiver(until=dt.date(2026, 1, 1))
    told = ended(
        [old, waiver(rule="ecc-differs", until=dt.date(2026, 1, 1))], ["footprint-tight-on-target"], today=TODAY
    )
    assert told == (
        ("the waiver of footprint-tight-on-target (a trial) ended on 2026-01-01; ask serving to renew it with a new date, "
        "or remove it"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("statuses", "expired", "worst"),
    [([], False, 3), ([0, 0], False, 0), ([0, 3], False, 3), ([3, 1, 0], False, 1), ([0], True, 1)],
)
def test_the_worst_of_several_decides(statuses: list[int], expired: bool, worst: int) -> None:
    assert together(statuses, expired_waivers=expired) == worst
