"""Judges tuned kernel tables: which shapes are tuned for the target, for here, for both, for neither."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from parity.binaries.tuned_names import program_of
from parity.catalog.tuned_device import fits, known_names, looked_up_as, wrong_name
from parity.model.tuned import Misnamed, TunedFamily, TunedPackageReport, TunedReport

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from parity.catalog.compiled import IndexEntry
    from parity.model.tuned import Case, TunedDevice, TunedEntry, TunedPackage

UNTOLD = "(not told)"


def tuned_report(
    found: Sequence[TunedPackage],
    index: Sequence[IndexEntry],
    *,
    target: TunedDevice | None,
    here: Sequence[TunedDevice] = (),
) -> TunedReport:
    """Return the report.

    Args:
        found: packages with their tables.
        index: the catalog's index, for the names that devices have.
        target: the declared device; None: not asked for.
        here: the devices of this machine; what is tuned for any of them is tuned here. Empty: not asked for.
    """
    packages = tuple(_package(package, index, target, here) for package in found)
    return TunedReport(
        target=None if target is None else target.label,
        here=", ".join(device.label for device in here) or None,
        packages=packages,
        exit_status=exit_status(packages, target=target is not None, here=bool(here)),
    )


def exit_status(packages: Iterable[TunedPackageReport], *, target: bool, here: bool) -> int:
    """Return 0 when the target and here have the same shapes tuned, 1 when one lacks some, 3 when nothing is to judge.

    A family without any table for the target is lacking too. What cannot be told is no pass.
    """
    packages = list(packages)
    families = [family for package in packages for family in package.families]
    if not families:
        return 3
    if not target:
        return 0
    judged = [family for family in families if family.target is not None]
    if all(family.unknown and not family.target for family in judged):  # or there is none
        return 3
    lacking = any(_lacks(family, here=here) for family in judged)
    untold = any(family.unknown for family in judged) or any(package.problems for package in packages)
    return 1 if lacking or untold else 0


def _lacks(family: TunedFamily, *, here: bool) -> bool:
    differs = here and not {"here-only", "target-only"}.isdisjoint(family.shapes.values())
    return differs or (not family.target and not family.unknown)


def _package(
    package: TunedPackage, index: Sequence[IndexEntry], target: TunedDevice | None, here: Sequence[TunedDevice]
) -> TunedPackageReport:
    families: dict[str, list[TunedEntry]] = {}
    for entry in package.entries:
        families.setdefault(entry.family, []).append(entry)
    return TunedPackageReport(
        package=package.name,
        version=package.version,
        families=tuple(_family(name, families[name], package, target, here) for name in sorted(families)),
        misnamed=_misnamed(package, index),
        problems=package.problems,
    )


def _family(
    name: str,
    entries: list[TunedEntry],
    package: TunedPackage,
    target: TunedDevice | None,
    here: Sequence[TunedDevice],
) -> TunedFamily:
    shapes = dict.fromkeys(sorted({entry.shape for entry in entries}))
    aimed = _tuned_for([target] if target else [], entries, package)
    local = _tuned_for(here, entries, package)
    untold = (aimed.untold - aimed.shapes) | (local.untold - local.shapes)
    keyed = _counted((device_told(entry), entry.shape) for entry in entries)
    target_applies = target is not None and _is_for_vendor(entries, target.vendor)
    here_applies = any(_is_for_vendor(entries, device.vendor) for device in here)
    return TunedFamily(
        family=name,
        total=len(shapes),
        target=len(aimed.shapes) if target_applies else None,
        here=len(local.shapes) if here_applies else None,
        shapes={shape: _case(shape, aimed.shapes, local.shapes) for shape in shapes}
        if target is not None and here
        else {},
        devices=keyed,
        target_names=_counted(aimed.names),
        triton=_counted(aimed.versions if target else [(entry.triton, entry.shape) for entry in entries]),
        unknown=f"{len(untold)} shapes: what they are keyed by is not known of the device" if untold else "",
    )


class _Tuned(NamedTuple):
    """What is tuned for some devices: shapes, with the name and the Triton version, and those that cannot be told."""

    shapes: set[str]
    names: set[tuple[str, str]]
    versions: set[tuple[str, str]]
    untold: set[str]


def _tuned_for(devices: Sequence[TunedDevice], entries: Iterable[TunedEntry], package: TunedPackage) -> _Tuned:
    tuned = _Tuned(set(), set(), set(), set())
    asked: dict[tuple[int, str], set[str]] = {}
    for entry in entries:
        program = program_of(entry.path)
        for number, device in enumerate(devices):
            if (number, program) not in asked:
                asked[number, program] = looked_up_as(device, program, entry.family, package.pci_names)
            fit = fits(entry, device, asked[number, program], package.arch_names)
            if fit:
                tuned.shapes.add(entry.shape)
                tuned.names.add((entry.name or "", entry.shape))
                tuned.versions.add((entry.triton, entry.shape))
            elif fit is None:
                tuned.untold.add(entry.shape)
    return tuned


def _counted(pairs: Iterable[tuple[str, str]]) -> dict[str, int]:
    """Return key -> how many different shapes it has, in key order; without the empty key."""
    held: dict[str, set[str]] = {}
    for key, shape in pairs:
        held.setdefault(key, set()).add(shape)
    return {key: len(held[key]) for key in sorted(held) if key}


def _is_for_vendor(entries: Iterable[TunedEntry], vendor: str) -> bool:
    """Return whether any table may be for this vendor's devices; a name that tells no vendor may be."""
    return any(entry.name is not None or vendor == "amd" for entry in entries)


def _case(shape: str, aimed: set[str], local: set[str]) -> Case:
    if shape in aimed:
        return "both" if shape in local else "target-only"
    return "here-only" if shape in local else "neither"


def device_told(entry: TunedEntry) -> str:
    """Return what an entry is keyed by, in words."""
    if entry.name is not None:
        return entry.name or UNTOLD
    units = "" if entry.cu_count is None else f"{entry.cu_count} CUs"
    return " ".join(part for part in (entry.arch_name, entry.gfx, units) if part) or UNTOLD


def _misnamed(package: TunedPackage, index: Sequence[IndexEntry]) -> tuple[Misnamed, ...]:
    """Return the device names that no part of the catalog has, those that never match first."""
    known: dict[tuple[str, str], Mapping[str, str]] = {}
    odd: dict[tuple[str, bool, str], set[str]] = {}
    for entry in package.entries:
        if entry.name is None:
            continue
        key = (program_of(entry.path), entry.family)
        if key not in known:
            known[key] = known_names(index, *key, package.pci_names)
        wrong = wrong_name(entry, key[0], known[key], index)
        if wrong is not None:
            odd.setdefault((entry.name, *wrong), set()).add(entry.path)
    told = [Misnamed(name=name, files=len(paths), never=never, why=why) for (name, never, why), paths in odd.items()]
    return tuple(sorted(told, key=lambda one: (not one.never, one.name, one.why)))
