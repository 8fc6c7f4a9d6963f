"""Judges Triton autotune configurations against the target's limits."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from parity.lint.facts import Facts, Hit
from parity.lint.python_scope import called
from parity.lint.python_source import span_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.lint.asked import Asked

_THREADS = 1024  # largest block on every part of the catalog


def warps_exceed(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield configurations whose warps make more threads than one block may have on the target."""
    spec = asked.spec_for(facts.path)
    width = spec.number("warp_size") if spec else None
    if spec is None or width is None or "prune" in facts.source.text:
        return  # what drops configurations that do not fit the device may stand anywhere in the file
    for call in facts.nodes(ast.Call):
        if called(call) != "Config":
            continue
        for word in call.keywords:
            if word.arg == "num_warps" and isinstance(word.value, ast.Constant) and type(word.value.value) is int:
                threads = int(width) * word.value.value
                if threads > _THREADS:
                    message = (
                        f"{word.value.value} warps of {int(width)} are {threads} threads; {spec.id} takes {_THREADS}"
                    )
                    yield Hit(span=span_of(word.value, facts.source), message=message)
