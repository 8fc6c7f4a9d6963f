"""nvidia-smi -L: MIG lines, zeroed UUIDs, lost GPUs."""

from __future__ import annotations

from collections.abc import Callable

from parity.model.absent import Absent, Reading, value_of
from parity.model.fingerprint import Fingerprint
from parity.readers import read_report

Read = Callable[[str], Fingerprint]


def test_slices_whole_and_lost(read: Read) -> None:
    fingerprint = read("nvidia-smi-list.txt")
    partitions = [value_of(device.identity.partition) for device in fingerprint.devices]
    assert [(each.kind, each.profile) if each else None for each in partitions] == [
        ("mig", "3g.40gb"),
        ("mig", "1g.10gb"),
        ("none", ""),
        None,
    ]
    assert value_of(fingerprint.device_count) == 3


def test_slices_carry_their_own_and_the_parents_uuid(read: Read) -> None:
    locator = read("nvidia-smi-list.txt").devices[0].locator
    assert value_of(locator.uuid) == "MIG-7089d0f3-293f-58c9-8f8c-5ea666eedbde"
    assert value_of(locator.parent_uuid) == "GPU-5c89852c-d268-c3f3-1b07-005d5ae1dc3f"


def test_zeroed_uuids_are_absent(read: Read) -> None:
    uuid = read("nvidia-smi-list.txt").devices[2].locator.uuid
    assert isinstance(uuid, Absent)
    assert uuid.detail == "masked in the report"


def test_a_line_without_its_uuid_is_cut() -> None:
    raw = b"GPU 0: NVIDIA H200 (UUID: GPU-5c89852c-d268-c3f3-1b07-005d5ae1dc3f)\nGPU 1: NVIDIA H20"
    first, second = read_report(raw, where="paste").devices
    assert isinstance(first.identity.name, Reading)
    assert isinstance(second.identity.name, Absent)
