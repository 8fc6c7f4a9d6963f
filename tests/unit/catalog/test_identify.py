"""Identification rests on evidence, never on a name's prefix, and says so when evidence disagrees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from parity.catalog import store
from parity.catalog.as_fingerprint import as_fingerprint
from parity.catalog.identify import MEMORY_LOW, identify
from parity.model.absent import NOT_ASKED, Reading
from parity.model.device import Device, DeviceIdentity, Locator
from parity.model.partition import Partition
from parity.units import GIB, MIB

if TYPE_CHECKING:
    from parity.model.identified import Identified

replace = msgspec.structs.replace


def device(**values: Any) -> Device:
    readings = {name: Reading(value=value, source="test") for name, value in values.items()}
    return Device(locator=Locator(index=0), identity=DeviceIdentity(**readings))


def part(part_id: str, /, **changes: Any) -> Device:
    found = as_fingerprint(store.device_spec(part_id)).devices[0]
    readings = {
        field: NOT_ASKED if value is None else Reading(value=value, source="test") for field, value in changes.items()
    }
    return replace(found, identity=replace(found.identity, **readings))


def identified(given: Device) -> Identified:
    return identify(given, store.index())


@pytest.mark.parametrize(
    ("name", "identity"),
    [
        ("NVIDIA H20", "h20-sxm-96gb"),
        ("NVIDIA H200", "h200-sxm-141gb"),
        ("NVIDIA L4", "l4"),
        ("NVIDIA L40", "l40"),
        ("NVIDIA L40S", "l40s"),
        ("NVIDIA A10", "a10"),
        ("NVIDIA A10G", "a10g"),
        ("NVIDIA H100 PCIe", "h100-pcie-80gb"),
        ("NVIDIA H100 NVL", "h100-nvl-94gb"),
        ("NVIDIA H100 80GB HBM3", "h100-sxm5-80gb"),
        ("NVIDIA-H100-80GB-HBM3", "h100-sxm5-80gb"),
        ("NVIDIA B300 SXM6 AC", "b300-sxm-270gb"),
        ("NVIDIA GB300", "gb300-279gb"),
        ("NVIDIA GeForce RTX 4090 D", "rtx-4090-d"),
        ("NVIDIA GeForce RTX 4090", "rtx-4090"),
    ],
)
def test_a_whole_name_is_matched_never_a_prefix(name: str, identity: str) -> None:
    assert identified(device(vendor="nvidia", name=name)).identity == identity


def test_one_name_of_two_parts_gives_both_until_memory_decides() -> None:
    name = "NVIDIA GeForce RTX 3080"
    assert set(identified(device(vendor="nvidia", name=name)).candidates) == {"rtx-3080-10gb", "rtx-3080-12gb"}
    assert identified(device(vendor="nvidia", name=name, memory_bytes=12288 * MIB)).identity == "rtx-3080-12gb"


def test_gfx942_with_304_cus_is_two_parts_until_memory_decides() -> None:
    given = device(vendor="amd", gfx_target="gfx942", cu_count=304)
    assert identified(given).identity is None
    with_memory = device(vendor="amd", gfx_target="gfx942", cu_count=304, memory_bytes=256 * GIB)
    assert identified(with_memory).identity == "mi325x"


def test_equal_gfx_target_with_80_cus_is_not_mi300x() -> None:
    given = device(
        vendor="amd", pci_device_id="1002:74a2", gfx_target="gfx942", cu_count=80, name="AMD Instinct MI300X"
    )
    found = identified(given)
    assert found.identity == "mi308x"
    assert any("MI300X" in text for text in found.contradictions)


def test_revision_decides_between_radeon_parts_of_one_id() -> None:
    assert identified(device(vendor="amd", pci_device_id="1002:744c", pci_revision="c8")).identity == "rx-7900-xtx"
    assert identified(device(vendor="amd", pci_device_id="1002:744c", pci_revision="cc")).identity == "rx-7900-xt"


def test_subsystem_decides_between_boards_of_one_id() -> None:
    for name in ("rtx-pro-5000-blackwell-48gb", "rtx-pro-5000-blackwell-72gb"):
        given = part(name, name=None, memory_bytes=None)
        assert identified(given).identity == name


def test_a_board_rebuilt_with_more_memory_is_no_part_as_sold() -> None:
    found = identified(part("rtx-4090", memory_bytes=48 * GIB))
    assert found.identity is None
    assert found.candidates == ("rtx-4090",)
    assert found.contradictions == ("48 GiB of memory, not 24 GiB: a known rebuilt board",)


def test_a_name_given_by_a_hypervisor_does_not_hide_the_device() -> None:
    found = identified(part("l40s", name="NVIDIA GeForce RTX 3060"))
    assert found.identity == "l40s"
    assert found.contradictions == ("prints 'NVIDIA GeForce RTX 3060', not 'NVIDIA L40S'",)


@pytest.mark.parametrize("name", ["AMD Radeon Graphics", "NVIDIA Graphics Device", "XXXX", ""])
def test_a_generic_or_masked_name_is_no_evidence(name: str) -> None:
    found = identified(part("mi355x", name=name))
    assert found.identity == "mi355x"
    assert found.contradictions == ()


def test_a_part_the_catalog_lacks_is_nothing_else() -> None:
    found = identified(
        device(vendor="nvidia", name="NVIDIA R900", pci_device_id="10de:ffff", compute_capability="9.0", sm_count=132)
    )
    assert (found.identity, found.candidates) == (None, ())


def test_a_new_id_of_a_known_part_needs_name_and_facts() -> None:
    known = part("h100-sxm5-80gb", pci_device_id="10de:fff0")
    assert identified(known).identity == "h100-sxm5-80gb"
    only_name = device(vendor="nvidia", name="NVIDIA H100 80GB HBM3", pci_device_id="10de:fff0")
    assert identified(only_name).identity is None


def test_another_parts_sm_count_rules_a_name_out() -> None:
    found = identified(device(vendor="nvidia", name="NVIDIA H100 80GB HBM3", sm_count=114))
    assert found.identity is None
    assert found.candidates == ("h100-sxm5-80gb",)
    assert found.contradictions == ("114 SMs, not 132",)


def test_in_band_ecc_and_driver_reserves_are_not_another_memory_size() -> None:
    for name, reported in (
        ("l4", 23034),
        ("a10", 23028),
        ("t4", 15360),
        ("h200-sxm-141gb", 143771),
        ("b200-sxm-180gb", 183359),
    ):
        assert identified(part(name, memory_bytes=reported * MIB)).identity == name


def test_a_bus_width_reported_by_an_older_driver_is_accepted() -> None:
    assert identified(part("b200-sxm-180gb", memory_bus_width_bits=8192)).identity == "b200-sxm-180gb"


def test_a_mig_slice_keeps_its_part_and_gets_its_profile_from_its_size() -> None:
    given = part("a100-sxm4-40gb", partition=Partition(kind="mig"), sm_count=42, memory_bytes=19968 * MIB)
    found = identified(given)
    assert found.identity == "a100-sxm4-40gb"
    assert found.partition == Partition(kind="mig", profile="3g.20gb")


def test_an_overridden_gfx_target_is_a_contradiction_not_another_part() -> None:
    given = device(
        vendor="amd",
        pci_device_id="1002:73df",
        pci_revision="c1",
        gfx_target="gfx1030",
        cu_count=40,
        name="AMD Radeon RX 6700 XT",
    )
    found = identified(given)
    assert found.identity == "rx-6700-xt"
    assert found.contradictions == ("reports gfx1030, the part is gfx1031: overridden",)


def test_default_power_breaks_a_tie_but_never_rules_out() -> None:
    assert identified(part("h100-sxm5-80gb", power_default_w=650.0)).identity == "h100-sxm5-80gb"


@pytest.mark.parametrize("name", [entry.id for entry in store.index()])
def test_no_part_is_taken_for_another_when_any_one_value_is_missing(name: str) -> None:
    whole = part(name)
    for field in DeviceIdentity.__struct_fields__:
        if isinstance(getattr(whole.identity, field), Reading) and field != "partition":
            found = identified(replace(whole, identity=replace(whole.identity, **{field: NOT_ASKED})))
            assert found.identity in (name, None), f"without {field}"


def test_memory_that_fits_a_part_is_no_less_than_the_part_as_a_target() -> None:
    compare = store.card("memory-size-below-target").compare
    assert compare is not None
    assert compare.at_least == MEMORY_LOW
