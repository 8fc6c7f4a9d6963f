"""Stages, defaults, continuations and here-documents of Dockerfiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.lint.dockerfile import scan
from parity.lint.source import Source

if TYPE_CHECKING:
    from parity.lint.facts import Facts


def facts(text: str) -> Facts:
    return scan(Source("Dockerfile", text))


def values(text: str) -> dict[str, str | None]:
    return {one.name: one.value for one in facts(text).settings}


def test_arguments_before_from_reach_a_stage_by_name_only() -> None:
    text = "ARG V=12.8\nFROM nvidia/cuda:${V}-devel\nENV A=$V\nARG V\nENV B=$V\n"
    assert [image.reference for image in facts(text).images] == ["nvidia/cuda:12.8-devel"]
    assert values(text) == {"V": "12.8", "A": None, "B": "12.8"}


def test_an_argument_without_a_default_is_said_once() -> None:
    found = facts("ARG V\nFROM nvidia/cuda:${V}\nFROM nvidia/cuda:${V}\n")
    assert [image.reference for image in found.images] == [None, None]
    assert {doubt.what for doubt in found.doubts} == {"FROM nvidia/cuda:${V}"}


def test_a_stage_inherits_from_the_stage_it_starts_from() -> None:
    text = "FROM a AS base\nENV X=1\nFROM base AS next\nENV Y=$X\nFROM b\nENV Z=$X\n"
    assert values(text) == {"X": "1", "Y": "1", "Z": None}
    assert facts(text).bases == {"next": "base"}


def test_continuations_comments_and_the_escape_directive() -> None:
    assert values("FROM a\nENV A=1 \\\n# note\n\n  B=2\n") == {"A": "1", "B": "2"}
    assert values("# escape=`\nFROM a\nENV A=1 `\n  B=c:\\x\n")["A"] == "1"
    (setting,) = facts("FROM a\nENV \\\n  LONG=2\n").settings
    assert tuple(setting.whole) == (3, 3, 3, 9)


def test_the_old_form_of_env() -> None:
    assert values("FROM a\nENV ARCHS 8.0 9.0\n") == {"ARCHS": "8.0 9.0"}


def test_run_scripts_and_here_documents() -> None:
    found = facts(
        "FROM a\nRUN --mount=type=cache,target=/c X=1 make && \\\n  pip install 'torch==2.6.0'\nRUN <<EOF\nexport Y=2\nEOF\nRUN [\"a\"]\n"
    )
    assert [command.words[0] for command in found.commands] == ["make", "pip"]
    assert {one.name: one.value for one in found.settings} == {"X": "1", "Y": "2"}
    assert [(one.name, tuple(one.span)) for one in found.requirements] == [("torch", (3, 16, 3, 28))]


def test_an_open_here_document_ends_on_its_line() -> None:
    assert values("FROM a\nRUN <<EOF\nENV A=1\n")["A"] == "1"
