"""nvidia-smi --query-gpu as CSV, with and without units."""

from __future__ import annotations

from collections.abc import Callable

from parity.model.absent import Absent, Reading, value_of
from parity.model.fingerprint import Fingerprint
from parity.readers import read_report

Read = Callable[[str], Fingerprint]

MIB = 1024**2


def test_columns_fill_their_fields(read: Read) -> None:
    fingerprint = read("nvidia-smi-query.csv")
    first, second = fingerprint.devices
    assert value_of(first.identity.memory_bytes) == 23034 * MIB
    assert (value_of(first.identity.memory_clock_mhz), value_of(first.conditions.clock_memory_mhz)) == (
        6251,
        405,
    )
    assert value_of(first.identity.compute_capability) == "8.9"
    assert value_of(fingerprint.stack.components["driver"]) == "550.54.15"
    assert isinstance(first.locator.uuid, Absent)
    assert isinstance(second.locator.uuid, Reading)


def test_the_set_limit_is_not_the_enforced_one(read: Read) -> None:
    first, second = (device.conditions for device in read("nvidia-smi-query.csv").devices)
    assert (value_of(first.power_limit_set_w), value_of(first.power_limit_w)) == (72.0, 72.0)
    assert second.power_limit_w == Absent(
        why="not_supported", source="nvidia-smi --query-gpu: enforced.power.limit", detail="[N/A]"
    )


def test_nounits(read: Read) -> None:
    identity = read("nvidia-smi-query-nounits.csv").devices[0].identity
    assert (value_of(identity.memory_bytes), value_of(identity.power_default_w)) == (143771 * MIB, 700.0)
    assert isinstance(identity.partition, Absent)


def test_repeated_rows_of_a_loop_are_one_device() -> None:
    raw = b"index, name, memory.total [MiB]\n0, NVIDIA L4, 23034 MiB\n0, NVIDIA L4, 23034 MiB\n"
    assert len(read_report(raw, where="loop").devices) == 1
