"""Knows a verdict: the judgement of one run, exactly as ``--format json`` prints it (schema parity.verdict/1)."""

from typing import Literal

import msgspec

from parity.model.finding import Finding, Unknown
from parity.model.fingerprint import Fingerprint
from parity.model.rule import Level

SCHEMA: Literal["parity.verdict/1"] = "parity.verdict/1"
Carries = Literal["yes", "no", "unknown"]
Outcome = Literal["match", "mismatch", "unknown"]


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """The program that judged."""

    name: str
    version: str


class JudgedTarget(msgspec.Struct, frozen=True, kw_only=True):
    """The target as the verdict names it.

    Attributes:
        id: of the part, in the catalog.
        name: of the part, and of the slice of it that is asked for.
        partition: the slice: ``3g.40gb``, ``CPX``; empty: whole devices.
    """

    id: str
    name: str
    count: int | None
    require: Level
    source: str
    partition: str = ""

    @property
    def label(self) -> str:
        """Return what ``--target`` takes: ``h100-sxm5-80gb/3g.40gb``."""
        return f"{self.id}/{self.partition}" if self.partition else self.id


class JudgedDevice(msgspec.Struct, frozen=True, kw_only=True):
    """One device as the verdict names it.

    Attributes:
        identity: catalog id, None when the evidence fits several parts or none.
        candidates: every part the evidence fits.
        level: this device's own level.
        facts: fact name -> value in the unit of its name; only facts that are known.
        reasons: rules that lowered the level.
        name: as the driver prints it, empty when unknown.
        partition: ``mig 1g.10gb``, ``none``, ``unknown``.
    """

    index: int
    identity: str | None
    candidates: tuple[str, ...]
    evidence: tuple[str, ...]
    level: Level
    facts: dict[str, float | int | str | bool]
    reasons: tuple[str, ...] = ()
    name: str = ""
    partition: str = ""
    contradictions: tuple[str, ...] = ()


class Transfers(msgspec.Struct, frozen=True, kw_only=True):
    """Which conclusions drawn here hold on the target."""

    correctness: Carries
    code_generation: Carries
    kernel_selection: Carries
    tuned_parameters: Carries
    timings_single_gpu: Carries
    timings_multi_gpu: Carries
    memory_fit: Carries


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The judgement of one run.

    Attributes:
        outcome: ``match`` exactly when the hardware level reaches ``require`` on every visible device.
        passed: also takes severities, pins, waivers and the unknown policy into account.
        exit_status: 0 parity, 1 findings or level under the requirement, 3 nothing could be judged.
        transfer_reasons: conclusion -> rules behind a ``no`` or ``unknown``.
        configured: rule -> settings that the project gives it in place of the card's.
    """

    schema: Literal["parity.verdict/1"] = SCHEMA
    tool: Tool
    target: JudgedTarget
    outcome: Outcome
    level: Level
    passed: bool
    exit_status: int
    devices: tuple[JudgedDevice, ...]
    findings: tuple[Finding, ...]
    unknowns: tuple[Unknown, ...]
    transfers: Transfers
    transfer_reasons: dict[str, tuple[str, ...]]
    fingerprint: Fingerprint
    configured: dict[str, dict[str, float | int | str | bool]] = {}
