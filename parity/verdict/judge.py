"""Knows how a fingerprint, a target and a rulebook become a verdict; pure, so any machine can judge any other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

from parity.checks.subject import Machine, Subject
from parity.model.absent import Reading
from parity.model.environment import EnvironmentCard
from parity.model.finding import Finding, Unknown
from parity.model.identified import Identified
from parity.model.partition import SLICES
from parity.model.rule import LEVELS, SEVERITIES, Level, RuleCard
from parity.model.spec import DeviceSpec
from parity.model.stack_facts import StackFacts
from parity.model.verdict import JudgedDevice, JudgedTarget, Outcome, Tool, Verdict
from parity.verdict.levels import level_of, of_devices, of_hypotheses, rank, reaches
from parity.verdict.run_rules import (
    Gap,
    Hit,
    Results,
    configured,
    fails,
    is_asked,
    merged,
    run_device_rules,
    run_machine_rules,
)
from parity.verdict.transfers import transfers
from parity.verdict.waivers import covering, expired

if TYPE_CHECKING:
    import datetime as dt

    from parity.model.fingerprint import Fingerprint
    from parity.model.policy import Rulebook
    from parity.model.target import Target

WAIVER_RULE = "waiver-expired"
# Facts named for each device of a verdict, in the order in which people ask for them.
TOLD_FACTS = (
    "sm_count", "cu_count", "memory_bytes", "memory_type", "memory_bus_width_bits", "memory_clock_mhz",
    "memory_bandwidth_gbps", "l2_bytes", "infinity_cache_bytes", "shared_memory_per_sm_bytes",
    "shared_memory_per_block_optin_bytes", "registers_per_sm_bytes", "clock_boost_mhz", "power_default_w",
    "tflops_fp32", "tflops_bf16", "tflops_fp16", "tflops_fp8", "tflops_fp4", "tops_int8", "form_factor", "link_type",
    "link_count", "link_bandwidth_gbps", "pcie_generation", "pcie_width",
)  # fmt: skip


class Knowledge(msgspec.Struct, frozen=True):
    """What judging takes from the catalog.

    Attributes:
        cards: every rule card.
        spec_of: part id -> spec.
        environment: cards of environment variables.
        stack_facts: compatibility facts of the CUDA stack.
        version: this tool's version.
    """

    cards: Sequence[RuleCard]
    spec_of: Callable[[str], DeviceSpec]
    environment: tuple[EnvironmentCard, ...]
    stack_facts: StackFacts
    version: str


class _Judged(msgspec.Struct, frozen=True):
    """One device with all that its hypotheses said."""

    identified: Identified
    subject: Subject
    results: Results
    level: Level
    reasons: tuple[str, ...]


def judge(
    fingerprint: Fingerprint,
    identified: Sequence[Identified],
    target: Target,
    rulebook: Rulebook,
    knowledge: Knowledge,
    *,
    today: dt.date,
) -> Verdict:
    """Return the verdict on a machine.

    Args:
        fingerprint: what was read.
        identified: one per visible device, in order.
        target: what production is declared to be.
        rulebook: policy, settings and waivers of the project.
        knowledge: rule cards and catalog data.
        today: the day on which waivers are in force or expired.
    """
    # Every rule is run: what a machine is does not depend on which rules a project or a test asks about.
    cards = [configured(card, rulebook) for card in knowledge.cards]
    asked = {card.id for card in cards if is_asked(card.id, rulebook)}
    devices = [_judge_device(item, target, cards, knowledge) for item in identified]
    machine = Machine(
        fingerprint, tuple(device.subject for device in devices), knowledge.environment, knowledge.stack_facts
    )
    around = run_machine_rules(cards, machine, target)
    _report_expired(around, cards, rulebook, today)
    hits = [hit for device in devices for hit in device.results.hits] + around.hits
    gaps = [gap for device in devices for gap in device.results.gaps] + around.gaps
    told_hits = [hit for hit in hits if hit.card.id in asked]
    told_gaps = [gap for gap in gaps if gap.card.id in asked]

    findings = tuple(_finding(hit, rulebook, today) for hit in told_hits)
    standing = [hit for hit, finding in zip(told_hits, findings, strict=True) if finding.waived is None]
    hardware = of_devices([device.level for device in devices], target.require)
    level = _with_stack(hardware, around)
    outcome = _outcome(hardware, [device.level for device in devices], target.require)
    unwaived = [hit for hit in hits if not _is_waived(hit, rulebook, today)]
    passed = bool(devices) and _reach(devices, unwaived, gaps, target)
    passed = passed and _is_clean(standing, told_gaps, target, rulebook)
    carried, reasons = transfers(level, hits, gaps, devices=len(devices))
    profile = target.partition.profile if target.partition.kind in SLICES else ""
    nothing_judged = all(device.level == "unknown" for device in devices)
    return Verdict(
        tool=Tool(name="parity", version=knowledge.version),
        target=JudgedTarget(
            id=target.id,
            name=target.spec.name + (f", slice {profile}" if profile else ""),
            count=target.count,
            require=target.require,
            source=target.source,
            partition=profile,
        ),
        outcome=outcome,
        level=level,
        passed=passed,
        exit_status=0 if passed else 3 if nothing_judged else 1,
        devices=tuple(_told(device) for device in devices),
        findings=_by_gravity(told_hits, findings),
        unknowns=_unknowns(told_gaps, devices=len(devices), fingerprint=fingerprint),
        transfers=carried,
        transfer_reasons=reasons,
        fingerprint=fingerprint,
        configured={card.id: rulebook.settings[card.id] for card in cards if card.id in rulebook.settings},
    )


def _judge_device(identified: Identified, target: Target, cards: Sequence[RuleCard], knowledge: Knowledge) -> _Judged:
    """Judge one device under every part it may be."""
    specs: list[DeviceSpec | None] = [knowledge.spec_of(name) for name in identified.candidates]
    subjects = [Subject(identified, spec) for spec in specs or [None]]
    per_hypothesis = [run_device_rules(cards, subject, target) for subject in subjects]
    levels = [level_of(results.hits, results.gaps, target.require) for results in per_hypothesis]
    level = of_hypotheses([found for found, _ in levels], target.require)
    reasons = next((why for found, why in levels if found == level), levels[0][1])
    return _Judged(identified, subjects[0], merged(per_hypothesis, list(identified.candidates)), level, reasons)


def _report_expired(around: Results, cards: Sequence[RuleCard], rulebook: Rulebook, today: dt.date) -> None:
    card = next((card for card in cards if card.id == WAIVER_RULE), None)
    if card is not None:
        around.hits.extend(Hit(card, mismatch) for mismatch in expired(rulebook.waivers, today))


def _finding(hit: Hit, rulebook: Rulebook, today: dt.date) -> Finding:
    mismatch = hit.mismatch
    return Finding(
        rule=hit.card.id,
        severity=hit.card.severity,
        subject=mismatch.subject,
        here=mismatch.here,
        wanted=mismatch.wanted,
        ratio=mismatch.ratio,
        message=mismatch.message,
        mend=mismatch.mend or hit.card.mend,
        waived=covering(rulebook.waivers, rule=hit.card.id, subject=mismatch.subject, today=today),
    )


def _with_stack(hardware: Level, around: Results) -> Level:
    """Return the level with the machine's own rules applied: a broken pin is never ``identical``."""
    if hardware == "unknown":
        return hardware
    caps = [rank(hit.card.caps_level) for hit in around.hits if hit.card.caps_level]
    return LEVELS[max([rank(hardware), *caps])]


def _outcome(hardware: Level, levels: Sequence[Level], require: Level) -> Outcome:
    if any(level != "unknown" and not reaches(level, require) for level in levels):
        return "mismatch"
    return "match" if levels and reaches(hardware, require) else "unknown"


def _reach(devices: Sequence[_Judged], unwaived: list[Hit], gaps: list[Gap], target: Target) -> bool:
    """Return whether every device reaches the required level once waivers are applied; nothing else can change that."""
    for device in devices:
        index = device.identified.device.locator.index
        own = [hit for hit in unwaived if hit.device == index]
        open_gaps = [gap for gap in gaps if gap.device == index]
        ambiguous = len(device.identified.candidates) > 1
        level = device.level if ambiguous else level_of(own, open_gaps, target.require)[0]
        if not reaches(level, target.require):
            return False
    return True


def _is_clean(standing: list[Hit], gaps: list[Gap], target: Target, rulebook: Rulebook) -> bool:
    """Return whether no finding and no open question is left that the policy minds."""
    policy = rulebook.policy
    least = SEVERITIES.index(policy.fail_on)
    if any(SEVERITIES.index(h.card.severity) <= least and not _is_allowed(h.card, target) for h in standing):
        return False
    if policy.unknown == "strict":
        return not gaps
    return policy.unknown == "report" or not any(fails(gap) and not _is_allowed(gap.card, target) for gap in gaps)


def _is_waived(hit: Hit, rulebook: Rulebook, today: dt.date) -> bool:
    waiver = covering(rulebook.waivers, rule=hit.card.id, subject=hit.mismatch.subject, today=today)
    return waiver is not None


def _is_allowed(card: RuleCard, target: Target) -> bool:
    """Return whether the required level allows what the rule finds: ``same-arch`` allows slower memory.

    Pins, counts and the environment are declared apart from the level and stay as grave as they are.
    """
    if card.caps_level is None or card.family not in ("hardware", "conditions"):
        return False
    return rank(card.caps_level) <= rank(target.require)


def _by_gravity(hits: Sequence[Hit], findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return standing before waived, grave before slight, what lowers the level most first, then far before near."""

    def gravity(pair: tuple[Hit, Finding]) -> tuple[bool, int, int, float]:
        hit, finding = pair
        cap = rank(hit.card.caps_level) if hit.card.caps_level else 0
        distance = abs(finding.ratio - 1) if finding.ratio is not None else 0.0
        return (finding.waived is not None, SEVERITIES.index(finding.severity), -cap, -distance)

    return tuple(finding for _, finding in sorted(zip(hits, findings, strict=True), key=gravity))


def _unknowns(gaps: list[Gap], *, devices: int, fingerprint: Fingerprint) -> tuple[Unknown, ...]:
    told = [Unknown(rule=gap.card.id, subject=gap.subject, why=gap.absent.why, detail=_detail(gap)) for gap in gaps]
    if not devices:
        detail = "; ".join(note.text for note in fingerprint.notes[:6]) or "no device was read"
        hidden = len(fingerprint.devices)
        if hidden:
            detail = f"{hidden} device{'s are' if hidden > 1 else ' is'} hidden by the visible-devices variables"
        told.insert(0, Unknown(rule="part-differs", subject="machine", why="not_asked", detail=detail))
    return tuple(told)


def _detail(gap: Gap) -> str:
    parts = (gap.absent.source, gap.absent.detail)
    return ": ".join(part for part in parts if part) or "the source of this fingerprint does not carry it"


def _told(device: _Judged) -> JudgedDevice:
    subject, identified = device.subject, device.identified
    facts: dict[str, float | int | str | bool] = {}
    for fact in TOLD_FACTS:
        known = subject.fact(fact)
        if isinstance(known, Reading):
            facts[fact] = round(known.value, 1) if isinstance(known.value, float) else known.value
    partition = identified.partition
    name = identified.device.identity.name
    return JudgedDevice(
        index=identified.device.locator.index,
        identity=identified.identity,
        candidates=identified.candidates,
        evidence=identified.evidence,
        level=device.level,
        facts=facts,
        reasons=device.reasons,
        name=name.value if isinstance(name, Reading) else "",
        partition=" ".join(part for part in (partition.kind, partition.profile, partition.memory_mode) if part),
        contradictions=identified.contradictions,
    )


__all__ = ["Knowledge", "judge"]
