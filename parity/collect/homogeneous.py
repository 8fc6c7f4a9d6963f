"""Knows how a distributed job stops when its ranks run on machines that differ; one line in a training script.

The ranks exchange what their machines tell through the process group that is already there (gloo, nccl, ...), or,
before there is one, through the launcher's store. No process group is made, and none is left behind.
"""

from __future__ import annotations

import os
import sys
import time
from itertools import count
from typing import TYPE_CHECKING, Any

import msgspec

from parity.collect.place import place
from parity.collect.torch_store import connect, received
from parity.errors import NothingToJudgeError, ParityError
from parity.fleet.ranks import NO_GPU, Rank, disagreements, facts_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from parity.fleet.ranks import Disagreement

TIMEOUT_S = 120.0
MAX_TOLD = 20
_calls = count()


class NotHomogeneousError(ParityError):
    """The ranks of a job disagree about their machines.

    Attributes:
        disagreements: one per fact, with the ranks and hosts that have it otherwise.
    """

    exit_status = 1

    def __init__(self, found: tuple[Disagreement, ...], ranks: int) -> None:
        """Tell each fact with the ranks that have it otherwise."""
        self.disagreements = found
        lines = [f"  {one}" for one in found[:MAX_TOLD]]
        more = [f"  and {len(found) - MAX_TOLD} more"] if len(found) > MAX_TOLD else []
        super().__init__(
            "\n".join([f"the {ranks} ranks of this job do not run on equal machines", *lines, *more]),
            mend="take the odd node out, make it equal, or name the facts that may differ: ignore=('driver', ...)",
        )


def assert_homogeneous(
    *, group: Any = None, ignore: Iterable[str] = (), timeout_s: float = TIMEOUT_S, gpus: bool = True
) -> None:
    """Stop this job when its ranks see different hardware, firmware, software or settings.

    Every rank must call it. A process that is no part of a job passes at once.

    Args:
        group: a torch.distributed process group; None: the default one, or the launcher's store before there is one.
        ignore: facts that may differ, by the last word of their name: ``("driver", "hostname")``.
        timeout_s: how long to wait for the other ranks, where the store is used.
        gpus: whether a job without a single GPU is an error: then nothing was compared that counts.

    Raises:
        NotHomogeneousError: they differ, on every rank alike; or a rank could not read its machine.
        NothingToJudgeError: no rank sees a GPU.
        UsageError: the other ranks cannot be reached.
    """
    job = _job(group, timeout_s)
    if job is None:
        return
    rank, exchange = job
    ranks = exchange(_told(rank))
    found = disagreements(ranks, ignore=ignore)
    if found:
        raise NotHomogeneousError(found, len(ranks))
    if gpus and all(one.facts.get(NO_GPU[0]) == NO_GPU[1] for one in ranks):
        raise NothingToJudgeError("no rank of this job sees a GPU", mend="check the driver, or say gpus=False")


def _told(rank: int) -> Rank:
    from parity import session

    host = place(os.environ).node
    try:
        return Rank(rank=rank, host=host, facts=facts_of(session.fingerprint_of(None)))
    except Exception as error:  # told to every rank: one that kept silent would leave the others waiting
        return Rank(rank=rank, host=host, problem=f"{type(error).__name__}: {error}"[:300])


def _job(group: Any, timeout_s: float) -> tuple[int, Any] | None:
    """Return this process's rank and how to exchange what ranks tell; None outside of a job."""
    distributed = sys.modules.get("torch.distributed")
    if distributed is not None and distributed.is_available() and distributed.is_initialized():

        def through_group(own: Rank) -> list[Rank]:
            told: list[Any] = [None] * distributed.get_world_size(group)
            distributed.all_gather_object(told, msgspec.json.encode(own), group=group)
            return [msgspec.json.decode(one, type=Rank) for one in told]

        return distributed.get_rank(group), through_group
    world = os.environ.get("WORLD_SIZE", "")
    if place(os.environ).launcher != "torch" or int(world) < 2:
        return None

    def through_store(own: Rank) -> list[Rank]:
        store = connect(f"parity/homogeneous/{next(_calls)}", timeout_s)
        store.set(f"rank{own.rank}", msgspec.json.encode(own))
        end = time.monotonic() + timeout_s
        ranks = [_of_store(store, number, end) for number in range(int(world))]
        store.add("read", 1)
        while own.rank == 0 and store.add("read", 0) < int(world) and time.monotonic() < end:
            time.sleep(0.05)  # this process may be the one that serves the store
        return ranks

    return int(os.environ["RANK"]), through_store


def _of_store(store: Any, number: int, end: float) -> Rank:
    raw = received(store, f"rank{number}", max(end - time.monotonic(), 0.1))
    if raw is None:
        return Rank(rank=number, host="no answer", problem="no answer in time")
    return msgspec.json.decode(raw, type=Rank)
