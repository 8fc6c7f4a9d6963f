"""Knows how the ranks of a distributed test run find out that their machines differ. PYTEST_DONT_REWRITE.

Each rank is a pytest of its own, started by torchrun or the like. The facts travel through the process group that the
tests use; the engine reads and compares them.
"""

from __future__ import annotations

import os
import socket
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_parity.judge import Judge


def why_not_homogeneous(judge: Judge) -> str:
    """Return what the ranks disagree about, empty when nothing; every rank must ask.

    Raises:
        EngineError: the engine gave no answer; told to the other ranks first.
    """
    distributed = sys.modules.get("torch.distributed")
    is_up = distributed is not None and distributed.is_available() and distributed.is_initialized()
    world = os.environ.get("WORLD_SIZE", "1")
    if not is_up:
        if world in ("", "1"):
            return ""
        return (
            f"WORLD_SIZE is {world} and torch.distributed has no process group; mend: initialise it before this fixture"
        )
    assert distributed is not None  # up
    rank, told = distributed.get_rank(), [None] * distributed.get_world_size()
    own: dict[str, Any] = {"rank": rank, "host": socket.gethostname(), **judge.told()}
    distributed.all_gather_object(told, own)
    return judge.disagreements(told)
