"""Names the code objects of a library for comparison in tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from parity.model.code_objects import Library


def named(library: Library, place: str = "main") -> dict[str, int]:
    """Return architecture -> count in one place; stubs end in ``!``."""
    counts: dict[str, int] = {}
    for tally in library.tallies:
        if tally.place == place:
            name = tally.code.arch + ("!" if tally.code.stub else "")
            counts[name] = counts.get(name, 0) + tally.count
    return counts


def weights(library: Library) -> set[str]:
    """Return the weights of a library's problems."""
    return {problem.weight for problem in library.problems}


def texts(library: Library) -> str:
    """Return the problems as one text."""
    return "\n".join(problem.text for problem in library.problems)
