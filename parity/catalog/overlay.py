"""Knows how folders of a user's own (``PARITY_RULES``) are laid over the shipped catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from parity.catalog.compiled import Compiled, IndexEntry, aliases_of, read
from parity.catalog.compiling import compile_folder
from parity.catalog.limits import overlaid_limits
from parity.errors import CatalogError
from parity.model.lint_book import LintBook
from parity.model.model_rule import ModelCard
from parity.model.rule import RuleCard
from parity.model.spec import ArchitectureSpec
from parity.model.stack_facts import StackFacts

if TYPE_CHECKING:
    from pathlib import Path


def overlaid(base: Compiled, overlays: list[Path]) -> Compiled:
    """Return the catalog with the parts, rules and facts of other folders, which win over those of the same id.

    Raises:
        CatalogError: a folder is not there, or a file in it is broken.
    """
    architectures = msgspec.json.decode(base.architectures, type=tuple[ArchitectureSpec, ...])
    for folder in overlays:
        if not folder.is_dir():
            raise CatalogError("no such folder", where=f"PARITY_RULES: {folder}", mend="correct the variable")
        extra = read(compile_folder(folder, base=architectures))
        assert extra is not None
        index = {entry.id: entry for one in (base, extra) for entry in _entries(one)}
        stack, more = (msgspec.json.decode(one.stack, type=StackFacts) for one in (base, extra))
        libraries = {item.id: item for item in (*stack.libraries, *more.libraries)}
        base = msgspec.structs.replace(
            base,
            index=_raw(list(index.values())),
            aliases=aliases_of(index.values()),
            devices={**base.devices, **extra.devices},
            cards=_by_id(base.cards, extra.cards, RuleCard),
            environment=_raw([*_listed(base.environment), *_listed(extra.environment)]),
            stack=_raw(msgspec.structs.replace(stack, libraries=tuple(libraries.values()))),
            models=_by_id(base.models, extra.models, ModelCard),
            limits=overlaid_limits(base.limits, extra.limits),
            lint=_overlaid_lint(base.lint, extra.lint),
        )
    return base


def _entries(catalog: Compiled) -> tuple[IndexEntry, ...]:
    return msgspec.json.decode(catalog.index, type=tuple[IndexEntry, ...])


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
