"""Knows when somebody else uses a device, also when their process ids are hidden."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.absent import Absent, value_of
from parity.model.finding import Mismatch
from parity.units import format_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Subject
    from parity.model.target import Target


def check(
    here: Subject, wanted: Target | None, *, memory_residue_bytes: int, utilization_percent: int
) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch when compute processes are listed, or memory or utilisation is in use by nobody we see.

    Inside containers process ids are hidden or belong to the host, so an empty list proves nothing
    (huggingface/optimum-benchmark#88); memory in use and utilisation are judged as well.
    """
    del wanted
    conditions = here.conditions
    processes, used = conditions.processes, conditions.memory_used_bytes
    utilization = conditions.utilization_gpu_percent
    listed = [p for p in (value_of(processes) or ()) if p.kind == "compute"]
    residue = value_of(used) or 0
    busy = value_of(utilization) or 0
    if listed:
        names = ", ".join(sorted({p.name.rsplit("/", 1)[-1] or "unnamed" for p in listed}))
        yield Mismatch(
            subject=here.label,
            here=f"{len(listed)} compute process{'es' if len(listed) > 1 else ''}",
            wanted="none",
            message=f"{len(listed)} other compute process{'es' if len(listed) > 1 else ''} on the device: {names}",
        )
    elif residue > memory_residue_bytes:
        text = format_bytes(residue)
        yield Mismatch(
            subject=here.label, here=f"{text} in use", wanted="idle", message=f"{text} of memory is in use by others"
        )
    elif busy > utilization_percent:
        yield Mismatch(
            subject=here.label, here=f"{busy} % busy", wanted="idle", message=f"the device is {busy} % busy already"
        )
    elif isinstance(used, Absent):
        yield used
