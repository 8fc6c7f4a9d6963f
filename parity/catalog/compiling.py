"""Knows how a folder of YAML becomes a compiled catalog: every file read, checked and put into one file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from parity.catalog.compiled import CODE_FOLDER, IndexEntry, aliases_of, written
from parity.catalog.limits import limits_of
from parity.catalog.names import folded
from parity.errors import CatalogError, InvalidConfigError
from parity.inputs import Document, convert_all, load_yaml, read_bytes
from parity.model.code_facts import AmdCodeFacts, CodeFacts, LibraryNote, LibraryNotes, NvidiaCodeFacts
from parity.model.environment import EnvironmentCard
from parity.model.kernel_library import KernelLibrary
from parity.model.lint import LintCard
from parity.model.lint_book import LintBook
from parity.model.lint_data import LintData
from parity.model.model_rule import ModelCard
from parity.model.rule import RuleCard
from parity.model.spec import VARIES_BY_SOURCE, ArchitectureSpec, DeviceSpec
from parity.model.stack_facts import StackFacts, joined

if TYPE_CHECKING:
    from collections.abc import Iterable

T = TypeVar("T")
# where code runs: file of rules/stack/code -> (field of CodeFacts, its kind)
_CODE_FILES: dict[str, tuple[str, type[Any]]] = {
    "nvidia": ("nvidia", NvidiaCodeFacts),
    "amd": ("amd", AmdCodeFacts),
    "library-notes": ("notes", LibraryNotes),
}


def compile_folder(folder: Path, signature: str = "", *, base: Iterable[ArchitectureSpec] = ()) -> bytes:
    """Return a data folder compiled, as ``compiled.read`` reads it.

    Args:
        folder: holds ``devices/``, ``checks/`` and so on; each may be missing.
        signature: stored, to tell when the result is stale.
        base: the shipped architectures, which an overlay's parts share.

    Raises:
        CatalogError: a file is broken; every problem of every file is named.
    """
    problems: list[str] = []
    own = _load(folder, "architectures", ArchitectureSpec, problems)
    architectures = {spec.id: spec for spec in (*base, *own)}
    devices = [merged(spec, architectures.get(spec.arch)) for spec in _load(folder, "devices", DeviceSpec, problems)]
    cards = _load(folder, "checks", RuleCard, problems)
    environment = _environment(folder, problems)
    stack = _stack(folder, problems)
    lint = LintBook(cards=tuple(_load(folder, "lint", LintCard, problems)), data=_lint_data(folder, problems))
    models = _load(folder, "models", ModelCard, problems)
    limits = {spec.id: limits_of(spec, problems) for spec in architectures.values()}
    if problems:
        raise CatalogError("\n".join(problems), where=str(folder), mend="correct the file")
    index = [index_entry(spec) for spec in devices]
    return written(
        signature=signature,
        aliases=aliases_of(index),
        parts={
            "index": index,
            "cards": cards,
            "environment": environment,
            "stack": stack,
            "models": models,
            "limits": limits,
            "architectures": list(architectures.values()),
            "lint": lint,
        },
        devices={spec.id: spec for spec in devices},
    )


def _documents(folder: Path, name: str, problems: list[str]) -> list[Document]:
    documents = []
    for path in sorted((folder / name).glob("*.yaml")):
        try:
            documents.append(load_yaml(read_bytes(path).decode(), where=str(path)))
        except Exception as error:
            problems.append(str(error))
    return documents


def _load(folder: Path, name: str, kind: type[Any], problems: list[str]) -> list[Any]:
    loaded = []
    for document in _documents(folder, name, problems):
        spec = _collected(problems, document.data, kind, document)
        if spec is None:
            continue
        if spec.id != Path(document.where).stem:
            problems.append(f"{document.where}: id {spec.id!r} differs from the file name")
        loaded.append(spec)
    return loaded


def _environment(folder: Path, problems: list[str]) -> list[EnvironmentCard]:
    cards = []
    for document in _documents(folder, "environment", problems):
        for position, item in enumerate(document.data):
            card_read = _collected(problems, item, EnvironmentCard, document, f"[{position}]")
            if card_read is not None:
                cards.append(card_read)
    return cards


def _code(folder: Path, problems: list[str]) -> dict[str, Any]:
    code: dict[str, Any] = {}
    for document in _documents(folder, CODE_FOLDER, problems):
        name = Path(document.where).stem
        if name not in _CODE_FILES:
            problems.append(f"{document.where}: nothing reads a file of this name")
            continue
        field, kind = _CODE_FILES[name]
        read = _collected(problems, document.data, kind, document)
        if read is not None:
            code[field] = read
    return code


def _stack(folder: Path, problems: list[str]) -> StackFacts:
    read = [
        (Path(document.where).stem, _collected(problems, document.data, StackFacts, document))
        for document in _documents(folder, "stack", problems)
    ]
    facts, wrong = joined([(name, part) for name, part in read if part is not None])
    problems += wrong
    libraries = tuple(_load(folder, "kernels", KernelLibrary, problems))
    code = _code(folder, problems)
    code["notes"] = _with_files(code.get("notes", LibraryNotes()), libraries)
    known = CodeFacts(**code, ptx_versions=facts.ptx_versions(), zstd_driver=facts.zstd_driver())
    return msgspec.structs.replace(facts, libraries=libraries, code=known)


def _with_files(notes: LibraryNotes, libraries: tuple[KernelLibrary, ...]) -> LibraryNotes:
    """Return the notes, and what the libraries' own files say of single shared libraries."""
    rows = list(notes.libraries)
    sources = dict(notes.sources)
    for item in libraries:
        for known in item.ranges:
            for file in known.files:
                key = f"{item.id}:{file.source}"
                sources[key] = item.sources[file.source]
                rows += [
                    LibraryNote(
                        package=package, library=file.library, why=file.why, source=key,
                        not_for=file.not_for, first=known.first, last=known.last,
                    )
                    for package in item.packages
                ]  # fmt: skip
    return LibraryNotes(libraries=tuple(rows), sources=sources)


def _lint_data(folder: Path, problems: list[str]) -> LintData:
    merged: dict[str, Any] = {}
    for document in _documents(folder, "lint_data", problems):
        read = _collected(problems, document.data, LintData, document)
        for name in LintData.__struct_fields__ if read else ():
            value = getattr(read, name)
            merged[name] = {**merged.get(name, {}), **value} if name == "sources" else merged.get(name, ()) + value
    return LintData(**merged)


def _collected(problems: list[str], data: Any, kind: type[T], document: Document, at: str = "") -> T | None:
    """Return the data as ``kind``, or None with the problems added to the list."""
    try:
        return convert_all(data, kind, document=document, at=at)
    except InvalidConfigError as error:
        problems.append(str(error))
        return None


def merged(spec: DeviceSpec, architecture: ArchitectureSpec | None) -> DeviceSpec:
    """Return the part with its architecture's facts and their sources added; the part's own facts win."""
    if architecture is None:
        return spec
    facts = dict(spec.facts)
    sources = {
        **spec.sources,
        **{f"{architecture.id}:{key}": source for key, source in architecture.sources.items()},
    }
    for name, fact in architecture.facts.items():
        if name not in facts:
            key = fact.source if fact.source == VARIES_BY_SOURCE else f"{architecture.id}:{fact.source}"
            conflicts = tuple(
                msgspec.structs.replace(other, source=f"{architecture.id}:{other.source}") for other in fact.conflicts
            )
            facts[name] = msgspec.structs.replace(fact, source=key, conflicts=conflicts)
    return msgspec.structs.replace(spec, facts=facts, sources=sources)


def index_entry(spec: DeviceSpec) -> IndexEntry:
    """Return the part's line of the index."""
    power = spec.facts.get("power_default_w")
    limits = () if power is None else (power.value, *(other.value for other in power.conflicts))
    return IndexEntry(
        id=spec.id,
        name=spec.name,
        vendor=spec.vendor,
        family=spec.family,
        arch=spec.arch,
        aliases=spec.aliases,
        reported_names=spec.reported_names,
        folded_names=tuple(dict.fromkeys(folded(name) for name in (*spec.reported_names, spec.name))),
        pci_ids=spec.pci_ids,
        units=_whole(spec, "sm_count" if spec.vendor == "nvidia" else "cu_count"),
        memory_bytes=_whole(spec, "memory_bytes"),
        memory_bus_width_bits=_whole(spec, "memory_bus_width_bits"),
        memory_clock_mhz=_whole(spec, "memory_clock_mhz"),
        power_default_w=tuple(float(limit) for limit in limits if not isinstance(limit, str)),
        partitions=spec.partitions,
        modified_memory_bytes=spec.modified_memory_bytes,
    )


def _whole(spec: DeviceSpec, name: str) -> int | None:
    found = spec.number(name)
    return None if found is None else int(found)
