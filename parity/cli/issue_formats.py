"""Knows the formats that machines read, and says when one of them cannot carry a finding."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

from parity.units import plural

if TYPE_CHECKING:
    from parity.reports.issues import IssueReport

ISSUE_FORMATS = ("sarif", "github", "gitlab", "junit")
_NEED_A_PLACE = ("sarif", "gitlab")


def render(name: str, report: IssueReport, *, per_level: int | None = None) -> str:
    """Return a report in the format called ``name``.

    Args:
        name: one of ``ISSUE_FORMATS``.
        report: what was found.
        per_level: GitHub's annotations per level; None: as many as a step shows.
    """
    if name in _NEED_A_PLACE and report.unplaced:
        what = f"{plural(report.unplaced, 'finding')} left out of {name}, which needs a file of the repository for each"
        mend = "declare the target in parity.yaml (`parity init`)" if report.command == "parity doctor" else ""
        print(f"parity: {what}" + (f"\n  mend: {mend}" if mend else ""), file=sys.stderr)
    options = {"limit": per_level} if name == "github" and per_level is not None else {}
    text: str = importlib.import_module(f"parity.reports.{name}").render(report, **options)
    return text
