"""rocminfo: GPU agents only, their units and pools."""

from __future__ import annotations

from collections.abc import Callable

from parity.model.absent import Absent, Reading, value_of
from parity.model.fingerprint import Fingerprint
from parity.readers import read_report

Read = Callable[[str], Fingerprint]


def test_gpu_agent(read: Read) -> None:
    fingerprint = read("rocminfo-mi300x.txt")
    assert value_of(fingerprint.device_count) == 1
    identity = fingerprint.devices[0].identity
    assert (value_of(identity.name), value_of(identity.gfx_target)) == ("AMD Instinct MI300X", "gfx942")
    assert (value_of(identity.cu_count), value_of(identity.warp_size)) == (304, 64)
    assert value_of(identity.memory_bytes) == 201310208 * 1024
    assert value_of(identity.shared_memory_per_sm_bytes) == 65536
    assert value_of(identity.infinity_cache_bytes) == 256 * 1024**2
    assert value_of(identity.pci_device_id) == "1002:74a1"
    assert isinstance(fingerprint.stack.components["driver"], Reading)


def test_l2_of_one_die_is_not_the_package(read: Read) -> None:
    assert isinstance(read("rocminfo-mi300x.txt").devices[0].identity.l2_bytes, Absent)


def test_bus_id_without_a_domain_is_not_made_up(read: Read) -> None:
    assert isinstance(read("rocminfo-mi300x.txt").devices[0].locator.pci_bus_id, Absent)


def test_collapsed(read: Read) -> None:
    assert read("rocminfo-collapsed.txt").identity_hash == read("rocminfo-mi300x.txt").identity_hash


def test_no_gpu_agent_is_unknown() -> None:
    raw = b"HSA Agents\n*******\nAgent 1\n*******\n  Name: Example CPU\n  Device Type: CPU\n*** Done ***\n"
    fingerprint = read_report(raw, where="paste")
    assert isinstance(fingerprint.device_count, Absent)
    assert fingerprint.links == ()
