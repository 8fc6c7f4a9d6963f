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

# How many processes a launcher says there are: torch's, Slurm's step, Open MPI's, MPICH's and Intel's; those of
# parity.assert_homogeneous(), which is not imported here.
SIZES = ("WORLD_SIZE", "SLURM_STEP_NUM_TASKS", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE")


def why_not_homogeneous(judge: Judge) -> str:
    """Return what the ranks disagree about, empty when nothing; every rank must ask.

    Raises:
        EngineError: the engine gave no answer; told to the other ranks first.
    """
    distributed = sys.modules.get("torch.distributed")
    is_up = distributed is not None and distributed.is_available() and distributed.is_initialized()
    if not is_up:
        sizes = {name: told for name in SIZES if (told := os.environ.get(name, "")).isdecimal() and int(told) > 1}
        for name, size in sizes.items():
            return (
                f"{name} is {size} and torch.distributed has no process group; mend: initialise it before this fixture"
            )
        return ""
    assert distributed is not None  # up
    rank = distributed.get_rank()
    facts: list[Any] = [None] * distributed.get_world_size()
    own: dict[str, Any] = {"rank": rank, "host": socket.gethostname(), **judge.told()}
    distributed.all_gather_object(facts, own)
    return judge.disagreements(facts)
