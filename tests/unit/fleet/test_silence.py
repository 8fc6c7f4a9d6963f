"""The verdict on a node is decided by what it is grouped by, and by nothing else: no neighbour speaks for it."""

from __future__ import annotations

import itertools
import typing
from typing import TYPE_CHECKING, Any

import fleets
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parity import fleet_run, session
from parity.config.project import Project
from parity.fleet.documents import Reading as Found
from parity.fleet.gather import Gathering
from parity.fleet.plain import LEFT_OUT
from parity.fleet.telling import Tellings
from parity.model.absent import Absent, Why
from parity.model.device import DeviceConditions, DeviceIdentity, Process
from parity.model.fingerprint import Host
from parity.model.measurement import Measurement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from parity.model.fingerprint import Fingerprint
    from parity.model.fleet import NodeVerdict
    from parity.model.target import Target

replace = msgspec.structs.replace
BASE = fleets.node("n", count=2)
PROJECT = Project(where="test")
TARGET = session.target_of("2xh100", PROJECT)
VALUES: dict[str, tuple[Any, ...]] = {
    "throttle_reasons": (("hw_thermal_slowdown",), ()),
    "throttle_supported": (("sw_power_cap",),),
    "processes": ((Process(pid=1, kind="compute", memory_bytes=1 << 30),), ()),
    "hostname": ("other",),
}
BLOCKS: tuple[tuple[str, type[msgspec.Struct]], ...] = (
    ("identity", DeviceIdentity),
    ("conditions", DeviceConditions),
    ("host", Host),
)


def with_field(block: str, name: str, observed: Any) -> Fingerprint:
    if block == "host":
        return replace(BASE, host=replace(BASE.host, **{name: observed}))
    device = BASE.devices[0]
    other = replace(device, **{block: replace(getattr(device, block), **{name: observed})})
    return replace(BASE, devices=(other, *BASE.devices[1:]))


def variants() -> Iterator[tuple[str, Fingerprint]]:
    """Yield nodes that differ from one in a single field: a value that moves, or the reason why there is none."""
    for block, kind in BLOCKS:
        for name in kind.__struct_fields__:
            for why in typing.get_args(Why):
                yield f"{block}.{name} {why}", with_field(block, name, Absent(why=why, source="test"))
            if name in LEFT_OUT:
                for value in VALUES.get(name, (0, 1, 99, 10**9)):
                    yield f"{block}.{name} = {value}", with_field(block, name, fleets.told(value))


def keyed(nodes: Iterable[tuple[str, Fingerprint]], target: Target) -> dict[tuple[Any, ...], tuple[str, NodeVerdict]]:
    """Return key -> (the first node with it, the verdict), which all nodes with that key must share."""
    tellings = Tellings(judged=frozenset(target.conditions))
    verdicts: dict[tuple[Any, ...], tuple[str, NodeVerdict]] = {}
    for said, fingerprint in nodes:
        node = tellings.node(msgspec.json.encode(fingerprint))
        verdict = fleet_run._node_verdict(fingerprint, target, PROJECT)
        first = verdicts.setdefault((node.blocks, node.silence), (said, verdict))
        assert first[1] == verdict, f"{said} is judged otherwise than {first[0]}"
    return verdicts


@pytest.mark.slow
def test_nodes_with_one_key_have_one_verdict() -> None:
    assert len(keyed([("as it is", BASE), *variants()], TARGET)) > 100


STRICT = replace(
    TARGET, conditions={"remapped_rows_uncorrected": "<=0", "temperature_c": "<60", "power_limit_w": ">=700"}
)


def hidden(fingerprint: Fingerprint) -> Fingerprint:
    """Return a node whose last device is not visible."""
    *rest, last = fingerprint.devices
    return replace(fingerprint, devices=(*rest, replace(last, locator=replace(last.locator, visible=False))))


def without(fingerprint: Fingerprint, block: str, name: str, why: Why) -> Fingerprint:
    (first, *rest) = fingerprint.devices
    inner = replace(getattr(first, block), **{name: Absent(why=why, source="test")})
    return replace(fingerprint, devices=(replace(first, **{block: inner}), *rest))


CHANGES: dict[str, Callable[[Fingerprint], Fingerprint]] = {
    "a report": lambda one: replace(one, origin=replace(one.origin, kind="report")),
    "a variable against peers": lambda one: replace(one, environment={"NCCL_P2P_DISABLE": "1"}),
    "a variable against any timing": lambda one: replace(one, environment={"CUDA_LAUNCH_BLOCKING": "1"}),
    "no links": lambda one: replace(one, links=()),
    "links over the host": lambda one: replace(
        one, links=tuple(replace(link, kind="system", path="SYS", count=None) for link in one.links)
    ),
    "a hidden device": hidden,
    "three devices by the driver": lambda one: replace(one, device_count=fleets.told(3)),
    "rows remapped": lambda one: fleets.changed(one, "conditions", 1, remapped_rows_uncorrected=2),
    "no rows remapped": lambda one: fleets.changed(one, "conditions", remapped_rows_uncorrected=0),
    "hot": lambda one: fleets.changed(one, "conditions", 0, temperature_c=80.0),
    "a lower cap": lambda one: fleets.changed(one, "conditions", 1, power_limit_w=500.0),
    "another driver": lambda one: fleets.changed(one, "stack", driver="470.1"),
    "an ailing clock": lambda one: without(one, "conditions", "clock_sm_mhz", "lost"),
    "no vendor id": lambda one: without(one, "identity", "pci_device_id", "no_permission"),
    "fewer multiprocessors": lambda one: fleets.changed(one, "identity", 0, sm_count=114),
    "busy": lambda one: fleets.changed(one, "conditions", 0, processes=(Process(pid=1, kind="compute"),)),
    "throttled": lambda one: fleets.changed(one, "conditions", 0, throttle_reasons=("hw-thermal",)),
    "measured": lambda one: replace(
        one, measured=(Measurement(name="dram_copy", device=0, value=1.0, unit="GB/s", kernel="copy"),)
    ),
}


PAIRS = list(itertools.combinations(CHANGES, 2))


def combined(*names: str) -> tuple[str, Fingerprint]:
    made = BASE
    for name in names:
        made = CHANGES[name](made)
    return " and ".join(names) or "as it is", made


@pytest.mark.parametrize("target", [TARGET, STRICT], ids=["plain", "strict"])
def test_of_two_changes_at_once_none_hides_behind_another(target: Target) -> None:
    nodes = [combined(), *(combined(name) for name in CHANGES), *itertools.starmap(combined, PAIRS)]
    verdicts = keyed(nodes, target)
    assert len({verdict.headline for _, verdict in verdicts.values()}) > 5, "they are judged, and not all alike"


def alone(fingerprint: Fingerprint, target: Target) -> NodeVerdict:
    return fleet_run._node_verdict(fingerprint, target, PROJECT)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from(sorted(CHANGES)), max_size=3, unique=True), min_size=2, max_size=10),
    st.sampled_from([(), ("driver",), ("NCCL_*", "power_limit_w", "links"), ("*",)]),
    st.sampled_from([TARGET, STRICT]),
)
def test_whatever_stands_beside_a_node_its_verdict_is_its_own(
    chosen: list[list[str]], ignore: tuple[str, ...], target: Target
) -> None:
    nodes = [combined(*names)[1] for names in chosen]
    gathering = Gathering(lambda one: alone(one, target), ignore=ignore, judged=frozenset(target.conditions))
    gathering.take(Found("f", f"n{number}", msgspec.json.encode(one)) for number, one in enumerate(nodes))
    verdicts = {name: group.verdict for group in gathering.fleet().groups for name in group.nodes}
    assert verdicts == {f"n{number}": alone(one, target) for number, one in enumerate(nodes)}


@pytest.mark.parametrize("kind", ["live", "report"])
def test_a_report_and_a_reading_of_the_same_are_judged_apart(kind: Any) -> None:
    """A report lists the variables that somebody chose; what it leaves out may be set."""
    node = Tellings().node
    told = [node(msgspec.json.encode(replace(BASE, origin=replace(BASE.origin, kind=one)))) for one in (kind, "live")]
    assert (told[0].silence == told[1].silence) is (kind == "live")
