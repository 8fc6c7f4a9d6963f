"""Knows one column of a comparison: what is known of one device, each fact with all that its sources say.

A device that was read says what it is by its readings; what nobody reads (rates, transistors) comes from its catalog
part. A slice has its own numbers or none: never the whole part's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from parity.checks.subject import Subject
from parity.compare.quantities import divided, known, missing, times, unknown
from parity.errors import NothingToJudgeError
from parity.inputs import printable
from parity.model.absent import Absent, Reading, value_of
from parity.model.compare import Part, Quantity, Told
from parity.model.partition import SLICES
from parity.model.spec import FACTS
from parity.workload.links import PCIE_LANE_GBPS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, TypeAlias

    from parity.model.fingerprint import Fingerprint
    from parity.model.identified import Identified
    from parity.model.spec import DeviceSpec
    from parity.model.target import Target

    AskFact: TypeAlias = Callable[[str], Reading[Any] | Absent]

_NUMBERS = tuple(name for name, (kind, _) in FACTS.items() if kind in (int, float))
_TEXTS = ("memory_type", "fp8_dialect", "link_type", "form_factor")
_SHARED = "power_covers"  # what else draws on the power that the sources give
FORMATS = ("fp64", "fp64_tensor", "fp32", "tf32", "bf16", "fp16", "fp8", "fp6", "fp4", "int8")
MAX_LABEL = 22


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One device: who it is, and what is known of it.

    Attributes:
        part: for the report.
        arch: ``sm_90``, ``gfx942``; None when not known.
        facts: name -> quantity, every number of ``FACTS`` and those derived here; never missing, maybe unknown.
    """

    part: Part
    arch: str | None
    facts: dict[str, Quantity]

    @property
    def device(self) -> tuple[str, str] | None:
        """Return what two columns share when they are the same part (and slice), None when that is not known."""
        return None if self.part.part is None else (self.part.part, self.part.slice)


def rate_name(dtype: str) -> str:
    """Return the fact of a format's dense rate: ``tflops_bf16``, ``tops_int8``."""
    return f"tops_{dtype}" if dtype == "int8" else f"tflops_{dtype}"


def column_of_target(target: Target, *, asked: str, of_project: bool) -> Column:
    """Return the column of a part, a slice of it, or a target of the project file."""
    spec, is_slice = target.spec, target.partition.kind in SLICES
    facts = _facts(target.fact, spec, vendor=spec.vendor, whole=not is_slice)
    if is_slice:  # the list of slices gives what the driver prints; nobody sells one
        facts["memory_reported_bytes"] = facts["memory_bytes"]
        facts["memory_bytes"] = unknown("a slice is not sold by itself")
    slice_name = target.partition.profile or target.partition.kind if is_slice else ""
    part = Part(
        label=_label(asked),
        asked=printable(asked),
        name=printable(spec.name) + (f", slice {slice_name}" if slice_name else ""),
        kind="target" if of_project else "catalog",
        part=spec.id,
        vendor=spec.vendor,
        slice=slice_name,
        count=target.count,
        texts=_texts(target.fact, spec.arch),
        notes=_notes(target.fact, is_slice=is_slice),
        catalog_note=spec.note,
    )
    return Column(part=part, arch=spec.arch, facts=facts)


def columns_of_fingerprint(
    fingerprint: Fingerprint,
    identified: Sequence[Identified],
    *,
    asked: str,
    spec_of: Callable[[str], DeviceSpec],
) -> list[Column]:
    """Return one column per kind of visible device, in the source's order.

    Args:
        fingerprint: what was read.
        identified: its visible devices.
        asked: the word of the command line.
        spec_of: gives a part by its catalog id.

    Raises:
        NothingToJudgeError: it names no visible device.
    """
    kinds: dict[object, list[Identified]] = {}
    for one in identified:
        identity = one.device.identity
        units = value_of(identity.sm_count) or value_of(identity.cu_count)
        name = None if one.candidates else value_of(identity.name)
        key = (one.candidates, one.partition.kind, one.partition.profile, units, name)
        kinds.setdefault(key, []).append(one)
    if not kinds:
        what = "no visible device is in it"
        raise NothingToJudgeError(what, where=printable(asked), mend="capture one with `parity capture` there")
    whole_file = len(kinds) == 1
    # Devices that the source counts but nobody could read are not taken for more of the same.
    counted = value_of(fingerprint.device_count)
    unread = counted is not None and counted > len(fingerprint.devices)
    columns = []
    for group in kinds.values():
        label = _label(asked) if whole_file else f"{_label(asked)}#{group[0].device.locator.index}"
        notes = (f"{counted} devices are counted, {len(fingerprint.devices)} could be read",) if unread else ()
        columns.append(_read_column(group, label=label, asked=asked, spec_of=spec_of, notes=notes))
    return columns


def _read_column(
    group: list[Identified],
    *,
    label: str,
    asked: str,
    spec_of: Callable[[str], DeviceSpec],
    notes: tuple[str, ...],
) -> Column:
    first = group[0]
    # Evidence that contradicts itself names no part: then only what was read is told.
    trusted = () if first.contradictions else first.candidates
    specs: list[DeviceSpec | None] = [spec_of(name) for name in trusted] or [None]
    taken = [Subject(first, spec) for spec in specs]
    facts = _agreed([_subject_facts(subject) for subject in taken], trusted)
    subject = taken[0]
    one = subject.spec if first.identity is not None else None
    is_slice = subject.is_slice or first.partition.kind == "vgpu"
    slice_name = (first.partition.profile or first.partition.kind) if is_slice else ""
    printed = value_of(first.device.identity.name)
    name = printable(printed) if printed else one.name if one else "a device without a name"
    texts = [_texts(each.fact, each.arch) for each in taken]
    part = Part(
        label=label,
        asked=printable(asked),
        name=name + (f", slice {printable(slice_name)}" if slice_name else ""),
        kind="fingerprint",
        part=first.identity,
        vendor=None if subject.vendor is None else printable(subject.vendor),
        slice=printable(slice_name),
        count=len(group),
        texts={key: text for key, text in texts[0].items() if all(each.get(key) == text for each in texts)},
        notes=(*_doubts(first), *notes, *_conditions(first), *_notes(subject.fact, is_slice=is_slice)),
        catalog_note=one.note if one else "",
    )
    archs = {each.arch for each in taken}
    return Column(part=part, arch=archs.pop() if len(archs) == 1 else None, facts=facts)


def _doubts(found: Identified) -> tuple[str, ...]:
    if found.contradictions:
        told = printable("; ".join(found.contradictions))
        return (f"only what was read is told, for its evidence contradicts itself: {told}",)
    if len(found.candidates) > 1:
        return (f"it may be {' or '.join(found.candidates)}: only what these share is told",)
    return () if found.candidates else ("no catalog part: only what was read is told",)


def _conditions(found: Identified) -> tuple[str, ...]:
    limit = value_of(found.device.conditions.power_limit_w)
    default = value_of(found.device.identity.power_default_w)
    if limit and default and limit < default:
        return (f"its power limit is {limit:.0f} W of {default:.0f} W: figures per watt are of the default",)
    return ()


def _notes(fact: AskFact, *, is_slice: bool) -> tuple[str, ...]:
    if is_slice:
        return ("a slice: power is the board's, and what the slice gets of the bandwidth and rates is not published",)
    covers = _covers(fact)
    if covers:
        return (f"its power covers {covers}: figures per watt are unknown",)
    if value_of(fact("form_factor")) == "superchip":
        return ("a superchip: whether its power includes the CPU's is not told, which figures per watt depend on",)
    return ()


def _covers(fact: AskFact) -> str:
    """Return what else draws on the power that the sources give; empty when it is the device's alone."""
    told = value_of(fact(_SHARED))
    if told is None and value_of(fact("memory_unified")) is True:
        return "the whole chip or package, its CPU included"
    return "" if told is None else printable(str(told))


def _subject_facts(subject: Subject) -> dict[str, Quantity]:
    whole = not subject.is_slice and subject.identified.partition.kind != "vgpu"
    facts = _facts(subject.fact, subject.spec, vendor=subject.vendor, whole=whole)
    read = subject.device.identity.memory_bytes
    if isinstance(read, Reading):
        # Readings are what the driver prints; the size sold is the part's.
        facts["memory_reported_bytes"] = _quantity(read, None, "memory_bytes")
        if whole and subject.spec is not None:
            sold = subject.fact("memory_bytes", as_sold=True)
            facts["memory_bytes"] = _quantity(sold, subject.spec, "memory_bytes")
        else:
            facts["memory_bytes"] = unknown("the size sold is not known of this device")
    return facts


def _agreed(all_facts: list[dict[str, Quantity]], candidates: tuple[str, ...]) -> dict[str, Quantity]:
    """Return each fact on which all candidates agree; another is unknown."""
    first, *others = all_facts
    why = f"{' and '.join(candidates)} differ in it"
    return {
        name: one if all(_plain(each[name]) == _plain(one) for each in others) else unknown(why)
        for name, one in first.items()
    }


def _plain(quantity: Quantity) -> tuple[object, ...]:
    return quantity.state, quantity.value, quantity.low, quantity.high


def _facts(fact: AskFact, spec: DeviceSpec | None, *, vendor: str | None, whole: bool) -> dict[str, Quantity]:
    of_part = spec if whole else None
    facts = {name: _quantity(fact(name), of_part, name) for name in _NUMBERS}
    facts["unit_count"] = _quantity(fact("unit_count"), of_part, "unit_count")
    absent = str(value_of(fact("formats_absent")) or "").split()
    for dtype in FORMATS:
        name = rate_name(dtype)
        lacks_fp8 = dtype == "fp8" and value_of(fact("fp8_dialect")) == "none"
        if facts[name].state == "unknown" and (dtype in absent or lacks_fp8):
            facts[name] = missing(f"its matrix units do not compute {dtype.upper()}")
    if value_of(fact("link_type")) == "none":
        facts["link_bandwidth_gbps"] = facts["link_count"] = missing("it has no link of its own")
    if vendor == "nvidia":
        facts["infinity_cache_bytes"] = missing("NVIDIA devices have none")
    facts["l2_total_bytes"] = _l2_total(facts, spec, vendor)
    facts["pcie_bandwidth_gbps"] = _pcie(facts)
    facts["peer_bandwidth_gbps"] = facts["link_bandwidth_gbps"]
    if facts["link_bandwidth_gbps"].state == "none":
        facts["peer_bandwidth_gbps"] = facts["pcie_bandwidth_gbps"]
    facts["link_each_gbps"] = divided(facts["link_bandwidth_gbps"], facts["link_count"])
    _of_one_device(facts, fact, vendor, whole=whole)
    return facts


def _of_one_device(facts: dict[str, Quantity], fact: AskFact, vendor: str | None, *, whole: bool) -> None:
    """Take out what is the module's or the board's and not this device's own, so that nothing is divided by it."""
    covers = _covers(fact)
    facts["own_power_w"] = facts["power_default_w"]
    if not whole:
        facts["own_power_w"] = facts["power_default_w"] = unknown("a slice shares the power of its board")
    elif covers:
        facts["own_power_w"] = unknown(f"the power covers {covers}")
    dies, own = facts["compute_dies"].value, facts["xcd_count"].value
    if vendor == "amd" and dies is not None and own is not None and own < dies:
        # The module shows as several devices (MI250X: two), each with its own dies.
        facts["compute_dies"] = facts["xcd_count"]
        if facts["transistors"].state == "known":
            facts["transistors"] = unknown("they are those of the whole module")


def _l2_total(facts: dict[str, Quantity], spec: DeviceSpec | None, vendor: str | None) -> Quantity:
    """Return the L2 of all dies: AMD's runtime prints that of one XCD."""
    one, dies = facts["l2_bytes"], facts["xcd_count"]
    if vendor != "amd" or one.value is None:
        return one
    if dies.value is None:
        family = spec.family if spec else ""
        return (
            one if family.startswith("rdna") else unknown("the driver prints the L2 of one XCD, of an unknown number")
        )
    return times(known(one.told[:1]), known(dies.told[:1])) if dies.value > 1 else one


def _pcie(facts: dict[str, Quantity]) -> Quantity:
    """Return what the host interface moves in both directions together, GB/s."""
    generation, width = facts["pcie_generation"].value, facts["pcie_width"].value
    if generation is None or width is None:
        return facts["pcie_generation"] if generation is None else facts["pcie_width"]
    lane = PCIE_LANE_GBPS.get(int(generation))
    if lane is None:
        return unknown(f"the rate of PCI Express {generation:g} is not known here")
    return known([Told(value=2 * lane * width, source=f"2 x {lane:g} GB/s x {width:g} lanes")])


def _quantity(observed: Reading[Any] | Absent, spec: DeviceSpec | None, name: str) -> Quantity:
    """Return a fact with what every source says of it; a reading stands alone, for it is this device."""
    if isinstance(observed, Absent):
        return unknown(printable(observed.detail or observed.why.replace("_", " ")))
    if isinstance(observed.value, (str, bool)):
        return unknown("not a number")
    told = [Told(value=observed.value, source=printable(observed.source))]
    if spec is not None and observed.source.startswith("catalog:"):
        told += _others(spec, _fact_name(spec, name), told[0].value)
        told[0] = msgspec.structs.replace(told[0], source=_source(spec, name, observed))
    return known(told)


def _fact_name(spec: DeviceSpec, name: str) -> str:
    if name != "unit_count":
        return name
    return "sm_count" if spec.vendor == "nvidia" else "cu_count"


def _source(spec: DeviceSpec, name: str, observed: Reading[Any]) -> str:
    fact = spec.facts.get(_fact_name(spec, name))
    if fact is None or fact.value != observed.value:  # derived, as bandwidth is from clock and width
        return observed.source.removeprefix(f"catalog: {spec.id}: ")
    return _title(spec, fact.source)


def _others(spec: DeviceSpec, name: str, value: float) -> list[Told]:
    fact = spec.facts.get(name)
    if fact is None:
        return []
    said = [(fact.value, fact.source), *((other.value, other.source) for other in fact.conflicts)]
    if name == "l2_bytes" and spec.vendor == "amd":
        said = said[:1]  # the others are totals over the dies, no conflict
    return [
        Told(value=one, source=_title(spec, source))
        for one, source in said
        if not isinstance(one, (str, bool)) and one != value
    ]


def _title(spec: DeviceSpec, key: str) -> str:
    found = spec.sources.get(key)
    return found.title if found else f"{key} (catalog: {spec.id})"


def _texts(fact: AskFact, arch: str | None) -> dict[str, str]:
    told = {name: value_of(fact(name)) for name in _TEXTS}
    texts = {"arch": arch, **told}
    return {name: printable(str(value)) for name, value in texts.items() if value is not None}


def _label(asked: str) -> str:
    """Return a short heading of a word of the command line: the file's name, without control characters."""
    text = asked.strip()
    name = text.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1] if text.lower().endswith(_FILES) else text
    name = printable(name) or "?"
    return name if len(name) <= MAX_LABEL else name[: MAX_LABEL - 2] + ".."


_FILES = (".json", ".yaml", ".yml", ".txt", ".xml", ".log", ".csv", ".md")


def uniquely_labelled(columns: Sequence[Column]) -> tuple[Column, ...]:
    """Return the columns with a number behind each label that is given twice: ``h100 (2)``."""
    taken: set[str] = set()
    told = []
    for column in columns:
        label, number = column.part.label, 1
        while label in taken:
            number += 1
            label = f"{column.part.label} ({number})"
        taken.add(label)
        told.append(msgspec.structs.replace(column, part=msgspec.structs.replace(column.part, label=label)))
    return tuple(told)
