"""Knows where the catalog data lie and loads just the part of them that a question needs.

The data are YAML files, one per part, rule and architecture. Parsing a hundred of them takes longer than judging, so a
run reads one compiled JSON instead: an index of every part (what identification needs), the parts themselves as
undecoded slices, and the rule cards. The wheel ships that file alone; a checkout writes it beside ``rules/`` whenever a
file's name, size or time has changed, and does without when the folder is read-only. ``PARITY_RULES`` names overlay
folders (``os.pathsep`` separated) with ``devices/``, ``checks/`` and ``kernels/`` of the user's own; an overlay's id
replaces the shipped one.
"""

from __future__ import annotations

import contextlib
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from parity.catalog.limits import limits_of, overlaid_limits
from parity.catalog.names import folded
from parity.errors import CatalogError, InvalidConfigError, UnknownNameError
from parity.inputs import Document, convert_all, load_yaml, near_names, read_bytes
from parity.model.code_facts import AmdCodeFacts, CodeFacts, LibraryNote, LibraryNotes, NvidiaCodeFacts
from parity.model.environment import EnvironmentCard
from parity.model.kernel_library import KernelLibrary
from parity.model.lint import LintCard
from parity.model.lint_data import LintData
from parity.model.model_rule import ModelCard
from parity.model.rule import RuleCard
from parity.model.spec import VARIES_BY_SOURCE, ArchitectureSpec, DeviceSpec, PartitionSpec, PciId
from parity.model.stack_facts import StackFacts, joined

if TYPE_CHECKING:
    from collections.abc import Iterable

T = TypeVar("T")
FORMAT = 10
_COMPILED = "compiled.json"
_FOLDERS = ("architectures", "devices", "checks", "environment", "stack", "kernels", "lint", "lint_data", "models")
_MODELS = (
    "spec.py",
    "rule.py",
    "environment.py",
    "stack_facts.py",
    "kernel_library.py",
    "code_facts.py",
    "lint.py",
    "lint_data.py",
    "limits.py",
    "model_rule.py",
)


# where code runs: file of rules/stack/code -> (field of CodeFacts, its kind)
_CODE_FOLDER = "stack/code"
_CODE_FILES: dict[str, tuple[str, type[Any]]] = {
    "nvidia": ("nvidia", NvidiaCodeFacts),
    "amd": ("amd", AmdCodeFacts),
    "library-notes": ("notes", LibraryNotes),
}


class IndexEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What identification needs to know of one part."""

    id: str
    name: str
    vendor: str
    family: str
    arch: str
    aliases: tuple[str, ...] = ()
    reported_names: tuple[str, ...] = ()
    folded_names: tuple[str, ...] = ()  # as names are compared
    pci_ids: tuple[PciId, ...] = ()
    units: int | None = None  # SMs or CUs
    memory_bytes: int | None = None
    memory_bus_width_bits: int | None = None
    memory_clock_mhz: int | None = None
    power_default_w: tuple[float, ...] = ()  # the preferred value and the disputed ones
    partitions: tuple[PartitionSpec, ...] = ()
    modified_memory_bytes: tuple[int, ...] = ()


class LintBook(msgspec.Struct, frozen=True, kw_only=True):
    """What the linter needs of the data."""

    cards: tuple[LintCard, ...] = ()
    data: LintData = LintData()


class Compiled(msgspec.Struct, frozen=True, kw_only=True):
    """The compiled catalog."""

    format: int
    signature: str
    index: tuple[IndexEntry, ...]
    devices: dict[str, msgspec.Raw]
    cards: msgspec.Raw  # each of these is decoded when a question needs it
    environment: msgspec.Raw
    stack: msgspec.Raw
    models: msgspec.Raw  # cards of rules about models, decoded when a model is judged
    limits: msgspec.Raw  # of architectures, decoded when kernels are judged
    architectures: msgspec.Raw  # what parts of one architecture share, decoded for an overlay's parts
    lint: msgspec.Raw  # rule cards and facts of the linter, decoded when it runs


def rules_folder() -> Path:
    """Return the shipped data folder: ``rules/`` beside the package in a checkout, ``parity/rules`` in a wheel.

    A wheel has the compiled catalog only: pytest reads the list of a plugin's files at every start.

    Raises:
        CatalogError: neither is there.
    """
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "rules", package.parent / "rules"):
        if (folder / "devices").is_dir() or (folder / _COMPILED).is_file():
            return folder
    raise CatalogError("the catalog data are missing", where=str(package / "rules"), mend="reinstall gpu-parity")


@cache
def compiled() -> Compiled:
    """Return the compiled catalog, from the shipped file when it is fresh, else from the YAML."""
    folder = rules_folder()
    overlays = [Path(part) for part in os.environ.get("PARITY_RULES", "").split(os.pathsep) if part]
    base = _shipped(folder)
    return _overlaid(base, overlays) if overlays else base


def _shipped(folder: Path) -> Compiled:
    built = folder / _COMPILED
    if built.is_file():
        return msgspec.json.decode(built.read_bytes(), type=Compiled)
    cache_file, signature = folder.parent / ".parity-compiled.json", _signature(folder)
    with contextlib.suppress(OSError, msgspec.DecodeError, msgspec.ValidationError):
        held = msgspec.json.decode(cache_file.read_bytes(), type=Compiled)
        if held.format == FORMAT and held.signature == signature:
            return held
    raw = compile_folder(folder, signature)
    with contextlib.suppress(OSError):
        scratch = cache_file.with_suffix(f".{os.getpid()}.tmp")
        scratch.write_bytes(raw)
        scratch.replace(cache_file)
    return msgspec.json.decode(raw, type=Compiled)


def _signature(folder: Path) -> str:
    """Return a text that changes when any data file, or this program's reading of them, does."""
    parts = [str(FORMAT), str((Path(__file__).parent.parent / "model" / "code_facts.py").stat().st_mtime_ns)]
    for name in (*_FOLDERS, _CODE_FOLDER):
        with contextlib.suppress(OSError), os.scandir(folder / name) as entries:
            for entry in sorted(entries, key=lambda item: item.name):
                stat = entry.stat()
                parts.append(f"{name}/{entry.name}:{stat.st_size}:{stat.st_mtime_ns}")
    code = Path(__file__).parent.parent / "model"
    parts.extend(str((code / f).stat().st_mtime_ns) for f in _MODELS)
    return "|".join(parts)


def compile_folder(folder: Path, signature: str = "", *, base: Iterable[ArchitectureSpec] = ()) -> bytes:
    """Return the compiled JSON of a data folder.

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
    return msgspec.json.encode(
        {
            "format": FORMAT,
            "signature": signature,
            "index": [index_entry(spec) for spec in devices],
            "devices": {spec.id: spec for spec in devices},
            "cards": cards,
            "environment": environment,
            "stack": stack,
            "models": models,
            "limits": limits,
            "architectures": list(architectures.values()),
            "lint": lint,
        }
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
    for document in _documents(folder, _CODE_FOLDER, problems):
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
    known = CodeFacts(**code, ptx_versions=facts.ptx_versions())
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


def _overlaid(base: Compiled, overlays: list[Path]) -> Compiled:
    architectures = msgspec.json.decode(base.architectures, type=tuple[ArchitectureSpec, ...])
    for folder in overlays:
        if not folder.is_dir():
            raise CatalogError("no such folder", where=f"PARITY_RULES: {folder}", mend="correct the variable")
        extra = msgspec.json.decode(compile_folder(folder, base=architectures), type=Compiled)
        index = {entry.id: entry for entry in (*base.index, *extra.index)}
        stack, more = (msgspec.json.decode(one.stack, type=StackFacts) for one in (base, extra))
        libraries = {item.id: item for item in (*stack.libraries, *more.libraries)}
        base = msgspec.structs.replace(
            base,
            index=tuple(index.values()),
            devices={**base.devices, **extra.devices},
            cards=_by_id(base.cards, extra.cards, RuleCard),
            environment=_raw([*_listed(base.environment), *_listed(extra.environment)]),
            stack=_raw(msgspec.structs.replace(stack, libraries=tuple(libraries.values()))),
            models=_by_id(base.models, extra.models, ModelCard),
            limits=overlaid_limits(base.limits, extra.limits),
            lint=_overlaid_lint(base.lint, extra.lint),
        )
    return base


def _overlaid_lint(base: msgspec.Raw, extra: msgspec.Raw) -> msgspec.Raw:
    old, new = msgspec.json.decode(base, type=LintBook), msgspec.json.decode(extra, type=LintBook)
    if not new.cards:
        return base
    cards = {card.id: card for card in (*old.cards, *new.cards)}
    return msgspec.Raw(msgspec.json.encode(LintBook(cards=tuple(cards.values()), data=old.data)))


def _by_id(base: msgspec.Raw, extra: msgspec.Raw, kind: type[Any]) -> msgspec.Raw:
    """Return the cards of both, those of ``extra`` in place of those of the same id."""
    several: Any = list[kind]  # type: ignore[valid-type]
    both = (card for raw in (base, extra) for card in msgspec.json.decode(raw, type=several))
    return _raw(list({card.id: card for card in both}.values()))


def _listed(raw: msgspec.Raw) -> list[Any]:
    listed: list[Any] = msgspec.json.decode(raw)
    return listed


def _raw(data: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(data))


_HELD: dict[str, tuple[Compiled, Any]] = {}


def _decoded(part: str, kind: Any) -> Any:
    """Return a part of the compiled catalog as ``kind``, decoded once for each compiled catalog."""
    whole = compiled()
    held = _HELD.get(part)
    if held is None or held[0] is not whole:
        held = _HELD[part] = whole, msgspec.json.decode(getattr(whole, part), type=kind)
    return held[1]


@cache
def model_cards() -> dict[str, ModelCard]:
    """Return the cards of the rules about models, by id."""
    return {card.id: card for card in msgspec.json.decode(compiled().models, type=tuple[ModelCard, ...])}


def environment_cards() -> tuple[EnvironmentCard, ...]:
    """Return the cards of the environment variables that change a number."""
    told: tuple[EnvironmentCard, ...] = _decoded("environment", tuple[EnvironmentCard, ...])
    return told


def stack_facts() -> StackFacts:
    """Return the compatibility facts of the software stack."""
    told: StackFacts = _decoded("stack", StackFacts)
    return told


def code_facts() -> CodeFacts:
    """Return what judging device code needs to know beyond the vendors' rules."""
    return stack_facts().code


@cache
def lint_book() -> LintBook:
    """Return the linter's rule cards, in id order, and the facts they judge by."""
    return msgspec.json.decode(compiled().lint, type=LintBook)


def index() -> tuple[IndexEntry, ...]:
    """Return the index of every part, in id order."""
    return compiled().index


@cache
def device_spec(name: str) -> DeviceSpec:
    """Return one part by its id or alias.

    Raises:
        UnknownNameError: no part answers to ``name``; near names are given.
    """
    raw = compiled().devices.get(resolve_name(name))
    assert raw is not None
    return msgspec.json.decode(raw, type=DeviceSpec)


def resolve_name(name: str) -> str:
    """Return the part id that ``name`` (an id or alias, any case) means.

    Raises:
        UnknownNameError: no part answers to it.
    """
    wanted = name.strip().lower()
    known = compiled().devices
    if wanted in known:
        return wanted
    for entry in index():
        if wanted in entry.aliases:
            return entry.id
    names = [*known, *(alias for entry in index() for alias in entry.aliases)]
    close = near_names(wanted, names)
    mend = "pick one of these, or list all with `parity targets`" if close else "list all with `parity targets`"
    raise UnknownNameError(f"no catalog entry named {name!r}", close=close, mend=mend)


def cards() -> tuple[RuleCard, ...]:
    """Return every rule card, in id order."""
    told: tuple[RuleCard, ...] = _decoded("cards", tuple[RuleCard, ...])
    return told


def card(name: str) -> RuleCard:
    """Return one rule card.

    Raises:
        UnknownNameError: no rule has this name; near names are given.
    """
    for found in cards():
        if found.id == name:
            return found
    raise UnknownNameError(
        f"no rule named {name!r}",
        close=near_names(name, [found.id for found in cards()]),
        mend="list all with `parity rule`",
    )
