"""Knows how an inventory of device code becomes a report: judged for the target and for here, with one exit status."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.checks.code_coverage import judge_library
from parity.checks.package_coverage import JudgedPair, judge_packages
from parity.model.arch import sort_key
from parity.model.coverage import (
    COVERAGES,
    COVERING,
    Judged,
    JudgedLibrary,
    KernelsReport,
    LibraryRegions,
    LibraryVerdict,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from parity.model.code_facts import CodeFacts
    from parity.model.code_objects import CodeKind, Inventory, Library, Place, Tally
    from parity.model.coverage import Coverage, PackageVerdict, RunsOn
    from parity.model.kernel_library import KernelLibrary


def kernels_report(
    inventory: Inventory,
    facts: CodeFacts,
    *,
    target: RunsOn | None,
    here: Sequence[RunsOn] = (),
    known: Sequence[KernelLibrary] = (),
) -> KernelsReport:
    """Return the report.

    Args:
        known: kernel libraries of the catalog, whose files say what they do on an architecture.
        inventory: what was found.
        facts: exceptions to the rules, from the catalog.
        target: the declared device; None: not asked for.
        here: the devices of this machine, each kind once; the worst of them decides. Empty: not asked for, or not
        known.
    """
    pairs = [
        JudgedPair(
            library=library,
            target=None if target is None else judge_library(library, target, facts),
            here=worst_device([judge_library(library, device, facts) for device in here]),
        )
        for library in inventory.libraries
    ]
    asked = target or (here[0] if len(here) == 1 else None)
    packages = judge_packages(pairs, facts, known, "" if asked is None else asked.arch.partition(":")[0])
    return KernelsReport(
        target=None if target is None else target.arch,
        here=", ".join(device.arch for device in here) or None,
        packages=packages,
        libraries=tuple(_library(pair) for pair in pairs),
        silent=inventory.silent,
        unsearched=inventory.unsearched,
        files=inventory.files,
        bytes=inventory.bytes,
        exit_status=exit_status([_judged(package, target=target is not None) for package in packages])
        if target is not None or here
        else 0,
    )


def worst_device(judged: list[Judged]) -> Judged | None:
    """Return the judgement of the device that fares worst."""
    if not judged:
        return None
    return max(judged, key=lambda one: -1 if one.verdict is None else COVERAGES.index(one.verdict))


def _judged(package: PackageVerdict, *, target: bool) -> Coverage | None:
    return package.target if target else package.here


def exit_status(verdicts: Iterable[Coverage | None]) -> int:
    """Return 0 when all are covered, 1 when one is not, 3 when nothing could be judged.

    An unknown among covered ones is no pass.
    """
    told = [verdict for verdict in verdicts if verdict is not None]
    if all(verdict == "unknown" for verdict in told):
        return 3
    return 0 if all(verdict in COVERING for verdict in told) else 1


def _library(pair: JudgedPair) -> JudgedLibrary:
    library = pair.library
    return JudgedLibrary(
        path=library.path,
        package=library.package,
        version=library.version,
        size_bytes=library.size_bytes,
        sass=_archs(library, "sass"),
        ptx=_archs(library, "ptx"),
        lto=tuple(name.replace("lto_", "compute_") for name in _archs(library, "lto")),
        amd=_archs(library, "amd"),
        counts=_counts(library.tallies, "main"),
        hidden=_counts(library.tallies, "hidden"),
        relocatable=_counts(library.tallies, "relocatable"),
        stubs=_counted((tally.code.arch, tally.count) for tally in library.tallies if tally.code.stub),
        compression=_counted((tally.code.compression, tally.count) for tally in library.tallies),
        files=library.files,
        regions=sum(
            group.count
            for group in library.regions
            if (group.place != "relocatable" or library.linkable) and not all(code.stub for code in group.codes)
        ),
        verdict=LibraryVerdict(target=_verdict(pair.target), here=_verdict(pair.here)),
        coverage=LibraryRegions(
            target={} if pair.target is None else pair.target.regions,
            here={} if pair.here is None else pair.here.regions,
        ),
        notes=tuple(dict.fromkeys([*_notes(pair.target), *_notes(pair.here)])),
        problems=tuple(problem.text for problem in library.problems),
    )


def _verdict(judged: Judged | None) -> Coverage | None:
    return None if judged is None else judged.verdict


def _notes(judged: Judged | None) -> tuple[str, ...]:
    return () if judged is None else judged.notes


def _archs(library: Library, kind: CodeKind) -> tuple[str, ...]:
    """Return the architectures of one kind; what is left for a device linker is no code of a linked library."""
    found = {
        tally.code.arch
        for tally in library.tallies
        if tally.code.kind == kind and not tally.code.stub and (tally.place != "relocatable" or library.linkable)
    }
    return tuple(sorted(found, key=sort_key))


def _counts(tallies: Iterable[Tally], place: Place) -> dict[str, int]:
    return _counted((tally.code.arch, tally.count) for tally in tallies if tally.place == place and not tally.code.stub)


def _counted(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for name, count in pairs:
        counts[name] = counts.get(name, 0) + count
    return dict(sorted(counts.items(), key=lambda item: sort_key(item[0])))
