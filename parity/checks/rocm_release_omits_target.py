"""Knows which GPU targets a ROCm release officially lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.catalog.compatibility import rocm_release
from parity.checks.versions import installed
from parity.model.absent import Absent
from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Machine
    from parity.model.target import Target


def check(here: Machine, wanted: Target) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch when the installed ROCm is a known release that does not list the target.

    A release that the data do not name is no finding and no question.
    """
    rocm = installed(here.fingerprint.stack, "rocm")
    if wanted.spec.vendor != "amd" or isinstance(rocm, Absent):
        return
    release = rocm_release(here.facts, rocm.value)
    if release is not None and wanted.spec.arch not in release.architectures:
        listed = ", ".join(release.architectures)
        yield Mismatch(
            subject="rocm",
            here=rocm.value,
            wanted=f"a release that lists {wanted.spec.arch}",
            message=f"ROCm {release.release} officially lists {listed}, not {wanted.spec.arch}",
        )
