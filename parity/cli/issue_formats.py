"""Knows the formats that machines read, and says when one of them cannot carry a finding."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from parity.cli.folding import tell
from parity.units import plural

if TYPE_CHECKING:
    from parity.reports.issues import IssueReport

ISSUE_FORMATS = ("sarif", "github", "gitlab", "junit")
_NEED_A_PLACE = ("sarif", "gitlab")


def render(name: str, report: IssueReport, *, per_level: int | None = None) -> str | None:
    """Return a report in the format called ``name``; None: SARIF of a run that judged nothing.

    Code scanning closes every alert that the newest SARIF of a category does not have: a machine that could not be read
    would be taken for one that was mended.

    Args:
        name: one of ``ISSUE_FORMATS``.
        report: what was found.
        per_level: GitHub's annotations per level; None: as many as a step shows.
    """
    if name == "sarif" and not report.judged:
        tell("parity: no sarif: nothing was judged, and code scanning would take an upload for the end of open alerts")
        return None
    if name in _NEED_A_PLACE and report.unplaced:
        tell(_unplaced(name, report))
    options = {"limit": per_level} if name == "github" and per_level is not None else {}
    text: str = importlib.import_module(f"parity.reports.{name}").render(report, **options)
    return text


def _unplaced(name: str, report: IssueReport) -> str:
    count = plural(report.unplaced, "finding")
    if report.nowhere is None:
        return f"parity: {count} left out of {name}, which needs a file of the repository for each"
    where = f"{report.nowhere.path}:{report.nowhere.line}"
    return (
        f"parity: no file of the repository names the target: {name} has {count} at {where}\n"
        "  mend: declare the target in parity.yaml (`parity init`)"
    )
