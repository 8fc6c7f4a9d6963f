"""Knows the page of ``parity kernels``: which installed kernel libraries have code for the target, and for here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.coverage import COVERAGES
from parity.reports.html.bars import counts_bar
from parity.reports.html.markup import el
from parity.reports.html.page import chip, code, document_title, facts, fold, hero, items, page, section
from parity.reports.html.tables import Column, table
from parity.reports.kernels_text import WORDS, closing
from parity.units import format_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parity.model.coverage import Coverage, JudgedLibrary, KernelsReport, PackageVerdict
    from parity.reports.html.markup import Html

TONES: dict[Coverage, str] = {
    "native-exact": "good",
    "native-compatible": "good",
    "native-but-arch-specific-variant-missing": "doubt",
    "ptx-jit": "doubt",
    "none": "bad",
    "unknown": "doubt",
}
GRAVITY: tuple[Coverage | None, ...] = (None, *COVERAGES[:4], "unknown", "none")
MOST_PACKAGES = 300
MOST_LIBRARIES = 300


def render(report: KernelsReport) -> str:
    """Return the report as one HTML page."""
    where = report.target or report.here
    told = [_judged(package, report) for package in report.packages]
    outcome, word = _outcome(report, told)
    top = hero(
        outcome,
        word,
        closing(report),
        facts(
            [
                ("target", report.target or "none given", None),
                ("here", report.here or "not asked", None),
                ("looked into", f"{report.files} files", format_bytes(report.bytes)),
            ]
        ),
    )
    counts = [(told.count(name), TONES[name], f"{WORDS[name]} on {where}") for name in COVERAGES]
    silent = items([code(name) for name in report.silent[:MOST_PACKAGES]])
    sections = [
        section("packages", "Packages", counts_bar(counts) if where else None, _packages(report)),
        _differs(report),
        section("libraries", "Libraries", fold("Code of each library", _libraries(report), count=_count(report))),
        section("silent", "Without device code", silent) if silent else None,
    ]
    foot = f"Written by parity from parity.kernels/1; exit status {report.exit_status}."
    return page("kernels", document_title(word.upper(), closing(report), "parity kernels"), top, sections, foot)


def _outcome(report: KernelsReport, told: Sequence[Coverage | None]) -> tuple[str, str]:
    if report.target is None and report.here is None:
        return "unknown", "nothing to judge against"
    if report.exit_status:
        return ("mismatch", "code is missing") if "none" in told else ("unknown", "unknown")
    return ("unknown", "not all known") if "unknown" in told or report.unsearched else ("match", "covered")


def _judged(package: PackageVerdict, report: KernelsReport) -> Coverage | None:
    return package.target if report.target else package.here


def _packages(report: KernelsReport) -> Html:
    columns = [Column("package", "head"), Column("version")]
    columns += [Column(f"on {report.target}")] if report.target else []
    columns += [Column(f"here ({report.here})")] if report.here else []
    excused = any(package.made_for_others for package in report.packages)
    columns += [Column("libraries that decide against it", "text")]
    columns += [Column("libraries made for other devices", "text")] if excused else []
    order = sorted(report.packages, key=lambda package: -GRAVITY.index(_judged(package, report)))
    rows = []
    for package in order:
        cells: list[str | Html] = [package.package, package.version]
        cells += [_word(package.target)] if report.target else []
        cells += [_word(package.here)] if report.here else []
        cells += [", ".join(package.lacking[:20])]
        cells += [", ".join(package.made_for_others[:20])] if excused else []
        rows.append(cells)
    return table("Device code of each package, what lacks most first", columns, rows, limit=MOST_PACKAGES)


def _word(coverage: Coverage | None) -> str | Html:
    return "nothing to judge" if coverage is None else chip(WORDS[coverage], TONES[coverage])


def _differs(report: KernelsReport) -> Html | None:
    rows = [(package.package, items(list(package.differs[:20]))) for package in report.packages if package.differs]
    if not rows:
        return None
    columns = [Column("package", "head"), Column("what runs otherwise", "text")]
    told = table("What runs otherwise on the target than here", columns, rows, limit=MOST_PACKAGES)
    return section("differs", "What runs otherwise there", told)


def _count(report: KernelsReport) -> str:
    return f"{len(report.libraries)} {'library' if len(report.libraries) == 1 else 'libraries'}"


def _libraries(report: KernelsReport) -> Html:
    columns = [Column("library", "head"), Column("size", "number"), Column("code", "text")]
    columns += [Column(f"on {report.target}", "text")] if report.target else []
    columns += [Column(f"here ({report.here})", "text")] if report.here else []
    columns += [Column("notes", "text")]
    rows = [_library(library, report) for library in report.libraries]
    return table("Code objects per architecture, and the regions that run", columns, rows, limit=MOST_LIBRARIES)


def _library(library: JudgedLibrary, report: KernelsReport) -> list[str | Html | None]:
    codes = ", ".join(f"{count} {arch}" for arch, count in list(library.counts.items())[:40])
    cells: list[str | Html | None] = [code(library.path), format_bytes(library.size_bytes), codes]
    for asked, verdict, regions in (
        (report.target, library.verdict.target, library.coverage.target),
        (report.here, library.verdict.here, library.coverage.here),
    ):
        if asked:
            told = ", ".join(f"{count} {WORDS[coverage]}" for coverage, count in regions.items())
            cells.append(el("span", _word(verdict), f" {told}" if told else None))
    problems = [*library.notes[:5], *library.problems[:5]]
    return [*cells, "; ".join(problems)]
