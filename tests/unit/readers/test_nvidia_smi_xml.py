"""nvidia-smi -q -x: fields, MIG slices, and refusal of entities."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from parity.errors import InputFileError
from parity.model.absent import Absent, Reading, value_of
from parity.model.fingerprint import Fingerprint
from parity.readers import read_report

Read = Callable[[str], Fingerprint]
MIB = 1024**2


def test_identity_and_limits(read: Read) -> None:
    fingerprint = read("nvidia-smi-x.xml")
    device = fingerprint.devices[0]
    assert value_of(device.identity.pci_device_id) == "10de:20b2"
    assert value_of(device.identity.memory_bytes) == 81920 * MIB
    assert value_of(device.identity.board_part_number) == "692-2G506-0210-002"
    assert (value_of(device.conditions.power_limit_w), value_of(device.identity.power_default_w)) == (
        350.0,
        400.0,
    )
    assert value_of(fingerprint.stack.components["cuda_driver"]) == "12.0"
    assert isinstance(device.locator.serial, Absent)
    assert isinstance(device.locator.uuid, Reading)


def test_clocks_now_and_at_most(read: Read) -> None:
    device = read("nvidia-smi-x.xml").devices[0]
    assert (value_of(device.identity.clock_boost_mhz), value_of(device.conditions.clock_sm_mhz)) == (
        1410,
        210,
    )
    assert value_of(device.conditions.throttle_reasons) == ("idle",)


def test_mig_slices(read: Read) -> None:
    fingerprint = read("nvidia-smi-x-mig.xml")
    assert value_of(fingerprint.device_count) == 1
    sizes = [
        (value_of(device.identity.sm_count), value_of(device.identity.memory_bytes)) for device in fingerprint.devices
    ]
    assert sizes == [(42, 40192 * MIB), (14, 9728 * MIB)]
    assert all(isinstance(device.identity.clock_boost_mhz, Absent) for device in fingerprint.devices)


@pytest.mark.parametrize(
    "head",
    [
        '<!DOCTYPE nvidia_smi_log [<!ENTITY a "b">]>',
        "<!DOCTYPE nvidia_smi_log [ <!ELEMENT x ANY> ]>",
    ],
)
def test_entities_and_inner_document_types_are_refused(text_of: Callable[[str], str], head: str) -> None:
    text = text_of("nvidia-smi-x.xml").replace('<!DOCTYPE nvidia_smi_log SYSTEM "nvsmi_device_v11.dtd">', head)
    with pytest.raises(InputFileError, match="entities"):
        read_report(text.encode(), where="x.xml")


def test_cut_off_xml_is_an_error_with_a_mend(text_of: Callable[[str], str]) -> None:
    with pytest.raises(InputFileError, match="not complete XML") as caught:
        read_report(text_of("nvidia-smi-x.xml")[:900].encode(), where="x.xml")
    assert caught.value.mend == "give the whole output of nvidia-smi -q -x"
