"""YAML composed without a closer look is never deeper or larger than what the closer look lets pass."""

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from parity import inputs
from parity.errors import InputFileError
from parity.inputs import MAX_DEPTH, MAX_NODES, _plainly_harmless, compose_all

PIECES = st.sampled_from(
    ["a", "b: c", "k:", ": ", "- ", "? ", "[", "]", "{", "}", ", ", "\n", "\n  ", "\n    ", "\n- ", "\n? ", "\n: ", "\r",
     "\x85", "\u2028", "\ufeff", "'", '"', "# x", "---\n", "&a ", "*a", "!t ", "|\n", "\t", "\ue000"]
)  # fmt: skip


def depth_of(text: str) -> int:
    """Return the most collections that are open at once, as libyaml sees it, up to an error."""
    depth = deepest = 0
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            deepest = max(deepest, depth)
    except yaml.YAMLError:
        pass
    return deepest


def bound(text: str) -> int:
    """Return the least MAX_DEPTH at which the text is taken for flat."""
    low, high = 0, 4000
    saved = inputs.MAX_DEPTH
    try:
        while low < high:
            inputs.MAX_DEPTH = (low + high) // 2
            low, high = (low, inputs.MAX_DEPTH) if _plainly_harmless(text) else (inputs.MAX_DEPTH + 1, high)
    finally:
        inputs.MAX_DEPTH = saved
    return low


@settings(max_examples=1500, deadline=None, database=None)
@given(st.lists(PIECES, max_size=40).map("".join))
@example("a:\n- b:\n  - c:\n    - [d: [e: {f: g}]]\n")
@example("? - ? - - a\n    : - b\n")
@example("a:\r- b:\x85  - c\u2028  - d")
def test_the_bound_is_never_under_the_depth(text: str) -> None:
    if "*" not in text or "&" not in text:
        assert depth_of(text) < bound(text)


@pytest.mark.parametrize(
    "text",
    [
        "- " * (MAX_DEPTH + 1) + "a",
        "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1),
        "\n".join(" " * n + "a:" for n in range(MAX_DEPTH + 1)),
        "a: &a [1]\nb: &b [*a, *a]\n",
        "a: " + "b" * MAX_NODES,
        "%TAG ! a\n" * 40 + "--- a",
        " " * 500 + "a: b",
    ],
    ids=["sequence", "brackets", "mapping", "aliases", "long", "directives", "far"],
)
def test_what_may_be_hostile_gets_the_closer_look(text: str) -> None:
    assert not _plainly_harmless(text)


def test_an_honest_manifest_needs_none() -> None:
    text = "kind: Pod\nspec:\n  containers:\n    - name: a\n      args: [--x, '*']\n      env:\n        - {name: A, value: b}\n"
    assert _plainly_harmless(text)
    assert len(compose_all(text, where="x")) == 1


def test_a_short_text_that_nests_deeply_is_refused() -> None:
    with pytest.raises(InputFileError, match="nested too deeply"):
        compose_all("- " * 100 + "a", where="x")


@pytest.mark.parametrize("text", ["a: *b\nc: [\n", "a: *b\n", "a: [\n", "a: b: c\n"])
def test_a_broken_text_is_told_of_alike_with_and_without_the_closer_look(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputFileError) as quick:
        compose_all(text, where="x")
    monkeypatch.setattr(inputs, "_plainly_harmless", lambda _: False)
    with pytest.raises(InputFileError) as close:
        compose_all(text, where="x")
    assert str(quick.value) == str(close.value)
