"""Knows when a library is not the one that the installed torch wheel pins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.checks.installed_libraries import official_torch
from parity.checks.versions import installed, version_fits
from parity.model.absent import Absent
from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Machine
    from parity.model.target import Target


def check(here: Machine, wanted: Target) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch for each of cuDNN, NCCL and Triton whose version is outside the pin of torch's own wheel.

    The comparison goes as far as both versions are told: a file name carries fewer numbers than a package.
    """
    del wanted
    torch = official_torch(here)
    if isinstance(torch, Absent) or len(torch.builds) != 1:
        return
    build = torch.builds[0]
    for name, pin in (("cudnn", build.cudnn), ("nccl", build.nccl), ("triton", build.triton)):
        have = installed(here.fingerprint.stack, name)
        if not pin or isinstance(have, Absent):
            continue
        if pin.startswith("~="):
            fits = version_fits(have.value, pin)
        else:
            fits = all(a == b for a, b in zip(have.value.split("."), pin.split("."), strict=False))
        if fits is False:
            yield Mismatch(
                subject=name,
                here=have.value,
                wanted=pin,
                message=f"{name} is {have.value}; the torch {torch.version} wheel pins {pin}",
            )
