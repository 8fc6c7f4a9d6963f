"""Knows every question that the packages under some folders answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.backends import of_flashinfer, of_sglang, of_torch, of_transformer_engine, of_vllm

if TYPE_CHECKING:
    from parity.backends.question import Question
    from parity.backends.source import SourceTree

_PACKAGES = (of_torch, of_vllm, of_sglang, of_flashinfer, of_transformer_engine)
built_cuda = of_torch.built_cuda


def questions(tree: SourceTree) -> list[Question]:
    """Return the questions, package by package."""
    return [question for package in _PACKAGES for question in package.questions(tree)]
