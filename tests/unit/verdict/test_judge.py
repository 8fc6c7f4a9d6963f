"""The judgement as a whole: level, outcome, exit status, transfers, waivers and the unknown policy."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import machines
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parity import session
from parity.catalog import store
from parity.config.project import Project
from parity.model.absent import NOT_ASKED, Absent, Reading
from parity.model.device import DeviceConditions, DeviceIdentity
from parity.model.finding import Waiver
from parity.model.fingerprint import Fingerprint, Link, Note, Origin
from parity.model.partition import Partition
from parity.model.policy import Policy

if TYPE_CHECKING:
    from parity.model.rule import Level
    from parity.model.verdict import Verdict

TODAY = dt.date(2026, 11, 22)
H100 = "h100-sxm5-80gb"
replace = msgspec.structs.replace


def judged(here: str | Fingerprint, target: str = H100, project: Project | None = None) -> Verdict:
    fingerprint = machines.machine(here) if isinstance(here, str) else here
    return session.judge_fingerprint(fingerprint, machines.target(target), project or Project(), today=TODAY)


def rules_of(verdict: Verdict, severity: str = "error") -> set[str]:
    return {finding.rule for finding in verdict.findings if finding.severity == severity}


@pytest.mark.parametrize(
    ("here", "target", "level"),
    [
        (H100, H100, "identical"),
        ("h100-pcie-80gb", H100, "same-arch"),
        ("h200-sxm-141gb", H100, "same-arch"),
        ("h20-sxm-96gb", H100, "same-arch"),
        ("mi308x", "mi300x", "same-arch"),
        ("l40", "l40s", "same-arch"),
        ("rtx-4090", H100, "same-vendor"),
        ("b200-sxm-180gb", H100, "same-vendor"),
        ("b300-sxm-270gb", "b200-sxm-180gb", "same-vendor"),
        ("mi300x", H100, "different"),
        ("nothing-read", H100, "unknown"),
    ],
)
def test_level(here: str, target: str, level: str) -> None:
    assert judged(here, target).level == level


def test_a_match_passes_with_status_0() -> None:
    verdict = judged(H100)
    assert (verdict.outcome, verdict.passed, verdict.exit_status) == ("match", True, 0)


def test_a_mismatch_fails_with_status_1_and_the_contracts_transfers() -> None:
    verdict = judged("rtx-4090")
    assert (verdict.outcome, verdict.passed, verdict.exit_status) == ("mismatch", False, 1)
    carried = msgspec.to_builtins(verdict.transfers)
    assert carried.pop("correctness") == "yes"
    assert set(carried.values()) == {"no"}


def test_zero_devices_are_judged_by_nobody_status_3() -> None:
    nothing = Fingerprint(notes=(Note(source="nvml", text="libnvidia-ml.so.1 not found"),))
    for policy in ("fail", "strict", "report"):
        verdict = judged(nothing, project=Project(policy=Policy(unknown=policy)))
        assert (verdict.outcome, verdict.level, verdict.passed, verdict.exit_status) == ("unknown", "unknown", False, 3)
        assert verdict.unknowns[0].detail == "libnvidia-ml.so.1 not found"
        assert set(msgspec.to_builtins(verdict.transfers).values()) <= {"unknown", "no"}


def test_hidden_devices_are_not_judged_and_said() -> None:
    whole = machines.machine(H100)
    hidden = replace(whole, devices=tuple(replace(d, locator=replace(d.locator, visible=False)) for d in whole.devices))
    verdict = judged(hidden)
    assert verdict.exit_status == 3
    assert verdict.unknowns[0].detail == "1 device is hidden by the visible-devices variables"


def test_the_worst_device_decides() -> None:
    mixed = judged("mixed-4090-3090", "rtx-4090")
    assert [device.level for device in mixed.devices] == ["identical", "same-vendor"]
    assert (mixed.level, mixed.outcome) == ("same-vendor", "mismatch")
    assert "mixed-devices" in rules_of(mixed)


def test_two_memory_modes_of_one_slice_are_mixed() -> None:
    one = machines.machine("mi300x-cpx").devices[0]
    mode = Reading(value=Partition(kind="compute", profile="CPX", memory_mode="NPS4"), source="test")
    other = replace(one, locator=replace(one.locator, index=1), identity=replace(one.identity, partition=mode))
    assert "mixed-devices" in rules_of(judged(Fingerprint(devices=(one, other)), "mi300x/CPX"))


def test_candidates_that_all_miss_the_target_are_a_mismatch() -> None:
    ambiguous = machines.changed(machines.machine("rtx-3080-10gb"), {"identity.memory_bytes": None})
    device = ambiguous.devices[0]
    only_name = replace(device, identity=DeviceIdentity(vendor=device.identity.vendor, name=device.identity.name))
    verdict = judged(replace(ambiguous, devices=(only_name,)))
    assert verdict.devices[0].identity is None
    assert len(verdict.devices[0].candidates) == 2
    assert (verdict.outcome, verdict.level) == ("mismatch", "same-vendor")


def test_candidates_of_which_one_is_the_target_leave_it_open() -> None:
    device = machines.machine("rtx-3080-10gb").devices[0]
    only_name = replace(device, identity=DeviceIdentity(vendor=device.identity.vendor, name=device.identity.name))
    verdict = judged(Fingerprint(devices=(only_name,)), "rtx-3080-10gb")
    assert (verdict.outcome, verdict.level, verdict.passed) == ("unknown", "unknown", False)


def test_an_unlisted_part_of_another_architecture_is_a_known_mismatch() -> None:
    device = machines.machine("rtx-4090").devices[0]
    identity = replace(
        device.identity,
        name=Reading(value="NVIDIA X", source="t"),
        pci_device_id=Reading(value="10de:ffff", source="t"),
    )
    verdict = judged(Fingerprint(devices=(replace(device, identity=identity),)))
    assert verdict.devices[0].identity is None
    assert verdict.level == "same-vendor"


def test_an_unlisted_part_of_the_same_architecture_and_equal_facts_stays_unknown() -> None:
    device = machines.machine(H100).devices[0]
    identity = replace(
        device.identity,
        name=Reading(value="NVIDIA X", source="t"),
        pci_device_id=Reading(value="10de:ffff", source="t"),
    )
    verdict = judged(Fingerprint(devices=(replace(device, identity=identity),)))
    assert (verdict.level, verdict.outcome, verdict.exit_status) == ("unknown", "unknown", 3)


def test_an_error_finding_fails_a_matching_machine() -> None:
    throttled = machines.changed(machines.machine(H100), {"conditions.throttle_reasons": "hw-thermal"})
    verdict = judged(throttled)
    assert (verdict.outcome, verdict.passed, verdict.exit_status) == ("match", False, 1)
    assert verdict.transfers.timings_single_gpu == "no"
    assert verdict.transfer_reasons["timings_single_gpu"] == ("throttled-now",)


def test_fail_on_warning_counts_warnings() -> None:
    busy = machines.changed(machines.machine(H100), {"conditions.memory_used_bytes": 9 * 2**30})
    assert judged(busy).passed
    assert not judged(busy, project=Project(policy=Policy(fail_on="warning"))).passed


def test_strict_fails_on_any_unknown_and_report_on_none() -> None:
    assert judged(H100).unknowns
    assert not judged(H100, project=Project(policy=Policy(unknown="strict"))).passed
    assert judged(H100, "h100-declared").passed is False  # a declared condition nobody read
    assert judged(H100, "h100-declared", Project(policy=Policy(unknown="report"))).passed


def waiver(rule: str, until: str = "2027-01-01", subject: str = "") -> Waiver:
    return Waiver(rule=rule, reason="known", owner="perf", until=dt.date.fromisoformat(until), subject=subject)


def test_a_waiver_lets_a_finding_pass_and_leaves_the_level_truthful() -> None:
    capped = machines.changed(machines.machine("l40s"), {"conditions.power_limit_w": 325.0})
    verdict = judged(capped, "l40s", Project(waivers=(waiver("power-limit-below-default"),)))
    assert (verdict.level, verdict.outcome) == ("same-arch", "mismatch")
    assert (verdict.passed, verdict.exit_status) == (True, 0)
    assert verdict.findings[0].waived is not None
    assert verdict.findings[0].waived.owner == "perf"


def test_a_waiver_of_another_subject_covers_nothing() -> None:
    capped = machines.changed(machines.machine("l40s"), {"conditions.power_limit_w": 325.0})
    assert not judged(capped, "l40s", Project(waivers=(waiver("power-limit-below-default", subject="GPU 7"),))).passed


def test_a_waiver_of_gpu_1_is_not_one_of_gpu_10() -> None:
    whole = machines.as_fingerprint(store.device_spec("l40s"), count=11)
    slow = Reading(value=300.0, source="test")
    devices = tuple(
        replace(device, conditions=replace(device.conditions, power_limit_w=slow)) if number == 10 else device
        for number, device in enumerate(whole.devices)
    )
    project = Project(waivers=(waiver("power-limit-below-default", subject="GPU 1"),))
    assert not judged(replace(whole, devices=devices), "l40s", project).passed
    named = Project(waivers=(waiver("power-limit-below-default", subject="GPU 10"),))
    findings = judged(replace(whole, devices=devices), "l40s", named).findings
    assert [finding.waived is not None for finding in findings if finding.rule == "power-limit-below-default"] == [True]


def test_an_expired_waiver_covers_nothing_and_is_a_finding() -> None:
    capped = machines.changed(machines.machine("l40s"), {"conditions.power_limit_w": 325.0})
    verdict = judged(capped, "l40s", Project(waivers=(waiver("power-limit-below-default", "2026-11-21"),)))
    assert {"power-limit-below-default", "waiver-expired"} <= rules_of(verdict)
    last_day = judged(capped, "l40s", Project(waivers=(waiver("power-limit-below-default", "2026-11-22"),)))
    assert last_day.passed


def test_a_rule_can_be_set_and_switched_off() -> None:
    capped = machines.changed(machines.machine("l40s"), {"conditions.power_limit_w": 325.0})
    assert judged(capped, "l40s", Project(rules={"power-limit-below-default": {"at_least": 0.9}})).passed
    silenced = judged(capped, "l40s", Project(rules={"power-limit-below-default": {"severity": "off"}}))
    assert silenced.findings == ()
    assert (silenced.level, silenced.passed) == ("same-arch", False)


def test_a_broken_pin_is_never_identical() -> None:
    assert judged("old-driver", "h100-pinned").level == "equivalent"
    assert judged("new-driver", "h100-pinned").level == "identical"


def test_count_is_judged_only_when_declared() -> None:
    assert judged(H100).passed
    assert rules_of(judged(H100, "8xh100")) == {"device-count-differs"}


@pytest.mark.parametrize(
    ("here", "target"), [("h100-pcie-80gb", H100), ("rtx-4090", "rtx-4090-d"), ("h200-nvl-141gb", "h200-sxm-141gb")]
)
def test_siblings_are_never_equivalent(here: str, target: str) -> None:
    assert judged(here, target).level in ("same-arch", "unknown")


def test_a_better_card_is_told_too() -> None:
    faster = judged("h200-sxm-141gb")
    assert {"memory-bandwidth-above-target", "memory-size-above-target"} <= rules_of(faster, "warning")


def test_a_narrow_question_never_changes_what_a_machine_is() -> None:
    fingerprint = machines.machine("rtx-4090")
    verdict = session.judge_fingerprint(
        fingerprint, machines.target(H100), Project(), only=("throttled-now",), today=TODAY
    )
    assert (verdict.outcome, verdict.level, verdict.passed) == ("mismatch", "same-vendor", False)
    assert verdict.transfers.timings_single_gpu == "no"
    assert verdict.findings == ()


def test_a_rule_that_is_off_still_lowers_the_level() -> None:
    off = Project(rules={"arch-differs": {"severity": "off"}})
    assert judged("rtx-4090", project=off).level == "same-vendor"


def test_a_lower_requirement_allows_what_its_level_allows() -> None:
    def required(here: str, level: Level) -> bool:
        target = replace(machines.target(H100), require=level)
        return session.judge_fingerprint(machines.machine(here), target, Project(), today=TODAY).passed

    assert required("h100-pcie-80gb", "same-arch")
    assert not required("h100-pcie-80gb", "equivalent")
    assert required("rtx-4090", "same-vendor")
    assert not required("rtx-4090", "same-arch")
    assert not required("mi300x", "same-vendor")
    assert not required("nothing-read", "same-vendor")


def test_mig_that_is_on_is_never_a_whole_gpu() -> None:
    on = machines.changed(machines.machine("a100-sxm4-40gb"), {"conditions.mig_enabled": True})
    verdict = judged(on, "a100-sxm4-40gb")
    assert (verdict.level, verdict.passed) == ("same-arch", False)


@pytest.mark.parametrize("why", ["failed", "timed_out", "lost", "no_permission", "library_missing"])
@pytest.mark.parametrize(("block", "name"), [("identity", "partition"), ("conditions", "power_limit_w")])
def test_a_question_asked_without_an_answer_leaves_the_level_open(block: str, name: str, why: Any) -> None:
    fingerprint = machines.machine(H100)
    device = fingerprint.devices[0]
    gone = Absent(why=why, source="nvml:test")
    device = replace(device, **{block: replace(getattr(device, block), **{name: gone})})
    identity = replace(device.identity, sm_count=NOT_ASKED)
    verdict = judged(replace(fingerprint, devices=(replace(device, identity=identity),)))
    assert (verdict.level, verdict.passed) == ("unknown", False)


@pytest.mark.parametrize(
    ("conditions", "state", "passes"),
    [
        ({"ecc": True}, {}, False),
        ({"ecc": True}, {"conditions.ecc_enabled": True}, True),
        ({"ecc": False}, {"conditions.ecc_enabled": True}, False),
        ({"mig": True}, {"conditions.mig_enabled": False}, False),
        ({"confidential_compute": True}, {"conditions.confidential_compute": False}, False),
    ],
)
def test_a_declared_condition_is_judged_and_unread_it_fails(
    conditions: dict[str, Any], state: dict[str, Any], passes: bool
) -> None:
    target = replace(machines.target(H100), conditions=conditions)
    here = machines.changed(machines.machine(H100), state)
    assert session.judge_fingerprint(here, target, Project(), today=TODAY).passed is passes


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ({"identity.power_default_w": 300.0, "conditions.power_limit_w": 300.0}, "power-limit-below-default"),
        ({"identity.power_default_w": -1.0, "conditions.power_limit_w": 300.0}, "power-limit-below-default"),
        ({"identity.clock_boost_mhz": 1200}, "boost-clock-below-target"),
        ({"identity.memory_clock_mhz": 1593, "identity.memory_bus_width_bits": None}, "memory-bandwidth-below-target"),
        ({"conditions.clock_customer_boost_mhz": 1000}, "clock-limited"),
    ],
)
def test_a_board_slower_than_its_part_is_told(value: dict[str, Any], rule: str) -> None:
    absent = {path: given for path, given in value.items() if given is None}
    here = machines.changed(machines.machine(H100), {path: given for path, given in value.items() if given is not None})
    for path in absent:
        device = here.devices[0]
        identity = replace(device.identity, **{path.split(".")[1]: NOT_ASKED})
        here = replace(here, devices=(replace(device, identity=identity),))
    verdict = judged(here)
    assert rule in {finding.rule for finding in verdict.findings}
    assert verdict.transfers.timings_single_gpu == "no"


def test_gpus_that_were_counted_but_not_read_fail_a_live_run() -> None:
    here = replace(machines.machine(H100), device_count=Reading(value=8, source="nvml"), origin=Origin(kind="live"))
    verdict = judged(here)
    assert (verdict.outcome, verdict.passed) == ("match", False)


def test_bridged_boards_need_no_link_for_every_pair() -> None:
    pair = replace(
        machines.as_fingerprint(store.device_spec("rtx-a6000"), count=2), links=(Link(a=0, b=1, kind="pcie"),)
    )
    verdict = judged(pair, "rtx-a6000")
    assert "link-incomplete" not in rules_of(verdict)
    assert verdict.transfers.timings_multi_gpu == "unknown"


def test_a_captured_machine_is_its_own_target_however_it_is_set() -> None:
    capped = machines.changed(
        machines.machine(H100), {"conditions.power_limit_w": 500.0, "conditions.ecc_enabled": False}
    )
    target = replace(machines.target(H100), conditions={"power_limit_w": ">=490,<=510", "ecc": False}, reference=capped)
    assert session.judge_fingerprint(capped, target, Project(), today=TODAY).passed
    default = machines.changed(
        machines.machine(H100), {"conditions.power_limit_w": 700.0, "conditions.ecc_enabled": True}
    )
    assert not session.judge_fingerprint(default, target, Project(), today=TODAY).passed


def test_variables_of_another_vendor_say_nothing() -> None:
    amd = replace(machines.machine(H100), environment={"HSA_OVERRIDE_GFX_VERSION": "9.4.2"})
    assert judged(amd).passed
    here = replace(machines.machine("mi300x"), environment={"HSA_OVERRIDE_GFX_VERSION": "9.4.2"})
    assert "faked-architecture" not in rules_of(judged(here, "mi300x"))  # what it names is there
    here = replace(here, environment={"HSA_OVERRIDE_GFX_VERSION": "11.0.0"})
    assert "faked-architecture" in rules_of(judged(here, "mi300x"))


READABLE = [
    (block, name)
    for block, kind in (("identity", DeviceIdentity), ("conditions", DeviceConditions))
    for name in kind.__struct_fields__
]


@settings(max_examples=150, deadline=None)
@given(
    lost=st.sets(st.sampled_from(READABLE)),
    why=st.sampled_from(["not_supported", "no_permission", "lost", "failed", "timed_out", "library_missing"]),
    part=st.sampled_from(["rtx-4090", "h100-pcie-80gb", "mi300x", "h200-sxm-141gb", "h20-sxm-96gb", "a100-sxm4-80gb"]),
)
def test_no_missing_reading_ever_turns_a_mismatch_into_a_pass(lost: set[tuple[str, str]], why: Any, part: str) -> None:
    fingerprint = machines.machine(part)
    device = fingerprint.devices[0]
    for block, name in lost:
        gone = Absent(why=why, source="nvml:test", detail="injected")
        device = replace(device, **{block: replace(getattr(device, block), **{name: gone})})
    verdict = judged(replace(fingerprint, devices=(device,)))
    assert verdict.outcome != "match"
    assert not verdict.passed
    assert verdict.exit_status in (1, 3)
