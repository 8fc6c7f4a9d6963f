"""Knows how a verdict stands on a page: what carries over first, the decisive ratios as bars, the rest folded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.redact import redacted
from parity.model.rule import CONCLUSIONS, LEVELS
from parity.reports.html.bars import ratio_bar, scale_of
from parity.reports.html.markup import el
from parity.reports.html.page import chip, code, facts, fold, items, section, toned
from parity.reports.html.roofline import Roof, roofline
from parity.reports.html.tables import Column, table
from parity.reports.rows import (
    CONCLUSION_WORDS,
    configured_text,
    device_name,
    here_text,
    identity_text,
    questions,
    rows,
    subjects_text,
    tally,
    wanted_text,
)
from parity.units import format_fact, format_ratio, listed, plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from parity.model.finding import Finding
    from parity.model.spec import FactValue
    from parity.model.verdict import JudgedDevice, Verdict
    from parity.reports.html.markup import Content, Html
    from parity.reports.rows import Row

TONES = {"match": "good", "mismatch": "bad", "unknown": "doubt", "yes": "good", "no": "bad"}
TONES |= {"error": "bad", "warning": "doubt", "note": "", "waived": ""}
MARKS = {"yes": "✓", "no": "✕", "unknown": "?"}
MOST_GROUPS = 8  # devices told apart
MOST_ROWS = 500
ALIKE = 0.05
RATES = ("tflops_bf16", "tflops_fp16", "tflops_fp32")  # for the roofline, the first that every device has
ACRONYMS = {"l2": "L2", "sm": "SM", "pcie": "PCIe", "ecc": "ECC", "gpu": "GPU", "bf16": "BF16", "fp8": "FP8"}
FACT_WORDS = {
    "tflops_bf16": "dense BF16",
    "tflops_fp8": "dense FP8",
    "tflops_fp4": "dense FP4",
    "memory_bandwidth_gbps": "memory bandwidth",
    "memory_bytes": "memory",
    "l2_bytes": "L2",
    "shared_memory_per_block_optin_bytes": "shared memory per block",
    "sm_count": "SMs",
    "cu_count": "CUs",
    "clock_boost_mhz": "maximum clock",
    "link_bandwidth_gbps": "link bandwidth",
    "power_default_w": "default power",
}


def sides(verdict: Verdict) -> Html | None:
    """Return here, target and level side by side."""
    target = verdict.target
    return facts(
        [
            ("here", here_text(verdict), ", ".join(dict.fromkeys(one.identity or "" for one in verdict.devices))),
            ("target", wanted_text(verdict), target.name),
            ("level", verdict.level, f"{target.require} required"),
            ("findings", tally(verdict), None),
            *([("rules", configured_text(verdict), None)] if verdict.configured else []),
        ]
    )


def ladder(verdict: Verdict) -> Html:
    """Return the levels, best first: the one that was reached is coloured, the others that would pass only say so."""
    least = LEVELS.index(verdict.target.require) if verdict.target.require in LEVELS else 0
    steps = []
    for number, level in enumerate(LEVELS):
        at, enough = level == verdict.level, number <= least
        passes = "required" if number == least else "would pass" if enough and not at else ""
        told = [el("b", level), " ".join([""] + ["here"] * at + [passes] * bool(passes))]
        steps.append(el("li", *told, class_=" ".join(["at"] * at + ["enough"] * enough)))
    return el("ol", *steps, class_="ladder", aria_label="Levels of parity, best first")


def carries(verdict: Verdict) -> Html:
    """Return which conclusions hold on the target, each with the rules behind a no."""
    told = []
    for name in CONCLUSIONS:
        answer = getattr(verdict.transfers, name)
        reasons = verdict.transfer_reasons.get(name, ())
        because = listed(reasons, 3)
        word = {"yes": "carries over", "no": "does not carry over", "unknown": "not known"}[answer]
        mark = el("span", MARKS[answer], aria_hidden="true")
        told.append(
            el(
                "li",
                el("b", CONCLUSION_WORDS[name]),
                el("span", mark, f" {word}", class_=TONES[answer]),
                el("small", because) if because and answer != "yes" else None,
                class_=answer,
            )
        )
    return el("ul", *told, class_="answers")


def ratios(verdict: Verdict, wanted: Mapping[str, FactValue]) -> list[Html]:
    """Return here / target of each fact as bars, a table for each kind of device; empty when nothing is known of both.

    Args:
        verdict: findings with a ratio come first, grave ones on top.
        wanted: the target's facts; those that no rule complains of follow. Empty: only findings are told.
    """
    groups = _groups(verdict)
    drawn = [(_label(devices), _ratio_rows(verdict, devices, wanted)) for devices in groups[:MOST_GROUPS]]
    drawn = [(label, told) for label, told in drawn if told]
    tables = [_ratio_table(label, told, verdict.target.id) for label, told in drawn]
    return tables[:1] + [fold(label, one) for (label, _), one in zip(drawn[1:], tables[1:], strict=True)]


def roofs(verdict: Verdict, wanted: Mapping[str, FactValue]) -> Html | None:
    """Return the roofline of the first device and the target, None when it is not known of both."""
    groups = _groups(verdict)
    here = groups[0][0].facts if groups else {}
    for name in RATES:
        drawn = []
        for label, tone, side in (("here", "here", here), (verdict.target.id, "target", wanted)):
            rate, bandwidth = _positive(side.get(name)), _positive(side.get("memory_bandwidth_gbps"))
            if rate is not None and bandwidth is not None:
                drawn.append(Roof(label, tone, rate, bandwidth))
        if len(drawn) == 2:
            return roofline(drawn, rate=name.removeprefix("tflops_").upper())
    return None


def _positive(value: FactValue | None) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0 else None


def findings(verdict: Verdict) -> list[Html]:
    """Return the errors as a table; the rest, what each means and its mend folded."""
    found = rows(verdict)
    grave = [row for row in found if _severity(row.finding) == "error"]
    rest = [row for row in found if _severity(row.finding) != "error"]
    told = [_table("Errors, what decides most first", grave)] if grave else []
    if rest:
        count = plural(len(rest), "finding")
        told.append(fold("Warnings, notes and waived findings", _table("What else differs", rest), count=count))
    if found:
        why = el("ul", *(_explained(row) for row in found[:MOST_ROWS]), class_="places")
        told.append(fold("Why each matters, and what to do", why))
    return told


def _table(caption: str, found: Sequence[Row]) -> Html:
    columns = [
        Column("severity", "chip"), Column("rule", "head"), Column("subject"), Column("here", "text"),
        Column("target", "text"), Column("ratio", "number"),
    ]  # fmt: skip
    cells = [
        (
            chip(_severity(row.finding), TONES[_severity(row.finding)]),
            code(row.finding.rule),
            subjects_text(row.subjects),
            row.finding.here,
            row.finding.wanted,
            format_ratio(row.finding.ratio),
        )
        for row in found
    ]
    return table(caption, columns, cells, limit=MOST_ROWS)


def unknowns(verdict: Verdict) -> Html | None:
    """Return the questions without an answer, folded unless the verdict hangs on them."""
    asked = questions(verdict.unknowns)
    if not asked:
        return None
    rows_ = [(el("span", *_codes(one.rules)), f"{one.why_text}: {one.detail}") for one in asked]
    told = table("What is not known", [Column("rules", "head"), Column("why", "text")], rows_, limit=MOST_ROWS)
    count = plural(sum(len(one.rules) for one in asked), "question")
    return fold("What is not known", told, count=count, opened=verdict.outcome == "unknown")


def devices(verdict: Verdict) -> Html | None:
    """Return what each device was identified as, on what evidence, and its facts; folded."""
    if not verdict.devices:
        return None
    told = [_device(group) for group in _groups(verdict)]
    return fold("Devices", *told, count=plural(len(verdict.devices), "device"))


def notes(verdict: Verdict) -> Html | None:
    """Return the notes of the reading, unique ids, host and user names masked; folded."""
    kept = redacted(verdict.fingerprint).notes
    told = items([f"{note.source}: {note.text}" for note in kept[:MOST_ROWS]])
    return fold("Notes of the reading", told, count=plural(len(kept), "note")) if told else None


def detail(name: str, verdict: Verdict) -> Html | None:
    """Return what is unknown, the devices and the notes under one heading."""
    parts = [one for one in (unknowns(verdict), devices(verdict), notes(verdict)) if one]
    return section(name, "Evidence", *parts) if parts else None


def _groups(verdict: Verdict) -> list[list[JudgedDevice]]:
    """Return the devices, alike ones with the same findings together; the farthest from the target first."""
    groups: dict[object, list[JudgedDevice]] = {}
    for device in verdict.devices:
        own = tuple(finding.rule + finding.here for finding in verdict.findings if _is_of(finding, device))
        alike = (device_name(device), device.level, device.identity, tuple(sorted(map(str, device.facts.items()))), own)
        groups.setdefault(alike, []).append(device)
    return sorted(groups.values(), key=lambda group: _rank(group[0]), reverse=True)


def _rank(device: JudgedDevice) -> int:
    """Return how far a device is from the target; one that nobody can tell is farthest."""
    return LEVELS.index(device.level) if device.level in LEVELS else len(LEVELS)


def _is_of(finding: Finding, device: JudgedDevice) -> bool:
    return f"{finding.subject} ".startswith(f"GPU {device.index} ")


def _label(group: Sequence[JudgedDevice]) -> str:
    return f"{subjects_text([f'GPU {device.index}' for device in group])}: {device_name(group[0])}"


def _ratio_rows(
    verdict: Verdict, group: Sequence[JudgedDevice], wanted: Mapping[str, FactValue]
) -> list[tuple[str, str, str, float, str]]:
    """Return (what, here, target, ratio, tone): the findings first, then what no rule complains of."""
    device = group[0]
    told = [
        (_subject(one.rule), one.here, one.wanted, one.ratio, "dim" if one.waived else TONES[one.severity] or "dim")
        for one in verdict.findings
        if _is_of(one, device) and one.ratio is not None
    ]
    texts = {(here, there) for _, here, there, _, _ in told}
    for name, words in FACT_WORDS.items():
        mine, theirs = device.facts.get(name), wanted.get(name)
        here, there = _positive(mine), _positive(theirs)
        pair = format_fact(name, mine), format_fact(name, theirs)
        if here is not None and there is not None and pair not in texts:
            ratio = here / there
            # Green only where they agree: what no rule compares (FP8) may be far apart, and is no error either.
            told.append((words, *pair, ratio, "good" if abs(ratio - 1) <= ALIKE else "here"))
    return told


def _ratio_table(label: str, told: Iterable[tuple[str, str, str, float, str]], target: str) -> Html:
    told = list(told)
    scale = scale_of(ratio for _, _, _, ratio, _ in told)
    columns = [
        Column("fact", "head"), Column("here", "number"), Column("target", "number"), Column("ratio", "number"),
        Column("here over target", "bar"),
    ]  # fmt: skip
    cells = [
        (what, here, there, el("span", format_ratio(ratio), class_="ratio"), ratio_bar(ratio, tone, scale))
        for what, here, there, ratio, tone in told
    ]
    return table(f"{label} against {target}; the mark is the target", columns, cells, class_="ratios", limit=MOST_ROWS)


def _subject(rule: str) -> str:
    for tail in ("-below-target", "-above-target", "-differs"):
        rule = rule.removesuffix(tail)
    return " ".join(ACRONYMS.get(word, word) for word in rule.split("-"))


def _severity(finding: Finding) -> str:
    return "waived" if finding.waived else finding.severity


def _explained(row: Row) -> Html:
    finding = row.finding
    waiver = finding.waived
    waived: Content = None
    if waiver is not None:
        waived = el("p", f"Waived until {waiver.until.isoformat()} by {waiver.owner}: {waiver.reason}", class_="dim")
    severity = _severity(finding)
    return el(
        "li",
        el("p", chip(severity, TONES[severity]), " ", code(finding.rule), " ", subjects_text(row.subjects)),
        el("p", finding.message),
        waived,
        el("p", el("b", "Mend: "), finding.mend) if finding.mend else None,
    )


def _codes(names: Sequence[str]) -> list[Content]:
    told: list[Content] = []
    for name in names:
        told += [", ", code(name)] if told else [code(name)]
    return told


def _fact_name(name: str) -> str:
    """Return a fact's name for people, its unit left to the value."""
    if name in FACT_WORDS:
        return FACT_WORDS[name]
    kind, _, dtype = name.partition("_")
    if kind in ("tflops", "tops"):
        return f"{dtype.replace('_', ' ').upper()} rate"
    for unit in ("_bytes", "_bits", "_mhz", "_gbps", "_w"):
        name = name.removesuffix(unit)
    return " ".join(ACRONYMS.get(word, word) for word in name.split("_"))


def _device(group: Sequence[JudgedDevice]) -> Html:
    device = group[0]
    because = f" because of {', '.join(device.reasons)}" if device.reasons else ""
    rows_ = [(_fact_name(name), format_fact(name, value)) for name, value in
             device.facts.items()]  # fmt: skip
    known = table("Facts", [Column("fact", "head"), Column("value", "number")], rows_) if rows_ else None
    return el(
        "div",
        el("h3", _label(group)),
        el("p", f"Identified as {identity_text(device)}"),
        el("p", "Level ", toned(device.level, ""), because),
        known,
    )
