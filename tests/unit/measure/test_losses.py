"""Processes that are lost: how many of them a device may cost, and which device a loss is laid to."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from parity.measure import run
from parity.measure.plan import Place
from parity.measure.run import measure
from parity.probes.piped import ChildLost

if TYPE_CHECKING:
    from collections.abc import Callable

    from parity.measure.run import Outcome

NAMES = ("dram_copy", "dram_read", "dram_write", "matmul_bf16", "host_to_device", "launch_latency")


class Machine:
    """Processes that are lost where a function says so; (device, peer) -> whether."""

    def __init__(self, loses: Callable[[int, int | None], bool]) -> None:
        self.loses = loses
        self.starts = 0

    def worker(self) -> Any:
        self.starts += 1
        return Worker(self)


class Worker:
    """One of them."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def hello(self, deadline_s: float) -> dict[str, Any]:
        assert deadline_s > 0
        return {"devices": [{"ordinal": n, "uuid": str(n), "bus_id": ""} for n in range(16)], "backend": "stub"}

    def request(self, request: dict[str, Any], deadline_s: float) -> dict[str, Any]:
        assert deadline_s > 0
        if request["op"] == "prepare" and self._machine.loses(request["ordinal"], request["peer"]):
            raise ChildLost("failed", "killed by SIGSEGV")
        return {"ok": True, "value": 1.0, "spread": 0.0, "samples": 5, "unit": "GB/s", "kernel": "copy", "bytes": 1}

    def close(self) -> None:
        """End in good order."""

    def kill(self) -> None:
        """End."""


def measured(
    loses: Callable[[int, int | None], bool], names: tuple[str, ...], count: int, monkeypatch: pytest.MonkeyPatch
) -> tuple[Outcome, Machine]:
    machine = Machine(loses)
    monkeypatch.setattr(run, "Worker", machine.worker)
    outcome = measure(names, [Place(position=n, uuid=f"GPU-{n}") for n in range(count)], 10.0)
    pairs = names.count("peer_to_peer") * count * (count - 1)
    singles = (len(names) - names.count("peer_to_peer")) * count
    assert len(outcome.measured) + len(outcome.unmeasured) == pairs + singles
    return outcome, machine


@pytest.mark.parametrize("bad", [0, 1, 4, 7, 8])
def test_devices_that_cost_every_process_cost_the_others_nothing(bad: int, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome, machine = measured(lambda device, _: device < bad, NAMES, 8, monkeypatch)
    done = Counter(one.device for one in outcome.measured)
    assert done == {device: len(NAMES) for device in range(bad, 8)}
    assert machine.starts == 3 * bad + 1
    told = [one.detail for one in outcome.unmeasured if one.device == 0]
    left = "left alone after 3 losses in a row, the last: killed by SIGSEGV"
    assert told == ([*["killed by SIGSEGV"] * 3, left, left, left] if bad else [])


def test_a_pair_does_not_say_which_of_its_devices_lost_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are measured on by themselves; and there is an end to it."""
    outcome, machine = measured(lambda _, peer: peer is not None, ("peer_to_peer", "dram_copy"), 2, monkeypatch)
    assert [(one.name, one.device) for one in outcome.measured] == [("dram_copy", 0), ("dram_copy", 1)]
    assert machine.starts == 3
    outcome, machine = measured(lambda _, peer: peer is not None, ("peer_to_peer", "dram_copy"), 8, monkeypatch)
    assert outcome.measured == []
    assert machine.starts == 8 * 3 + 4
    assert outcome.unmeasured[-1].detail == "given up after 28 starts of the measuring process"


def test_losses_that_are_not_in_a_row_leave_no_device_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    turns = iter(range(100))
    outcome, machine = measured(lambda *_: next(turns) % 3 != 2, NAMES, 1, monkeypatch)
    assert [one.name for one in outcome.measured] == [NAMES[2], NAMES[5]]
    assert machine.starts == 5
