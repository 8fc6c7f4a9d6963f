"""Knows how judged tuned tables are told as text: one line per package and kernel, shapes on request."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from parity.reports.rows import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.model.tuned import TunedFamily, TunedPackageReport, TunedReport

MAX_SHAPES, MAX_SHAPES_VERBOSE = 3, 200
MAX_MISNAMED = 5
MIN_WIDTH, MAX_WIDTH = 60, 120


def render(report: TunedReport, *, verbose: bool = False, width: int = 80) -> str:
    """Return the report as text.

    Args:
        report: what to tell.
        verbose: add what the tables are keyed by, and more of the shapes.
        width: columns.
    """
    width = max(MIN_WIDTH, min(width, MAX_WIDTH))
    judged = [
        f"{word}: {one_line(label)}" for word, label in (("target", report.target), ("here", report.here)) if label
    ]
    lines = [*textwrap.wrap("; ".join(judged), width), ""] if judged else []
    for package in report.packages:
        lines += [one_line(f"{package.package} {package.version}".strip())]
        lines += _table(package, report)
        for text in _details(package, report, verbose=verbose):
            lines += textwrap.wrap(
                one_line(text), width, initial_indent="  ", subsequent_indent="      ",
                break_long_words=False, break_on_hyphens=False,
            )  # fmt: skip
        lines.append("")
    for text in _foot(report):
        lines += textwrap.wrap(text, width)
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _table(package: TunedPackageReport, report: TunedReport) -> list[str]:
    if not package.families:
        return ["  no tuned table"]
    heads = ["tuned shapes of", "any", *(["target"] if report.target else []), *(["here"] if report.here else [])]
    heads += ["both", "neither"] if report.target and report.here else []
    rows = [[one_line(family.family), str(family.total), *_counts(family, report)] for family in package.families]
    widths = [max(len(row[number]) for row in [heads, *rows]) for number in range(len(heads))]
    return [
        "  " + "  ".join(f"{text:>{size}}" if at else f"{text:<{size}}" for at, (text, size) in enumerate(cells))
        for cells in (zip(row, widths, strict=True) for row in [heads, *rows])
    ]


def _counts(family: TunedFamily, report: TunedReport) -> list[str]:
    told = [_count(family.target)] if report.target else []
    told += [_count(family.here)] if report.here else []
    if report.target and report.here:
        cases = list(family.shapes.values())
        told += [str(cases.count(case)) for case in ("both", "neither")]
    return told


def _count(number: int | None) -> str:
    return "-" if number is None else str(number)


def _details(package: TunedPackageReport, report: TunedReport, *, verbose: bool) -> Iterator[str]:
    limit = MAX_SHAPES_VERBOSE if verbose else MAX_SHAPES
    for family in package.families:
        for case in ("here-only", "target-only") if verbose else ("here-only",):
            shapes = [shape for shape, told in family.shapes.items() if told == case]
            if shapes and family.target is not None:
                yield f"{family.family}, {case.replace('-', ' ')}: {_some(shapes, limit)}"
        if len(family.target_names) > 1:
            names = [f"{name} {count}" for name, count in family.target_names.items()]
            yield f"{family.family}, the target's under several names, of which a driver prints one: {'; '.join(names)}"
        if family.unknown:
            yield f"{family.family}, unknown: {family.unknown}"
        if verbose or not report.target:
            counts = sorted(family.devices.items(), key=lambda item: (-item[1], item[0]))
            yield f"{family.family}, by device: " + _some([f"{name} {count}" for name, count in counts], 12)
        if verbose and family.triton:
            versions = [f"{name} {count}" for name, count in family.triton.items()]
            yield f"{family.family}, by Triton version for {report.target or 'any device'}: " + "; ".join(versions)
    yield from _misnamed(package, verbose=verbose)
    for problem in package.problems if verbose else package.problems[:MAX_SHAPES]:
        yield f"problem: {problem}"
    if not verbose and len(package.problems) > MAX_SHAPES:
        yield f"problem: {len(package.problems) - MAX_SHAPES} more (-v)"


def _misnamed(package: TunedPackageReport, *, verbose: bool) -> Iterator[str]:
    never = [one for one in package.misnamed if one.never]
    other = [one for one in package.misnamed if not one.never]
    for one in never if verbose else never[:MAX_MISNAMED]:
        yield f"never used: {_tables(one.files)} named {one.name!r}: {one.why}"
    if not verbose and len(never) > MAX_MISNAMED:
        yield f"never used: {len(never) - MAX_MISNAMED} more names (-v)"
    if verbose:
        for one in other:
            yield f"no part of the catalog: {_tables(one.files)} named {one.name!r}: {one.why}"
    elif other:
        names = _some([one.name for one in sorted(other, key=lambda one: -one.files)], MAX_MISNAMED)
        yield f"no part of the catalog: {_tables(sum(one.files for one in other))} named {names}"


def _tables(count: int) -> str:
    return "1 table" if count == 1 else f"{count} tables"


def _some(texts: list[str], limit: int) -> str:
    more = len(texts) - limit
    return "; ".join(texts[:limit]) + (f"; and {more} more" if more > 0 else "")


def _differing(judged: list[TunedFamily], target: str) -> list[str]:
    """Return how many shapes are tuned on one side alone, and which side then runs on defaults."""
    told = []
    for case, tuned, other in (
        ("here-only", f"here and not for {target}", "there"),
        ("target-only", f"for {target} and not here", "here"),
    ):
        count = sum(one == case for family in judged for one in family.shapes.values())
        if count:
            shapes, run = ("1 shape is", "it runs") if count == 1 else (f"{count} shapes are", "they run")
            told.append(f"{shapes} tuned {tuned}: {other} {run} on defaults")
    return told


def _foot(report: TunedReport) -> list[str]:
    """Return the closing lines: why the exit status is what it is."""
    families = [family for package in report.packages for family in package.families]
    if not report.target:
        where = "1 package" if len(report.packages) == 1 else f"{len(report.packages)} packages"
        return [f"{sum(family.total for family in families)} tuned shapes in {where}"]
    judged = [family for family in families if family.target is not None]
    if not judged:
        return [f"no table is for devices of the vendor of {report.target}"]
    told = _differing(judged, report.target) if report.here else []
    bare = [family.family for family in judged if not family.target and not family.unknown]
    if bare:
        told.append(f"nothing is tuned for {report.target} in {', '.join(bare)}: it runs on defaults")
    if told:
        return told
    if report.exit_status:
        return [f"not all tables could be read or judged for {report.target}"]
    if report.here:
        return [f"the shapes tuned here are those tuned for {report.target}"]
    tuned, total = sum(family.target or 0 for family in judged), sum(family.total for family in judged)
    return [f"{tuned} of {total} shapes are tuned for {report.target}, some of each kind"]
