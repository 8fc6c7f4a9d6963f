"""The nvidia-smi table: three layouts, MIG, lost GPUs, lost line breaks."""

from __future__ import annotations

from collections.abc import Callable

from parity.model.absent import Absent, value_of
from parity.model.fingerprint import Fingerprint
from parity.readers import read_report

Read = Callable[[str], Fingerprint]

MIB = 1024**2


def test_old_layout_keeps_cut_names_and_modes(read: Read) -> None:
    fingerprint = read("nvidia-smi-table-r470.txt")
    first, second = fingerprint.devices
    assert value_of(first.identity.name) == "Tesla V100-SXM2..."
    assert value_of(first.conditions.compute_mode) == "exclusive-process"
    assert (value_of(first.conditions.ecc_enabled), value_of(second.conditions.ecc_enabled)) == (True, False)
    assert isinstance(second.conditions.power_draw_w, Absent)
    assert value_of(second.conditions.power_limit_w) == 300.0


def test_processes_belong_to_their_gpu(read: Read) -> None:
    first, second = (value_of(device.conditions.processes) for device in read("nvidia-smi-table-r470.txt").devices)
    assert first == ()
    assert second is not None
    assert [(process.pid, process.name, process.memory_bytes) for process in second] == [
        (4242, "python train.py", 1021 * MIB)
    ]


def test_driver_610_header(read: Read) -> None:
    fingerprint = read("nvidia-smi-table-610.txt")
    assert value_of(fingerprint.stack.components["driver"]) == "610.43.02"
    assert value_of(fingerprint.stack.components["cuda_driver"]) == "13.3"
    device = fingerprint.devices[0]
    assert value_of(device.identity.memory_bytes) == 183359 * MIB
    assert value_of(device.conditions.power_limit_w) == 1000.0


def test_the_cap_is_not_the_default(read: Read) -> None:
    assert isinstance(read("nvidia-smi-table-610.txt").devices[0].identity.power_default_w, Absent)


def test_collapsed_table_says_the_same(read: Read) -> None:
    whole, collapsed = read("nvidia-smi-table-610.txt"), read("nvidia-smi-table-collapsed.txt")
    assert collapsed.identity_hash == whole.identity_hash
    assert collapsed.devices[0].conditions.memory_used_bytes == whole.devices[0].conditions.memory_used_bytes


def test_mig_section(read: Read) -> None:
    fingerprint = read("nvidia-smi-table-mig.txt")
    assert value_of(fingerprint.device_count) == 1
    sizes = [(value_of(each.identity.sm_count), value_of(each.identity.memory_bytes)) for each in fingerprint.devices]
    assert sizes == [(32, 33280 * MIB), (16, 16384 * MIB)]
    assert all(isinstance(each.conditions.power_limit_w, Absent) for each in fingerprint.devices)


def test_a_lost_gpu_answers_only_its_name(read: Read) -> None:
    lost = read("nvidia-smi-table-lost.txt").devices[1]
    assert value_of(lost.identity.name) == "NVIDIA L40S"
    assert lost.identity.memory_bytes == Absent(why="failed", source="nvidia-smi: Memory-Usage", detail="ERR!")
    assert isinstance(lost.identity.partition, Absent)


def test_a_row_that_is_not_understood_makes_the_count_unknown(text_of: Callable[[str], str]) -> None:
    text = text_of("nvidia-smi-table-lost.txt").replace("00000000:8E:00.0 Off |                 ERR! |", "????")
    fingerprint = read_report(text.encode(), where="table")
    assert isinstance(fingerprint.device_count, Absent)
    assert any("not understood" in note.text for note in fingerprint.notes)


def test_an_error_instead_of_a_table_is_unknown_not_zero() -> None:
    raw = (
        b"NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that it is running.\n"
    )
    fingerprint = read_report(raw, where="paste")
    assert fingerprint.devices == ()
    assert isinstance(fingerprint.device_count, Absent)
    assert fingerprint.device_count.why == "failed"


def test_time_without_a_zone_is_only_a_remark(read: Read) -> None:
    origin = read("nvidia-smi-table-610.txt").origin
    assert (origin.kind, origin.captured_at) == ("report", "")
    assert "Sun Jun  7 08:16:57 2026" in origin.note
