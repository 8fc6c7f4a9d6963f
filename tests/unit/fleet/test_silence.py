"""The verdict on a node is decided by what it is grouped by, and by nothing else: no neighbour speaks for it."""

from __future__ import annotations

import typing
from typing import TYPE_CHECKING, Any

import fleets
import msgspec
import pytest

from parity import fleet_run, session
from parity.config.project import Project
from parity.fleet.plain import LEFT_OUT
from parity.fleet.telling import Tellings
from parity.model.absent import Absent, Why
from parity.model.device import DeviceConditions, DeviceIdentity, Process
from parity.model.fingerprint import Host

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.model.fingerprint import Fingerprint

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


@pytest.mark.slow
def test_nodes_with_one_key_have_one_verdict() -> None:
    tellings = Tellings()
    verdicts: dict[tuple[Any, ...], tuple[str, Any]] = {}
    for said, fingerprint in [("as it is", BASE), *variants()]:
        node = tellings.node(msgspec.json.encode(fingerprint))
        verdict = fleet_run._node_verdict(fingerprint, TARGET, PROJECT)
        first = verdicts.setdefault((node.blocks, node.silence), (said, verdict))
        assert first[1] == verdict, f"{said} is judged otherwise than {first[0]}"
    assert len(verdicts) > 100
