"""Knows where the catalog data lie and loads just the part of them that a question needs.

The data are YAML files, one per part, rule and architecture. Parsing a hundred of them takes longer than judging, so a
run reads one compiled file instead: an index of every part (what identification needs), the parts themselves, and the
rule cards, each decoded when a question needs it. The wheel ships that file alone; a checkout writes it beside
``rules/`` whenever a file's name, size or time has changed, and does without when the folder is read-only.
``PARITY_RULES`` names overlay folders (``os.pathsep`` separated) with ``devices/``, ``checks/`` and ``kernels/`` of the
user's own; an overlay's id replaces the shipped one.
"""

from __future__ import annotations

import contextlib
import os
import re
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

from parity.catalog.compiled import CODE_FOLDER, FOLDERS, FORMAT, Compiled, IndexEntry, read
from parity.errors import CatalogError, UnknownNameError
from parity.inputs import near_names
from parity.model.spec import DeviceSpec

if TYPE_CHECKING:
    from pathlib import Path

    from parity.model.code_facts import CodeFacts
    from parity.model.environment import EnvironmentCard
    from parity.model.kernel_library import KernelLibrary
    from parity.model.lint_book import LintBook
    from parity.model.model_rule import ModelCard
    from parity.model.rule import RuleCard
    from parity.model.stack_facts import StackFacts

# What each question decodes is imported with the question: all of it takes longer than a short answer.

_COMPILED = "compiled.jsonl"
# What a change of makes a compiled catalog stale: the shapes of the data, and how they are read.
_READERS = (
    "catalog/compiled.py",
    "catalog/compiling.py",
    "catalog/limits.py",
    "model/code_facts.py",
    "model/environment.py",
    "model/kernel_library.py",
    "model/limits.py",
    "model/lint.py",
    "model/lint_data.py",
    "model/model_rule.py",
    "model/rule.py",
    "model/spec.py",
    "model/stack_facts.py",
)


def rules_folder() -> Path:
    """Return the shipped data folder: ``rules/`` beside the package in a checkout, ``parity/rules`` in a wheel.

    A wheel has the compiled catalog only: pytest reads the list of a plugin's files at every start.

    Raises:
        CatalogError: neither is there.
    """
    from pathlib import Path

    return Path(_folder())


def _folder() -> str:
    package = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
    inside = os.path.join(package, "rules")
    for folder in (inside, os.path.join(os.path.dirname(package), "rules")):
        if os.path.isfile(os.path.join(folder, _COMPILED)) or os.path.isdir(os.path.join(folder, "devices")):
            return folder
    raise CatalogError("the catalog data are missing", where=inside, mend="reinstall gpu-parity")


@cache
def compiled() -> Compiled:
    """Return the compiled catalog, from the shipped file when it is fresh, else from the YAML."""
    base = _shipped(_folder())
    overlays = [part for part in os.environ.get("PARITY_RULES", "").split(os.pathsep) if part]
    if not overlays:
        return base
    from pathlib import Path

    from parity.catalog.overlay import overlaid

    return overlaid(base, [Path(part) for part in overlays])


def _shipped(folder: str | Path) -> Compiled:
    built = os.path.join(folder, _COMPILED)
    if os.path.isfile(built):
        found = read(_bytes_of(built))
        if found is None:
            raise CatalogError("the compiled catalog is damaged", where=built, mend="reinstall gpu-parity")
        return found
    cache_file, signature = os.path.join(os.path.dirname(folder), f".parity-{_COMPILED}"), _signature(folder)
    with contextlib.suppress(OSError):
        held = read(_bytes_of(cache_file))
        if held is not None and held.signature == signature:
            return held
    from pathlib import Path

    from parity.catalog.compiling import compile_folder

    raw = compile_folder(Path(folder), signature)
    with contextlib.suppress(OSError):
        scratch = f"{cache_file}.{os.getpid()}.tmp"
        Path(scratch).write_bytes(raw)
        os.replace(scratch, cache_file)
    compiled_now = read(raw)
    assert compiled_now is not None
    return compiled_now


def _bytes_of(path: str) -> bytes:
    with open(path, "rb") as stream:
        return stream.read()


def _signature(folder: str | Path) -> str:
    """Return a text that changes when any data file, or this program's reading of them, does."""
    parts = [str(FORMAT)]
    for name in (*FOLDERS, CODE_FOLDER):
        with contextlib.suppress(OSError), os.scandir(os.path.join(folder, name)) as entries:
            for entry in sorted(entries, key=lambda item: item.name):
                stat = entry.stat()
                parts.append(f"{name}/{entry.name}:{stat.st_size}:{stat.st_mtime_ns}")
    package = os.path.dirname(os.path.dirname(__file__))
    parts.extend(str(os.stat(os.path.join(package, file)).st_mtime_ns) for file in _READERS)
    return "|".join(parts)


_HELD: dict[tuple[str, Any], tuple[Compiled, Any]] = {}


def _decoded(part: str, kind: Any) -> Any:
    """Return a part of the compiled catalog as ``kind``, decoded once for each compiled catalog and kind."""
    whole = compiled()
    held = _HELD.get((part, kind))
    if held is None or held[0] is not whole:
        held = _HELD[part, kind] = whole, msgspec.json.decode(getattr(whole, part), type=kind)
    return held[1]


@cache
def model_cards() -> dict[str, ModelCard]:
    """Return the cards of the rules about models, by id."""
    from parity.model.model_rule import ModelCard

    return {card.id: card for card in msgspec.json.decode(compiled().models, type=tuple[ModelCard, ...])}


def environment_cards() -> tuple[EnvironmentCard, ...]:
    """Return the cards of the environment variables that change a number."""
    from parity.model.environment import EnvironmentCard

    told: tuple[EnvironmentCard, ...] = _decoded("environment", tuple[EnvironmentCard, ...])
    return told


def stack_facts() -> StackFacts:
    """Return the compatibility facts of the software stack."""
    from parity.model.stack_facts import StackFacts

    told: StackFacts = _decoded("stack", StackFacts)
    return told


def kernel_libraries() -> tuple[KernelLibrary, ...]:
    """Return what is known of the kernel libraries: ``stack_facts().libraries``, without decoding the other tables."""
    from parity.model.kernel_library import LibraryTable

    told: LibraryTable = _decoded("stack", LibraryTable)
    return told.libraries


def code_facts() -> CodeFacts:
    """Return what judging device code needs to know beyond the vendors' rules."""
    return stack_facts().code


@cache
def lint_book() -> LintBook:
    """Return the linter's rule cards, in id order, and the facts they judge by."""
    from parity.model.lint_book import LintBook

    return msgspec.json.decode(compiled().lint, type=LintBook)


def index() -> tuple[IndexEntry, ...]:
    """Return the index of every part, in id order."""
    told: tuple[IndexEntry, ...] = _decoded("index", tuple[IndexEntry, ...])
    return told


@cache
def device_spec(name: str) -> DeviceSpec:
    """Return one part by its id or alias.

    Raises:
        UnknownNameError: no part answers to ``name``; near names are given.
    """
    return msgspec.json.decode(compiled().devices[resolve_name(name)], type=DeviceSpec)


_COUNT_LAST = re.compile(r"(.+?)[x*:](\d{1,4})")


def resolve_name(name: str) -> str:
    """Return the part id that ``name`` (an id, an alias or what a driver prints of one part alone, any case) means.

    Raises:
        UnknownNameError: no part answers to it, or several print it.
    """
    wanted = name.strip().lower()
    known, aliases = compiled().devices, compiled().aliases
    if wanted in known:
        return wanted
    if wanted in aliases:
        return aliases[wanted]
    printed = [entry.id for entry in index() if wanted in map(str.lower, entry.reported_names)]
    if len(printed) == 1:
        return printed[0]
    if printed:
        raise UnknownNameError(f"several parts print {name!r}", close=", ".join(printed), mend="pick one of these")
    counted = _COUNT_LAST.fullmatch(wanted)
    if counted and (counted[1] in known or counted[1] in aliases):
        raise UnknownNameError(f"no catalog entry named {name!r}", mend=f"write {counted[2]}x{counted[1]}")
    close = near_names(wanted, [*known, *aliases])
    mend = "pick one of these, or list all with `parity targets`" if close else "list all with `parity targets`"
    raise UnknownNameError(f"no catalog entry named {name!r}", close=close, mend=mend)


def cards() -> tuple[RuleCard, ...]:
    """Return every rule card, in id order."""
    from parity.model.rule import RuleCard

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
