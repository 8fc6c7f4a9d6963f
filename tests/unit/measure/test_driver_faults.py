"""Each call of the driver failing in turn: never a crash, never a mistake that a driver punishes, nothing kept, a reason.

The stub libcuda is stricter than a driver and writes down every mistake (``wrong``) and what is held. A process is forked per
case, because the library is loaded once and for all.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import traceback
from typing import TYPE_CHECKING, Any

import pytest

from parity.measure import driver_backend, driver_made
from parity.measure.driver_backend import DriverBackend
from parity.measure.driver_calls import SIGNATURES
from parity.measure.plan import EVERYTHING
from parity.measure.serve import Server
from parity.measure.work import NotMeasured
from parity.model.measurement import LAUNCH, PEER
from tests.stubs.build import Machine

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from pathlib import Path

# A runner of tests may have threads; the forked process uses none of them.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
DRIVER = ("dram_copy", "dram_read", "dram_write", "host_to_device", "device_to_host", LAUNCH, PEER)
CALLS = tuple(sorted(name.removesuffix("_v2") for name in SIGNATURES))
# Where the driver refuses to take something back, or to go where it is, it cannot be given back.
KEEPS = ("cuModuleUnload", "cuMemFree", "cuMemFreeHost", "cuStreamDestroy", "cuEventDestroy", "cuCtxSetCurrent")
# Out of memory, unavailable, a lost device, not supported, unknown: always, at one call only, after a while.
FAULTS = (
    *((fault, "{}") for fault in (2, 46, 214, 801, 999)),
    *((999, when) for when in ("at 1 {} || 1", "at 2 {} || 1", "at 4 {} || 1", "after 7 1 || {}")),
)
MEMORY, LINK = 2500, 50
TRUTH = {
    **dict.fromkeys(("dram_copy", "dram_read", "dram_write"), MEMORY),
    **dict.fromkeys(("host_to_device", "device_to_host", PEER), LINK),
    LAUNCH: 2.5,
}


def run(library: str, answers: str, log: str, names: tuple[str, ...], end: Connection) -> None:
    """Measure everything in this process; send [answer of each], or the text of what nobody caught."""
    os.environ.update(STUB_ANSWERS=answers, STUB_CUDA_LOG=log)
    import ctypes

    real = ctypes.CDLL
    ctypes.CDLL = lambda *_, **__: real(library)  # type: ignore[assignment,misc]  # the loader path is read at the start only
    driver_made.RANDOM_BYTES = 4096  # random bytes are what takes the time here
    try:
        end.send(measured(names))
    except BaseException:
        end.send(traceback.format_exc())


def measured(names: tuple[str, ...]) -> list[dict[str, Any]]:
    try:
        backend = DriverBackend()
        backend.devices()
    except Exception as error:  # as ``survey`` has it
        why = error.why if isinstance(error, NotMeasured) else "failed"
        return [{"ok": False, "why": why, "detail": str(error)}]
    server, told = Server(backend), []
    for name in names:
        peer = 1 if name == PEER else None
        request = {"op": "prepare", "name": name, "ordinal": 0, "peer": peer, "cache_bytes": 0, "seconds": 0.002}
        answer = server.answer(request)
        if answer["ok"]:
            answer = server.answer({"op": "run", "seconds": 0.002})
        told.append({**answer, "name": name})
        if answer.get("lost"):  # a new process would go on
            break
    return told


class Case:
    """What one run gave."""

    def __init__(self, told: list[dict[str, Any]] | str, log: str) -> None:
        assert isinstance(told, list), told
        self.told = told
        self.wrong = [line for line in log.splitlines() if line.startswith("wrong")]
        self.held = ([line for line in log.splitlines() if line.startswith("held")] or ["held 0 bytes 0"])[-1]

    @property
    def failed(self) -> list[dict[str, Any]]:
        return [one for one in self.told if not one["ok"]]


@pytest.fixture
def case(stub_libraries: Path, tmp_path: Path) -> Any:
    forked = multiprocessing.get_context("fork")

    def make(change: str = "", names: tuple[str, ...] = DRIVER) -> Case:
        machine = Machine(tmp_path / "machine", stub_libraries, "h100-sxm5-80gb-x8", change=change)
        log = tmp_path / "log"
        log.write_text("")
        ours, theirs = forked.Pipe(duplex=False)
        library = str(stub_libraries / "libcuda.so.1")
        process = forked.Process(target=run, args=(library, str(machine.answers), str(log), names, theirs))
        process.start()
        theirs.close()
        told = ours.recv() if ours.poll(120) else "no answer within 120 s"
        process.join(60)
        assert process.exitcode == 0, process.exitcode
        return Case(told, log.read_text())

    return make


def test_a_healthy_driver_is_used_as_its_header_says(case: Any) -> None:
    found = case()
    assert found.wrong == []
    assert found.held == "held 0 bytes 0"
    assert {one["name"]: pytest.approx(one["value"], rel=1e-3) for one in found.told} == TRUTH


def test_the_stub_sees_the_mistakes_that_it_is_there_for(case: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver_made.Made, "free", lambda _: None)
    assert case(names=("dram_copy",)).held != "held 0 bytes 0"
    monkeypatch.undo()
    monkeypatch.setattr(driver_backend, "_WORD", 2)  # fills twice the buffer
    assert case(names=("dram_write",)).wrong == ["wrong cuMemsetD32Async: beyond the memory"]


@pytest.mark.parametrize("faults", [FAULTS[3::3], pytest.param(FAULTS, marks=pytest.mark.slow)], ids=["some", "all"])
@pytest.mark.parametrize("call", CALLS)
def test_a_call_that_fails_costs_a_reason_and_nothing_else(
    case: Any, call: str, faults: tuple[tuple[int, str], ...]
) -> None:
    for fault, when in faults:
        found = case(f"cuda.{call} = {when.format(f'error {fault}')}")
        assert found.wrong == [], (fault, when)
        if call not in KEEPS:
            assert found.held == "held 0 bytes 0", (fault, when)
        for one in found.failed:
            assert f"CUDA error {fault}: cu" in one["detail"], (fault, when, one)
            assert "CudaError" not in json.dumps(one)
        for one in found.told:
            assert not one["ok"] or one["value"] == pytest.approx(TRUTH[one["name"]], rel=1e-2), (fault, when, one)


def test_a_device_that_cannot_say_what_it_is_does_not_hide_the_others(case: Any) -> None:
    found = case("cuda.3.uuid = error 999")
    assert [one["ok"] for one in found.told] == [True] * len(DRIVER)


def test_calls_of_the_driver_are_enough_for_what_is_measured() -> None:
    assert set(DRIVER) < set(EVERYTHING)
