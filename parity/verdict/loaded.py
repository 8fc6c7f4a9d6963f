"""Knows what is told of the CUDA and ROCm libraries that one process has loaded, beside those its packages brought."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.checks import duplicate_cuda_library, loaded_library_not_packaged
from parity.model.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from parity.model.finding import Mismatch
    from parity.model.fingerprint import Library
    from parity.model.rule import RuleCard

RULES = ("loaded-library-not-packaged", "duplicate-cuda-library")


def loaded_findings(libraries: Sequence[Library], cards: Iterable[RuleCard]) -> tuple[Finding, ...]:
    """Return the findings of the rules in ``RULES``, in that order.

    Args:
        libraries: those that the process has loaded, and those that its packages hold.
        cards: the cards of the rules.
    """
    loaded = [library for library in libraries if library.found == "loaded"]
    asked: dict[str, tuple[Callable[[Sequence[Library]], Iterator[Mismatch]], Sequence[Library]]] = {
        RULES[0]: (loaded_library_not_packaged.of_libraries, libraries),
        RULES[1]: (duplicate_cuda_library.of_libraries, loaded),
    }
    by_id = {card.id: card for card in cards}
    return tuple(
        _finding(by_id[rule], mismatch) for rule, (check, subjects) in asked.items() for mismatch in check(subjects)
    )


def _finding(card: RuleCard, mismatch: Mismatch) -> Finding:
    return Finding(
        rule=card.id,
        severity=card.severity,
        subject=mismatch.subject,
        here=mismatch.here,
        wanted=mismatch.wanted,
        ratio=mismatch.ratio,
        message=mismatch.message,
        mend=mismatch.mend or card.mend.strip(),
    )
