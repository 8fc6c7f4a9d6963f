"""No part of the catalog, whatever of it a driver tells, is taken for another part."""

from __future__ import annotations

from itertools import chain, combinations
from typing import TYPE_CHECKING, Any

import pytest

from parity.catalog import store
from parity.catalog.identify import identify
from parity.model.absent import Reading
from parity.model.device import Device, DeviceIdentity, Locator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.model.identified import Identified

# Parts that print one name and share an id, units and memory: nothing that a driver prints tells them apart.
ALIKE = {"orin-nano-8gb", "orin-nx-8gb", "rtx-4070-gddr6"}


def asked(**values: Any) -> Identified:
    readings = {name: Reading(value=value, source="test") for name, value in values.items()}
    return identify(Device(locator=Locator(index=0), identity=DeviceIdentity(**readings)), store.index())


def told(part: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Return what is certain (vendor, printed name, gfx target) and what a driver may or may not tell, per id."""
    spec = store.device_spec(part)
    memory = spec.facts.get("memory_reported_bytes") or spec.facts.get("memory_bytes")
    rest: dict[str, Any] = {"memory_bytes": memory.value} if memory else {}
    rest |= {unit: spec.facts[unit].value for unit in ("sm_count", "cu_count") if unit in spec.facts}
    certain = {"vendor": spec.vendor} | ({"gfx_target": spec.arch} if spec.vendor == "amd" else {})
    for name in spec.reported_names:
        if not spec.pci_ids:
            yield certain | {"name": name}, rest
        for pci in spec.pci_ids:
            ids = {"pci_device_id": pci.id}
            ids |= {"pci_subsystem_id": pci.subsystems[0]} if pci.subsystems else {}
            ids |= {"pci_revision": pci.revisions[0]} if pci.revisions else {}
            yield certain | {"name": name}, rest | ids


@pytest.mark.parametrize("part", [entry.id for entry in store.index()])
def test_a_part_is_itself_or_undecided_whatever_its_driver_tells(part: str) -> None:
    for certain, rest in told(part):
        some = chain.from_iterable(combinations(rest, size) for size in range(len(rest) + 1))
        for names in some:
            found = asked(**certain, **{name: rest[name] for name in names})
            assert part in (found.identity, *found.candidates), names


@pytest.mark.parametrize("part", [entry.id for entry in store.index()])
def test_a_part_is_found_by_everything_its_driver_tells(part: str) -> None:
    for certain, rest in told(part):
        found = asked(**certain, **rest)
        assert (found.identity is None) == (part in ALIKE), found.candidates
        assert part in (found.identity, *found.candidates)


@pytest.mark.parametrize(
    ("name", "pci", "identity"),
    [
        ("NVIDIA B200", "10de:2909", "b200-sxm-168gb"),
        ("NVIDIA B200", "10de:2901", "b200-sxm-180gb"),
        ("NVIDIA GeForce RTX 2080", "10de:1e90", "rtx-2080-laptop"),
        ("NVIDIA GeForce RTX 2080", "10de:1e87", "rtx-2080"),
    ],
)
def test_a_name_that_two_parts_print_is_settled_by_the_pci_id(name: str, pci: str, identity: str) -> None:
    assert asked(vendor="nvidia", name=name, pci_device_id=pci).identity == identity
