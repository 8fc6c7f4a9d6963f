"""Knows the least driver that a CUDA version runs on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.checks.versions import installed, reaches
from parity.model.absent import Absent, value_of
from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Machine
    from parity.model.target import Target


def check(here: Machine, wanted: Target) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch when the driver is older than the CUDA this environment was built with can run on.

    Minor-version compatibility floors from ``rules/stack/cuda.yaml``. WSL reports the Windows driver, whose
    numbers are others.
    """
    del wanted
    stack, host = here.fingerprint.stack, here.fingerprint.host
    if not any(subject.vendor == "nvidia" for subject in here.subjects) or value_of(host.wsl):
        return
    cuda = installed(stack, "cuda")
    driver = installed(stack, "driver")
    if isinstance(cuda, Absent):
        return  # nothing installed that needs a driver
    floor = here.facts.driver_floor(cuda.value)
    if isinstance(driver, Absent):
        yield driver
    elif floor is None:
        yield Absent(
            why="not_asked", source="catalog", detail=f"which driver CUDA {cuda.value} needs is not in the data"
        )
    elif reaches(driver.value, floor) is False:
        yield Mismatch(
            subject="driver",
            here=driver.value,
            wanted=f">= {floor}",
            message=f"driver {driver.value} is older than CUDA {cuda.value} can run on ({floor})",
        )
