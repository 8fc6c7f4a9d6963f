"""Knows when torch inductor's switch for small GPUs stands differently here and on the target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.catalog.compatibility import inductor_gate
from parity.checks.versions import installed
from parity.model.absent import Absent
from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Machine
    from parity.model.target import Target


def check(here: Machine, wanted: Target) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch for each device on the other side of the switch than the target.

    With too few SMs ``torch.compile(mode="max-autotune")`` considers no GEMM templates. For a torch that the data do
    not name the question is left open where one of the known figures lies between the two devices.
    """
    torch = installed(here.fingerprint.stack, "torch")
    need = wanted.fact("sm_count")
    if wanted.spec.vendor != "nvidia" or isinstance(torch, Absent) or isinstance(need, Absent):
        return
    gate = inductor_gate(here.facts, torch.value)
    gates = [row.least_sms for row in here.facts.inductor_gates] if gate is None else [gate]
    for subject in here.subjects:
        have = subject.fact("sm_count")
        if subject.vendor != "nvidia" or isinstance(have, Absent):
            continue
        counts = (int(have.value), int(need.value))
        if not any(min(counts) < figure <= max(counts) for figure in gates):
            continue
        if gate is None:
            detail = f"how many SMs torch {torch.value} asks for is not in the data"
            yield Absent(why="not_asked", source=torch.source, detail=detail)
        else:
            kept = "none here" if counts[0] < gate else "none there"
            yield Mismatch(
                subject=subject.label,
                here=f"{counts[0]} SMs",
                wanted=f"{counts[1]} SMs",
                ratio=round(counts[0] / counts[1], 4),
                message=f"inductor considers GEMM templates from {gate} SMs: {kept}, with {counts[0]} and {counts[1]}",
            )
