"""Knows which ROCm releases were tested with a kernel driver."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.catalog.compatibility import rocm_driver
from parity.checks.versions import installed, reaches
from parity.model.absent import Absent
from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Machine
    from parity.model.target import Target


def check(here: Machine, wanted: Target) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch when the installed ROCm is older than every release tested with the kernel driver.

    The version that a kernel module reports (6.10.5) says no driver release; then the question is left open, and so
    it is for a ROCm newer than the data.
    """
    del wanted
    stack = here.fingerprint.stack
    rocm, driver = installed(stack, "rocm"), installed(stack, "driver")
    if not any(subject.vendor == "amd" for subject in here.subjects) or isinstance(rocm, Absent):
        return
    known = None if isinstance(driver, Absent) else rocm_driver(here.facts, driver.value)
    if isinstance(driver, Absent):
        yield driver
    elif known is None:
        detail = f"driver {driver.value} is no release whose tested ROCm versions are in the data"
        yield Absent(why="not_asked", source=driver.source, detail=detail)
    elif reaches(rocm.value, known.tested[0]) is False:
        tested = ", ".join(known.tested)
        yield Mismatch(
            subject="driver",
            here=f"ROCm {rocm.value} on driver {driver.value}",
            wanted=f"ROCm {tested}",
            message=f"driver {driver.value} was tested with ROCm {tested}; {rocm.value} is older",
        )
    elif not any(rocm.value == release or rocm.value.startswith(f"{release}.") for release in known.tested):
        detail = f"ROCm {rocm.value} is not among the releases tested with driver {driver.value}, as far as the data go"
        yield Absent(why="not_asked", source=rocm.source, detail=detail)
