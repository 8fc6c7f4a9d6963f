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
    from collections.abc import Callable, Iterator

    from parity.collect.place import Place

_DONE = "done"


def exchange(read: Callable[[], bytes] | None, place: Place, rank: int, *, timeout_s: float) -> list[bytes]:
    """Send this node's name, then its line; return every node's line on rank 0, nothing elsewhere.

    Args:
        read: gives this node's line, which takes its time; None on all but the node's first process.
        place: of this process.
        rank: among all processes.
        timeout_s: how long rank 0 waits for all nodes together, once its own is read.

    Raises:
        UsageError: torch is not installed, or the store cannot be reached.
    """
    store = connect("parity/fleet", timeout_s)
    if read is not None:
        store.set(f"name{place.number}", place.node.encode())
        store.set(f"node{place.number}", read())
    if rank == 0:
        lines = list(_lines(store, place.nodes, timeout_s))
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


def _lines(store: Any, nodes: int, timeout_s: float) -> Iterator[bytes]:
    deadline = time.monotonic() + timeout_s
    for number in range(nodes):
        line = received(store, f"node{number}", max(deadline - time.monotonic(), 0.1))
        if line is None:
            name = received(store, f"name{number}", 0.1)
            called = name.decode(errors="replace") if name else f"node {number} of {nodes}"
            line = problem_line(called, f"{'began, and gave ' if name else ''}no answer within {timeout_s:g} s")
        yield line


def received(store: Any, key: str, timeout_s: float) -> bytes | None:
    """Return what stands under a key, None when it is not there in time or the store is gone."""
    try:
        store.wait([key], dt.timedelta(seconds=timeout_s))
        value: bytes = store.get(key)
    except (RuntimeError, ValueError):  # DistStoreError and its like
        return None
    return value
