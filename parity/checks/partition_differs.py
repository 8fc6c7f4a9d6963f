"""Knows when a device is a slice, or whole, and the target is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.absent import Absent, Reading, value_of
from parity.model.finding import Mismatch
from parity.model.partition import Partition

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Subject
    from parity.model.target import Target


def check(here: Subject, wanted: Target) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch when the device is a MIG slice, a vGPU or an AMD partition that the target does not declare."""
    have = here.device.identity.partition
    if value_of(here.conditions.mig_enabled) and wanted.partition.kind != "mig" and not here.is_slice:
        yield Mismatch(
            subject=here.label,
            here="MIG is on",
            wanted=_words(wanted.partition),
            message=f"MIG is on and no slice was read, the target is {_words(wanted.partition)}",
        )
        return
    if isinstance(have, Absent):
        if _all_units_are_here(here):
            return
        yield have
        return
    need = wanted.partition
    if _words(_asked(have.value, need)) == _words(need):
        return
    yield Mismatch(
        subject=here.label,
        here=_words(have.value),
        wanted=_words(need),
        message=f"the device is {_words(have.value)} here, {_words(need)} on the target",
        mend=_mend(have.value, need, wanted.id),
    )


def _mend(have: Partition, need: Partition, target: str) -> str:
    if not _is_slice(have):
        return f"Use {_words(need)}, or declare the whole part as the target."
    if _is_slice(need) or have.kind == "vgpu" or not have.profile:
        return f"Use {_words(need)}."
    profile = "+".join(part for part in (have.profile, have.memory_mode) if part)
    return f"Use {_words(need)}, or declare the partition: `device: {target}` with `partition: {profile}`."


def _is_slice(partition: Partition) -> bool:
    return partition.kind != "none" and partition.profile.upper() != "SPX"


def _asked(have: Partition, need: Partition) -> Partition:
    """Return the partition without its memory mode when the target declares a slice but no mode."""
    if need.kind == "compute" and not need.memory_mode:
        return Partition(kind=have.kind, profile=have.profile)
    return have


def _all_units_are_here(here: Subject) -> bool:
    """Return whether the device shows every SM or CU of its part, which no slice does."""
    identity = here.device.identity
    units = identity.cu_count if here.vendor == "amd" else identity.sm_count
    whole = here.spec and here.spec.number("cu_count" if here.vendor == "amd" else "sm_count")
    # NVML counts the board's cores, whatever slice this process has; the runtimes count what it may use.
    told = isinstance(units, Reading) and not units.source.startswith("nvml")
    return told and whole is not None and value_of(units) == whole


def _words(partition: Partition) -> str:
    if partition.kind == "none" or partition.profile.upper() == "SPX":
        return "a whole GPU" if partition.memory_mode in ("", "NPS1") else f"a whole GPU in {partition.memory_mode}"
    names = {"mig": "a MIG slice", "vgpu": "a vGPU", "compute": "a compute partition"}
    parts = (names.get(partition.kind, partition.kind), partition.profile, partition.memory_mode)
    return " ".join(part for part in parts if part)
