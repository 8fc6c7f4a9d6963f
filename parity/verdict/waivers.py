"""Knows how an exception covers a finding, and when it no longer does."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from parity.model.finding import Mismatch, Waiver

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Iterator


def covering(waivers: Iterable[Waiver], *, rule: str, subject: str, today: dt.date) -> Waiver | None:
    """Return the first waiver in force that covers a finding of ``rule`` on ``subject``."""
    for waiver in waivers:
        if waiver.rule == rule and _names(waiver.subject, subject) and today <= waiver.until:
            return waiver
    return None


def _names(wanted: str, subject: str) -> bool:
    """Return whether a finding's subject contains the waiver's as whole words: ``GPU 1`` is not ``GPU 10``."""
    return not wanted or re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", subject) is not None


def expired(waivers: Iterable[Waiver], today: dt.date) -> Iterator[Mismatch]:
    """Yield a mismatch for each waiver whose last day has passed."""
    for waiver in waivers:
        if today > waiver.until:
            yield Mismatch(
                subject=f"waiver of {waiver.rule}",
                here=f"until {waiver.until.isoformat()}",
                wanted="a waiver in force",
                message=f"the waiver of {waiver.rule} ({waiver.reason}) ended on {waiver.until.isoformat()}",
                mend=f"ask {waiver.owner} to renew it with a new date, or remove it",
            )
