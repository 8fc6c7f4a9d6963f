"""Which process of a job this is, by the variables that torchrun and Slurm set."""

from __future__ import annotations

import pytest

from parity.collect.place import Place, place

TORCH = {"RANK": "9", "WORLD_SIZE": "16", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "8", "MASTER_ADDR": "h0"}
SLURM = {"SLURM_PROCID": "3", "SLURM_LOCALID": "0", "SLURM_NODEID": "3", "SLURMD_NODENAME": "gpu03"}


@pytest.fixture(autouse=True)
def host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "host")


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, Place("local", "host", 0, 1, 0)),
        ({"PARITY_NODE_NAME": "pool-7"}, Place("local", "pool-7", 0, 1, 0)),
        (TORCH, Place("torch", "host", 1, 2, 1)),
        ({**TORCH, "GROUP_RANK": "4", "GROUP_WORLD_SIZE": "5"}, Place("torch", "host", 4, 5, 1)),
        ({**TORCH, "LOCAL_WORLD_SIZE": "0"}, Place("torch", "host", 9, 16, 1)),
        ({**TORCH, "MASTER_ADDR": ""}, Place("local", "host", 0, 1, 0)),
        ({**TORCH, "RANK": "-1"}, Place("local", "host", 0, 1, 0)),
        (SLURM, Place("slurm", "gpu03", 3, 1, 0)),
        ({**SLURM, "SLURM_STEP_NUM_NODES": "4", "SLURM_NNODES": "9"}, Place("slurm", "gpu03", 3, 4, 0)),
        ({**SLURM, "SLURM_NNODES": "9"}, Place("slurm", "gpu03", 3, 9, 0)),
        ({**SLURM, **TORCH}, Place("torch", "gpu03", 1, 2, 1)),
    ],
)
def test_place(environment: dict[str, str], wanted: Place) -> None:
    assert place(environment) == wanted
