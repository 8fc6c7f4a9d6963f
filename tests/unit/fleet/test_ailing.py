"""What is wrong with a device without asking its neighbours: told, and never a pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

import fleets
import msgspec
import pytest

from parity import fleet_run
from parity.config.project import Project
from parity.fleet.documents import Reading as Found
from parity.fleet.gather import Gathering
from parity.model.absent import Reading
from parity.model.fingerprint import Link, Note
from parity.model.fleet import Ailing, Fleet
from parity.model.measurement import Measurement
from parity.reports import fleet_markdown, fleet_text
from parity.reports.html import fleet as fleet_page

if TYPE_CHECKING:
    from parity.model.fingerprint import Fingerprint

replace = msgspec.structs.replace


def gathered(*nodes: Fingerprint) -> Fleet:
    now = Gathering(peaks=lambda one: fleet_run._below_peak(one, None, Project()))
    now.take(Found(f"f:{number}", f"n{number}", msgspec.json.encode(one)) for number, one in enumerate(nodes))
    return now.fleet()


def whole(count: int = 4) -> list[Fingerprint]:
    return [fleets.node(f"n{number}", rates=True) for number in range(count)]


def changed(one: Fingerprint, position: int, **conditions: object) -> Fingerprint:
    devices = list(one.devices)
    told = {name: Reading(value=value, source="test") for name, value in conditions.items()}
    devices[position] = replace(devices[position], conditions=replace(devices[position].conditions, **told))
    return replace(one, devices=tuple(devices))


def wrong(fleet: Fleet) -> list[tuple[str, tuple[int, ...], str]]:
    assert not fleet.passed
    assert fleet.exit_status == 1
    return [(one.node, one.devices, one.why) for one in fleet.ailing]


def test_healthy_nodes_have_no_ailment() -> None:
    fleet = gathered(*whole())
    assert (fleet.ailing, fleet.passed) == ((), True)
    benign = [changed(one, 0, throttle_reasons=("idle", "sw-power-cap", "app-clocks")) for one in whole()]
    assert gathered(*benign).passed


@pytest.mark.parametrize("reason", ["hw-slowdown", "sw-thermal", "hw-thermal", "hw-power-brake"])
def test_a_throttled_node_is_told_though_its_like_do_not_share_it(reason: str) -> None:
    nodes = whole()
    nodes[2] = changed(changed(nodes[2], 5, throttle_reasons=("sw-power-cap", reason)), 6, throttle_reasons=(reason,))
    fleet = gathered(*nodes)
    assert wrong(fleet) == [("n2", (5, 6), "slowed")]
    assert len(fleet.groups) == 1  # it is not another kind of node
    for text in (fleet_text.render(fleet), fleet_markdown.render(fleet), fleet_page.render(fleet)):
        assert "1 node with ailing devices" in text
        assert f"slowed down when read: {reason}" in text


def test_a_device_that_was_not_measured_while_its_like_were_is_told() -> None:
    nodes = whole()
    nodes[1] = replace(nodes[1], measured=tuple(one for one in nodes[1].measured if one.device != 3))
    nodes[2] = replace(nodes[2], measured=tuple(one for one in nodes[2].measured if one.name != "matmul_bf16"))
    fleet = gathered(*nodes)
    assert wrong(fleet) == [("n1", (3,), "unmeasured"), ("n2", tuple(range(8)), "unmeasured")]
    assert fleet.ailing[1].what == "not measured, as most of its kind were: matmul_bf16"


def test_a_node_that_could_not_be_measured_at_all_is_told_with_its_reason() -> None:
    note = Note(source="measure", text="GPU 0: not measured: the device was lost", why="lost")
    fleet = gathered(*whole(), replace(fleets.node("n9"), notes=(note,)))
    assert wrong(fleet) == [("n4", tuple(range(8)), "unmeasured")]
    assert fleet.ailing[0].what.startswith("not measured, as most of its kind were: dram_copy, ")
    assert fleet.ailing[0].what.endswith(" (GPU 0: not measured: the device was lost)")
    assert (fleet.measured, fleet.nodes, fleet.passed) == (4, 5, False)


def test_where_most_were_not_measured_none_has_to_be() -> None:
    fleet = gathered(whole(1)[0], *(fleets.node(f"n{number}") for number in range(1, 4)))
    assert (fleet.ailing, fleet.measured, fleet.passed) == ((), 1, True)


@pytest.mark.parametrize(("measured", "of", "has_to_be"), [(1, 2, False), (2, 3, True), (2, 4, False), (3, 5, True)])
def test_what_more_than_half_measured_is_missing_on_the_others(measured: int, of: int, has_to_be: bool) -> None:
    nodes = [fleets.node(f"n{number}", count=1, rates=number < measured) for number in range(of)]
    fleet = gathered(*nodes)
    told = [(one.node, one.why) for one in fleet.ailing]
    assert told == ([(f"n{number}", "unmeasured") for number in range(measured, of)] if has_to_be else [])
    assert fleet.passed is not has_to_be


def test_a_transfer_that_was_not_measured_is_told() -> None:
    nodes = [replace(one, measured=(*one.measured, *transfers(8))) for one in whole(3)]
    nodes[1] = replace(nodes[1], measured=nodes[1].measured[:-1])
    assert wrong(gathered(*nodes)) == [("n1", (7,), "unmeasured")]


def transfers(count: int) -> tuple[Measurement, ...]:
    return tuple(
        Measurement(name="host_to_device", device=device, value=50.0, unit="GB/s", kernel="copy")
        for device in range(count)
    )


def test_what_older_readings_measured_counts_for_nothing_if_the_newest_alone_is_asked_for() -> None:
    """Two of three readings were measured, and of the newest ones one of two."""
    now = Gathering()
    times = ("2026-11-18T08:00:00Z", "2026-11-19T08:00:00Z", "2026-11-19T08:00:00Z")
    nodes = [
        fleets.node(name, count=1, rates=number != 1, captured_at=times[number])
        for number, name in enumerate(("a", "a", "b"))
    ]
    now.take(Found(f"f:{number}", "", msgspec.json.encode(one)) for number, one in enumerate(nodes))
    assert [(one.node, one.why) for one in now.fleet().ailing] == [("a", "unmeasured")]
    assert now.fleet(latest=True).ailing == ()


def test_a_pair_or_a_transfer_that_was_not_measured_is_told() -> None:
    nodes = [with_pairs(one, {}) for one in whole(3)]
    nodes[1] = replace(nodes[1], measured=tuple(one for one in nodes[1].measured if (one.device, one.peer) != (2, 5)))
    assert wrong(gathered(*nodes)) == [("n1", (2,), "unmeasured")]
    alone = fleets.node("n3", count=1, rates=True)
    assert wrong(gathered(*(with_pairs(one, {}) for one in whole(3)), alone)) == [], "there is no other device"


@pytest.mark.parametrize(("with_copies", "told"), [(1, []), (2, ["n2"])])
def test_copies_to_peers_are_missing_where_most_made_them(with_copies: int, told: list[str]) -> None:
    nodes = [with_pairs(one, {}) if number < with_copies else one for number, one in enumerate(whole(3))]
    assert [one.node for one in gathered(*nodes).ailing] == told


def test_copies_among_eight_devices_say_nothing_of_those_among_four() -> None:
    four = [fleets.node(f"four{number}", count=4, rates=True) for number in range(2)]
    assert gathered(*(with_pairs(one, {}) for one in whole(3)), *four).ailing == ()


def test_what_another_part_measured_is_missing_on_none() -> None:
    """FP8 on an H100, and none on an A100."""
    fp8 = tuple(
        Measurement(name="matmul_fp8", device=device, value=1200.0, unit="TFLOPS", kernel="synthetic")
        for device in range(8)
    )
    newer = [replace(one, measured=(*one.measured, *fp8)) for one in whole(3)]
    older = fleets.node("older", part="a100-sxm4-80gb", rates=True)
    assert [one.why for one in gathered(*newer, older).ailing if one.node == "older"].count("unmeasured") == 0


@pytest.mark.parametrize("value", [0.0, -5.0, 1e16])
def test_a_measurement_that_can_be_none_is_told_and_not_counted(value: float) -> None:
    nodes = whole()
    nodes[0] = replace(nodes[0], measured=(replace(nodes[0].measured[0], value=value), *nodes[0].measured[1:]))
    assert ("n0", (0,), "impossible") in wrong(gathered(*nodes))


def test_a_measurement_of_no_device_is_told() -> None:
    nodes = whole()
    stray = Measurement(name="dram_copy", device=11, value=2900.0, unit="GB/s", kernel="synthetic")
    nodes[0] = replace(nodes[0], measured=(*nodes[0].measured, stray))
    assert wrong(gathered(*nodes)) == [("n0", (11,), "impossible")]


def test_each_device_is_held_against_its_own_peak_where_there_are_too_few_for_statistics() -> None:
    """Two nodes: the median of a healthy device and one at 40 % passes, and three are needed to tell a slow one."""
    nodes = [fleets.node(f"n{number}", rates=True, count=1) for number in range(2)]
    nodes[1] = fleets.slowed(nodes[1], 0.4)
    fleet = gathered(*nodes)
    assert {(node, devices, why) for node, devices, why in wrong(fleet)} == {("n1", (0,), "below-peak")}
    assert "of its own peak" in fleet.ailing[0].what


def with_pairs(one: Fingerprint, slow: dict[tuple[int, int], float], count: int = 8) -> Fingerprint:
    pairs = tuple(
        Measurement(
            name="peer_to_peer", device=a, peer=b, unit="GB/s", kernel="cuMemcpyPeerAsync",
            value=slow.get((a, b), 380.0 + (a * 8 + b) % 7),
        )
        for a in range(count) for b in range(count) if a != b
    )  # fmt: skip
    return replace(one, measured=(*one.measured, *pairs))


@pytest.mark.parametrize("count", [1, 2])
def test_a_pair_far_behind_the_other_pairs_of_its_node_is_told(count: int) -> None:
    """On one or two nodes, where no same pair elsewhere can tell it."""
    nodes = [with_pairs(one, {(2, 5): 151.4} if number == 0 else {}) for number, one in enumerate(whole(count))]
    fleet = gathered(*nodes)
    assert wrong(fleet) == [("n0", (2, 5), "slow-pair")]
    assert fleet.ailing[0].what == "peer_to_peer 2 to 5 151.4 GB/s, 0.40x of the 383 GB/s of the node's median pair"


def test_a_pair_that_is_slow_beside_the_same_pair_elsewhere_is_told_once_and_by_name() -> None:
    fleet = gathered(*(with_pairs(one, {(2, 5): 151.4} if number == 1 else {}) for number, one in enumerate(whole())))
    assert [(one.node, one.device, one.peer) for one in fleet.slow] == [("n1", 2, 5)]
    assert fleet.ailing == ()
    assert "GPU 2 to 5: peer_to_peer 151.4 GB/s" in fleet_text.render(fleet, width=200)


def test_pairs_on_other_paths_are_not_held_against_each_other() -> None:
    """Four GPUs with two NVLink bridges: the pairs over the host are slower, and right."""
    paths = [Link(a=a, b=b, kind="pcie", path="PHB") for a in range(8) for b in range(a + 1, 8) if (a, b) != (0, 1)]
    node = replace(whole(1)[0], links=(Link(a=0, b=1, kind="nvlink", count=4, path="NV4"), *paths))
    across = {(0, 1): 380.0, (1, 0): 380.0}
    assert gathered(with_pairs(node, {(a, b): across.get((a, b), 25.0) for a in range(8) for b in range(8)})).passed
    assert gathered(with_pairs(replace(node, links=()), {(2, 5): 151.4})).passed  # nobody says how they are joined


def test_one_device_of_four_that_is_slow_to_all_is_told() -> None:
    """Half of the pairs are its own, and the median lies between the two kinds."""
    slow = {pair: 190.0 for other in (1, 2, 3) for pair in ((0, other), (other, 0))}
    fleet = gathered(with_pairs(fleets.node("n0", count=4, rates=True), slow, count=4))
    assert {(one.devices, one.why) for one in fleet.ailing} == {(pair, "slow-pair") for pair in slow}


@pytest.mark.parametrize("lacking", [1, 2])
def test_of_two_ways_to_be_joined_the_lesser_is_ailing(lacking: int) -> None:
    nodes = whole(3)
    for number in range(lacking):
        nodes[number] = replace(nodes[number], links=nodes[number].links[:-1])
    assert wrong(gathered(*nodes)) == [(f"n{number}", (), "links") for number in range(lacking)]


def joined(one: Fingerprint, kind: str, path: str) -> Fingerprint:
    return replace(one, links=tuple(replace(link, kind=kind, path=path, count=None) for link in one.links))


@pytest.mark.parametrize("lesser", [(0,), (1,), (2,), (0, 1), (1, 2)])
def test_nodes_without_fast_links_are_ailing_beside_one_that_has_them(lesser: tuple[int, ...]) -> None:
    nodes = [joined(one, "pcie", "PHB") if number in lesser else one for number, one in enumerate(whole(3))]
    assert wrong(gathered(*nodes)) == [(f"n{number}", (), "links") for number in lesser]


def test_links_that_a_node_does_not_tell_are_not_lesser_ones() -> None:
    nodes = [replace(one, links=one.links if number else ()) for number, one in enumerate(whole(3))]
    fleet = gathered(*nodes)
    assert [(one.name, one.kind) for group in fleet.groups for one in group.differences] == [("links", "only-a")]
    assert (fleet.ailing, fleet.alike, fleet.passed) == ((), False, False)


def test_other_paths_over_the_host_are_no_ailment() -> None:
    nodes = [joined(one, "pcie", "PIX" if number else "PHB") for number, one in enumerate(whole(3))]
    fleet = gathered(*nodes)
    assert [one.name for group in fleet.groups for one in group.differences] == ["links"]
    assert fleet.ailing == ()


def test_of_very_many_impossible_measurements_some_are_told() -> None:
    nodes = whole(1)
    stray = Measurement(name="dram_copy", device=99, value=2900.0, unit="GB/s", kernel="synthetic")
    assert len(gathered(replace(nodes[0], measured=(*nodes[0].measured, *[stray] * 5000))).ailing) == 32


def test_pairs_as_healthy_ones_differ_are_no_ailment() -> None:
    assert gathered(with_pairs(whole(1)[0], {(2, 5): 348.0, (5, 2): 420.0})).passed
    assert gathered(with_pairs(whole(1)[0], {(0, 1): 100.0}, count=2)).passed  # two pairs decide nothing


def test_what_is_slow_beside_its_like_is_told_once() -> None:
    nodes = whole(6)
    nodes[3] = fleets.slowed(nodes[3], 0.5, devices=(2,))
    fleet = gathered(*nodes)
    assert {(one.node, one.device) for one in fleet.slow} == {("n3", 2)}
    assert fleet.ailing == ()


def test_nodes_with_the_same_ailment_stand_together() -> None:
    nodes = [changed(one, 0, throttle_reasons=("hw-thermal",)) for one in whole(9)]
    text = fleet_text.render(gathered(*nodes), width=200)
    assert "n0, n1, n2, n3, n4, n5 and 3 more  GPU 0: slowed down when read: hw-thermal" in text


def test_an_ailment_is_plain_data() -> None:
    one = Ailing(node="n1", devices=(0,), why="slowed", what="x")
    assert msgspec.json.decode(msgspec.json.encode(one), type=Ailing) == one
