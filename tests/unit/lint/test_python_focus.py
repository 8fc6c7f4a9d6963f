"""What may be left out of a parse, and that places stay as they are."""

from __future__ import annotations

import ast

from parity.lint.python_focus import MIN_CHARS, focused

PADDING = "# " + "x" * MIN_CHARS + "\n"


def test_blocks_without_a_word_are_emptied_and_lines_kept() -> None:
    text = PADDING + "import a\n\ndef plain():\n    return 1\n\nclass Other:\n    y = num_sms\n\nz = 2\n"
    less = focused(text, ["num_sms"])
    assert less.count("\n") == text.count("\n")
    assert "plain" not in less
    assert [type(node).__name__ for node in ast.parse(less).body] == ["Import", "ClassDef", "Assign"]
    assert ast.parse(less).body[-1].lineno == ast.parse(text).body[-1].lineno


def test_a_decorated_block_and_a_short_text_are_kept() -> None:
    text = PADDING + "@mark\ndef plain():\n    return 1\n"
    assert focused(text, ["num_sms"]) == text
    assert focused("def plain():\n    return 1\n", ["num_sms"]) == "def plain():\n    return 1\n"


def test_a_block_shown_in_a_string_moves_nothing() -> None:
    text = PADDING + 'doc = """\ndef shown():\n    pass\n"""\nnum_sms = 132\n'
    last = ast.parse(focused(text, ["num_sms"])).body[-1]
    assert (last.lineno, last.end_col_offset) == (6, 13)


def test_a_string_that_begins_in_a_block_keeps_the_block() -> None:
    text = PADDING + 'def first():\n    return """\nnum_sms = 1\n"""\n'
    assert focused(text, ["num_sms"]) == text
