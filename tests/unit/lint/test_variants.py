"""A file beside which a variant for the target stands is not held against the target."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from parity.config import Project
from parity.config.targets import resolve_target
from parity.lint.asked import asked_of
from parity.lint.linter import Rules, lint_paths

if TYPE_CHECKING:
    from pathlib import Path

OLD = "FROM nvidia/cuda:12.1.1-devel-ubuntu22.04\nRUN nvcc k.cu\n"
B200 = resolve_target("b200", Project(), source="test")


@pytest.mark.parametrize(
    ("beside", "found"),
    [
        (None, 1),
        ("Dockerfile.b200", 0),
        ("Dockerfile.blackwell", 0),
        ("Dockerfile.cu128", 0),
        ("Dockerfile.cuda-12.8", 0),
        ("Dockerfile.cu124", 1),
        ("Dockerfile.h100", 1),
        ("docker/Dockerfile.b200", 1),
        ("notes-b200.yaml", 1),
        ("server-b200.dockerfile", 0),
    ],
)
def test_variant_for_the_target(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, beside: str | None, found: int
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Dockerfile").write_text(OLD)
    if beside is not None:
        (tmp_path / beside).parent.mkdir(exist_ok=True)
        (tmp_path / beside).write_text("FROM nvidia/cuda:13.0.0-devel-ubuntu24.04\nRUN nvcc k.cu\n")
    outcome = lint_paths(["."], Rules(asked_of(B200), lambda _: True))
    told = [one.path for one in outcome.findings if one.rule == "toolkit-too-old-for-target"]
    assert told == ["Dockerfile"] * found


def test_the_variant_itself_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Dockerfile").write_text(OLD)
    (tmp_path / "Dockerfile.b200").write_text(OLD)
    outcome = lint_paths(["."], Rules(asked_of(B200), lambda _: True))
    assert [one.path for one in outcome.findings if one.rule == "toolkit-too-old-for-target"] == ["Dockerfile.b200"]
