"""Lines through the launcher's store: every node's on rank 0, a silent one told, nobody waiting for ever."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from parity.collect import torch_store
from parity.collect.place import Place
from parity.errors import UsageError

if TYPE_CHECKING:
    import datetime as dt

ROOT = Path(__file__).resolve().parents[3]


class Store:
    """What torch's stores do, within one process."""

    def __init__(self) -> None:
        self._values: dict[str, bytes] = {}
        self._changed = threading.Condition()

    def set(self, key: str, value: bytes) -> None:
        with self._changed:
            self._values[key] = value
            self._changed.notify_all()

    def get(self, key: str) -> bytes:
        return self._values[key]

    def wait(self, keys: list[str], timeout: dt.timedelta) -> None:
        with self._changed:
            if not self._changed.wait_for(lambda: all(key in self._values for key in keys), timeout.total_seconds()):
                raise RuntimeError("Wait timeout")


def at(number: int, nodes: int, local: int = 0) -> Place:
    return Place("torch", f"n{number}", number, nodes, local)


def test_rank_0_gets_a_line_of_each_node(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store()
    monkeypatch.setattr(torch_store, "connect", lambda *_: store)
    others = [
        threading.Thread(target=torch_store.exchange, args=(lambda: b"one\n", at(1, 2), 2), kwargs={"timeout_s": 100}),
        threading.Thread(target=torch_store.exchange, args=(None, at(1, 2, 1), 3), kwargs={"timeout_s": 100}),
    ]
    for thread in others:
        thread.start()
    assert torch_store.exchange(lambda: b"zero\n", at(0, 2), 0, timeout_s=100) == [b"zero\n", b"one\n"]
    for thread in others:
        thread.join(100)
        assert not thread.is_alive()


@pytest.mark.parametrize("reads", [True, False])
def test_other_ranks_stay_until_rank_0_has_every_line(reads: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be the one that serves the store, and torchrun ends a job of which a process is gone."""
    store, waited = Store(), list[tuple[str, float]]()

    def received(_: object, key: str, timeout_s: float) -> bytes:
        waited.append((key, timeout_s))
        return b"1"

    monkeypatch.setattr(torch_store, "connect", lambda *_: store)
    monkeypatch.setattr(torch_store, "received", received)
    assert torch_store.exchange((lambda: b"one\n") if reads else None, at(1, 2), 2, timeout_s=100) == []
    ((key, seconds),) = waited
    assert key == torch_store._DONE
    assert seconds > 100, "longer than rank 0 waits"


def test_a_silent_node_is_told_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store()
    store.set("name1", b"gpu-0007")
    monkeypatch.setattr(torch_store, "connect", lambda *_: store)
    lines = torch_store.exchange(lambda: b"zero\n", at(0, 3), 0, timeout_s=0.2)
    assert lines[0] == b"zero\n"
    told = [json.loads(line) for line in lines[1:]]
    assert [one["node"] for one in told] == ["gpu-0007", "node 2 of 3"]
    assert [one["problem"] for one in told] == ["began, and gave no answer within 0.2 s", "no answer within 0.2 s"]


def test_without_torch_it_is_misuse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setitem(sys.modules, "torch.distributed", None)
    with pytest.raises(UsageError, match="torch cannot be imported"):
        torch_store.connect("x", 1.0)


def torchrun(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run four real processes; the rest of the environment is this one's."""
    pytest.importorskip("torch", reason="torch is not installed")
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=4", *words]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PARITY_", "SLURM"))}
    variables = {**kept, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **environment}
    return subprocess.run(command, capture_output=True, text=True, env=variables, timeout=240, check=False)


@pytest.mark.slow
def test_collect_under_torchrun(tmp_path: Path) -> None:
    out = tmp_path / "fleet.jsonl"
    done = torchrun("-m", "parity.cli.main", "fleet", "collect", "-o", str(out))
    (node,) = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert (done.returncode == 0) is bool(node["fingerprint"]["devices"]), done.stderr
    assert node["fingerprint"]["schema"] == "parity.fingerprint/1"


_ASSERT = """
import os, sys
if os.environ["RANK"] == os.environ["ODD"]:
    os.environ["NCCL_ALGO"] = "Ring"
if sys.argv[1] == "gloo":
    import torch.distributed
    torch.distributed.init_process_group("gloo")
import parity
try:
    parity.assert_homogeneous(gpus=False)
    told = "equal"
except parity.errors.ParityError as error:
    told = str(error).replace(chr(10), " ")
open(f"{sys.argv[2]}/{os.environ['RANK']}", "w").write(told)
if sys.argv[1] != "store":
    torch.distributed.barrier()  # gloo's threads end a process that leaves while others still talk
    torch.distributed.destroy_process_group()
"""


@pytest.mark.slow
@pytest.mark.parametrize("how", ["store", "gloo"])
@pytest.mark.parametrize("odd", ["none", "2"])
def test_assert_homogeneous_under_torchrun(tmp_path: Path, how: str, odd: str) -> None:
    script = tmp_path / "script.py"
    script.write_text(_ASSERT)
    done = torchrun(str(script), how, str(tmp_path), ODD=odd, NCCL_DEBUG="WARN")
    assert done.returncode == 0, done.stderr
    told = [(tmp_path / str(rank)).read_text() for rank in range(4)]
    if odd == "none":
        assert told == ["equal"] * 4
    else:
        assert len(set(told)) == 1
        assert "machine NCCL_ALGO: unset on most ranks, Ring on rank 2 (" in told[0]
