"""Knows how lines get from every node to the first through the store that torchrun has set up; no process group needed.

Importing torch creates no CUDA context, and neither does its store. Rank 0 collects what the first process of each
node sends; a node that stays silent past the deadline is told as such.
"""

from __future__ import annotations

import datetime as dt
import time
from typing import TYPE_CHECKING, Any

from parity.collect.lines import problem_line
from parity.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.collect.place import Place

_DONE = "done"


def exchange(line: bytes | None, place: Place, rank: int, *, timeout_s: float) -> list[bytes]:
    """Send this node's line; return every node's on rank 0, nothing elsewhere.

    Args:
        line: of this node; None on all but its first process.
        place: of this process.
        rank: among all processes.
        timeout_s: how long rank 0 waits for all nodes together.

    Raises:
        UsageError: torch is not installed, or the store cannot be reached.
    """
    store = connect("parity/fleet", timeout_s)
    if line is not None:
        store.set(f"node{place.number}", line)
    if rank == 0:
        lines = list(_lines(store, place.nodes, time.monotonic() + timeout_s))
        store.set(_DONE, b"1")
        return lines
    received(store, _DONE, timeout_s + 5)  # rank 0 may be the one that serves the store
    return []


def connect(prefix: str, timeout_s: float) -> Any:
    """Return the launcher's store, with a prefix of our own.

    Raises:
        UsageError: torch is not installed, or the store cannot be reached.
    """
    try:
        from torch.distributed import PrefixStore
        from torch.distributed.rendezvous import rendezvous
    except ImportError as error:
        raise UsageError(
            f"torch cannot be imported: {error}", where="torch.distributed", mend="install torch on every node"
        ) from error
    try:
        store, _, _ = next(rendezvous("env://", timeout=dt.timedelta(seconds=timeout_s)))
    except (RuntimeError, ValueError, OSError) as error:
        raise UsageError(
            f"the launcher's store cannot be reached: {error}", where="MASTER_ADDR", mend="start it with torchrun"
        ) from error
    return PrefixStore(prefix, store)


def _lines(store: Any, nodes: int, deadline: float) -> Iterator[bytes]:
    for number in range(nodes):
        left = max(deadline - time.monotonic(), 0.1)
        line = received(store, f"node{number}", left)
        yield line or problem_line(f"node {number} of {nodes}", f"no answer within {left:.0f} s")


def received(store: Any, key: str, timeout_s: float) -> bytes | None:
    """Return what stands under a key, None when it is not there in time or the store is gone."""
    try:
        store.wait([key], dt.timedelta(seconds=timeout_s))
        value: bytes = store.get(key)
    except (RuntimeError, ValueError):  # DistStoreError and its like
        return None
    return value
