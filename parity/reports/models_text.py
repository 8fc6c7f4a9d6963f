"""Knows the text about every model that a project names: a line each, and what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.reports import model_text
from parity.reports.model_rows import WORDS
from parity.reports.model_text import MAX_WIDTH, MIN_WIDTH, finding_lines, painted, wrapped
from parity.units import plural

if TYPE_CHECKING:
    from parity.model.models_report import ModelsReport


def render(
    report: ModelsReport, *, verbose: bool = False, width: int = 80, colour: bool = False, ascii_only: bool = False
) -> str:
    """Return the report of a project's models as text: a line and the findings of each, everything with ``verbose``."""
    width = max(MIN_WIDTH, min(width, MAX_WIDTH))
    lines: list[str] = []
    for one in report.models:
        if verbose:
            lines += [model_text.render(one, verbose=True, width=width, colour=colour).rstrip(), ""]
            continue
        word = {0: "ok", 1: "FAILED"}.get(one.exit_status, "UNKNOWN")
        code = {0: "32", 1: "31"}.get(one.exit_status, "33")
        fits = WORDS[one.footprint.fits].lower()
        place = one.footprint.target
        lines.append(
            f"{painted(word, code, colour=colour)} {one.model.source} on {place.count}x {place.device}: {fits}"
        )
        for finding in one.findings:
            if finding.severity != "note" or finding.waived:
                lines += finding_lines(finding, width, colour=colour)
        if one.exit_status == 3:
            lines += [line for item in one.unknowns for line in wrapped(f"{item.what}: {item.why}", width, 2)]
    lines += [f"expired: {text}" for text in report.expired]
    failed = sum(one.exit_status == 1 for one in report.models)
    open_ = sum(one.exit_status not in (0, 1) for one in report.models)
    lines += ["", f"{plural(len(report.models), 'model')}: {failed} failed, {open_} not known"]
    text = "\n".join(line.rstrip() for line in lines) + "\n"
    return text.encode("ascii", "replace").decode() if ascii_only else text
