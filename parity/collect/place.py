"""Knows which process of a job this is: the launchers' own variables say node, rank and how many there are."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

Launcher = Literal["torch", "slurm", "local"]
NODE_VARIABLES = ("PARITY_NODE_NAME", "SLURMD_NODENAME")
"""First the one of the Kubernetes manifest in docs/fleet.md, then Slurm's own."""


class Place(NamedTuple):
    """One process of a job.

    Attributes:
        launcher: who started it; ``local``: nobody that has several nodes.
        node: name of the machine.
        number, nodes: which node of how many; 0 of 1 where nobody says.
        local_rank: which process of this node; the first speaks for it.
    """

    launcher: Launcher
    node: str
    number: int
    nodes: int
    local_rank: int


def place(environment: Mapping[str, str]) -> Place:
    """Return this process's place, as torchrun or Slurm tells it.

    Sources: torch.distributed.elastic ("Environment Variables": RANK, LOCAL_RANK, GROUP_RANK, GROUP_WORLD_SIZE), Slurm
    ("srun, OUTPUT ENVIRONMENT VARIABLES": SLURM_PROCID, SLURM_LOCALID, SLURM_NODEID, SLURM_STEP_NUM_NODES).
    """
    name = next((environment[key] for key in NODE_VARIABLES if environment.get(key)), "") or socket.gethostname()
    if _numbers(environment, "RANK", "WORLD_SIZE", "LOCAL_RANK") and environment.get("MASTER_ADDR"):
        local = max(_number(environment, "LOCAL_WORLD_SIZE", 1), 1)
        number = _number(environment, "GROUP_RANK", int(environment["RANK"]) // local)
        nodes = _number(environment, "GROUP_WORLD_SIZE", -(-int(environment["WORLD_SIZE"]) // local))
        return Place("torch", name, number, nodes, int(environment["LOCAL_RANK"]))
    if _numbers(environment, "SLURM_PROCID", "SLURM_LOCALID", "SLURM_NODEID"):
        nodes = _number(environment, "SLURM_STEP_NUM_NODES", _number(environment, "SLURM_NNODES", 1))
        return Place("slurm", name, int(environment["SLURM_NODEID"]), nodes, int(environment["SLURM_LOCALID"]))
    return Place("local", name, 0, 1, 0)


def _numbers(environment: Mapping[str, str], *names: str) -> bool:
    return all(environment.get(name, "").isdecimal() for name in names)


def _number(environment: Mapping[str, str], name: str, default: int) -> int:
    return int(environment[name]) if _numbers(environment, name) else default
