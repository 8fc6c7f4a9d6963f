"""Knows how a distributed job stops when its ranks run on machines that differ; one line in a training script.

The ranks exchange what their machines tell through the process group that is already there (gloo, nccl, ...), or,
before there is one, through the launcher's store. No process group is made, and none is left behind.
"""

from __future__ import annotations

import os
import sys
import time
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from parity.collect.place import place
from parity.collect.torch_store import connect, received
from parity.errors import NothingToJudgeError, ParityError, UsageError
from parity.fleet.ranks import NO_GPU, Rank, digest_of, disagreements, facts_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from parity.fleet.ranks import Disagreement

TIMEOUT_S = 120.0
MAX_TOLD = 20
_calls = count()
_AGENT_STORE = "TORCHELASTIC_USE_AGENT_STORE"  # set by torchrun: its store outlives whoever looks into it
# How many processes a launcher says there are: torch's, Slurm's step, Open MPI's, MPICH's and Intel's.
SIZES = ("WORLD_SIZE", "SLURM_STEP_NUM_TASKS", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE")


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

    Every rank must call it. A process that is no part of a job passes at once. Ranks exchange a digest first, and all
    that they tell only where digests differ.

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
    own, ignored = _told(job.rank), tuple(ignore)
    same = job.same(digest_of(own, ignore=ignored))
    ranks = [own] if same and not own.problem else job.exchange(own)
    found = disagreements(ranks, ignore=ignored)
    if found:
        raise NotHomogeneousError(found, job.size)
    if gpus and all(one.facts.get(NO_GPU[0]) == NO_GPU[1] for one in ranks):
        raise NothingToJudgeError("no rank of this job sees a GPU", mend="check the driver, or say gpus=False")


def _told(rank: int) -> Rank:
    from parity import session

    host = place(os.environ).node
    try:
        return Rank(rank=rank, host=host, facts=facts_of(session.fingerprint_of(None)))
    except Exception as error:  # told to every rank: one that kept silent would leave the others waiting
        return Rank(rank=rank, host=host, problem=f"{type(error).__name__}: {error}"[:300])


class _Job(NamedTuple):
    """This process's rank, how many there are, and how they talk.

    Attributes:
        same: whether every rank has this digest; the answer is the same on all.
        exchange: what every rank tells.
    """

    rank: int
    size: int
    same: Callable[[str], bool]
    exchange: Callable[[Rank], list[Rank]]


def _job(group: Any, timeout_s: float) -> _Job | None:
    """Return the job that this process is a rank of; None outside of one.

    Raises:
        UsageError: it is one of several, and there is no way to talk to the others yet.
    """
    distributed = sys.modules.get("torch.distributed")
    if distributed is not None and distributed.is_available() and distributed.is_initialized():
        size = distributed.get_world_size(group)
        if size < 1 or distributed.get_rank(group) < 0:
            return None  # no rank of this group

        def gathered(own: Any) -> list[Any]:
            told: list[Any] = [None] * size
            distributed.all_gather_object(told, own, group=group)
            return told

        return _Job(
            distributed.get_rank(group),
            size,
            lambda digest: set(gathered(digest)) == {digest},
            lambda own: [msgspec.json.decode(one, type=Rank) for one in gathered(msgspec.json.encode(own))],
        )
    if place(os.environ).launcher == "torch" and os.environ.get(_AGENT_STORE) == "True":
        size = int(os.environ["WORLD_SIZE"])
        return _through_store(size, timeout_s) if size > 1 else None
    for name in SIZES:
        told = os.environ.get(name, "")
        if told.isdecimal() and int(told) > 1:
            raise UsageError(
                f"one of {told} ranks, and the others cannot be reached yet",
                where=name,
                mend="call it after torch.distributed.init_process_group()",
            )
    return None


def _through_store(size: int, timeout_s: float) -> _Job:
    """Return the job whose ranks talk through the store that torchrun's agent serves for as long as they live."""
    store = connect(f"parity/homogeneous/{next(_calls)}", timeout_s)
    end = time.monotonic() + timeout_s

    def same(digest: str) -> bool:
        store.add(f"told/{digest}", 1)
        if store.add("count", 1) == size:
            store.set("all", b"1")
        all_told = received(store, "all", max(end - time.monotonic(), 0.1)) is not None
        return all_told and int(store.add(f"told/{digest}", 0)) == size

    def exchange(own: Rank) -> list[Rank]:
        store.set(f"rank{own.rank}", msgspec.json.encode(own))
        return [_of_store(store, number, end) for number in range(size)]

    return _Job(int(os.environ["RANK"]), size, same, exchange)


def _of_store(store: Any, number: int, end: float) -> Rank:
    raw = received(store, f"rank{number}", max(end - time.monotonic(), 0.1))
    if raw is None:
        return Rank(rank=number, host="no answer", problem="no answer in time")
    return msgspec.json.decode(raw, type=Rank)
