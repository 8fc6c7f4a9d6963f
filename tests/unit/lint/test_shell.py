"""What a script settles, and what it leaves open."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parity.lint import shell
from parity.lint.shell import parse, stretches
from parity.lint.source import Span, Woven


def commands(text: str) -> list[list[str | None]]:
    return [[word.value for word in one.words] for one in parse(stretches(text)) if one.words]


def assigned(text: str) -> list[tuple[str, str | None]]:
    return [(one.name, one.value) for simple in parse(stretches(text)) for one in simple.assigned]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A=1", [("A", "1")]),
        ("export A='x y' B=\"z\"", [("A", "x y"), ("B", "z")]),
        ("A=8.0; B=$A", [("A", "8.0"), ("B", "8.0")]),
        ("B=$A", [("B", None)]),
        ("B=${A:-9.0}", [("B", "9.0")]),
        ("B=${B:-9.0}", [("B", "9.0")]),
        ("A=$(nproc); B=$A; C=`x`", [("A", None), ("B", None), ("C", None)]),
        ("A=1\nif x; then A=2; fi\nB=$A", [("A", "1"), ("A", "2"), ("B", None)]),
        ("A+=x", [("A", "x")]),
        ("A=(1 2 3) B=1", [("A", None), ("B", "1")]),
        ("A=a\\\nb", [("A", "ab")]),
    ],
)
def test_assignments(text: str, expected: list[tuple[str, str | None]]) -> None:
    assert assigned(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a b && c | d; e &", [["a", "b"], ["c"], ["d"], ["e"]]),
        ("a \\\n  b # comment\nc", [["a", "b"], ["c"]]),
        ("A=1 make -j", [["make", "-j"]]),
        ("cat <<EOF > out\nFROM x\nEOF\ndone_it", [["cat"], ["done_it"]]),
        ("cat <<-'EOF'\n\tx\n\tEOF\nb", [["cat"], ["b"]]),
        ("echo 'a # b' \"c;d\" e\\ f", [["echo", "a # b", "c;d", "e f"]]),
        ("x $(a; b) y", [["x", None, "y"]]),
        ("for i in 1 2; do run $i; done", [["i", "in", "1", "2"], ["run", None]]),
        ("a > out 2>&1 b", [["a", "b"]]),
    ],
)
def test_commands(text: str, expected: list[list[str | None]]) -> None:
    assert commands(text) == expected


def test_what_stands_in_a_branch_is_conditional() -> None:
    simple = parse(stretches("a\nif b; then\n  c\nfi\nd"))
    assert [(one.words[0].value, one.conditional) for one in simple] == [
        ("a", False), ("b", True), ("c", True), ("d", False)
    ]  # fmt: skip


def test_places_count_from_the_file() -> None:
    (one,) = parse(stretches('  export X="8.0"', line=7, column=3))
    assert tuple(one.assigned[0].span) == (7, 15, 7, 18)
    assert tuple(one.assigned[0].whole) == (7, 12, 7, 19)


PIECES = st.sampled_from(
    ["a", "b.c", "X=", "$X", "${X:-d}", "$(", "${", ")", "}", "(", "'", '"', "\\", "\n", "\r\n", "\\\n", " ", "\t", ";",
     "&&", "|", ">", "<", "#", "`", "é", "=(", "--o=1"]
)  # fmt: skip


def word_end(text: str, at: int) -> int:
    """Return where a word ends, character by character: what the parser's strides must agree with."""
    quote, depth = "", 0
    while at < len(text):
        character = text[at]
        if quote == "'":
            quote = "" if character == "'" else quote
        elif character == "\\":
            at += 1
        elif quote:
            quote = "" if character == '"' else quote
        elif character in "\"'":
            quote = character
        elif text.startswith(("$(", "${"), at) or (not depth and character == "(" and at and text[at - 1] == "="):
            depth += 1
            at += character == "$"
        elif depth:
            depth -= character in ")}"
        elif character in " \t\r\n;&|()<>":
            return at
        at += 1
    return len(text)


@settings(max_examples=500, deadline=None, database=None)
@given(st.lists(PIECES, max_size=30).map("".join), st.integers(0, 10))
def test_a_word_ends_where_reading_each_character_says(text: str, at: int) -> None:
    assert shell._word_end(text, min(at, len(text))) == word_end(text, min(at, len(text)))


@settings(max_examples=300, deadline=None, database=None)
@given(st.lists(PIECES, max_size=30).map("".join), st.data())
def test_a_span_is_the_places_of_its_ends(text: str, data: st.DataObject) -> None:
    woven = Woven(stretches(text, line=3, column=5), "\n")
    start = data.draw(st.integers(0, len(woven.text)))
    end = data.draw(st.integers(start, len(woven.text)))
    assert woven.span(start, end) == Span(*woven.place(start), *woven.place(end, end=True))


@given(st.text(alphabet="ab\\'\"$`{}X:-\n", max_size=12))
def test_a_word_without_quotes_and_variables_is_its_own_value(raw: str) -> None:
    plain = not set(raw) & set("\\'\"$`")
    assert not plain or shell.expand(raw, {}) == raw
