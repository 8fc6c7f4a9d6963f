"""A verdict as issues: never a passing list for a machine that did not pass."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

import golden
import machines
import msgspec
import pytest
from issue_examples import PLACE

from parity import session
from parity.config.project import Project
from parity.model.absent import Absent
from parity.reports.doctor_issues import issues_of
from parity.reports.issues import fingerprints

if TYPE_CHECKING:
    from parity.model.fingerprint import Fingerprint

WORKSTATION = Path(__file__).resolve().parents[3] / "docs" / "examples" / "workstation-rtx-4090.json"


@pytest.mark.parametrize("case", golden.CASES)
def test_something_fails_exactly_when_the_machine_did_not_pass(case: str) -> None:
    verdict = golden.verdict(case)
    told = issues_of(verdict, fail_on="error", place=PLACE)
    assert any(issue.fails for issue in told.issues) == (not verdict.passed)
    assert told.passed == verdict.passed
    assert {issue.rule for issue in told.issues} == {rule.id for rule in told.rules}
    assert all(issue.message and issue.place == PLACE for issue in told.issues)


def test_a_machine_that_nobody_could_read_is_one_error_and_its_questions() -> None:
    told = issues_of(golden.verdict("unknown"), fail_on="error", place=PLACE)
    first, *rest = told.issues
    assert (first.rule, first.severity, first.fails) == ("target-not-confirmed", "error", True)
    assert "libnvidia-ml.so.1 not found" in first.message
    assert all(issue.is_open for issue in rest)


def test_what_the_required_level_allows_is_no_error() -> None:
    verdict = session.judge_fingerprint(
        machines.machine("rtx-4090"), session.target_of("l40s", Project(), require="same-arch"), Project(),
        today=dt.date(2026, 11, 22),
    )  # fmt: skip
    assert verdict.passed
    assert any(finding.severity == "error" for finding in verdict.findings)
    told = issues_of(verdict, fail_on="error", place=PLACE)
    assert {issue.severity for issue in told.issues if not issue.is_open} <= {"warning", "note"}


def test_a_waived_finding_is_suppressed_with_owner_and_end() -> None:
    told = issues_of(golden.verdict("waived"), fail_on="error", place=PLACE)
    [one] = [issue for issue in told.issues if issue.suppressed is not None]
    assert one.suppressed == "waived until 2027-03-31 by perf-team: the pool is capped"
    assert one.suppressed_in == "external"
    assert not one.fails


@pytest.mark.parametrize("case", golden.CASES)
def test_only_a_run_that_judged_nothing_says_so(case: str) -> None:
    verdict = golden.verdict(case)
    assert issues_of(verdict, fail_on="error", place=None).judged == (verdict.exit_status != 3)


def test_what_can_no_longer_be_read_is_known_again_as_what_it_was() -> None:
    def told(here: Fingerprint) -> dict[str, tuple[bool, str]]:
        verdict = session.judge_fingerprint(here, machines.target("h100"), Project(), today=dt.date(2026, 11, 22))
        issues = issues_of(verdict, fail_on="error", place=PLACE).issues
        return {one.rule: (one.is_open, print_) for one, print_ in zip(issues, fingerprints(issues), strict=True)}

    whole = session.fingerprint_of(str(WORKSTATION))
    [device] = whole.devices
    gone = msgspec.structs.replace(device.conditions, persistence_enabled=Absent(why="failed", source="test"))
    blind = msgspec.structs.replace(whole, devices=(msgspec.structs.replace(device, conditions=gone),))
    (was_open, before), (is_open, after) = (told(one)["persistence-off"] for one in (whole, blind))
    assert (was_open, is_open) == (False, True)
    assert before == after


def test_eight_devices_alike_are_one_issue_known_again_on_two() -> None:
    def told(count: int) -> list[str]:
        here = machines.as_fingerprint(machines.store.device_spec("rtx-4090"), count=count)
        verdict = session.judge_fingerprint(here, machines.target("h100"), Project(), today=dt.date(2026, 11, 22))
        issues = [one for one in issues_of(verdict, fail_on="error", place=PLACE).issues if not one.is_open]
        return [f"{one.rule} {print_}" for one, print_ in zip(issues, fingerprints(issues), strict=True)]

    assert set(told(1)) - set(told(8)) == set()
