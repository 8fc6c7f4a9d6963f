"""Knows what a model of a project file may say: bounds of its numbers; names are judged when they are resolved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.inputs import problem_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.errors import ParityError
    from parity.inputs import Document
    from parity.model.model_gate import ModelGate

# As parity.workload bounds them.
_MOST = {"context": 2**30, "batch": 2**20, **dict.fromkeys(("tp", "pp", "ep", "dp"), 1024)}


def check_gate(document: Document, at: str, gate: ModelGate) -> Iterator[ParityError]:
    """Yield a problem for each value of ``gate``, which stands at key path ``at``, that cannot be."""
    floor = gate.min_wave_efficiency
    if not gate.config.strip():
        yield problem_at(document, f"{at}.config", "empty", mend="name a config.json or a folder")
    if floor is not None and not 0 < floor <= 1:
        told = f"{floor!r} is no share of the waves"
        yield problem_at(document, f"{at}.min_wave_efficiency", told, mend="write 0.9 or so")
    for name, most in _MOST.items():
        value = getattr(gate, name)
        if value is not None and not 1 <= value <= most:
            yield problem_at(document, f"{at}.{name}", f"not within 1 .. {most}", mend="correct it")
