"""Knows when software differs from the captured production machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.checks.versions import installed
from parity.model.absent import Absent
from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Machine
    from parity.model.target import Target


COMPARED = ("driver", "torch", "torch_cuda", "torch_hip", "rocm", "cudnn", "nccl", "rccl", "triton")


def check(here: Machine, wanted: Target) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch for each component that a captured target has in another version; pins speak for themselves."""
    if wanted.reference is None:
        return
    for name in COMPARED:
        there = installed(wanted.reference.stack, name)
        if isinstance(there, Absent) or name in wanted.stack:
            continue
        have = installed(here.fingerprint.stack, name)
        if isinstance(have, Absent):
            yield have
        elif have.value != there.value:
            yield Mismatch(
                subject=name,
                here=have.value,
                wanted=there.value,
                message=f"{name} is {have.value} here, {there.value} on the captured target",
            )
