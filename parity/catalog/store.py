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
from typing import TYPE_CHECKING, Any

import msgspec

from parity.catalog.compiled import CODE_FOLDER, FOLDERS, FORMAT, Compiled, IndexEntry
from parity.errors import CatalogError, UnknownNameError
from parity.inputs import near_names
from parity.model.spec import DeviceSpec

if TYPE_CHECKING:
    from parity.model.code_facts import CodeFacts
    from parity.model.environment import EnvironmentCard
    from parity.model.lint_book import LintBook
    from parity.model.model_rule import ModelCard
    from parity.model.rule import RuleCard
    from parity.model.stack_facts import StackFacts

# What each question decodes is imported with the question: all of it takes longer than a short answer.

_COMPILED = "compiled.json"
# What a change of makes a compiled catalog stale: the shapes of the data, and how they are read.
_READERS = (
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
    if not overlays:
        return base
    from parity.catalog.overlay import overlaid

    return overlaid(base, overlays)


def _shipped(folder: Path) -> Compiled:
    built = folder / _COMPILED
    if built.is_file():
        return msgspec.json.decode(built.read_bytes(), type=Compiled)
    cache_file, signature = folder.parent / ".parity-compiled.json", _signature(folder)
    with contextlib.suppress(OSError, msgspec.DecodeError, msgspec.ValidationError):
        held = msgspec.json.decode(cache_file.read_bytes(), type=Compiled)
        if held.format == FORMAT and held.signature == signature:
            return held
    from parity.catalog.compiling import compile_folder

    raw = compile_folder(folder, signature)
    with contextlib.suppress(OSError):
        scratch = cache_file.with_suffix(f".{os.getpid()}.tmp")
        scratch.write_bytes(raw)
        scratch.replace(cache_file)
    return msgspec.json.decode(raw, type=Compiled)


def _signature(folder: Path) -> str:
    """Return a text that changes when any data file, or this program's reading of them, does."""
    parts = [str(FORMAT)]
    for name in (*FOLDERS, CODE_FOLDER):
        with contextlib.suppress(OSError), os.scandir(folder / name) as entries:
            for entry in sorted(entries, key=lambda item: item.name):
                stat = entry.stat()
                parts.append(f"{name}/{entry.name}:{stat.st_size}:{stat.st_mtime_ns}")
    package = Path(__file__).parent.parent
    parts.extend(str((package / file).stat().st_mtime_ns) for file in _READERS)
    return "|".join(parts)


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
