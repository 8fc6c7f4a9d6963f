"""Knows how judged device code is told as text: one line per package, files and regions on request."""

from __future__ import annotations

import os.path
import textwrap
from typing import TYPE_CHECKING

from parity.model.coverage import COVERAGES, COVERING
from parity.reports.rows import one_line
from parity.units import format_bytes

if TYPE_CHECKING:
    from parity.model.code_objects import Inventory, RegionGroup
    from parity.model.coverage import Coverage, JudgedLibrary, KernelsReport, PackageVerdict

WORDS: dict[Coverage | None, str] = {
    **{name: name for name in COVERAGES},
    "native-but-arch-specific-variant-missing": "native, variant missing",
    None: "-",
}
MAX_LINES = 3  # of what differs, per package
MAX_GROUPS = 40  # of regions, per library
MIN_WIDTH, MAX_WIDTH = 60, 120


def render(report: KernelsReport, inventory: Inventory, *, verbose: bool = False, width: int = 80) -> str:
    """Return the report as text.

    Args:
        report: what to tell.
        inventory: for the regions, which the report only counts.
        verbose: add each file with its architectures, and each kind of region.
        width: columns.
    """
    width = max(MIN_WIDTH, min(width, MAX_WIDTH))
    lines = [*_table(report, width), *_silent(report, width), *_process(report, width)]
    if verbose:
        groups = {library.path: library.regions for library in inventory.libraries}
        for library in report.libraries:
            lines += ["", *_library(library, groups.get(library.path, ()), width)]
    lines += ["", *textwrap.wrap(closing(report), width)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _table(report: KernelsReport, width: int) -> list[str]:
    shown = [package for package in report.packages if _tells(package, report)]
    if not shown:
        return []
    heads = ["package", "version"]
    heads += [f"on {report.target}"] if report.target else []
    heads += [f"here ({report.here})"] if report.here else []
    folder = _shared_folder(shown)
    rows = [[*_name(package, folder), *_verdicts(package, report)] for package in shown]
    widths = [max(len(row[number]) for row in [heads, *rows]) for number in range(len(heads))]
    widths[0] = min(widths[0], max(20, width - sum(widths[1:]) - 2 * len(widths)))
    lines = [_aligned(heads, widths)]
    for package, row in zip(shown, rows, strict=True):
        lines.append(_aligned(row, widths))
        for text in _details(package, report):
            lines += textwrap.wrap(
                one_line(text), width, initial_indent="    ", subsequent_indent="      ", break_on_hyphens=False
            )
    return [one_line(f"below {folder}:")[:width], *lines] if folder else lines


def _tells(package: PackageVerdict, report: KernelsReport) -> bool:
    """Return whether a package has anything to judge; one of stubs alone has not."""
    asked = report.target is not None or report.here is not None
    return not asked or package.target is not None or package.here is not None or bool(package.told)


def _shared_folder(packages: list[PackageVerdict]) -> str:
    """Return the folder that holds all libraries which no package owns, with its slash; empty when it saves nothing."""
    paths = [package.package for package in packages if not package.version and "/" in package.package]
    folders = [path.rstrip("/").rpartition("/")[0] or ("/" if path.startswith("/") else "") for path in paths]
    if not all(folders) or len({path.startswith("/") for path in paths}) > 1:
        return ""  # one lies here, or absolute stands beside relative: they share no folder by name
    folder = os.path.commonpath(folders) if folders else ""
    return f"{folder}/" if len(paths) > 1 and len(folder) > 1 else ""


def _name(package: PackageVerdict, folder: str) -> tuple[str, str]:
    name = package.package if package.version else package.package.removeprefix(folder)
    return one_line(name), one_line(package.version)


def _verdicts(package: PackageVerdict, report: KernelsReport) -> list[str]:
    told = [WORDS[package.target]] if report.target else []
    return told + ([WORDS[package.here]] if report.here else [])


def _aligned(row: list[str], widths: list[int]) -> str:
    cells = []
    for text, width in zip(row, widths, strict=True):
        cut = text if len(text) <= width else "…" + text[len(text) - width + 1 :]
        cells.append(f"{cut:<{width}}")
    return "  ".join(cells)


def _details(package: PackageVerdict, report: KernelsReport) -> list[str]:
    """Return what stands below a package's line: who lacks code, and what differs; without a target nothing does."""
    lines = []
    judged = package.target if report.target else package.here
    alone = package.lacking in ((package.package,), (package.package.rpartition("/")[2],))  # its own line has named it
    reasons = _reasons(package, report) if judged == "unknown" else []
    if package.lacking and judged not in COVERING and not alone and not reasons:
        lines.append(f"{WORDS[judged]}: {_some(list(package.lacking), ', ')}")
    lines += reasons
    if package.made_for_others:
        lines.append(f"made for other devices: {_some(list(package.made_for_others), ', ')}")
    lines += package.told
    told = package.differs or _shares(package, report, judged)
    more = len(told) - MAX_LINES
    lines += told[:MAX_LINES]
    if more > 0:
        lines.append(f"and {more} more (-v)")
    return lines


def _reasons(package: PackageVerdict, report: KernelsReport) -> list[str]:
    """Return why the package's libraries that leave the answer open do so, the first few."""
    told = []
    for library in report.libraries:
        side = library.verdict.target if report.target else library.verdict.here
        if side == "unknown" and (library.package or library.path) == package.package:
            name = library.path.rstrip("/").rpartition("/")[2]
            told += [f"{name}: {why}" for why in (*library.problems[:1], *library.notes[-1:])[:1]]
    more = len(told) - MAX_LINES
    return told[:MAX_LINES] + ([f"and {more} more (-v)"] if more > 0 else [])


def _shares(package: PackageVerdict, report: KernelsReport, judged: Coverage | None) -> tuple[str, ...]:
    """Return how much of each library that decides is not native: one module on JIT is not the whole library."""
    if judged not in COVERING[2:]:
        return ()
    lines = []
    for library in report.libraries:
        own = (library.package or library.path, library.version if library.package else "")
        side = library.verdict.target if report.target else library.verdict.here
        regions = library.coverage.target if report.target else library.coverage.here
        if own == (package.package, package.version) and side == judged:
            covering = sum(regions.get(name, 0) for name in COVERING)
            name = library.path.rstrip("/").rpartition("/")[2]
            lines.append(f"{name}: {regions.get(judged, 0)} of {covering} regions that run are {WORDS[judged]}")
    return tuple(lines)


def _some(names: list[str], joint: str, *, limit: int = 5) -> str:
    told = joint.join(names[:limit])
    return told if len(names) <= limit else f"{told} and {len(names) - limit} more"


def _silent(report: KernelsReport, width: int) -> list[str]:
    if not report.silent:
        return []
    return ["", *textwrap.wrap(f"no device code in {_some(list(report.silent), ', ')}", width)]


def _process(report: KernelsReport, width: int) -> list[str]:
    """Return whose libraries these are, and which of them it took from elsewhere than its packages."""
    process = report.process
    if process is None:
        return []
    lines = ["", one_line(f"process {process.pid} ({process.command or 'no name'}): {process.mapped} files mapped")]
    if process.gone:
        names = _some([path.rpartition("/")[2] for path in process.gone], ", ")
        told = f"deleted or replaced since they were loaded, so not what is installed now: {names}"
        lines += textwrap.wrap(one_line(told), width, subsequent_indent="    ", break_on_hyphens=False)
    for finding in process.findings:
        told = f"{finding.severity}[{finding.rule}] {finding.subject}: {finding.message}"
        for text, indent in ((told, ""), (f"mend: {finding.mend}", "  ")):
            lines += textwrap.wrap(
                one_line(text), width, initial_indent=indent, subsequent_indent="    ", break_on_hyphens=False
            )
    return lines


def _library(library: JudgedLibrary, groups: tuple[RegionGroup, ...], width: int) -> list[str]:
    files = "" if library.files == 1 else f", {library.files} files"
    lines = [one_line(f"{library.path} ({format_bytes(library.size_bytes)}{files})")]

    def field(name: str, value: str) -> None:
        if value:
            lines.extend(
                textwrap.wrap(
                    one_line(value), width, initial_indent=f"  {name:<12}", subsequent_indent=" " * 14,
                    break_on_hyphens=False,
                )
            )  # fmt: skip

    for name, counts in (
        ("code", library.counts), ("hidden", library.hidden), ("relocatable", library.relocatable),
        ("stubs", library.stubs), ("stored", library.compression),
    ):  # fmt: skip
        field(name, ", ".join(f"{count} {arch}" for arch, count in counts.items()))
    for name, verdict, regions in (
        ("target", library.verdict.target, library.coverage.target),
        ("here", library.verdict.here, library.coverage.here),
    ):
        if verdict is not None:
            told = ", ".join(f"{count} {WORDS[coverage]}" for coverage, count in regions.items())
            field(name, f"{WORDS[verdict]} (regions: {told})" if told else WORDS[verdict])
    for note in library.notes:
        field("note", note)
    for problem in library.problems:
        field("problem", problem)
    for group in groups[:MAX_GROUPS]:
        codes = " ".join(f"{code.arch}{'(stub)' if code.stub else ''}" for code in group.codes)
        field("regions", f"{group.count} {group.container} in {group.section}: {codes}")
    if len(groups) > MAX_GROUPS:
        field("regions", f"and {len(groups) - MAX_GROUPS} more kinds")
    return lines


def closing(report: KernelsReport) -> str:
    """Return the closing count."""
    libraries, packages = len(report.libraries), len(report.packages)
    counted = f"{libraries} {'library' if libraries == 1 else 'libraries'} with device code in {packages} " + (
        "package" if packages == 1 else "packages"
    )
    told = [package.target if report.target else package.here for package in report.packages]
    lacking, unknown = told.count("none"), told.count("unknown")
    where = report.target or report.here
    others = sum(len(package.made_for_others) for package in report.packages)
    loads = f": all but {others} made for other devices load on" if others else ": all load on"
    verdict = "" if where is None else f": {lacking} without code for {where}" if lacking else f"{loads} {where}"
    if where is not None and all(one is None for one in told):
        verdict = f": nothing to judge for {where}"
    if unknown:
        verdict = f"{verdict if lacking else ':'}{',' if lacking else ''} {unknown} unknown"
    left = f"; {report.unsearched} more not searched for hidden code" if report.unsearched else ""
    return f"{counted}{verdict}; {report.files} files, {format_bytes(report.bytes)} looked into{left}"
