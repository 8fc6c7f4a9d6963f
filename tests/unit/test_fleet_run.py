"""What a project says of its rules holds for fleets: waivers, notes, what is held against which peak."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import fleets
import machines
import msgspec
import pytest

from parity import fleet_run
from parity.config.project import Project
from parity.model.finding import Waiver
from parity.model.measurement import Measurement

if TYPE_CHECKING:
    from parity.model.fingerprint import Fingerprint

replace = msgspec.structs.replace
BANDWIDTH, MATRIX = fleet_run.PEAK_RULES
TODAY, EVER, PAST = dt.date(2026, 11, 22), dt.date(2999, 1, 1), dt.date(2020, 1, 1)


def measured(value: float, name: str = "dram_copy", part: str = "h100-sxm5-80gb") -> Fingerprint:
    unit: Any = "GB/s" if name.startswith("dram") else "TFLOPS"
    one = Measurement(name=name, device=1, value=value, unit=unit, kernel="cuMemcpyDtoDAsync")
    return replace(fleets.node("n", part=part, count=2), measured=(one,))


def waiver(rule: str, *, subject: str = "", until: dt.date = EVER) -> Waiver:
    return Waiver(rule=rule, subject=subject, reason="known", owner="o", until=until)


def below(fingerprint: Fingerprint, project: Project) -> list[tuple[str, str, bool]]:
    return [(one.part, one.rule, one.fails) for one in fleet_run._below_peak(fingerprint, None, project)]


@pytest.mark.parametrize(
    ("project", "told"),
    [
        (Project(), [True]),
        (Project(waivers=(waiver(BANDWIDTH),)), []),
        (Project(waivers=(waiver(MATRIX),)), [True]),
        (Project(waivers=(waiver(BANDWIDTH, subject="GPU 1"),)), [True]),  # one board's, and no part's
        (Project(waivers=(waiver(BANDWIDTH, until=PAST),)), [True]),
        (Project(rules={BANDWIDTH: {"severity": "warning"}}), [True]),
        (Project(rules={BANDWIDTH: {"severity": "note"}}), [False]),
        (Project(rules={BANDWIDTH: {"severity": "off"}}), []),
    ],
)
def test_what_a_project_says_of_a_rule_holds_for_parts_below_their_peak(project: Project, told: list[bool]) -> None:
    found = below(measured(1000.0), project)
    assert found == [("h100-sxm5-80gb", BANDWIDTH, fails) for fails in told]


def test_a_rate_above_its_peak_fails_and_a_healthy_one_is_not_told() -> None:
    assert below(measured(5000.0), Project()) == [("h100-sxm5-80gb", BANDWIDTH, True)]
    assert below(measured(2900.0), Project()) == []
    assert below(measured(400.0, "matmul_bf16"), Project()) == [("h100-sxm5-80gb", MATRIX, True)]


def test_a_device_of_no_known_part_is_held_against_its_own_peak_where_there_is_a_target() -> None:
    unknown = fleets.changed(measured(1000.0), "identity", name="NVIDIA Foo", pci_device_id="10de:ffff")
    assert list(fleet_run._below_peak(unknown, None, Project())) == []
    target = machines.target("h100-sxm5-80gb")
    (one,) = fleet_run._below_peak(unknown, target, Project())
    assert (one.part, one.fails) == ("NVIDIA Foo", True)


@pytest.mark.parametrize(
    ("project", "is_pardoned"),
    [
        (Project(), False),
        (Project(rules={"throttled-now": {"severity": "note"}}), True),
        (Project(rules={"throttled-now": {"severity": "off"}}), True),
        (Project(rules={"throttled-now": {"severity": "warning"}}), False),
        (Project(waivers=(waiver("throttled-now"),)), True),
        (Project(waivers=(waiver("throttled-now", until=TODAY),)), True),
        (Project(waivers=(waiver("throttled-now", until=TODAY - dt.timedelta(days=1)),)), False),
        (Project(waivers=(waiver("throttled-now", until=PAST),)), False),
        (Project(waivers=(waiver("throttled-now", subject="GPU 0"),)), False),
        (Project(waivers=(waiver("link-incomplete"),)), False),
    ],
)
def test_a_device_that_was_throttled_when_read_is_pardoned_by_its_rule(
    project: Project, is_pardoned: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Today(dt.datetime):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> Today:
            assert tz is not None
            return cls(TODAY.year, TODAY.month, TODAY.day, 23, 59, tzinfo=tz)

    monkeypatch.setattr(fleet_run.dt, "datetime", Today)
    assert ("slowed" in fleet_run._pardoned(project)) is is_pardoned
