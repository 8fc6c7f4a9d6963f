"""Groups: each is held against the nearest larger one, and nodes of which different things are said are kept apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from fleets import changed, node

from parity.fleet.documents import Reading as Found
from parity.fleet.gather import Gathering
from parity.model.absent import Absent
from parity.model.fleet import Fleet, NodeVerdict

if TYPE_CHECKING:
    from parity.model.fingerprint import Fingerprint

replace = msgspec.structs.replace


def fleet(*nodes: Fingerprint) -> Fleet:
    gathering = Gathering(judge)
    gathering.take(Found("f", "", msgspec.json.encode(one)) for one in nodes)
    return gathering.fleet()


def judge(fingerprint: Fingerprint) -> NodeVerdict:
    silent = any(isinstance(one.conditions.power_limit_w, Absent) for one in fingerprint.devices)
    level = "unknown" if silent and fingerprint.devices[0].conditions.power_limit_w.why == "timed_out" else "identical"  # type: ignore[union-attr]
    return NodeVerdict(
        outcome="match" if level == "identical" else "unknown", level=level, passed=level == "identical", headline=""
    )  # type: ignore[arg-type]


def silent(fingerprint: Fingerprint, why: str) -> Fingerprint:
    absent = Absent(why=why, source="nvml")  # type: ignore[arg-type]
    devices = [replace(one, conditions=replace(one.conditions, power_limit_w=absent)) for one in fingerprint.devices]
    return replace(fingerprint, devices=tuple(devices))


def test_a_node_that_lacks_a_gpu_is_held_against_its_like_in_a_mixed_fleet() -> None:
    cards = [node(f"b{number}", part="a100-sxm4-80gb") for number in range(3)]
    found = fleet(*cards, node("h0"), node("h1"), node("h7", count=7))
    a100, h100, short = found.groups
    assert (h100.like, short.like) == (a100.id, h100.id)
    assert {one.name for one in short.differences} == {"visible_devices", "links"}


def test_slices_are_held_against_their_gpu() -> None:
    slices = changed(node("m", count=2), "identity", name="NVIDIA H100 80GB HBM3 MIG 1g.10gb")
    cards = [node(f"b{number}", part="a100-sxm4-80gb", count=2) for number in range(3)]
    found = fleet(*cards, node("h0", count=2), node("h1", count=2), slices)
    assert found.groups[2].like == found.groups[1].id


def test_nodes_that_tell_the_same_and_pass_or_not_are_two_groups() -> None:
    nodes = [silent(node(f"n{number}", count=1), "not_supported") for number in range(3)]
    found = fleet(*nodes, silent(node("late", count=1), "timed_out"))
    assert [(one.count, one.verdict is not None and one.verdict.passed) for one in found.groups] == [
        (3, True),
        (1, False),
    ]
    assert found.groups[1].id == f"{found.groups[0].id}-2"
    assert found.groups[1].differences == ()
    assert (found.alike, found.passed) == (True, False)


def test_nodes_that_are_silent_for_other_reasons_and_pass_are_one_group() -> None:
    found = fleet(silent(node("a", count=1), "not_supported"), silent(node("b", count=1), "not_asked"))
    assert [one.count for one in found.groups] == [2]
    assert found.passed


def test_another_part_is_told_before_what_follows_from_it() -> None:
    found = fleet(node("h0"), node("h1"), node("p", part="h100-pcie-80gb", count=4))
    assert [one.name for one in found.groups[1].differences[:2]] == ["visible_devices", "name"]
