"""Knows the result of identification: which part a device is, on what evidence, and which parts it is not."""

from typing import Literal

import msgspec

from parity.model.device import Device
from parity.model.partition import Partition

EvidenceKind = Literal[
    "pci-id",
    "subsystem",
    "revision",
    "arch",
    "sm-count",
    "cu-count",
    "memory",
    "bus-width",
    "memory-clock",
    "power-default",
    "name",
]


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What one observed value says about one candidate part.

    Attributes:
        says: ``supports``; ``contradicts`` (rules the part out); ``doubts`` (speaks against it, but drivers and
            operators are known to change this value); ``silent`` (not observed, or the catalog has no value).
        detail: both values, for people.
    """

    kind: EvidenceKind
    says: Literal["supports", "contradicts", "doubts", "silent"]
    detail: str = ""


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """One catalog part held against one device.

    Attributes:
        accepted: the evidence fits.
        evidence: tuple[Evidence, ...], one per kind that was weighed.
    """

    id: str
    accepted: bool
    evidence: tuple[Evidence, ...]

    def kinds(self, says: str) -> tuple[str, ...]:
        """Return the kinds of evidence that say so."""
        return tuple(item.kind for item in self.evidence if item.says == says)

    @property
    def reason(self) -> str:
        """Return why the part was accepted or rejected, in one line."""
        wanted = ("supports",) if self.accepted else ("contradicts", "doubts")
        told = [item.detail for item in self.evidence if item.says in wanted and item.detail]
        return "; ".join(told) or ("nothing speaks against it" if self.accepted else "nothing speaks for it")


class Identified(msgspec.Struct, frozen=True, kw_only=True):
    """A device and the parts it may be.

    Attributes:
        identity: catalog id when exactly one part fits, else None.
        candidates: ids of the parts that fit; of the nearest part when its evidence contradicts itself.
        weighed: tuple[Candidate, ...], every part that anything speaks for, accepted ones first.
        evidence: kinds of evidence that support the identity.
        contradictions: texts; not empty when the evidence disagrees with itself.
        partition: what is known of slices; kind ``unknown`` when nobody said.
    """

    device: Device
    identity: str | None
    candidates: tuple[str, ...]
    weighed: tuple[Candidate, ...]
    evidence: tuple[str, ...]
    contradictions: tuple[str, ...]
    partition: Partition
