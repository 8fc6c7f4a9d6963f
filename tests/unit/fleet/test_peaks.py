"""Parts, and devices of a part, that deliver less than healthy ones: held against one node of each part."""

from __future__ import annotations

from typing import TYPE_CHECKING

import fleets
import msgspec
import pytest

from parity.fleet import peaks
from parity.fleet.peaks import Peaks
from parity.fleet.slow import Rates
from parity.fleet.telling import Tellings
from parity.model.fleet import BelowPeak

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.model.fingerprint import Fingerprint

replace = msgspec.structs.replace
LEAST = 2000.0
RULE = "measured-bandwidth-below-peak"


class Fleet:
    """Nodes and a judge that wants LEAST of each DRAM rate."""

    def __init__(self, *nodes: Fingerprint, fails: bool = True) -> None:
        self._fails = fails
        self.names = [f"n{number}" for number in range(len(nodes))]
        self.counted = frozenset(range(len(nodes)))
        self.peaks, self.rates, tellings = Peaks(self._judge), Rates(), Tellings()
        for number, one in enumerate(nodes):
            raw = msgspec.json.encode(one)
            node = tellings.node(raw)
            parts = tellings.parts(node)
            self.peaks.add(node, parts, raw)
            self.rates.add(number, parts, node.measured)

    def _judge(self, machine: Fingerprint) -> Iterator[BelowPeak]:
        for one in machine.measured:
            assert machine.devices[one.device].locator.visible
            if one.name.startswith("dram") and not LEAST <= one.value <= 2 * LEAST:
                yield BelowPeak(part="h100", rule=RULE, message=f"{one.name} {one.value:.0f}", fails=self._fails)

    def parts(self) -> list[str]:
        return [one.message for one in self.peaks.parts(self.rates, self.counted)]

    def devices(self, told: set[tuple[str, int, str]] | None = None) -> list[tuple[str, tuple[int, ...], str]]:
        found = list(self.peaks.devices(self.rates, self.counted, self.names, told or set()))
        assert {one.why for one in found} <= {"below-peak"}
        return [(one.node, one.devices, one.what) for one in found]


def node(number: int, *values: float, name: str = "dram_copy") -> Fingerprint:
    """Return a node with a device for each value."""
    whole = fleets.node(f"n{number}", count=len(values), rates=True)
    first = next(one for one in whole.measured if one.name == "dram_copy")
    rates = (replace(first, name=name, device=at, value=value) for at, value in enumerate(values))
    return replace(whole, measured=tuple(rates))


def test_a_part_is_told_by_its_median_device_and_then_no_device_is() -> None:
    fleet = Fleet(node(0, 1999.0, 3000.0), node(1, 1999.0, 1000.0))
    assert fleet.parts() == ["dram_copy 1999"]
    assert fleet.devices() == []
    assert Fleet(node(0, 2000.0, 3000.0), node(1, 2001.0, 1000.0)).parts() == []


def test_devices_are_told_from_the_slowest_on_then_what_is_too_fast_to_be_true() -> None:
    fleet = Fleet(node(0, 3000.0, 1500.0), node(1, 1400.0, 3000.0), node(2, 4001.0, 3000.0))
    assert fleet.devices() == [
        ("n1", (0,), "dram_copy 1400"), ("n0", (1,), "dram_copy 1500"), ("n2", (0,), "dram_copy 4001"),
    ]  # fmt: skip
    assert fleet.devices({("n1", 0, "dram_copy"), ("n2", 0, "dram_read")})[0] == ("n0", (1,), "dram_copy 1500")


def test_what_the_project_makes_a_note_is_no_ailment_of_a_device() -> None:
    nodes = [node(0, 3000.0, 1500.0), node(1, 3000.0, 3000.0)]
    assert len(Fleet(*nodes).devices()) == 1
    assert Fleet(*nodes, fails=False).devices() == []


def test_what_follows_the_slots_is_held_against_no_peak() -> None:
    assert Fleet(node(0, 1.0, 1.0, name="host_to_device")).parts() == []


def test_of_very_many_devices_some_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peaks, "MAX_BELOW", 2)
    fleet = Fleet(node(0, 3000.0, 3000.0, 3000.0, 3000.0), node(1, 1100.0, 1200.0, 1300.0))
    assert [what for _, _, what in fleet.devices()] == ["dram_copy 1100", "dram_copy 1200"]


def test_parts_that_are_too_many_to_be_held_against_a_peak_are_told_and_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    other = fleets.changed(node(1, 1000.0), "identity", sm_count=66)
    fleet = Fleet(node(0, 1000.0), other)
    assert fleet.parts() == ["dram_copy 1000", "dram_copy 1000"]
    monkeypatch.setattr(peaks, "MAX_PARTS", 1)
    fleet = Fleet(node(0, 1000.0), other)
    assert fleet.parts() == [
        "dram_copy 1000",
        "of more than 1 different parts, this one was held against no peak",
    ]
    assert all(one.fails for one in fleet.peaks.parts(fleet.rates, fleet.counted))


@pytest.mark.parametrize("hidden", [0, 1])
def test_a_part_is_held_against_the_device_that_is_visible(hidden: int) -> None:
    """The judge would see another device's place otherwise."""
    whole = node(0, 1000.0, 1000.0)
    devices = [replace(one, locator=replace(one.locator, visible=at != hidden)) for at, one in enumerate(whole.devices)]
    assert Fleet(replace(whole, devices=tuple(devices))).parts() == ["dram_copy 1000"]
