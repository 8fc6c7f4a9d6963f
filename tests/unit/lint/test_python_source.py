"""What is no Python, and what is only newer Python than the interpreter that reads it."""

from __future__ import annotations

import sys

import pytest

from parity.lint.facts import BrokenFile
from parity.lint.python_source import parse
from parity.lint.scanners import scan
from parity.lint.source import Source


@pytest.mark.parametrize("text", ["x = = 1\n", "def f(:\n", "class A(\n", "x = 'a\n"])
def test_what_no_python_takes_is_broken(text: str) -> None:
    with pytest.raises(BrokenFile, match="not Python: ") as caught:
        parse(Source("a.py", text))
    assert not caught.value.other


@pytest.mark.parametrize(
    "text",
    ['print "x"\n', 'raise TypeError, "x"\n', "def f(x):\n        x = 1\n\tx = 2\n", "x = 0777\n"],
)
def test_python_2_is_a_doubt_and_no_finding(text: str) -> None:
    facts = scan(Source("a.py", text), "python")
    assert facts.broken is None
    assert not facts.readable
    assert [doubt.why for doubt in facts.doubts] == ["it is Python 2, and parity reads Python 3"]


@pytest.mark.parametrize(
    ("since", "text"),
    [
        ((3, 11), "try:\n    pass\nexcept* ValueError:\n    pass\n"),
        ((3, 12), "def f[T](x: T) -> T: ...\n"),
        ((3, 12), "x = 1\nclass A[T]: ...\n"),
        ((3, 12), "type Pair[T] = tuple[T, T]\n"),
        ((3, 12), 'x = f"{y["a"]}"\n'),
        ((3, 14), "x = t'{y}'\n"),
        ((3, 14), "try:\n    pass\nexcept OSError, ValueError:\n    pass\n"),
    ],
)
def test_a_newer_grammar_is_a_doubt_and_no_finding(since: tuple[int, int], text: str) -> None:
    facts = scan(Source("a.py", text), "python")
    assert facts.broken is None
    if sys.version_info >= since:
        assert facts.tree is not None
    else:
        assert not facts.readable
        (doubt,) = facts.doubts
        assert f"the grammar of Python {since[0]}.{since[1]}" in doubt.why
