"""The identity hash covers what the hardware is, and nothing else."""

from typing import Any

import msgspec
import pytest

from parity.catalog import store
from parity.catalog.as_fingerprint import as_fingerprint
from parity.model.absent import Absent, Reading
from parity.model.device import Device, DeviceConditions
from parity.model.fingerprint import Fingerprint, Host, Note, Stack, identity_hash, sealed
from parity.model.partition import Partition

replace = msgspec.structs.replace
H100 = as_fingerprint(store.device_spec("h100"), count=2)


def read(value: Any) -> Any:
    return Reading(value=value, source="test")


def changed(fingerprint: Fingerprint, block: str, **values: Any) -> Fingerprint:
    """Return the fingerprint with values of one block of the first device replaced."""
    first, *others = fingerprint.devices
    inner = replace(getattr(first, block), **values)
    return replace(fingerprint, devices=(replace(first, **{block: inner}), *others))


@pytest.mark.parametrize(
    "values",
    [
        {"index": 7},
        {"uuid": read("GPU-11111111-2222-3333-4444-555555555555")},
        {"serial": read("1650522003820")},
        {"pci_bus_id": read("00000000:1b:00.0")},
        {"parent_uuid": read("GPU-11111111-2222-3333-4444-555555555555")},
    ],
    ids=lambda values: next(iter(values)),
)
def test_how_a_device_is_found_is_not_what_it_is(values: dict[str, Any]) -> None:
    assert identity_hash(changed(H100, "locator", **values)) == identity_hash(H100)


def test_no_condition_changes_the_identity() -> None:
    busy = DeviceConditions(
        clock_sm_mhz=read(345), power_limit_w=read(500.0), ecc_enabled=read(False), temperature_c=read(84.0)
    )
    first, second = H100.devices
    throttled = replace(H100, devices=(replace(first, conditions=busy), second))
    assert identity_hash(throttled) == identity_hash(H100)


@pytest.mark.parametrize(
    "values",
    [
        {"vbios_version": read("96.00.74.00.01")},
        {"firmware_version": read("570.86.15")},
        {"inforom_version": read("G520.0200.00.05")},
        {"addressing_mode": read("HMM")},
    ],
    ids=lambda values: next(iter(values)),
)
def test_an_update_of_the_board_does_not_change_it(values: dict[str, Any]) -> None:
    assert identity_hash(changed(H100, "identity", **values)) == identity_hash(H100)


@pytest.mark.parametrize(
    "values",
    [
        {"sm_count": read(114)},
        {"memory_bytes": read(81559 * 1024**2 + 1)},
        {"partition": read(Partition(kind="mig", profile="1g.10gb"))},
        {"name": read("NVIDIA H100 PCIe")},
        {"pci_device_id": read("10de:2331")},
        {"sm_count": Absent(why="failed", source="test")},
    ],
    ids=lambda values: next(iter(values)),
)
def test_other_hardware_has_another_hash(values: dict[str, Any]) -> None:
    assert identity_hash(changed(H100, "identity", **values)) != identity_hash(H100)


def test_each_device_speaks_for_itself() -> None:
    one = as_fingerprint(store.device_spec("h100"), count=1)
    assert identity_hash(one) != identity_hash(H100)


def test_the_order_of_enumeration_does_not_matter() -> None:
    mixed = (*H100.devices, *as_fingerprint(store.device_spec("h200")).devices)
    there, back = replace(H100, devices=mixed), replace(H100, devices=mixed[::-1])
    assert identity_hash(there) == identity_hash(back)


def test_the_source_of_a_value_does_not_matter() -> None:
    other = changed(H100, "identity", sm_count=Reading(value=132, source="elsewhere"))
    assert identity_hash(other) == identity_hash(H100)


def test_host_and_software_do_not_matter() -> None:
    other = replace(
        H100,
        host=Host(hostname=read("node1")),
        stack=Stack(packages={"torch": "2.9.0"}),
        notes=(Note(source="x", text="y"),),
        environment={"CUDA_VISIBLE_DEVICES": "0,1"},
    )
    assert identity_hash(other) == identity_hash(H100)


def test_a_hidden_device_is_not_part_of_the_machine() -> None:
    half = changed(H100, "locator", visible=False)
    assert identity_hash(half) == identity_hash(as_fingerprint(store.device_spec("h100")))
    assert [device.locator.index for device in half.visible_devices] == [1]


def test_a_sealed_fingerprint_carries_its_hash() -> None:
    told = sealed(replace(H100, identity_hash="")).identity_hash
    assert told == identity_hash(H100)
    assert told.startswith("sha256:")
    assert len(told) == len("sha256:") + 32


def test_json_starts_with_the_schema() -> None:
    assert msgspec.json.encode(H100).startswith(b'{"schema":"parity.fingerprint/1"')


def test_json_brings_everything_back() -> None:
    assert msgspec.json.decode(msgspec.json.encode(H100), type=Fingerprint) == H100


def test_a_saved_fingerprint_keeps_its_hash() -> None:
    assert identity_hash(msgspec.json.decode(msgspec.json.encode(H100), type=Fingerprint)) == identity_hash(H100)


@pytest.mark.parametrize(("name", "label"), [(read("NVIDIA L4"), "GPU 3 (NVIDIA L4)"), (None, "GPU 3")])
def test_a_device_is_called_by_index_and_name(name: Any, label: str) -> None:
    device = replace(H100.devices[0], locator=replace(H100.devices[0].locator, index=3))
    bare = Device(locator=device.locator)
    assert (replace(device, identity=replace(device.identity, name=name)) if name else bare).label == label
