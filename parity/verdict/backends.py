"""Knows how the answers of installed packages become a report: for the target, for here, and whether they differ."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from parity.model.backends import BackendRow, BackendsReport

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from parity.backends.machine import AskedMachine
    from parity.backends.question import Question
    from parity.model.backends import BackendAnswer, BackendOutcome, Differs


def backends_report(
    questions: Sequence[Question],
    *,
    versions: Mapping[str, str],
    target: AskedMachine | None,
    here: AskedMachine | None,
) -> BackendsReport:
    """Return the report.

    Args:
        questions: of the installed packages.
        versions: distribution -> version.
        target: the declared machine; None: not asked for.
        here: this one; None: not asked for.
    """
    rows = tuple(_row(question, versions, target, here) for question in questions)
    asked = target or here
    return BackendsReport(
        target=None if target is None else target.arch,
        here=None if here is None else here.arch,
        cuda="" if asked is None else asked.cuda,
        rows=rows,
        exit_status=_status(rows),
    )


def _status(rows: Sequence[BackendRow]) -> int:
    """Return 1 when a choice differs or may, 3 when none at all is known, else 0."""
    if any(row.differs in ("yes", "sometimes") for row in rows):
        return 1
    sides = [[answer for answer in (row.target, row.here) if answer is not None] for row in rows]
    return 0 if any(all(not answer.unknown for answer in answers) for answers in sides) else 3


def _row(
    question: Question, versions: Mapping[str, str], target: AskedMachine | None, here: AskedMachine | None
) -> BackendRow:
    there = None if target is None else question.answer(target)
    this = None if here is None else question.answer(here)
    return BackendRow(
        package=question.package,
        version=versions.get(question.package, ""),
        topic=question.topic,
        asked=question.asked,
        source=question.source,
        target=there,
        here=this,
        differs="unknown" if there is None or this is None else differs(there, this),
    )


def differs(target: BackendAnswer, here: BackendAnswer) -> Differs:
    """Return whether two machines get another choice: under the same open conditions, one by one.

    Conditions that only one of the two meets do not tell its choices apart from the other's.
    """
    if target.unknown or here.unknown:
        return "unknown"
    pairs = [
        one.choice != other.choice
        for one, other in itertools.product(target.outcomes, here.outcomes)
        if not _contradict(one, other)
    ]
    if not pairs:
        return "unknown"
    if all(pairs):
        return "yes"
    return "sometimes" if any(pairs) else "no"


def _contradict(one: BackendOutcome, other: BackendOutcome) -> bool:
    return any(f"not ({condition})" in other.when for condition in one.when) or any(
        f"not ({condition})" in one.when for condition in other.when
    )
