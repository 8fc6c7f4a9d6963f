"""Knows how mechanical mends are put into a file's text, and how they are shown before."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from parity.lint.source import Source

if TYPE_CHECKING:
    from collections.abc import Iterable

    from parity.model.lint import Edit, LintFinding


def fixed(text: str, findings: Iterable[LintFinding]) -> tuple[str, int]:
    """Return a text with the findings' fixes put in, and how many; of two that overlap the first wins."""
    source = Source("", text)
    fixes = [one.fix for one in findings if one.fix is not None and one.suppressed is None]
    edits = {
        (source.starts[fix.line - 1] + fix.column - 1, source.starts[fix.end_line - 1] + fix.end_column - 1, fix.text)
        for fix in fixes
        if _lies_in(source, fix)
    }
    done, out, at = 0, [], 0
    for start, end, new in sorted(edits):
        if start >= at:
            out += [text[at:start], new]
            at, done = end, done + 1
    return "".join([*out, text[at:]]), done


def _lies_in(source: Source, edit: Edit) -> bool:
    return 1 <= edit.line <= edit.end_line <= len(source.starts)


def preview(path: str, before: str, after: str) -> str:
    """Return a change as a unified diff."""
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), f"a/{path}", f"b/{path}"
    )
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
