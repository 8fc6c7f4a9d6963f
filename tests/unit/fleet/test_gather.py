"""Many nodes: alike ones together, every odd one found and said why, nothing that moves by itself taken for odd."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parity.catalog import store
from parity.catalog.as_fingerprint import as_fingerprint
from parity.fleet.documents import Reading as Found
from parity.fleet.gather import MAX_UNREADABLE, Gathering, is_sound
from parity.fleet.plain import lasting
from parity.model.absent import Absent, Reading
from parity.model.device import DeviceConditions, DeviceIdentity, Process
from parity.model.fingerprint import Fingerprint, Host, Origin, Stack
from parity.model.fleet import (
    Ailing,
    BelowPeak,
    Change,
    Fleet,
    MedianDrift,
    NodeVerdict,
    SlowDevice,
    Undecided,
    Unreadable,
)
from parity.model.measurement import Measurement

replace = msgspec.structs.replace
STACK = {"driver": "570.86.15", "torch": "2.9.1"}
GOOD = NodeVerdict(outcome="match", level="identical", passed=True, headline="")
MOVING = {"temperature_c": 51.0, "clock_sm_mhz": 345, "utilization_gpu_percent": 3, "ecc_corrected": 12}
# One value of each kind of block that somebody sets, or that makes a board another.
LASTING: tuple[tuple[str, str, Any], ...] = (
    ("identity", "vbios_version", "96.00.74.00.01"),
    ("identity", "firmware_version", "570.86.10"),
    ("identity", "sm_count", 114),
    ("identity", "pcie_width", 8),
    ("conditions", "power_limit_w", 500.0),
    ("conditions", "ecc_enabled", False),
    ("conditions", "mig_enabled", True),
    ("conditions", "pcie_width_now", 8),
    ("conditions", "clock_application_sm_mhz", 1200),
    ("host", "kernel", "6.8.0-45"),
    ("host", "numa_balancing", True),
    ("stack", "driver", "570.86.10"),
    ("stack", "nccl", "2.21.5"),
    ("package", "flash-attn", "2.8.0"),
    ("environment", "NCCL_ALGO", "Ring"),
)


def told(value: Any) -> Reading[Any]:
    return Reading(value=value, source="test")


def node(name: str = "", *, seed: int = 0, count: int = 2, rates: dict[int, float] | None = None) -> Fingerprint:
    """Return a node; the seed decides about everything that moves by itself, and nothing else."""
    dice = random.Random(seed)
    whole = as_fingerprint(store.device_spec("h100-sxm5-80gb"), count=count)
    devices = tuple(
        replace(
            device,
            locator=replace(device.locator, uuid=told(f"GPU-{dice.random()}")),
            conditions=replace(
                device.conditions,
                processes=told((Process(pid=dice.randrange(9999), kind="compute"),)),
                **{field: told(value + dice.randrange(5)) for field, value in MOVING.items()},
            ),
        )
        for device in whole.devices
    )
    measured = tuple(
        Measurement(name="dram_copy", device=index, value=rate, unit="GB/s", kernel="copy")
        for index, rate in (rates or {}).items()
    )
    return replace(
        whole,
        origin=Origin(kind="live", captured_at=f"2026-01-01T00:00:{seed % 60:02}Z"),
        host=Host(hostname=told(name)) if name else Host(),
        stack=Stack(components={key: told(value) for key, value in STACK.items()}, packages={"vllm": "0.11.0"}),
        devices=devices,
        measured=measured,
    )


def changed(fingerprint: Fingerprint, block: str, name: str, value: Any, *, device: int = 0) -> Fingerprint:
    """Return a node with one other value."""
    if block in ("identity", "conditions"):
        devices = list(fingerprint.devices)
        inner = replace(getattr(devices[device], block), **{name: told(value)})
        devices[device] = replace(devices[device], **{block: inner})
        return replace(fingerprint, devices=tuple(devices))
    if block == "host":
        return replace(fingerprint, host=replace(fingerprint.host, **{name: told(value)}))
    if block == "environment":
        return replace(fingerprint, environment={**fingerprint.environment, name: value})
    stack = fingerprint.stack
    if block == "package":
        return replace(fingerprint, stack=replace(stack, packages={**stack.packages, name: value}))
    return replace(fingerprint, stack=replace(stack, components={**stack.components, name: told(value)}))


def gathered(*nodes: Fingerprint | Unreadable | bytes, judge: Any = None) -> Gathering:
    gathering = Gathering(judge)
    for number, one in enumerate(nodes):
        if isinstance(one, Unreadable):
            gathering.take([one])
        else:
            raw = one if isinstance(one, bytes) else msgspec.json.encode(one)
            gathering.take([Found(f"fleet.jsonl:{number + 1}", "", raw)])
    return gathering


def fleet(*nodes: Fingerprint | Unreadable | bytes, judge: Any = None) -> Fleet:
    return gathered(*nodes, judge=judge).fleet()


def test_what_moves_by_itself_makes_no_node_odd() -> None:
    found = fleet(*(node(f"n{seed}", seed=seed) for seed in range(20)))
    assert (found.nodes, found.alike, found.passed, found.exit_status) == (20, True, True, 0)
    assert found.groups[0].title == "2x NVIDIA H100 80GB HBM3, driver 570.86.15, torch 2.9.1"
    assert found.groups[0].nodes == tuple(f"n{seed}" for seed in range(20))


@pytest.mark.parametrize(("block", "name", "value"), LASTING, ids=[name for _, name, _ in LASTING])
def test_one_value_makes_a_node_odd_and_is_named(block: str, name: str, value: Any) -> None:
    nodes = [node(f"n{seed}", seed=seed) for seed in range(6)]
    nodes[3] = changed(nodes[3], block, name, value)
    found = fleet(*nodes)
    assert (found.alike, found.passed, found.exit_status) == (False, False, 1)
    assert [group.count for group in found.groups] == [5, 1]
    odd = found.groups[1]
    assert odd.nodes == ("n3",)
    assert odd.like == found.groups[0].id
    assert [one.name for one in odd.differences] == [name]
    assert odd.differences[0].subject in ("GPU 0", "machine")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 59), st.sampled_from(LASTING), st.integers(0, 1)), max_size=4), st.randoms())
def test_every_odd_node_is_found_wherever_it_stands(odd: list[tuple[int, Any, int]], dice: random.Random) -> None:
    nodes = [node(f"n{number}", seed=dice.randrange(1000)) for number in range(60)]
    touched: dict[int, set[str]] = {}
    for number, (block, name, value), device in odd:
        nodes[number] = changed(nodes[number], block, name, value, device=device)
        touched.setdefault(number, set()).add(name)
    found = fleet(*nodes)
    assert sum(group.count for group in found.groups) == 60
    seen = {name: {one.name for one in group.differences} for group in found.groups[1:] for name in group.nodes}
    assert seen == {f"n{number}": names for number, names in touched.items()}


def test_equal_devices_are_told_together_and_others_apart() -> None:
    nodes = [node(f"n{number}", count=4) for number in range(3)]
    for device in (0, 1, 2):
        nodes[2] = changed(nodes[2], "identity", "vbios_version", "96", device=device)
    odd = fleet(*nodes).groups[1]
    assert [(one.subject, one.name, one.kind, one.b) for one in odd.differences] == [
        ("GPU 0-2", "vbios_version", "only-b", "96")
    ]


def test_a_node_that_tells_less_is_no_drift_but_not_alike_either() -> None:
    nodes = [node(f"n{number}") for number in range(3)]
    stack = {"driver": Absent(why="timed_out", source="nvml"), "torch": told("2.9.1")}
    nodes[1] = replace(nodes[1], stack=replace(nodes[1].stack, components=stack))
    found = fleet(*nodes)
    assert not found.alike
    assert [(one.name, one.kind, one.a) for one in found.groups[1].differences] == [("driver", "only-a", "570.86.15")]


def test_another_number_of_devices_is_told() -> None:
    found = fleet(node("a", count=8), node("b", count=8), node("c", count=7))
    assert [(one.name, one.a, one.b, one.ratio) for one in found.groups[1].differences] == [
        ("visible_devices", "8", "7", 0.875)
    ]


def test_groups_are_held_against_the_largest_of_their_own_hardware() -> None:
    pcie = as_fingerprint(store.device_spec("h100-pcie-80gb"))
    cards = [replace(pcie, host=Host(hostname=told(f"p{number}"))) for number in range(2)]
    other = replace(cards[1], stack=Stack(components={"driver": told("1.0")}))
    found = fleet(*(node(f"n{number}") for number in range(3)), *cards, replace(other, host=Host(hostname=told("q"))))
    largest, pcies, odd = found.groups
    assert pcies.like == largest.id
    assert odd.like == pcies.id
    assert [one.name for one in odd.differences] == ["driver"]


def test_each_kind_is_judged_once() -> None:
    asked: list[Fingerprint] = []

    def judge(fingerprint: Fingerprint) -> NodeVerdict:
        asked.append(fingerprint)
        passed = len(asked) == 1
        return NodeVerdict(outcome="match", level="identical", passed=passed, headline="told")

    nodes = [node(f"n{seed}", seed=seed) for seed in range(5)]
    nodes[4] = changed(nodes[4], "stack", "driver", "1.0")
    found = fleet(*nodes, judge=judge)
    assert len(asked) == 2
    assert [group.verdict.passed for group in found.groups if group.verdict] == [True, False]
    assert (found.passed, found.exit_status) == (False, 1)


def test_with_a_target_kinds_may_differ() -> None:
    nodes = [node("a"), changed(node("b"), "host", "kernel", "6.8")]
    found = fleet(*nodes, judge=lambda _: GOOD)
    assert (found.alike, found.passed) == (False, True)


@pytest.mark.parametrize("raw", [b"{}", b'{"schema": "parity.fingerprint/1", "devices": 3}', b"[", b"\xff", b"null"])
def test_what_is_no_node_is_told_and_never_a_pass(raw: bytes) -> None:
    found = fleet(node("a"), raw) if raw != b"{}" else fleet(node("a"), Unreadable(where="x", why="odd"))
    assert found.nodes == 1
    assert len(found.unreadable) == 1
    assert (found.alike, found.passed, found.exit_status) == (False, False, 1)


@pytest.mark.parametrize("judge", [None, lambda _: GOOD])
def test_nothing_at_all_is_not_a_pass(judge: Any) -> None:
    found = fleet(judge=judge)
    assert (found.nodes, found.passed, found.exit_status) == (0, False, 3)


def test_nodes_without_a_gpu_are_no_pass_however_alike() -> None:
    bare = Fingerprint(origin=Origin(kind="live"))
    assert (fleet(bare, bare).passed, fleet(bare, bare).exit_status) == (False, 3)
    mixed = fleet(node("a"), bare)
    assert (mixed.passed, mixed.exit_status, mixed.groups[1].title) == (False, 1, "no GPU")
    judged = fleet(node("a"), bare, judge=lambda _: GOOD)
    assert (judged.passed, judged.exit_status) == (False, 1), "whatever their target says of no GPU"


def test_a_name_that_comes_twice_is_told() -> None:
    assert fleet(node("a"), node("a"), node("b")).repeated == ("a",)


def test_nameless_nodes_are_named_by_their_place_and_hostile_names_are_harmless() -> None:
    found = fleet(node(), node("x\x1b[31m\n" + "y" * 500))
    assert found.groups[0].nodes[0] == "fleet.jsonl:1"
    other = found.groups[0].nodes[1]
    assert "\x1b" not in other
    assert "\n" not in other
    assert len(other) <= 200


def test_changes_since_a_baseline() -> None:
    before = gathered(node("a"), node("b"), node("gone"))
    now = gathered(node("a", seed=7), changed(node("b"), "conditions", "power_limit_w", 500.0), node("new"))
    found = now.fleet(baseline=before)
    assert found.changes is not None
    assert {(one.node, one.kind) for one in found.changes} == {("b", "changed"), ("gone", "gone"), ("new", "new")}
    (change,) = [one for one in found.changes if one.kind == "changed"]
    assert [(one.name, one.b) for one in change.differences] == [("power_limit_w", "500 W")]
    assert not found.passed
    assert now.fleet(baseline=now).changes == ()


def test_a_slow_device_is_found_among_its_like() -> None:
    dice = random.Random(4)
    nodes = [node(f"n{seed}", rates={0: dice.gauss(2900, 15), 1: dice.gauss(2900, 15)}) for seed in range(50)]
    nodes[31] = node("n31", rates={0: 2890.0, 1: 2500.0})
    found = fleet(*nodes)
    assert [(one.node, one.device, one.devices) for one in found.slow] == [("n31", 1, 100)]
    assert found.slow[0].ratio == pytest.approx(0.862, abs=0.005)
    assert (found.alike, found.passed, found.measured) == (True, False, found.nodes)


def test_a_healthy_spread_is_not_slow_and_few_devices_decide_nothing() -> None:
    close = [node(f"n{number}", rates={0: 2900.0, 1: 2900.0}) for number in range(20)]
    close[3] = node("n3", rates={0: 2900.0, 1: 2900.0 * 0.96})
    assert fleet(*close).slow == ()
    assert fleet(node("a", rates={0: 2900.0, 1: 1000.0})).slow == ()
    assert fleet(node("a")).measured == 0


@pytest.mark.parametrize("value", [0.0, -1.0, 1e999])
def test_rates_that_cannot_be_are_left_out(value: float) -> None:
    good = [node(f"n{number}", rates={0: 2900.0}) for number in range(5)]
    raw = msgspec.json.encode(node("odd", rates={0: 1234.5})).replace(b"1234.5", repr(value).encode())
    found = fleet(*good, raw)
    assert found.slow == ()


def test_lasting_keeps_what_is_set_and_drops_what_moves() -> None:
    device = lasting(changed(node(), "conditions", "power_limit_w", 500.0)).devices[0]
    assert device.conditions.power_limit_w == told(500.0)
    assert isinstance(device.conditions.temperature_c, Absent)
    assert isinstance(device.conditions.processes, Absent)
    assert device.identity != DeviceIdentity()
    assert device.conditions != DeviceConditions()


@pytest.mark.parametrize("count", [MAX_UNREADABLE, MAX_UNREADABLE + 1, 3 * MAX_UNREADABLE])
def test_of_very_much_that_is_not_understood_the_count_is_kept(count: int) -> None:
    now = Gathering()
    now.take(Unreadable(where=f"f:{number}", why="no node") for number in range(count))
    first, rest = now.unreadable[:MAX_UNREADABLE], now.unreadable[MAX_UNREADABLE:]
    assert [one.where for one in first] == [f"f:{number}" for number in range(MAX_UNREADABLE)]
    more = count - MAX_UNREADABLE
    assert [one.why for one in rest] == ([f"{more} more that were not understood"] if more else [])


def undecided(why: Any, name: str = "dram_copy") -> Undecided:
    rates: Any = {"median": 2.0, "lowest": 1.0, "highest": 3.0}
    return Undecided(name=name, part="H100", unit="GB/s", why=why, devices=3, **rates)


def drift(ratio: float) -> MedianDrift:
    return MedianDrift(name="dram_copy", part="H100", unit="GB/s", before=100.0, after=100.0 * ratio, ratio=ratio)


SLOW = SlowDevice(
    node="a", device=0, name="dram_copy", unit="GB/s", value=1.0, median=2.0, ratio=0.5, deviations=9.0, devices=3
)


@pytest.mark.parametrize(
    ("told", "stands"),
    [
        ({}, True),
        ({"slow": (SLOW,)}, False),
        ({"undecided": (undecided("few"),)}, True),
        ({"undecided": (undecided("kernel"),)}, False),
        ({"undecided": (undecided("split"),)}, False),
        ({"undecided": (undecided("spread"),)}, False),
        ({"undecided": (undecided("fast"),)}, False),
        ({"undecided": (undecided("few"), undecided("fast", "matmul_bf16"))}, False),
        ({"undecided": (undecided("spread", "host_to_device"), undecided("fast", "peer_to_peer"))}, True),
        ({"below_peak": (BelowPeak(part="h100", rule="r", message="m", fails=False),)}, True),
        ({"below_peak": (BelowPeak(part="h100", rule="r", message="m", fails=True),)}, False),
        ({"ailing": (Ailing(node="a", why="slowed", what="w", fails=False),)}, True),
        ({"ailing": (Ailing(node="a", why="slowed", what="w"),)}, False),
        ({"changes": ()}, True),
        ({"changes": (Change(node="a", kind="gone"),)}, False),
        ({"changes": (Change(node="a", kind="new"),)}, False),
        ({"drifts": (drift(1.2),)}, True),  # what rose is nobody's fault
        ({"drifts": (drift(1.2), drift(0.9))}, False),
        ({"unreadable": (Unreadable(where="f", why="w"),)}, False),
        ({"absent": 1}, False),
        ({"repeated": ("a",), "superseded": 1, "passed_over": ("README",)}, True),
    ],
)
def test_each_thing_that_is_wrong_keeps_a_fleet_from_passing(told: dict[str, Any], stands: bool) -> None:
    assert is_sound(Fleet(nodes=3, alike=True, passed=True, exit_status=0, groups=(), **told)) is stands


def test_a_change_that_all_nodes_made_fails_against_the_baseline() -> None:
    before = gathered(node("a"), node("b"))
    now = gathered(*(changed(node(name), "stack", "driver", "580.95.05") for name in ("a", "b")))
    assert now.fleet().passed
    found = now.fleet(baseline=before)
    assert [one.kind for one in found.changes or ()] == ["changed", "changed"]
    assert (found.alike, found.passed, found.exit_status) == (True, False, 1)


def test_a_baseline_of_which_something_was_not_understood_fails() -> None:
    now = gathered(node("a"), node("b"))
    assert now.fleet(baseline=gathered(node("a"), node("b"))).passed
    found = now.fleet(baseline=gathered(node("a"), node("b"), Unreadable(where="then.jsonl:3", why="cut off")))
    assert (found.changes, found.passed, found.exit_status) == ((), False, 1)
    assert [one.where for one in found.unreadable] == ["then.jsonl:3"]


@pytest.mark.parametrize(("rate", "fell"), [(95.1, False), (94.9, True)])
def test_a_device_a_healthy_spread_under_its_own_earlier_rate_fell(rate: float, fell: bool) -> None:
    before = gathered(node("a", rates={0: 100.0, 1: 100.0}))
    found = gathered(node("a", rates={0: 100.0, 1: rate})).fleet(baseline=before)
    assert [(one.devices, one.why) for one in found.ailing] == ([((1,), "fell")] if fell else [])
    assert found.drifts == (), "the median lies between"
    assert found.passed is not fell


def at(day: int, rate: float, name: str = "a") -> Fingerprint:
    one = node(name, rates={0: rate, 1: rate})
    return replace(one, origin=replace(one.origin, captured_at=f"2026-01-{day:02}T00:00:00Z"))


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_against_a_baseline_the_newest_of_its_readings_counts(order: tuple[int, int]) -> None:
    readings = (at(1, 140.0), at(2, 100.0))
    before = gathered(*(readings[number] for number in order))
    found = gathered(at(9, 100.0)).fleet(baseline=before)
    assert (found.ailing, found.drifts, found.passed) == ((), (), True)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_against_a_baseline_older_readings_do_not_count_if_the_newest_alone_is_asked_for(
    order: tuple[int, int],
) -> None:
    readings = (at(8, 80.0), at(9, 100.0))
    now = gathered(*(readings[number] for number in order))
    found = now.fleet(baseline=gathered(at(1, 100.0)), latest=True)
    assert (found.ailing, found.drifts, found.passed) == ((), (), True)
    assert not now.fleet(baseline=gathered(at(1, 110.0)), latest=True).passed


def test_a_node_that_is_gone_is_told_as_that_and_not_as_unmeasured() -> None:
    before = gathered(at(1, 100.0), at(1, 100.0, "gone"))
    found = gathered(at(9, 100.0)).fleet(baseline=before)
    assert [(one.node, one.kind) for one in found.changes or ()] == [("gone", "gone")]
    assert found.ailing == ()
    bare = replace(at(9, 100.0), measured=())
    assert [one.why for one in gathered(bare).fleet(baseline=before).ailing] == ["unmeasured"] * 2


def test_names_that_are_expected_twice_are_one_node() -> None:
    found = gathered(node("a")).fleet(expected=("a", "b", "a"))
    assert (found.expected, found.absent, found.missing, found.passed) == (2, 1, ("b",), False)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_verdict_is_given_on_the_whole_node_whatever_is_ignored(order: tuple[int, int]) -> None:
    def judge(fingerprint: Fingerprint) -> NodeVerdict:
        driver: Any = fingerprint.stack.components["driver"]
        return replace(GOOD, passed=driver.value != "470.1")

    nodes = [node("good"), changed(node("bad"), "stack", "driver", "470.1")]
    now = Gathering(judge, ignore=("driver",))
    now.take(Found("f", "", msgspec.json.encode(nodes[at])) for at in order)
    verdicts = {group.nodes: group.verdict.passed for group in now.fleet().groups if group.verdict}
    assert verdicts == {("good",): True, ("bad",): False}


def test_a_hidden_device_makes_no_node_odd() -> None:
    def with_hidden(name: str, sm_count: int) -> Fingerprint:
        whole = changed(node(name, count=3), "identity", "sm_count", sm_count, device=1)
        devices = list(whole.devices)
        devices[1] = replace(devices[1], locator=replace(devices[1].locator, visible=False))
        return replace(whole, devices=tuple(devices))

    found = fleet(with_hidden("a", 132), with_hidden("b", 114))
    assert found.passed
    assert found.groups[0].title.startswith("2x ")


def test_what_an_older_reading_told_counts_for_nothing_if_the_newest_alone_is_asked_for() -> None:
    now = Gathering()
    readings = [
        changed(node("a", seed=1, rates={0: 100.0, 1: 100.0}), "conditions", "throttle_reasons", ("hw-thermal",)),
        node("a", seed=2),
        node("b", seed=3),
    ]
    now.take(Found(f"f:{number}", "", msgspec.json.encode(one)) for number, one in enumerate(readings))
    whole, latest = now.fleet(), now.fleet(latest=True)
    assert [one.why for one in whole.ailing] == ["slowed"]
    assert (latest.ailing, latest.passed, latest.measured, latest.superseded) == ((), True, 0, 1)
