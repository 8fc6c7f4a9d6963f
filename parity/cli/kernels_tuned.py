"""Knows ``parity kernels --tuned``: the tuned tables of installed packages, for the target and for here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from parity import session
from parity.binaries import packages
from parity.binaries.tuned_packages import installed_tables, tables_at
from parity.catalog import store
from parity.catalog.identify import arch_of
from parity.checks.tuned_coverage import tuned_report
from parity.cli import options
from parity.config.targets import target_or_default
from parity.errors import NothingToJudgeError, UnknownNameError
from parity.inputs import near_names
from parity.model.absent import value_of
from parity.model.partition import SLICES
from parity.model.tuned import TunedDevice
from parity.reports import tuned_text

if TYPE_CHECKING:
    import argparse

    from parity.model.device import Device
    from parity.model.partition import Partition
    from parity.model.target import Target
    from parity.model.tuned import TunedPackage, TunedReport


def run(arguments: argparse.Namespace) -> int:
    """Report; 0 when the target has what here has, 1 when it lacks some of it, 3 when there is no table."""
    target = target_or_default(arguments.target, session.project_of(arguments.config), source="--target")
    here = _here(arguments)
    found = _found(arguments.what)
    if not any(package.entries or package.problems for package in found):
        raise NothingToJudgeError(
            "no tuned kernel table",
            where=", ".join(arguments.what[:3]) or "installed packages",
            mend="check the path or the package; give the folder of tables that a program is told to use",
        )
    report = tuned_report(found, store.index(), target=None if target is None else target_device(target), here=here)
    options.write_reports(arguments, lambda name: _rendered(name, report, verbose=arguments.verbose))
    return report.exit_status


def _rendered(name: str, report: TunedReport, *, verbose: bool) -> str:
    if name == "json":
        return session.as_json(report).decode()
    width, _, ascii_only = options.terminal()
    text = tuned_text.render(report, verbose=verbose, width=width)
    return text.encode("ascii", "replace").decode() if ascii_only else text


def target_device(target: Target) -> TunedDevice:
    """Return the declared device as tables are looked up for it: by what production printed, else by the catalog."""
    spec = target.spec
    printed: tuple[str, ...] = ()
    if target.reference is not None:
        found = [value_of(device.identity.name) for device in target.reference.visible_devices]
        printed = tuple(dict.fromkeys(name for name in found if name))
    units = value_of(target.fact("cu_count"))
    return TunedDevice(
        label=target.id,
        vendor=spec.vendor,
        names=_as_sliced(printed or spec.reported_names, spec.vendor, target.partition),
        pci_ids=tuple(pci.id for pci in spec.pci_ids),
        arch=spec.arch,
        cu_count=int(units) if isinstance(units, (int, float)) and spec.vendor == "amd" else None,
    )


def _as_sliced(names: tuple[str, ...], vendor: str, partition: Partition) -> tuple[str, ...]:
    """Return the names with the MIG profile that torch prints after them; tables for the whole part are not its."""
    if vendor != "nvidia" or partition.kind not in SLICES:
        return names
    return tuple(name if " MIG " in name else f"{name} MIG {partition.profile}" for name in names)


def _here(arguments: argparse.Namespace) -> tuple[TunedDevice, ...]:
    """Return this machine's devices, or the fingerprint's, each kind once.

    Raises:
        NothingToJudgeError: asked for, and no device tells its name or architecture.
    """
    if not arguments.here and arguments.fingerprint is None:
        return ()
    fingerprint = session.fingerprint_of(arguments.fingerprint)
    found = dict.fromkeys(_device(device) for device in fingerprint.visible_devices)
    telling = tuple(device for device in found if device.names or device.arch)
    if not telling:
        told = "; ".join(note.text for note in fingerprint.notes) or "no device was read"
        raise NothingToJudgeError(told, where="--here", mend="give a saved fingerprint: --fingerprint FILE")
    return telling


def _device(device: Device) -> TunedDevice:
    identity = device.identity
    name, pci = value_of(identity.name), value_of(identity.pci_device_id)
    arch = arch_of(device) or ""
    vendor = value_of(identity.vendor) or ("amd" if arch.startswith("gfx") else "nvidia" if arch else "")
    partition = value_of(identity.partition)
    names = (name,) if name else ()
    return TunedDevice(
        label=name or arch,
        vendor=vendor,
        names=names if partition is None else _as_sliced(names, vendor, partition),
        pci_ids=(pci,) if pci else (),
        arch=arch,
        cu_count=value_of(identity.cu_count),
    )


def _found(words: list[str]) -> list[TunedPackage]:
    """Return the tables of the paths and packages named, or of everything installed.

    Raises:
        UnknownNameError: a word is neither a path nor an installed package.
    """
    folders = packages.site_folders()
    if not words:
        return installed_tables(folders)
    found: list[TunedPackage] = []
    for word in words:
        if Path(word).exists():
            found += tables_at(word)
            continue
        one = installed_tables(folders, only=word)
        if not one:
            raise UnknownNameError(
                f"{word!r} is neither a path nor an installed package",
                close=near_names(packages.folded(word), packages.names(folders)),
                mend="check the name, or give the path of a folder or wheel",
            )
        found += one
    return found
