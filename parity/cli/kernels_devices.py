"""Knows which devices ``parity kernels`` judges for: the target's, an architecture's, those here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity import session
from parity.catalog import store
from parity.catalog.identified import identified
from parity.catalog.identify import arch_of
from parity.checks.versions import least_admitted
from parity.config.targets import target_or_default
from parity.errors import NothingToJudgeError, UsageError
from parity.model.absent import value_of
from parity.model.arch import AmdArch, NvidiaArch, parse_arch
from parity.model.coverage import RunsOn

if TYPE_CHECKING:
    import argparse

    from parity.model.device import Device
    from parity.model.fingerprint import Fingerprint


def target_of(arguments: argparse.Namespace) -> RunsOn | None:
    """Return the device to judge for: an architecture (``sm_103``), or a target as everywhere.

    Raises:
        UnknownNameError, UsageError: it is neither.
    """
    return device_of(arguments.target, arguments, source="--target")


def device_of(named: str | None, arguments: argparse.Namespace, *, source: str) -> RunsOn | None:
    """Return the device that a word names, with the driver that a captured target has, or the least that a pin admits.

    Raises:
        UnknownNameError, UsageError: the word names none.
    """
    if named is not None and isinstance(parse_arch(named), (NvidiaArch, AmdArch)):
        return _architecture(named, source)
    target = target_or_default(named, session.project_of(arguments.config), source=source)
    if target is None:
        return None
    if target.reference is not None:
        return _with_driver(target.spec.arch, target.reference)
    driver = least_admitted(target.stack.get("driver", ""))
    return RunsOn(arch=target.spec.arch, driver=driver, driver_cuda=store.stack_facts().cuda_served(driver))


def _architecture(named: str, source: str) -> RunsOn:
    found = parse_arch(named)
    if isinstance(found, NvidiaArch) and (found.word != "sm" or found.suffix):
        plain = f"sm_{found.major}{found.minor}"
        raise UsageError(f"{named} is code, not a device", where=source, mend=f"give the device's own: {plain}")
    if isinstance(found, AmdArch) and found.processor.endswith("-generic"):
        raise UsageError(f"{named} is code, not a device", where=source, mend="give a processor: gfx942")
    return RunsOn(arch=str(found))


def here_of(arguments: argparse.Namespace) -> tuple[RunsOn, ...]:
    """Return the architectures of this machine's devices, or of the fingerprint's, each once.

    Raises:
        NothingToJudgeError: asked for, and no device tells its architecture, nor is known for a part that has one.
    """
    if not arguments.here and arguments.fingerprint is None:
        return ()
    fingerprint = session.fingerprint_of(arguments.fingerprint)
    found = dict.fromkeys(arch for arch in (_arch(device) for device in fingerprint.visible_devices) if arch)
    if found:
        return tuple(_with_driver(arch, fingerprint) for arch in found)
    told = "; ".join(note.text for note in fingerprint.notes) or "no device was read"
    if fingerprint.visible_devices:
        told = f"which architecture {fingerprint.visible_devices[0].label} has is not told, nor does one part fit it"
    saved = "give a saved fingerprint: --fingerprint FILE"
    mend = saved if arguments.fingerprint is None else "give a report that tells it: nvidia-smi -q, or parity capture"
    raise NothingToJudgeError(told, where="--here", mend=mend)


def _with_driver(arch: str, fingerprint: Fingerprint) -> RunsOn:
    """Return a device of this architecture with the driver of its machine; AMD code needs none of a version."""
    if not arch.startswith("sm_"):
        return RunsOn(arch=arch)
    driver = _component(fingerprint, "driver")
    cuda = _component(fingerprint, "cuda_driver") or store.stack_facts().cuda_served(driver)
    return RunsOn(arch=arch, driver=driver, driver_cuda=cuda)


def _arch(device: Device) -> str:
    """Return what a device reports, with AMD's feature flags, else the architecture of the parts that fit it."""
    reported = value_of(device.identity.gfx_target) or arch_of(device)
    if reported:
        return reported
    known = identified(device)
    fits = {entry.arch for entry in store.index() if entry.id in known.candidates and not known.contradictions}
    return fits.pop() if len(fits) == 1 else ""


def _component(fingerprint: Fingerprint, name: str) -> str:
    reading = fingerprint.stack.components.get(name)
    return "" if reading is None else value_of(reading) or ""
