"""Inline exceptions: where they count, and where a text merely speaks of them."""

from __future__ import annotations

from parity.lint.source import Source
from parity.lint.suppress import suppressions

COMMENT = "# parity: ignore[env-serialises-launches] reason"


def test_a_comment_of_python_counts_and_a_quoted_one_does_not() -> None:
    text = f'"""Write ``{COMMENT}``."""\nTEXT = "{COMMENT}"\nx = 1  {COMMENT}\n'
    assert [one.span.line for one in suppressions(Source("a.py", text))] == [3]


def test_text_that_is_no_python_to_its_end_is_read_line_by_line() -> None:
    found = suppressions(Source("a.py", f"x = (1  {COMMENT}\n"))
    assert [(one.rules, one.reason) for one in found] == [(("env-serialises-launches",), "reason")]


def test_other_files_are_read_line_by_line() -> None:
    assert len(suppressions(Source("run.sh", f"export A=1 {COMMENT}\n"))) == 1
