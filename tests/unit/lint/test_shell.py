"""What a script settles, and what it leaves open."""

from __future__ import annotations

import pytest

from parity.lint.shell import parse, stretches


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
