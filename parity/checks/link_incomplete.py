"""Knows when the devices of a machine are not joined as the target's are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.absent import Absent, value_of
from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Machine
    from parity.model.target import Target


def check(here: Machine, wanted: Target) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch when NVLink or xGMI is missing between visible devices, or inactive on one of them.

    Asked only of machines with several devices: one device alone uses no link.
    """
    kind = wanted.fact("link_type")
    if len(here.subjects) < 2 or isinstance(kind, Absent) or kind.value == "none":
        return
    if any(subject.vendor != wanted.spec.vendor for subject in here.subjects):
        return  # `vendor-differs` speaks
    inactive = list(_inactive(here))
    yield from inactive
    indices = {subject.device.locator.index for subject in here.subjects}
    pairs = [link for link in here.fingerprint.links if link.a in indices and link.b in indices]
    missing = [link for link in pairs if link.kind != kind.value]
    if missing:
        told = ", ".join(f"{link.a}-{link.b} {link.path or link.kind}" for link in missing[:4])
        more = f" and {len(missing) - 4} more" if len(missing) > 4 else ""
        yield Mismatch(
            subject="machine",
            here=f"{len(missing)} of {len(pairs)} pairs without {kind.value}",
            wanted=f"every pair by {kind.value}",
            message=f"devices are not joined by {kind.value}: {told}{more}",
        )
    elif not inactive and len({(link.a, link.b) for link in pairs}) < len(indices) * (len(indices) - 1) // 2:
        told = f"only {len(pairs)} pairs are told" if pairs else "no source says how the devices are joined"
        yield Absent(why="not_asked", source="topology", detail=told)


def _inactive(here: Machine) -> Iterator[Mismatch]:
    for subject in here.subjects:
        active = value_of(subject.conditions.link_active_count)
        have = subject.fact("link_count")
        if active is None or isinstance(have, Absent) or isinstance(have.value, str):
            continue
        if active < have.value:
            yield Mismatch(
                subject=subject.label,
                here=f"{active} links",
                wanted=f"{have.value:g} links",
                ratio=round(active / have.value, 4),
                message=f"{active} of {have.value:g} links are active",
            )
