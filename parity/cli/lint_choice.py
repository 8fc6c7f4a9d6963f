"""Chooses the lint rules of a run, from the command line and the project."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.catalog import store
from parity.errors import UnknownNameError
from parity.inputs import near_names

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from parity.config.project import Project


def chosen(arguments: argparse.Namespace, project: Project) -> set[str]:
    """Return the rules to run: the command line's choice over the project's; of rules nobody named, the stable ones.

    Raises:
        UnknownNameError: a name is no lint rule's.
    """
    known, settings = [card.id for card in store.lint_book().cards], project.lint
    selected, ignored = _names(arguments.select), _names(arguments.ignore)
    for option, names in (("--select", selected), ("--ignore", ignored)):
        for name in names:
            if name not in known:
                close, mend = near_names(name, known), "list all with `parity rule`"
                raise UnknownNameError(f"no lint rule named {name!r}", where=option, close=close, mend=mend)
    run = set(selected or settings.select or _unnamed(arguments, project))
    return run - set(ignored) - (set() if selected else set(settings.ignore))


def _unnamed(arguments: argparse.Namespace, project: Project) -> list[str]:
    """Return the rules that run where no list of rules is given: stable ones, and those that the project sets up."""
    preview = arguments.preview or project.lint.preview
    cards = store.lint_book().cards
    return [card.id for card in cards if preview or card.status == "stable" or card.id in project.rules]


def resting(arguments: argparse.Namespace, project: Project) -> tuple[str, ...]:
    """Return the rules that did not run because they are in preview."""
    if _names(arguments.select) or project.lint.select:
        return ()
    ready = set(_unnamed(arguments, project))
    return tuple(card.id for card in store.lint_book().cards if card.id not in ready)


def _names(given: Iterable[str] | None) -> list[str]:
    return [name.strip() for words in given or () for name in words.split(",") if name.strip()]
