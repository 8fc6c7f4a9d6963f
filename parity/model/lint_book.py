"""Knows what the linter needs of the data: its rules, and the facts they judge by."""

import msgspec

from parity.model.lint import LintCard
from parity.model.lint_data import LintData


class LintBook(msgspec.Struct, frozen=True, kw_only=True):
    """What the linter needs of the data."""

    cards: tuple[LintCard, ...] = ()
    data: LintData = LintData()
