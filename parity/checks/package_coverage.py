"""Knows what runs of a package on a device: its worst library decides, with the reasons that excuse one."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

from parity.catalog.libraries import library_support
from parity.model.coverage import COVERAGES, COVERING, Coverage, PackageVerdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parity.model.code_facts import CodeFacts, LibraryNote
    from parity.model.code_objects import Library
    from parity.model.coverage import Judged
    from parity.model.kernel_library import KernelLibrary


class JudgedPair(NamedTuple):
    """One library with its judgements, each None when it was not asked for."""

    library: Library
    target: Judged | None
    here: Judged | None


def judge_packages(
    pairs: list[JudgedPair], facts: CodeFacts, known: Sequence[KernelLibrary] = (), arch: str = ""
) -> tuple[PackageVerdict, ...]:
    """Return one verdict per package, and one per library that no package owns, in the order of the libraries.

    Args:
        pairs: the libraries, judged.
        facts: exceptions to the rules, from the catalog.
        known: kernel libraries of the catalog, whose files say what a version does on an architecture.
        arch: the architecture they are asked about: the target's, or the one judged; empty: none.
    """
    groups: dict[tuple[str, str], list[JudgedPair]] = {}
    for pair in pairs:
        owner = (pair.library.package, pair.library.version)
        groups.setdefault(owner if owner[0] else (pair.library.path, ""), []).append(pair)
    return tuple(
        _judge(name, version, group, facts, told_of(known, name, version, arch))
        for (name, version), group in groups.items()
    )


def told_of(known: Sequence[KernelLibrary], package: str, version: str, arch: str) -> tuple[str, ...]:
    """Return what the catalog says of a package's version on an architecture, where it is not plain support."""
    folded = package.lower().replace("_", "-")
    item = next((item for item in known if folded in item.packages), None)
    if item is None or not arch:
        return ()
    answer = library_support(item, version, arch)
    if answer.support == "unsupported":
        return (f"{item.name} {version} is not for {arch}: {answer.note}",)
    if answer.support == "different-kernel":
        return (f"{item.name} {version} on {arch}: {answer.kernel}" + (f"; {answer.note}" if answer.note else ""),)
    return ()


def _judge(name: str, version: str, pairs: list[JudgedPair], facts: CodeFacts, told: tuple[str, ...]) -> PackageVerdict:
    on_target = [(pair.library, pair.target) for pair in pairs if pair.target is not None]
    on_here = [(pair.library, pair.here) for pair in pairs if pair.here is not None]
    target, lacking = worst(on_target, facts)
    here, lacking_here = worst(on_here, facts)
    return PackageVerdict(
        package=name,
        version=version,
        target=target,
        here=here,
        lacking=lacking if on_target else lacking_here,
        made_for_others=_made_for_others(on_target or on_here, lacking if on_target else lacking_here),
        differs=tuple(line for pair in sorted(pairs, key=_severity, reverse=True) for line in differences(pair)),
        told=(
            *told,
            *_compiled_told([pair.library for pair in pairs], facts),
            *_choices_told(on_target or on_here, lacking if on_target else lacking_here, facts),
        ),
    )


def _made_for_others(judged: list[tuple[Library, Judged]], lacking: tuple[str, ...]) -> tuple[str, ...]:
    names = [_file(library) for library, one in judged if one.verdict == "none"]
    return tuple(name for name in names if name not in lacking)


def _compiles(library: Library, facts: CodeFacts) -> str:
    """Return why code that a package ships is not what it runs; empty for others."""
    package = library.package.lower().replace("_", "-")
    return next((note.why for note in facts.notes.libraries if note.compiles and note.package == package), "")


def _compiled_told(libraries: list[Library], facts: CodeFacts) -> tuple[str, ...]:
    return tuple(dict.fromkeys(why for library in libraries if (why := _compiles(library, facts))))


def _choices_told(
    judged: list[tuple[Library, Judged]], undecided: tuple[str, ...], facts: CodeFacts
) -> tuple[str, ...]:
    """Return why builds that stand for each other leave the answer open: some have code for the device, some not."""
    told: dict[str, None] = {}
    for library, one in judged:
        name = _file(library)
        choice = _choice(library, name, facts)
        if choice is not None and one.verdict == "none" and name in undecided:
            told[f"{name} has no code for the device; {choice.why}"] = None
    return tuple(told)


def _severity(pair: JudgedPair) -> int:
    """Return how bad the worse side of a library is; the worst is told first."""
    sides = (pair.target, pair.here)
    return max((COVERAGES.index(one.verdict) for one in sides if one is not None and one.verdict), default=-1)


def worst(judged: list[tuple[Library, Judged]], facts: CodeFacts) -> tuple[Coverage | None, tuple[str, ...]]:
    """Return (the verdict on libraries together, the file names of those that decide it when it is no coverage).

    A library that lacks code and is not meant for the device decides only when nothing else of the package covers it,
    and never in a package that compiles its kernels where it runs; one of several builds of which one is loaded makes
    the answer unknown when they disagree.
    """
    asked = [(library, one) for library, one in judged if one.verdict is not None and not one.other_vendor]
    if not asked:
        others = [_file(library) for library, one in judged if one.other_vendor]
        return ("none" if others else None), tuple(others)
    if all(one.excused and _compiles(library, facts) for library, one in asked):
        return None, ()
    covered = any(one.verdict in COVERING for _, one in asked)
    verdicts: dict[Coverage, list[str]] = {}
    for verdict, name in _by_choice([pair for pair in asked if not (covered and pair[1].excused)], facts):
        verdicts.setdefault(verdict, []).append(name)
    for bad in ("none", "unknown"):
        if bad in verdicts:
            return bad, tuple(verdicts[bad])
    return max(verdicts, key=COVERAGES.index), ()


def _by_choice(judged: list[tuple[Library, Judged]], facts: CodeFacts) -> list[tuple[Coverage, str]]:
    """Return the verdicts, those of builds of which one is chosen joined into one."""
    told: list[tuple[Coverage, str]] = []
    choices: dict[str, list[tuple[Coverage, str]]] = {}
    for library, one in judged:
        assert one.verdict is not None
        name = _file(library)
        choice = _choice(library, name, facts)
        (told if choice is None else choices.setdefault(choice.library, [])).append((one.verdict, name))
    for builds in choices.values():
        lacking = [name for verdict, name in builds if verdict == "none"]
        if lacking and len(lacking) < len(builds):
            told.extend(("unknown", name) for name in lacking)
            told.extend((verdict, name) for verdict, name in builds if verdict != "none")
        else:
            told.extend(builds)
    return told


def _file(library: Library) -> str:
    """Return a library's file name; of loose files, their folder's."""
    return library.path.rstrip("/").rpartition("/")[2]


def _choice(library: Library, name: str, facts: CodeFacts) -> LibraryNote | None:
    package = library.package.lower().replace("_", "-")
    for note in facts.notes.libraries:
        if note.one_of and note.package == package and fnmatchcase(name, note.library):
            return note
    return None


def differences(pair: JudgedPair) -> list[str]:
    """Return what runs otherwise on the target than here: a line of counts, or none when a side was not asked for."""
    target, here = pair.target, pair.here
    if target is None or here is None or target.verdict is None or target.regions == here.regions:
        return []
    name = pair.library.path.rstrip("/").rpartition("/")[2]
    parts = [
        f"{target.regions.get(coverage, 0)} {coverage} ({here.regions.get(coverage, 0)} here)"
        for coverage in reversed(COVERAGES)
        if target.regions.get(coverage, 0) != here.regions.get(coverage, 0)
    ]
    return [f"{name}: {', '.join(parts)}"]
