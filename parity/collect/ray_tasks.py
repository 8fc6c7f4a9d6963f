"""Knows how every node of a Ray cluster is asked: one task per node, pinned to it, that takes no resource."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

from parity.collect.lines import problem_line
from parity.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

_HIDDEN_BY_RAY = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")
"""Ray empties these for a task that asks for no GPU; here every GPU of the node is meant."""


def collect(address: str, *, words: tuple[str, ...], timeout_s: float) -> list[bytes]:
    """Return one line per living node.

    Args:
        address: of the cluster; ``auto``: the one of this machine.
        words: further options of ``parity fleet collect`` on each node.
        timeout_s: for all nodes together.

    Raises:
        UsageError: Ray is not installed, or there is no cluster at the address.
    """
    try:
        import ray
    except ImportError as error:
        raise UsageError(f"ray cannot be imported: {error}", where="--via ray", mend="install ray here") from error
    own = not ray.is_initialized()
    if own:
        try:
            _join(ray, address, timeout_s)
        except (ConnectionError, ValueError, RuntimeError) as error:
            what = f"no Ray cluster at {address!r}: {str(error).partition(chr(10))[0]}"
            raise UsageError(what, where="--via ray", mend="give --address, or start one (`ray start`)") from error
    try:
        return list(_lines(ray, words, timeout_s))
    finally:
        if own:
            ray.shutdown()


def _join(ray: Any, address: str, timeout_s: float) -> None:
    """Join the cluster, or stop waiting for it: a port where nothing answers is asked for minutes.

    Raises:
        ConnectionError: there was no answer in time; or what Ray raises.
    """
    raised: list[BaseException] = []

    def join() -> None:
        try:
            ray.init(address=address, log_to_driver=False, logging_level="ERROR", ignore_reinit_error=True)
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=join, daemon=True)
    thread.start()
    thread.join(timeout_s)
    if thread.is_alive():
        raise ConnectionError(f"no answer within {timeout_s:g} s")
    if raised:
        raise raised[0]


def _lines(ray: Any, words: tuple[str, ...], timeout_s: float) -> Iterator[bytes]:
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    nodes = [node for node in ray.nodes() if node.get("Alive")]
    names = _names(nodes)
    ask = ray.remote(num_cpus=0, max_retries=0)(node_line)
    asked = {
        ask.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)).remote(
            name, words, timeout_s
        ): name
        for node, name in zip(nodes, names, strict=True)
    }
    done, late = ray.wait(list(asked), num_returns=len(asked), timeout=timeout_s)
    for task in done:
        try:
            yield ray.get(task)
        except Exception as error:  # whatever went wrong over there is that node's answer
            yield problem_line(
                asked[task], f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[-1]}"[:300]
            )
    for task in late:
        ray.cancel(task, force=True)
        yield problem_line(asked[task], f"no answer within {timeout_s:g} s")


def _names(nodes: list[dict[str, Any]]) -> list[str]:
    """Return the nodes' host names, with the beginning of Ray's id where several share one."""
    hosts = [str(node.get("NodeManagerHostname") or node.get("NodeManagerAddress") or "node") for node in nodes]
    counts = Counter(hosts)
    return [
        host if counts[host] == 1 else f"{host}#{str(node['NodeID'])[:8]}"
        for host, node in zip(hosts, nodes, strict=True)
    ]


def node_line(name: str, words: tuple[str, ...], timeout_s: float) -> bytes:
    """Return the line of the node this runs on; a process of its own asks the drivers, and sees every GPU."""
    kept = {key: value for key, value in os.environ.items() if key not in _HIDDEN_BY_RAY}
    command = [sys.executable, "-m", "parity.cli.main", "fleet", "collect", "--via=local", *words]
    try:
        done = subprocess.run(  # noqa: S603  (our own interpreter and module)
            command, capture_output=True, env={**kept, "PARITY_NODE_NAME": name}, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired:
        return problem_line(name, f"no answer within {timeout_s:g} s")
    if not done.stdout.strip():
        told = done.stderr.decode(errors="replace").strip().splitlines()
        return problem_line(name, f"exit status {done.returncode}: {told[-1] if told else 'said nothing'}"[:300])
    return done.stdout
