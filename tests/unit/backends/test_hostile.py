"""Broken, odd and hostile sources: always an answer or a reason, in bounded time."""

from __future__ import annotations

import random
import time
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest
from source_packages import FLASHINFER, SGLANG_FREE, TORCH, TRANSFORMER_ENGINE, VLLM
from sources import written

from parity.backends.installed import questions
from parity.backends.machine import AskedMachine

if TYPE_CHECKING:
    from pathlib import Path

FILES = {**FLASHINFER, **SGLANG_FREE, **TORCH, **TRANSFORMER_ENGINE, **VLLM}
ODD = (
    "while True: pass", "x = [0] * 10 ** 9", "return", "raise ValueError", "for i in range(10 ** 9): x = 1", "x += x",
    "y = lambda: y()", "from . import everything", "from ....... import x", "class A(A): pass", "del x", "\t", "(" * 300,
)  # fmt: skip


def broken(text: str, dice: random.Random) -> str:
    """Return a source with some of its lines dropped, doubled, changed or joined by odd ones."""
    lines = dedent(text).split("\n")
    for _ in range(dice.choice((0, 1, 1, 2, 5))):
        place = dice.randrange(len(lines))
        line = lines[place]
        indent = line[: len(line) - len(line.lstrip())]
        lines[place : place + 1] = dice.choice(
            ([], [line, line], [line.replace("return", "raise")], [line.replace("==", "is")], [line, indent + dice.choice(ODD)],
             [line.replace("True", "None")], [line.replace("cls", "self")], [line[: len(line) // 2]])
        )  # fmt: skip
        if not lines:
            return ""
    return "\n".join(lines)


@pytest.mark.parametrize("seed", range(60))
def test_a_broken_source_gives_an_answer_or_a_reason(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    tree = written(tmp_path, {name: broken(text, dice) for name, text in FILES.items()})
    begun = time.process_time()
    for question in questions(tree):
        for arch in ("sm_90", "gfx942", "sm_999", "nonsense"):
            answer = question.answer(AskedMachine(arch=arch, cuda=dice.choice(("", "12.8", "odd"))))
            assert bool(answer.unknown) != bool(answer.outcomes)
    assert time.process_time() - begun < 30


def test_links_that_go_in_circles_and_files_that_are_none(tmp_path: Path) -> None:
    tree = written(tmp_path, FLASHINFER)
    (tmp_path / "flashinfer" / "loop.py").symlink_to(tmp_path / "flashinfer" / "loop.py")
    (tmp_path / "flashinfer" / "folder.py").mkdir()
    assert [question.topic for question in questions(tree)] == ["attention", "lost_mm", "mm", "odd_mm", "small"]
