"""Knows what runs of a library on a device: judged per region, then per library; a union never hides what one lacks."""

from __future__ import annotations

from collections import Counter
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from parity.catalog.code_runs import runs, vendor_of
from parity.catalog.libraries import within
from parity.model.arch import AmdArch, NvidiaArch, parse_arch
from parity.model.coverage import COVERAGES, COVERING, Coverage, Judged, RunsOn

if TYPE_CHECKING:
    from collections.abc import Iterable

    from parity.catalog.code_runs import Run, Way
    from parity.model.code_facts import CodeFacts, LibraryNote
    from parity.model.code_objects import Code, Library, RegionGroup

# With fewer than this share of the regions that a library has for its best covered device, it holds stray code. Of 107
# CUDA libraries measured, cuBLASLt has 4 % of them for sm_60, which it serves; cuSPARSELt has 1 % for sm_75, which it
# does not.
STRAY_SHARE = 0.02
_BEST_FIRST: tuple[Way, ...] = ("exact", "compatible", "jit", "unknown", "none")
_CLASSES: dict[Way, Coverage] = {
    "exact": "native-exact", "compatible": "native-compatible", "jit": "ptx-jit", "unknown": "unknown", "none": "none",
}  # fmt: skip
MISSING_TWIN: Coverage = "native-but-arch-specific-variant-missing"


def judge_region(codes: Iterable[Code], device: RunsOn, facts: CodeFacts) -> tuple[Coverage | None, str]:
    """Return (what of one region runs on the device, a note); None when the region holds no kernels to load.

    A stub decides nothing, and neither does LTO-IR: a library links it itself.
    """
    live = [code for code in codes if not code.stub and code.kind != "lto"]
    if not live:
        return None, ""
    found = [(code, runs(code, device, facts)) for code in live]
    code, best = min(found, key=lambda pair: _BEST_FIRST.index(pair[1].way))
    if best.way in ("exact", "compatible") and code.kind == "sass" and _lacks_twin(found, device, facts):
        return MISSING_TWIN, ""
    return _CLASSES[best.way], best.note


def _lacks_twin(found: list[tuple[Code, Run]], device: RunsOn, facts: CodeFacts) -> bool:
    """Return whether arch-specific code is there for an earlier chip alone, and the device runs the plain one.

    A twin for a later chip is no loss: the device never had that path.
    """
    on = parse_arch(device.arch)
    missed = False
    for code, (way, _) in found:
        made_for = parse_arch(code.arch)
        if not isinstance(made_for, NvidiaArch) or code.kind != "sass" or made_for.suffix not in ("a", "f"):
            continue
        if way in ("exact", "compatible"):
            return False
        earlier = isinstance(on, NvidiaArch) and (
            facts.nvidia.present(made_for.capability) < facts.nvidia.present(on.capability)
        )
        missed = missed or (way == "none" and earlier)
    return missed


def judge_library(library: Library, device: RunsOn, facts: CodeFacts) -> Judged:
    """Return the judgement of one library.

    The worst covering region decides, so that a library of which some modules are compiled on first use never passes
    for a native one. Regions without code for the device are normal (one operation, a module per architecture) and are
    counted; a library without any covering region has none. Hidden regions are chosen by the library itself, so the
    best of them decides, and only when no other region covers.
    """
    deciding = [group for group in library.regions if group.place != "relocatable" or library.linkable]
    loaded, notes = _counted([group for group in deciding if group.place != "hidden"], device, facts)
    hidden, more = _counted([group for group in deciding if group.place == "hidden"], device, facts)
    counts, notes = loaded + hidden, (*notes, *more)
    if not counts:
        return _without_regions(library, deciding)
    regions = {name: counts[name] for name in COVERAGES if counts[name]}
    if not any(counts[name] for name in (*COVERING, "unknown")) and _is_of_other_vendor(deciding, device):
        other = ("code for the other vendor's devices",)
        return Judged(verdict="none", regions=regions, notes=other, other_vendor=True)
    verdict = _of_regions(loaded, hidden)
    if verdict in COVERING:
        place_hidden = not any(loaded[name] for name in COVERING)
        alike = [group for group in deciding if (group.place == "hidden") == place_hidden]
        found = hidden if place_hidden else loaded
        stray = _stray(alike, sum(found[name] for name in COVERING), device, facts)
        if stray:
            verdict, notes = "unknown", (*notes, stray)
        if place_hidden and len([name for name in COVERING if hidden[name]]) > 1:
            told = ", ".join(f"{hidden[name]} {name}" for name in COVERING if hidden[name])
            notes = (*notes, f"the library itself chooses among its hidden code: {told}")
    if verdict == "none":
        verdict, notes = _second_thoughts(library, device, facts, notes)
    if library.has("damaged"):
        verdict, notes = "unknown", (*notes, "damaged: what was read is not the whole")
    note = _note_on(library, facts)
    excused = verdict == "none" and _is_meant_for_others(deciding, device, note)
    if excused:
        notes = (*notes, "all its code is for one generation alone" if note is None else note.why)
    return Judged(verdict=verdict, regions=regions, notes=tuple(dict.fromkeys(notes)), excused=excused)


def _of_regions(loaded: Counter[Coverage], hidden: Counter[Coverage]) -> Coverage:
    for name in reversed(COVERING):
        if loaded[name]:
            return name
    for name in COVERING:
        if hidden[name]:
            return name
    return "unknown" if loaded["unknown"] or hidden["unknown"] else "none"


def _without_regions(library: Library, deciding: list[RegionGroup]) -> Judged:
    if library.problems and any(problem.weight != "note" for problem in library.problems):
        return Judged(verdict="unknown", notes=("no code was read",))
    if any(code.kind == "lto" for group in deciding for code in group.codes):
        return Judged(verdict="unknown", notes=("LTO-IR alone: what it becomes is decided when it is linked",))
    return Judged(verdict=None)


def _counted(groups: list[RegionGroup], device: RunsOn, facts: CodeFacts) -> tuple[Counter[Coverage], tuple[str, ...]]:
    counts: Counter[Coverage] = Counter()
    notes: dict[str, None] = {}
    for group in groups:
        coverage, note = judge_region(group.codes, device, facts)
        if coverage is not None:
            counts[coverage] += group.count
            if note:
                notes[note] = None
    return counts, tuple(notes)


def _stray(groups: list[RegionGroup], covered: int, device: RunsOn, facts: CodeFacts) -> str:
    """Return a note when the device's share of regions is an outlier beside the best covered device's."""
    best, of = 0, ""
    for arch in _devices_named(groups):
        counts, _ = _counted(groups, RunsOn(arch=arch), facts)
        count = sum(counts[name] for name in COVERING)
        if count > best:
            best, of = count, arch
    if covered >= STRAY_SHARE * best:
        return ""
    return f"stray code: {covered} regions run on {device.arch}, {best} on {of}"


def _devices_named(groups: list[RegionGroup]) -> list[str]:
    """Return the devices that the code is named for."""
    named = set()
    for group in groups:
        for code in group.codes:
            made_for = parse_arch(code.arch)
            if code.kind == "sass" and isinstance(made_for, NvidiaArch):
                named.add(f"sm_{made_for.major}{made_for.minor}")
            elif isinstance(made_for, AmdArch) and not made_for.processor.endswith("-generic"):
                named.add(made_for.processor)
    return sorted(named)


def _second_thoughts(
    library: Library, device: RunsOn, facts: CodeFacts, notes: tuple[str, ...]
) -> tuple[Coverage, tuple[str, ...]]:
    """Return ``none`` only when nothing was left unread that could run."""
    if library.has("skipped") or library.has("unsearched"):
        return "unknown", (*notes, "no code for it was read, and not everything was read")
    left = [group for group in library.regions if group.place == "relocatable" and not library.linkable]
    counts, _ = _counted(left, device, facts)
    if any(counts[name] for name in (*COVERING, "unknown")):
        told = "relocatable code is left in the library; whether the driver links it is not known"
        return "unknown", (*notes, told)
    return "none", notes


def _is_of_other_vendor(groups: list[RegionGroup], device: RunsOn) -> bool:
    own = "nvidia" if isinstance(parse_arch(device.arch), NvidiaArch) else "amd"
    return all(vendor_of(code) != own for group in groups for code in group.codes)


def _is_meant_for_others(groups: list[RegionGroup], device: RunsOn, note: LibraryNote | None) -> bool:
    """Return whether lacking code for the device is how the library is meant.

    Its note says so; or all it holds is arch-specific: a kernel of one generation's instructions, without a plain
    version.
    """
    on = parse_arch(device.arch)
    if note is not None and note.not_for:
        return device.arch.partition(":")[0] in note.not_for
    if not isinstance(on, NvidiaArch):
        return False
    if note is not None and note.majors:
        return on.major not in note.majors
    live = [code for group in groups for code in group.codes if not code.stub and code.kind in ("sass", "ptx")]
    made_for = [parse_arch(code.arch) for code in live]
    return bool(made_for) and all(isinstance(arch, NvidiaArch) and arch.suffix in ("a", "f") for arch in made_for)


def _note_on(library: Library, facts: CodeFacts) -> LibraryNote | None:
    name, package = library.path.rpartition("/")[2], library.package.lower().replace("_", "-")
    for note in facts.notes.libraries:
        known = not note.first or within(library.version, note.first, note.last)
        if known and note.package == package and not note.one_of and fnmatchcase(name, note.library):
            return note
    return None
