"""Knows the Markdown of ``parity compare``: for notes, pull requests and job summaries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.compare.quantities import times_text
from parity.reports.compare_rows import format_word, sections
from parity.reports.markdown_report import cell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.model.compare import Comparison, Inference


def render(comparison: Comparison) -> str:
    """Return the comparison as GitHub-flavoured Markdown."""
    labels = [cell(part.label) for part in comparison.parts]
    lines = [f"## parity compare: {', '.join(labels)}", "", f"Each ratio is that column over {labels[0]}.", ""]
    for part, label in zip(comparison.parts, labels, strict=True):
        lines.append(f"* **{label}** {cell(part.name)}")
        lines += [f"  * {cell(note)}" for note in part.notes]
    for heading, rows in sections(comparison, every_row=False):
        lines += ["", f"### {heading}", "", f"| | {' | '.join(labels)} |", f"|---|{'---:|' * len(labels)}"]
        for row in rows:
            told = [f"{value} ({over})" if over else value for value, over in zip(row.values, row.ratios, strict=True)]
            lines.append(f"| {cell(row.title)} | {' | '.join(told)} |")
    for about in range(1, len(labels)):
        lines += ["", f"### What a result on {labels[0]} says about {labels[about]}", "", "| work | arithmetic | |"]
        lines += ["|---|---|---|"]
        lines += [_inference(item) for item in comparison.inferences if item.about == about]
        lines += list(_more(comparison, about))
    lines += ["", *(f"> {cell(note)}" for note in comparison.notes)]
    return "\n".join(lines) + "\n"


def _inference(item: Inference) -> str:
    work = f"{format_word(item.dtype)} {item.workload}-bound".strip()
    said = "; ".join(cell(text) for text in (item.says, *item.caveats))
    return f"| {work} | {cell(item.arithmetic)} | {said} |"


def _more(comparison: Comparison, about: int) -> Iterator[str]:
    flips = [flip for flip in comparison.flips if flip.other == about]
    if flips:
        yield ""
        yield from (f"* {format_word(flip.dtype)}: {cell(flip.says)}" for flip in flips)
    told = [factor for factor in comparison.factors if factor.other == about and factor.arithmetic]
    if told:
        titles = {row.name: row.title for row in comparison.raw}
        yield from ("", "| gain | total | size | efficiency |", "|---|---:|---:|---:|")
        for factor in told:
            numbers = [times_text(one) for one in (factor.total, factor.size, factor.efficiency)]
            yield f"| {cell(titles[factor.quantity])} by {factor.basis.replace('*', ' x ')} | {' | '.join(numbers)} |"
