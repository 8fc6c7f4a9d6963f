"""Knows when torch inductor's switch for small GPUs stands differently here and on the target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.checks.versions import installed
from parity.model.absent import Absent
from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Machine
    from parity.model.stack_facts import SmallGpuSwitch
    from parity.model.target import Target


def check(here: Machine, wanted: Target) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch for each device on the other side of the switch than the target.

    With too few SMs ``torch.compile(mode="max-autotune")`` considers no GEMM templates. Between the two figures of the
    data it depends on torch's version, and the question is left open.
    """
    switch = here.facts.inductor_least_sms
    if (
        switch is None
        or wanted.spec.vendor != "nvidia"
        or isinstance(installed(here.fingerprint.stack, "torch"), Absent)
    ):
        return
    need = wanted.fact("sm_count")
    for subject in here.subjects:
        have = subject.fact("sm_count")
        if subject.vendor != "nvidia" or isinstance(have, Absent) or isinstance(need, Absent):
            continue
        counts = (int(have.value), int(need.value))
        sides = [_side(count, switch) for count in counts]
        if None not in sides and sides[0] != sides[1]:
            yield Mismatch(
                subject=subject.label,
                here=f"{counts[0]} SMs",
                wanted=f"{counts[1]} SMs",
                ratio=round(counts[0] / counts[1], 4),
                message=f"inductor takes {counts[0]} SMs for a {sides[0]} GPU and {counts[1]} for a {sides[1]} one",
            )
        elif sides.count(None) == 1:
            detail = f"whether inductor treats {counts[0]} and {counts[1]} SMs alike depends on torch's version"
            yield Absent(why="not_asked", source="torch", detail=detail)


def _side(sms: int, switch: SmallGpuSwitch) -> str | None:
    """Return the side of the switch, None when it depends on torch's version."""
    if sms < switch.never_below:
        return "small"
    return "big" if sms >= switch.always_from else None
