"""Knows how a command that needs a device says that there is none: why, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.errors import NothingToJudgeError
from parity.model.fingerprint import why_no_device
from parity.reports.rows import GPU_VISIBLE, short_reason

if TYPE_CHECKING:
    from parity.model.fingerprint import Fingerprint


def no_device(fingerprint: Fingerprint, *, where: str = "here", instead: str = "") -> NothingToJudgeError:
    """Return the error of a machine without a visible device.

    Args:
        fingerprint: of the machine.
        where: the word that named it.
        instead: what else may be given, for this machine.
    """
    if fingerprint.origin.saved:
        mend = "take it with `parity capture -o FILE` where a GPU is visible"
    else:
        mend = GPU_VISIBLE + (f", or {instead}" if instead else "")
    what = f"no visible GPU: {short_reason(why_no_device(fingerprint))}"
    return NothingToJudgeError(what, where=where, mend=mend)
