"""What of a node is compared: nothing that differs between machines that somebody built and set up alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import fleets
import msgspec
import pytest
from fleets import changed, node

from parity.fleet.documents import Reading as Found
from parity.fleet.gather import Gathering
from parity.fleet.plain import installed, reasons, topology
from parity.model.absent import NOT_ASKED, Absent
from parity.model.fingerprint import Fingerprint, Host, Library, Link, Stack
from parity.model.measurement import Measurement

if TYPE_CHECKING:
    from parity.model.fleet import Fleet

GIB = 1024**3
replace = msgspec.structs.replace


def fleet(*nodes: Fingerprint) -> Fleet:
    gathering = Gathering()
    gathering.take(Found("f", "", msgspec.json.encode(one)) for one in nodes)
    return gathering.fleet()


def differences(one: Fingerprint, other: Fingerprint) -> list[tuple[str, str, str, str]]:
    groups = fleet(one, other).groups
    return (
        [] if len(groups) == 1 else [(found.subject, found.name, found.a, found.b) for found in groups[1].differences]
    )


def test_a_text_with_clocks_in_use_makes_no_node_odd_and_locked_clocks_do() -> None:
    idle, busy = (changed(node("a"), "conditions", clock_policy=f"nvclock={mhz}, memclock=2619") for mhz in (345, 1980))
    assert differences(idle, busy) == []
    free, locked = (changed(node("a"), "conditions", clock_policy=told) for told in ("free", "locked"))
    assert differences(free, locked) == [("GPU 0-7", "clock_policy", "free", "locked")]


def test_what_firmware_keeps_of_memory_makes_no_node_odd_and_a_missing_module_does() -> None:
    whole, other, less = (
        changed(node("a"), "host", memory_bytes=count)
        for count in (2_163_523_936_256, 2_163_523_919_872, 2_028_000_000_000)
    )
    assert differences(whole, other) == []
    assert differences(whole, less) == [("machine", "memory_bytes", "2048 GiB", "1920 GiB")]


@pytest.mark.parametrize("built", [64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096])
@pytest.mark.parametrize("kept", [0.0, 0.005, 0.01, 0.02, 0.03])
def test_memory_that_was_built_in_is_told_by_what_is_left(built: int, kept: float) -> None:
    assert installed(int(built * GIB * (1 - kept))) == built * GIB


def test_a_pair_without_its_link_is_told() -> None:
    good = node("a", count=4)
    bad = replace(good, links=(*good.links[:-1], Link(a=2, b=3, kind="system", path="SYS")))
    assert differences(good, bad) == [
        ("machine", "links", "nvlink NV18: 6 pairs", "nvlink NV18: 5 pairs; system SYS: 2-3")
    ]


def test_links_of_hidden_devices_are_not_told_and_devices_that_could_not_be_read_are() -> None:
    links = [Link(a=0, b=1, kind="nvlink", count=4), Link(a=1, b=2, kind="pcie", path="PIX")]
    told = topology(links, fleets.told(9), indices=(0, 1), read=8)
    assert told == {"links": "nvlink x4: 1 pair", "device_count": 9}
    assert topology([], NOT_ASKED, indices=(0,), read=1) == {}


def test_another_copy_of_a_library_is_told() -> None:
    good = node("a")
    copies = (Library(name="libnccl", path="/usr/lib/libnccl.so.2", version="2.21.5"),)
    bad = replace(good, stack=replace(good.stack, libraries=copies))
    assert differences(good, bad) == [("machine", "library libnccl", "", "2.21.5 /usr/lib/libnccl.so.2 (loader)")]


def test_an_uncorrected_error_makes_a_node_odd_and_corrected_ones_do_not() -> None:
    good = node("a", count=2)
    assert differences(good, changed(good, "conditions", 1, ecc_uncorrected=1)) == [
        ("GPU 1", "ecc_uncorrected", "0", "1")
    ]
    assert differences(good, changed(good, "conditions", 1, ecc_corrected=900, retired_pages=3)) == []


def test_measurements_belong_to_their_device_where_others_are_hidden() -> None:
    def half(name: str, rate: float) -> Fingerprint:
        whole = node(name)
        devices = tuple(
            replace(one, locator=replace(one.locator, visible=one.locator.index >= 4)) for one in whole.devices
        )
        rates = [Measurement(name="dram_copy", device=7, value=rate, unit="GB/s", kernel="copy")]
        return replace(whole, devices=devices, measured=tuple(rates))

    found = fleet(half("a", 2900.0), half("b", 2910.0), half("c", 2500.0))
    assert [(one.node, one.device) for one in found.slow] == [("c", 3)], "numbered as they are visible"


def test_another_firmware_hides_no_slow_device() -> None:
    nodes = [node(f"n{number}", rates=True) for number in range(4)]
    nodes[2] = fleets.slowed(changed(nodes[2], "identity", vbios_version="96.00.74.00.01"), 0.88)
    assert {one.node for one in fleet(*nodes).slow} == {"n2"}


def test_what_nobody_asked_for_needs_no_reason_and_what_moves_has_none() -> None:
    failed = Absent(why="failed", source="test")
    assert reasons(Host(kernel=failed, cpu_model=NOT_ASKED, hostname=failed)) == {"kernel": "failed"}
    assert reasons(Stack(components={"driver": failed, "torch": NOT_ASKED})) == {"driver": "failed"}
