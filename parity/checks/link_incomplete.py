"""Knows when the devices of a machine are not joined as the target's are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.absent import Absent, Reading, value_of
from parity.model.finding import Mismatch
from parity.units import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Machine
    from parity.model.spec import FactValue
    from parity.model.target import Target


# Boards on which every pair of GPUs is joined, by switches or by a full mesh. On others (PCIe boards with a bridge, the
# cube mesh of V100 SXM2, MI250X) a pair without a direct link is how they are built.
ALL_TO_ALL = frozenset({"sxm3", "sxm4", "sxm5", "sxm6"})
ALL_TO_ALL_OAM = frozenset({"cdna3", "cdna4"})


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
    if not _is_all_to_all(wanted):
        if missing:
            detail = f"{len(missing)} of {len(pairs)} pairs have no direct {kind.value}; this part's links are optional"
            yield Absent(why="not_asked", source="topology", detail=detail)
    elif missing:
        told = listed([f"{link.a}-{link.b} {link.path or link.kind}" for link in missing], 4)
        yield Mismatch(
            subject="machine",
            here=f"{len(missing)} of {len(pairs)} pairs without {kind.value}",
            wanted=f"every pair by {kind.value}",
            message=f"devices are not joined by {kind.value}: {told}",
        )
    elif not inactive and len({(link.a, link.b) for link in pairs}) < len(indices) * (len(indices) - 1) // 2:
        told = f"only {len(pairs)} pairs are told" if pairs else "no source says how the devices are joined"
        yield Absent(why="not_asked", source="topology", detail=told)


def _is_all_to_all(wanted: Target) -> bool:
    form = wanted.spec.value("form_factor")
    return form in ALL_TO_ALL or (form == "oam" and wanted.spec.family in ALL_TO_ALL_OAM)


def _inactive(here: Machine) -> Iterator[Mismatch]:
    """Yield a mismatch for each device with fewer active links than it, its part or its fullest sibling has."""
    fullest = max((value_of(subject.conditions.link_active_count) or 0 for subject in here.subjects), default=0)
    for subject in here.subjects:
        active = value_of(subject.conditions.link_active_count)
        if active is None:
            continue
        have = max(fullest, _number(subject.fact("link_count")))
        if active < have:
            yield Mismatch(
                subject=subject.label,
                here=f"{active} links",
                wanted=f"{have} links",
                ratio=round(active / have, 4),
                message=f"{active} of {have} links are active",
            )


def _number(fact: Reading[FactValue] | Absent) -> int:
    return int(fact.value) if isinstance(fact, Reading) and not isinstance(fact.value, str) else 0
