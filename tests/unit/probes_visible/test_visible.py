"""Which devices a process may use: what CUDA and HIP make of their variables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parity.model.absent import Reading
from parity.model.device import Device, DeviceIdentity, Locator
from parity.probes.visible import mark_visible

if TYPE_CHECKING:
    from parity.model.fingerprint import Note

CUDA, HIP, ROCR = "CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"
UUIDS = (
    "GPU-8932f937-d72c-4106-c12f-20bd9faed9f6",
    "GPU-8932aaaa-d72c-4106-c12f-20bd9faed9f6",
    "GPU-11111111-2222-3333-4444-555555555555",
    "GPU-99999999-2222-3333-4444-555555555555",
)
BUSES = ("00000000:3b:00.0", "00000000:18:00.0", "00000000:86:00.0", "00000000:af:00.0")
SLICE = "MIG-3ee9de72-19fb-5957-a5d6-a3d8d2a4e1c1"


def device(index: int, vendor: str = "nvidia", name: str = "NVIDIA X", **locator: str) -> Device:
    readings: dict[str, Any] = {key: Reading(value=value, source="test") for key, value in locator.items()}
    return Device(
        locator=Locator(index=index, **readings),
        identity=DeviceIdentity(vendor=Reading(value=vendor, source="test"), name=Reading(value=name, source="test")),
    )


# In bus order these are 1, 0, 2, 3.
FOUR = tuple(device(n, uuid=UUIDS[n], pci_bus_id=BUSES[n]) for n in range(4))
AMD = tuple(device(n, "amd", uuid=f"GPU-{n:016x}", pci_bus_id=f"00000000:{n}5:00.0") for n in range(4))
SLICED = (
    device(0, uuid=UUIDS[0], pci_bus_id=BUSES[0]),
    device(1, uuid=SLICE, pci_bus_id=BUSES[2], parent_uuid=UUIDS[2]),
)


def shown(devices: tuple[Device, ...], order: tuple[str, ...] | None = None, **environment: str) -> list[int]:
    marked, _ = mark_visible(devices, environment, order)
    return [one.locator.index for one in marked if one.locator.visible]


def notes(devices: tuple[Device, ...], order: tuple[str, ...] | None = None, **environment: str) -> tuple[Note, ...]:
    return mark_visible(devices, environment, order)[1]


def test_without_a_variable_all_are_shown() -> None:
    assert shown(FOUR) == [0, 1, 2, 3]
    assert notes(FOUR) == ()


def test_numbers_count_in_bus_order_when_cuda_was_not_asked() -> None:
    assert shown(FOUR, CUDA_VISIBLE_DEVICES="0") == [1]
    assert shown(FOUR, CUDA_VISIBLE_DEVICES="1,2") == [0, 2]


def test_numbers_count_in_cudas_own_order_when_it_was_asked() -> None:
    fastest_first = (BUSES[3], BUSES[0], BUSES[1], BUSES[2])
    assert shown(FOUR, fastest_first, CUDA_VISIBLE_DEVICES="0") == [3]
    assert shown(FOUR, fastest_first, CUDA_VISIBLE_DEVICES="0,1") == [0, 3]


def test_an_assumed_order_is_said_on_a_mixed_machine_only() -> None:
    mixed = (*FOUR[:3], device(3, name="NVIDIA Y", uuid=UUIDS[3], pci_bus_id=BUSES[3]))
    [note] = notes(mixed, CUDA_VISIBLE_DEVICES="0")
    assert note.source == "environment: CUDA_VISIBLE_DEVICES"
    assert "PCI bus order" in note.text
    assert notes(FOUR, CUDA_VISIBLE_DEVICES="0") == ()
    assert notes(mixed, BUSES, CUDA_VISIBLE_DEVICES="0") == ()
    assert notes(mixed, CUDA_VISIBLE_DEVICES=UUIDS[0]) == ()


def test_the_order_of_the_machine_is_kept() -> None:
    marked, _ = mark_visible(FOUR, {CUDA: "2,0"}, None)
    assert [one.locator.index for one in marked] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("wish", "indices"),
    [
        (UUIDS[0], [0]),
        (UUIDS[0].upper().replace("GPU", "gpu"), [0]),
        (f"{UUIDS[3]},{UUIDS[0]}", [0, 3]),
        ("GPU-8932f", [0]),
        ("GPU-1", [2]),
        ("GPU-8932", []),  # fits two devices
        ("GPU-7", []),
        (f"{UUIDS[0]},GPU-8932,{UUIDS[2]}", [0]),
    ],
)
def test_uuids_may_be_abbreviated_while_they_name_one_device(wish: str, indices: list[int]) -> None:
    assert shown(FOUR, CUDA_VISIBLE_DEVICES=wish) == indices


def test_an_ambiguous_abbreviation_is_said() -> None:
    [note] = notes(FOUR, CUDA_VISIBLE_DEVICES="GPU-8932")
    assert note.text == "'GPU-8932' names no single device; it and all after it are hidden"


@pytest.mark.parametrize("wish", [SLICE, SLICE.upper(), "MIG-3ee9de72", f"MIG-{UUIDS[2]}/1/0", f"MIG-{UUIDS[2]}"])
def test_a_slice_is_named_by_either_form_of_its_uuid(wish: str) -> None:
    assert shown(SLICED, CUDA_VISIBLE_DEVICES=wish) == [1]


def test_the_old_form_does_not_tell_two_slices_of_a_gpu_apart() -> None:
    two = (*SLICED, device(2, uuid="MIG-4" + SLICE[5:], pci_bus_id=BUSES[2], parent_uuid=UUIDS[2]))
    assert shown(two, CUDA_VISIBLE_DEVICES=f"MIG-{UUIDS[2]}/1/0") == []
    assert len(notes(two, CUDA_VISIBLE_DEVICES=f"MIG-{UUIDS[2]}/1/0")) == 1
    assert shown(two, CUDA_VISIBLE_DEVICES=SLICE) == [1]


def test_numbers_count_whole_devices() -> None:
    assert shown(SLICED, CUDA_VISIBLE_DEVICES="0") == [0]
    assert shown(SLICED, CUDA_VISIBLE_DEVICES="1") == []


@pytest.mark.parametrize("wish", ["", "-1", " ", "NoDevFiles", "none", "void", ",0", "-1,0"])
def test_nothing_may_be_wanted_and_needs_no_note(wish: str) -> None:
    assert shown(FOUR, CUDA_VISIBLE_DEVICES=wish) == []
    assert notes(FOUR, CUDA_VISIBLE_DEVICES=wish) == ()


@pytest.mark.parametrize(
    "wish", ["0,9,2", "0,all", "0,GPU,2", "0,x2,1", "0,99999999999999999999", "0,\N{SUPERSCRIPT TWO}"]
)
def test_what_names_nothing_hides_itself_and_all_after_it(wish: str) -> None:
    assert shown(FOUR, CUDA_VISIBLE_DEVICES=wish) == [1]
    [note] = notes(FOUR, CUDA_VISIBLE_DEVICES=wish)
    assert "it and all after it are hidden" in note.text


def test_minus_one_hides_what_follows() -> None:
    assert shown(FOUR, CUDA_VISIBLE_DEVICES="1,-1,0") == [0]


@pytest.mark.parametrize("wish", ["0,0", "1,0,1", f"{UUIDS[1]},{UUIDS[1]}", "0,00"])
def test_a_device_named_twice_hides_all_as_cuda_does(wish: str) -> None:
    assert shown(FOUR, CUDA_VISIBLE_DEVICES=wish) == []
    [note] = notes(FOUR, CUDA_VISIBLE_DEVICES=wish)
    assert "twice" in note.text


def test_spaces_do_not_matter() -> None:
    assert shown(FOUR, CUDA_VISIBLE_DEVICES=" 0 ,  2 ") == [1, 2]


def test_cuda_reads_the_number_a_token_starts_with() -> None:
    assert shown(FOUR, CUDA_VISIBLE_DEVICES="1gpu,2nd,+3") == [0, 2, 3]


def test_hip_counts_within_what_rocr_left_and_in_its_order() -> None:
    assert shown(AMD, ROCR_VISIBLE_DEVICES="1,3") == [1, 3]
    assert shown(AMD, ROCR_VISIBLE_DEVICES="1,3", HIP_VISIBLE_DEVICES="1") == [3]
    assert shown(AMD, ROCR_VISIBLE_DEVICES="3,1", HIP_VISIBLE_DEVICES="0") == [3]
    assert shown(AMD, ROCR_VISIBLE_DEVICES="3,1", HIP_VISIBLE_DEVICES="2") == []


def test_hip_honours_cudas_variable_when_its_own_is_unset_or_empty() -> None:
    assert shown(AMD, CUDA_VISIBLE_DEVICES="2") == [2]
    assert shown(AMD, HIP_VISIBLE_DEVICES="0", CUDA_VISIBLE_DEVICES="2") == [0]
    assert shown(AMD, HIP_VISIBLE_DEVICES="", CUDA_VISIBLE_DEVICES="2") == [2]
    assert shown(AMD, ROCR_VISIBLE_DEVICES="3,2", CUDA_VISIBLE_DEVICES="0") == [3]


def test_an_empty_variable_restricts_rocr_and_cuda_but_not_hip() -> None:
    assert shown(AMD, ROCR_VISIBLE_DEVICES="") == []
    assert shown(AMD, HIP_VISIBLE_DEVICES="") == [0, 1, 2, 3]
    assert shown(AMD, CUDA_VISIBLE_DEVICES="") == [0, 1, 2, 3]
    assert shown(FOUR, CUDA_VISIBLE_DEVICES="") == []


def test_hip_shows_a_repeated_device_once() -> None:
    assert shown(AMD, HIP_VISIBLE_DEVICES="1,1,2") == [1, 2]


def test_rocr_takes_uuids() -> None:
    assert shown(AMD, ROCR_VISIBLE_DEVICES="GPU-0000000000000002") == [2]


def test_nvidias_devices_do_not_heed_amds_variables() -> None:
    assert shown(FOUR, HIP_VISIBLE_DEVICES="0", ROCR_VISIBLE_DEVICES="0") == [0, 1, 2, 3]


def test_each_vendor_counts_its_own_devices() -> None:
    later = tuple(device(n + 4, "amd", pci_bus_id=f"00000000:0{n}:00.0") for n in range(2))
    both = (*FOUR, *later)
    assert shown(both, CUDA_VISIBLE_DEVICES="3", HIP_VISIBLE_DEVICES="1") == [3, 5]
    assert shown(both, CUDA_VISIBLE_DEVICES="0") == [1, 4]
    assert shown(both, HIP_VISIBLE_DEVICES="0") == [0, 1, 2, 3, 4]


def test_a_device_of_no_known_vendor_is_shown() -> None:
    nameless = (Device(locator=Locator(index=0)),)
    assert shown(nameless, CUDA_VISIBLE_DEVICES="-1") == [0]


def test_what_the_driver_itself_hides_stays_hidden() -> None:
    hidden = Device(locator=Locator(index=1, visible=False), identity=FOUR[1].identity)
    assert shown((FOUR[0], hidden), CUDA_VISIBLE_DEVICES="1") == [0]
    assert shown((FOUR[0], hidden)) == [0]


@settings(deadline=None)
@given(wish=st.text(max_size=40), hip=st.none() | st.text(max_size=40))
def test_no_value_of_a_variable_breaks_the_capture(wish: str, hip: str | None) -> None:
    environment = {CUDA: wish, **({} if hip is None else {HIP: hip, ROCR: hip})}
    marked, told = mark_visible((*FOUR, *AMD), environment, None)
    assert [one.locator.index for one in marked] == [0, 1, 2, 3, 0, 1, 2, 3]
    assert all(len(note.text) < 400 for note in told)
