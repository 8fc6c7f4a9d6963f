"""The watcher on stub driver libraries through the real ``pynvml``: what happens during a test, and what happens to it."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from parity import conditions
from parity.config.project import Project
from parity.probes.watch import MAX_STARTS, Watch
from tests.helpers.events import sleeps, wait_for, wait_for_rest
from tests.stubs import amd_sysfs
from tests.stubs.build import Machine
from tests.stubs.patience import PATIENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from parity.model.interval import Interval, WatchedDevice

ASKED = conditions.prepare_conditions(Project())
H100 = "h100-sxm5-80gb-x8"
ONE = {"CUDA_VISIBLE_DEVICES": "1"}
COUNTED = "1.nvmlDeviceGetPerformanceState = mark asked 0\n"  # at each sample
NO_SAMPLE_S = 600.0
QUIET = "*.field[269] = 0\n*.field[270] = 0\n*.field[271] = 0\n"


class Bench:
    """A watch of one recorded machine, and what a test on it needs."""

    def __init__(self, machine: Machine, **options: Any) -> None:
        deadlines = {name: options.pop(name) for name in ("start_deadline_s", "answer_deadline_s") if name in options}
        deadlines.setdefault("answer_deadline_s", 20)  # a machine that runs tests is a busy one
        self.machine = machine
        self.watch = Watch({**machine.options, "amdsmi": False, "always": True, **options}, **deadlines)

    def switch(self, name: str) -> None:
        """Let the lines ``switch NAME A || B`` answer B from now on."""
        self.machine.file(name).touch()

    def run(
        self,
        samples: int = 0,
        visible: dict[str, str] | None = None,
        *,
        meanwhile: Callable[[], None] | None = None,
    ) -> Interval:
        """Watch a test that lasts for so many whole samples, after ``meanwhile`` if that is given."""
        start = time.monotonic()
        self.begun = self.watch.begin(os.getpid(), ONE if visible is None else visible)
        self.rest()
        begun = time.monotonic()
        if meanwhile:
            meanwhile()
        if samples:
            self.await_count("asked", self.machine.count("asked") + samples + 1)
        least = time.monotonic() - begun
        interval = conditions.conditions_of(self.watch, "t", ASKED)
        self.took = (least, time.monotonic() - start)  # a test takes at least, and at most, so long
        return interval

    def rest(self) -> None:
        """Wait until the watcher waits: what did not fit begin's budget is read after it."""
        if self.watch._child is not None:
            wait_for_rest(self.pid)

    def await_count(self, name: str, count: int) -> None:
        """Wait until so many calls came to a ``mark``."""
        wait_for(lambda: self.machine.count(name) >= count)

    @property
    def pid(self) -> int:
        child = self.watch._child
        assert child is not None
        return child._pipe.pid


@pytest.fixture
def bench(stub_libraries: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Bench]]:
    """Watch a changed recording: ``bench("0.nvmlDeviceGetPowerUsage = hang")``."""
    made: list[Bench] = []

    def make(
        change: str = "", *, name: str = H100, libraries: Path | None = stub_libraries, drop: tuple[str, ...] = (),
        **options: Any,
    ) -> Bench:  # fmt: skip
        machine = Machine(tmp_path, libraries, name, change=f"{COUNTED if name == H100 else ''}{change}", drop=drop)
        for variable, value in machine.environment.items():
            monkeypatch.setenv(variable, value)
        made.append(Bench(machine, **options))
        return made[-1]

    yield make
    for one in made:
        one.watch.close()


def only(interval: Interval) -> WatchedDevice:
    assert len(interval.devices) == 1, interval.unknowns
    return interval.devices[0]


def rules(interval: Interval) -> list[str]:
    return [finding.rule for finding in interval.findings]


def test_a_quiet_test_is_clean_and_everything_is_recorded(bench: Callable[..., Bench]) -> None:
    one = bench(QUIET + "*.nvmlDeviceGetTotalEnergyConsumption = switch now 1000 || 88500")
    interval = one.run(2, meanwhile=lambda: one.switch("now"))
    here = only(interval)
    assert (interval.state, interval.findings) == ("clean", ())
    assert here.label == "GPU 1 (NVIDIA H100 80GB HBM3)"
    assert one.took[0] <= (interval.seconds or 0) <= one.took[1]
    assert here.energy_j == pytest.approx(87.5)
    assert (here.ecc_corrected, here.ecc_uncorrected, here.pcie_replays) == (0, 0, 0)
    clock = here.series["clock_sm_mhz"]
    assert (clock.begin, clock.end, clock.min, clock.max, clock.mean) == (345, 345, 345, 345, 345)
    assert interval.samples >= 2
    assert clock.samples - interval.samples in (2, 3)  # both ends; the end may come in the midst of a sample
    assert here.series["power_draw_w"].begin == pytest.approx(69.342)
    assert here.settings["power_default_w"] == 700


def test_throttle_counters_that_move_are_time_and_share(bench: Callable[..., Bench]) -> None:
    one = bench("*.field[269] = switch now 5000 || 200005000\n*.field[270] = 7\n*.field[271] = 7")
    interval = one.run(3, meanwhile=lambda: one.switch("now"))
    held = {throttle.cause: throttle for throttle in only(interval).throttled}
    assert held["sw-thermal"].seconds == pytest.approx(0.2)
    assert held["sw-thermal"].share == pytest.approx(0.2 / (interval.seconds or 0), abs=1e-5)
    assert (held["hw-thermal"].share, held["hw-power-brake"].share) == (0, 0)
    assert (interval.state, rules(interval)) == ("disturbed", ["throttled-during-test"])


def test_a_driver_without_the_fields_is_asked_for_violation_times(bench: Callable[..., Bench]) -> None:
    change = "*.nvmlDeviceGetFieldValues = error 13\n*.nvmlDeviceGetViolationStatus[1] = 0 50"
    interval = bench(change).run()
    causes = {throttle.cause for throttle in only(interval).throttled}
    assert {"sw-power-cap", "thermal"} <= causes
    assert interval.state == "clean"


@pytest.mark.parametrize("code", [2, 3])
def test_a_field_that_the_driver_does_not_know_is_not_a_failure(bench: Callable[..., Bench], code: int) -> None:
    """An older driver may call an unknown field an invalid argument."""
    interval = bench("\n".join(f"*.field[{field}] = error {code}" for field in (269, 270, 271))).run()
    gaps = {gap.what: gap.why for gap in only(interval).unknowns}
    assert {gaps[f"limited_ns.{cause}"] for cause in ("sw-thermal", "hw-thermal")} == {"not_supported"}
    assert interval.state == "clean"


def test_the_present_reasons_speak_where_there_is_no_counter(bench: Callable[..., Bench]) -> None:
    change = "*.nvmlDeviceGetCurrentClocksEventReasons = switch hot 0 || 0x48"
    one = bench(change, drop=("*.field", "*.nvmlDeviceGetViolationStatus"), sample_every_s=NO_SAMPLE_S)
    assert one.run().state == "clean"
    interval = one.run(meanwhile=lambda: one.switch("hot"))
    held = {throttle.cause: (throttle.share, throttle.seen) for throttle in only(interval).throttled}
    assert held == {"hw-slowdown": (None, 1), "hw-thermal": (None, 1)}
    assert rules(interval) == ["throttled-during-test"]
    assert "limited_ns.sw-power-cap" in {gap.what for gap in only(interval).unknowns}


def test_nothing_about_throttling_is_unknown_never_clean(bench: Callable[..., Bench]) -> None:
    interval = bench(drop=("*.field", "*.nvmlDeviceGetViolationStatus", "*.nvmlDeviceGetCurrentClocks")).run()
    assert interval.state == "unknown"
    assert [gap.what for gap in interval.unknowns] == ["throttling"]


def test_an_old_driver_is_watched_by_what_it_has(bench: Callable[..., Bench], old_libraries: Path) -> None:
    interval = bench(name="t4-old-driver", libraries=old_libraries).run(visible={})
    here = only(interval)
    assert "memory_used_bytes" in here.series
    assert {gap.what: gap.why for gap in here.unknowns}["processes"] == "not_supported"


def test_a_counter_that_goes_backwards_is_unknown(bench: Callable[..., Bench]) -> None:
    one = bench(QUIET + "*.nvmlDeviceGetPcieReplayCounter = switch reset 900 || 3")
    interval = one.run(meanwhile=lambda: one.switch("reset"))
    here = only(interval)
    assert here.pcie_replays is None
    assert [(gap.what, gap.detail) for gap in here.unknowns if gap.what == "pcie_replays"] == [
        ("pcie_replays", "the counter went backwards")
    ]


def test_counters_and_modes_that_move_are_found(bench: Callable[..., Bench]) -> None:
    one = bench(
        "*.nvmlDeviceGetPcieReplayCounter = switch now 5 || 9\n*.nvmlDeviceGetTotalEccErrors[0,0] = switch now 0 || 2\n"
        "*.nvmlDeviceGetMigMode = switch now 0 0 || 1 1\n*.nvmlDeviceGetEnforcedPowerLimit = switch now 700000 || 500000"
    )
    interval = one.run(2, meanwhile=lambda: one.switch("now"))
    assert set(rules(interval)) == {
        "ecc-error-during-test", "lowered-power-cap-during-test", "partition-changed-during-test",
        "pcie-replay-during-test",
    }  # fmt: skip
    assert only(interval).pcie_replays == 4


def known_ids(one: Bench, **parents: int) -> None:
    """Make the machine one whose process ids are the driver's: pid -> parent."""
    proc = one.machine.root / "proc"
    (proc / "self/ns").mkdir(parents=True)
    (proc / "self/ns/pid").symlink_to("pid:[4026531836]")
    for pid, parent in parents.items():
        folder = proc / pid.removeprefix("p")
        folder.mkdir()
        (folder / "stat").write_text(f"1 (a) b) S {parent} 0")
        (folder / "comm").write_text(f"name-{pid}\n")


def test_another_process_that_appears_is_found(bench: Callable[..., Bench]) -> None:
    """One process of the test run is there all the time, another's comes, and ours are known by their parents."""
    one = bench(
        "*.nvmlDeviceGetComputeRunningProcesses = switch now 11:99 || 11:99 77:3221225472\n"
        "*.nvmlDeviceGetGraphicsRunningProcesses = -"
    )
    known_ids(one, p11=12, p12=os.getpid(), p77=1)
    quiet = only(one.run(2))
    assert (quiet.processes, quiet.tenancy.listed, quiet.tenancy.ids_known) == ((), 1, True)
    interval = one.run(2, meanwhile=lambda: one.switch("now"))
    [process] = only(interval).processes
    assert (process.pid, process.name, process.memory_bytes) == (77, "name-p77", 3 << 30)
    assert (process.at_begin, process.at_end) == (False, True)
    assert rules(interval) == ["other-process-during-test"]


def test_a_process_that_ended_before_it_was_looked_up_is_nobody(bench: Callable[..., Bench]) -> None:
    one = bench(
        "*.nvmlDeviceGetComputeRunningProcesses = switch now - || 78:5\n*.nvmlDeviceGetGraphicsRunningProcesses = -",
        sample_every_s=NO_SAMPLE_S,  # twice seen would be somebody
    )
    known_ids(one)
    assert only(one.run(meanwhile=lambda: one.switch("now"))).processes == ()


def test_a_client_of_an_mps_server_is_a_process_and_one_in_two_lists_is_one(bench: Callable[..., Bench]) -> None:
    one = bench(
        "*.nvmlDeviceGetComputeRunningProcesses = 11:99\n*.nvmlDeviceGetGraphicsRunningProcesses = 11:99\n"
        "*.nvmlDeviceGetMPSComputeRunningProcesses = switch now - || 77:3221225472"
    )
    known_ids(one, p11=12, p12=os.getpid(), p77=1)
    interval = one.run(2, meanwhile=lambda: one.switch("now"))
    [process] = only(interval).processes
    assert (process.pid, process.kind) == (77, "compute")
    assert only(interval).tenancy.listed == 1


def test_memory_is_not_counted_in_two_ways(bench: Callable[..., Bench]) -> None:
    """Version 1 counts the driver's own reserve as used: half a gigabyte that nobody took."""
    both = "*.nvmlDeviceGetMemoryInfo_v2 = {}85520809984 551911424 84000000000 1000000\n"
    one = bench(
        both.format("")
        + both.format("at 5 error 999 || ").replace("*", "1")
        + "*.nvmlDeviceGetMemoryInfo = 85520809984 84000000000 552911424"
    )
    used = only(one.run(3)).series["memory_used_bytes"]
    assert (used.min, used.max) == (1_000_000, 1_000_000)


def test_hidden_processes_are_listed_and_not_held_against_anybody(bench: Callable[..., Bench]) -> None:
    interval = bench("*.nvmlDeviceGetComputeRunningProcesses = 4242:99").run(2)
    here = only(interval)
    assert [process.pid for process in here.processes] == [4242]
    assert (here.tenancy.ids_known, here.tenancy.own_holding, here.tenancy.listed) == (False, None, 1)
    assert interval.state == "clean"


def test_a_gpu_lost_in_the_middle_is_found(bench: Callable[..., Bench]) -> None:
    calls = (
        "nvmlDeviceGetFieldValues", "nvmlDeviceGetClockInfo[*]", "nvmlDeviceGetTotalEnergyConsumption",
        "nvmlDeviceGetPcieReplayCounter", "nvmlDeviceGetPowerUsage",
    )  # fmt: skip
    lines = [f"1.{call} = switch gone 5 || error 15" for call in calls]
    one = bench("\n".join([*lines, "1.nvmlDeviceGetClockInfo[1] = switch gone 5 || error 15"]))
    interval = one.run(meanwhile=lambda: one.switch("gone"))
    assert rules(interval) == ["device-lost-during-test"]
    assert "NVML error 15" in only(interval).lost
    assert one.run().state == "disturbed", "a lost device stays lost"


GPM = QUIET + "*.nvmlGpmQueryDeviceSupport = 1\n*.gpm[2] = 61.5\n*.gpm[20] = 1200\n*.gpm[10] = error 3\n"


def test_hardware_counters_of_the_interval(bench: Callable[..., Bench]) -> None:
    one = bench(GPM)
    assert only(one.run(2)).metrics == {"sm_activity": 0.615, "pcie_tx_mib_s": 1200}
    # On a slow machine an interval may be long enough, or its end without time for the counters.
    reasons = {
        (gap.why, gap.detail)
        for short in itertools.islice((only(one.run()) for _ in itertools.count()), 20)
        for gap in short.unknowns
        if gap.what == "metrics"
    }
    assert ("not_asked", "interval under 100 ms") in reasons
    assert reasons <= {
        ("not_asked", "interval under 100 ms"),
        ("not_asked", "there was no time for it at the end of the test"),
    }
    assert only(one.run(2)).metrics == {"sm_activity": 0.615, "pcie_tx_mib_s": 1200}, "no sample is left over"


def test_ids_that_a_driver_does_not_know_cost_themselves(bench: Callable[..., Bench]) -> None:
    one = bench(GPM + "gpm_most = 15")
    assert only(one.run(2)).metrics == {"sm_activity": 0.615}
    assert only(one.run(2)).metrics == {"sm_activity": 0.615}


def test_a_device_without_hardware_counters_says_so(bench: Callable[..., Bench]) -> None:
    for change in ("", "*.nvmlGpmQueryDeviceSupport = 0"):
        gaps = {gap.what: gap.why for gap in only(bench(change).run()).unknowns}
        assert gaps["metrics"] == "not_supported"


@pytest.mark.parametrize(
    ("visible", "watched"),
    [
        ({"CUDA_VISIBLE_DEVICES": "1"}, [1]),
        ({"CUDA_VISIBLE_DEVICES": "3,0", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}, [0, 3]),
        ({"CUDA_VISIBLE_DEVICES": "GPU-5a1d0000-0000-4000-8000-000000000006"}, [6]),
        ({"HIP_VISIBLE_DEVICES": "0"}, list(range(8))),
        ({}, list(range(8))),
    ],
)
def test_only_what_the_test_can_reach_is_watched(
    bench: Callable[..., Bench], visible: dict[str, str], watched: list[int]
) -> None:
    assert [device.index for device in bench().run(visible=visible).devices] == watched


def test_a_test_that_sees_no_gpu_is_unknown_with_the_reason(bench: Callable[..., Bench]) -> None:
    interval = bench().run(visible={"CUDA_VISIBLE_DEVICES": ""})
    assert interval.state == "unknown"
    assert interval.unknowns[0].detail == "no device is visible to the test (CUDA_VISIBLE_DEVICES=)"


@pytest.mark.parametrize("call", ["nvmlGpmQueryDeviceSupport", "nvmlGpmSampleGet"])
def test_hardware_counters_that_are_not_permitted_are_told_so(bench: Callable[..., Bench], call: str) -> None:
    interval = bench(GPM + f"*.{call} = error 4").run(2)
    assert {gap.what: gap.why for gap in only(interval).unknowns}["metrics"] == "no_permission"
    assert interval.state == "clean"


def test_slices_are_watched_by_their_own_memory(bench: Callable[..., Bench]) -> None:
    one = bench(name="a100-mig")
    everything = one.run(visible={})
    assert len(everything.devices) >= 2
    assert all(" slice " in device.label for device in everything.devices if "MIG" in device.label)
    used = {device.series["memory_used_bytes"].begin for device in everything.devices if " slice " in device.label}
    assert used
    unit = next(unit for unit in one.watch._child.units if "slice" in unit["facts"])  # type: ignore[union-attr]
    interval = one.run(visible={"CUDA_VISIBLE_DEVICES": unit["facts"]["uuid"]})
    assert only(interval).label.startswith(f"GPU {unit['facts']['index']} slice {unit['facts']['slice']} ")


def test_a_slice_is_not_given_the_counters_of_the_whole_gpu(bench: Callable[..., Bench]) -> None:
    lines = "0.nvmlGpmQueryDeviceSupport = 1\n0.gpm[2] = 61.5\n"
    for instance, counted in (("7", True), ("error 999", False)):
        one = bench(lines + f"0.mig0.nvmlDeviceGetGpuInstanceId = {instance}", name="a100-mig")
        one.watch.begin(os.getpid(), {})
        unit = next(unit for unit in one.watch._child.units if unit["facts"].get("slice") == 0)  # type: ignore[union-attr]
        assert ("metrics" not in unit["missing"]) is counted


def test_a_processors_own_graphics_beside_gpus_is_not_watched(bench: Callable[..., Bench]) -> None:
    one = bench()
    amd_sysfs.Machine(one.machine.root).add(amd_sysfs.RX_7900_XTX, bus=0x03)
    assert {device.vendor for device in one.run(visible={}).devices} == {"nvidia"}


def test_no_library_is_told(bench: Callable[..., Bench]) -> None:
    one = bench(libraries=None, name="")
    interval = one.run()
    assert interval.state == "unknown"
    assert "no GPU to watch" in interval.unknowns[0].detail
    assert "libnvidia-ml.so.1" in interval.unknowns[0].detail


def test_no_gpu_is_told(bench: Callable[..., Bench]) -> None:
    interval = bench("nvmlDeviceGetCount = 0", name="").run()
    assert (interval.state, interval.unknowns[0].detail) == ("unknown", "no GPU to watch")


@pytest.mark.parametrize(
    ("death", "why", "told"),
    [
        ("hang", "timed_out", "the watcher gave no answer within 0.5 s"),
        ("segv", "failed", "the watcher was killed by SIGSEGV"),
        ("abort", "failed", "the watcher was killed by SIGABRT"),
        ("exit 3", "failed", "the watcher ended with status 3"),
    ],
)
@pytest.mark.parametrize("at", ["a sample", "the end"])
def test_a_library_that_dies_during_a_test_costs_that_test(
    bench: Callable[..., Bench], death: str, why: str, told: str, at: str
) -> None:
    change = f"1.nvmlDeviceGetPcieReplayCounter = switch now 5 || mark dying {death}"
    one = bench(change, **({"sample_every_s": NO_SAMPLE_S} if at == "the end" else {}))

    def meanwhile() -> None:
        one.switch("now")
        if at == "a sample":
            one.await_count("dying", 1)

    assert one.run().state == "clean"
    pid = one.pid
    one.watch._answer_deadline_s = 0.5 if death == "hang" else 20
    interval = one.run(meanwhile=meanwhile)
    assert interval.state == "unknown"
    assert [(gap.why, gap.detail) for gap in interval.unknowns] == [(why, told)]
    wait_for(lambda: not alive(pid))
    one.machine.file("now").unlink()
    one.watch._answer_deadline_s = 20
    assert one.run().state == "clean", "the next test is watched again"


def test_a_watcher_killed_in_the_middle_costs_that_test(bench: Callable[..., Bench]) -> None:
    one = bench()
    interval = one.run(meanwhile=lambda: os.kill(one.pid, signal.SIGKILL))
    assert interval.unknowns[0].detail == "the watcher was killed by SIGKILL"
    assert one.run().state == "clean"


def test_a_watcher_that_always_dies_is_given_up(bench: Callable[..., Bench]) -> None:
    one = bench()
    told = [one.run(meanwhile=lambda: os.kill(one.pid, signal.SIGKILL)).unknowns[0].detail for _ in range(MAX_STARTS)]
    assert set(told) == {"the watcher was killed by SIGKILL"}
    given_up = f"the watcher was given up after {MAX_STARTS} starts: the watcher was killed by SIGKILL"
    assert one.run().unknowns[0].detail == given_up
    assert one.watch.problem == given_up


@pytest.mark.parametrize("death", ["hang", "segv"])
def test_a_call_that_is_deadly_from_the_start_costs_itself(
    bench: Callable[..., Bench], death: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("parity.probes.watch.CALL_DEADLINE_S", 0.5)
    one = bench(f"*.nvmlDeviceGetPowerUsage = {death}")
    interval = one.run(visible={"CUDA_VISIBLE_DEVICES": "0"})
    here = only(interval)
    assert interval.state == "clean"
    assert "power_draw_w" not in here.series
    assert {gap.what: gap.why for gap in here.unknowns}["power_draw_w"] == "failed"


def test_a_start_that_takes_long_is_not_waited_for_and_the_next_test_is_watched(bench: Callable[..., Bench]) -> None:
    one = bench("nvmlInit = wait go 0", answer_deadline_s=0.2)
    one.watch.begin(os.getpid(), ONE)  # returns, though the start does not end before "go"
    interval = conditions.conditions_of(one.watch, "t", ASKED)
    assert interval.unknowns[0].why == "timed_out"
    assert re.fullmatch(r"the watcher was still starting after [\d.]+ s", interval.unknowns[0].detail)
    one.switch("go")
    one.watch._answer_deadline_s = 20
    assert one.run().state == "clean"


def test_a_begin_without_an_end_is_dropped(bench: Callable[..., Bench]) -> None:
    one = bench()
    one.watch.begin(os.getpid(), ONE)
    time.sleep(0.25)
    interval = one.run()
    assert interval.state == "clean"
    assert one.took[0] <= (interval.seconds or 0) <= one.took[1]


def test_an_end_without_a_begin_is_unknown(bench: Callable[..., Bench]) -> None:
    interval = conditions.conditions_of(bench().watch, "t", ASKED)
    assert (interval.state, interval.unknowns[0].detail) == ("unknown", "no test had begun")


def test_between_tests_the_watcher_sleeps_without_a_timer(bench: Callable[..., Bench]) -> None:
    one = bench()
    one.run(1)
    one.rest()
    before = sleeps(one.pid)
    time.sleep(0.5)
    assert sleeps(one.pid) == before


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_watcher_keeps_off_the_core_of_the_test(bench: Callable[..., Bench]) -> None:
    cores = os.sched_getaffinity(0)
    if len(cores) < 2:
        pytest.skip("this machine has one core")
    one = bench()
    told = one.machine.root / f"proc/{os.getpid()}/stat"
    told.parent.mkdir(parents=True)
    for core in (max(cores), min(cores)):
        told.write_text(f"{os.getpid()} (py) test) R {' '.join(map(str, range(4, 39)))} {core} 0 0")
        interval = one.run(2)
        assert os.sched_getaffinity(one.pid) == cores - {core}
        assert interval.sampled_every_s == 0.1
    told.unlink()
    one.run(1)
    assert os.sched_getaffinity(one.pid) == cores - {min(cores)}, "where nothing is told, nothing is moved"


def test_on_a_single_core_only_both_ends_are_read(bench: Callable[..., Bench]) -> None:
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        one = bench(always=False)
        one.watch.begin(os.getpid(), ONE)
        time.sleep(0.25)
        interval = conditions.conditions_of(one.watch, "t", ASKED)
    finally:
        os.sched_setaffinity(0, cores)
    assert (interval.sampled_every_s, interval.samples) == (None, 0)
    assert interval.state == "clean"


def test_closing_in_the_middle_of_a_test_leaves_no_process(bench: Callable[..., Bench]) -> None:
    one = bench()
    one.watch.begin(os.getpid(), ONE)
    pid = one.pid
    one.watch.close()
    wait_for(lambda: not alive(pid))
    assert conditions.conditions_of(one.watch, "t", ASKED).state == "unknown"


def engine_on(machine: Machine, *lines: dict[str, Any]) -> subprocess.Popen[bytes]:
    """Start a real engine in a session of its own and send it these requests."""
    boot = "import sys; sys.path.insert(0, sys.argv.pop(1)); from parity.engine import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", boot, str(Path(conditions.__file__).parents[1])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, **machine.environment, "PYTHONPATH": str(PATIENT)},
        start_new_session=True,
    )
    assert process.stdin
    for number, line in enumerate(lines):
        process.stdin.write(json.dumps({"id": number, **line}).encode() + b"\n")
    process.stdin.flush()
    return process


def children(session_id: int) -> list[int]:
    """Return the living processes of a session, its leader left out."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal() and int(folder.name) != session_id:
            try:
                state, _, _, of = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
            except OSError:
                continue
            if int(of) == session_id and state != "Z":
                found.append(int(folder.name))
    return found


@pytest.mark.parametrize("end", ["bye", "eof", "kill"])
def test_an_engine_that_ends_in_the_middle_of_a_test_leaves_no_process(
    stub_libraries: Path, tmp_path: Path, end: str
) -> None:
    (tmp_path / ".git").mkdir()
    watch = {"op": "watch", "rootdir": str(tmp_path)}
    begin = {"op": "begin", "test": "t", "pid": os.getpid(), "visible": ONE}
    with engine_on(Machine(tmp_path, stub_libraries, H100), watch, begin) as engine:
        assert engine.stdout
        assert engine.stdin
        assert json.loads(engine.stdout.readline())["ok"]
        begun = json.loads(engine.stdout.readline())
        assert (begun["ok"], begun.get("why")) == (True, None)
        assert len(children(engine.pid)) == 1
        if end == "bye":
            engine.stdin.write(b'{"id": 9, "op": "bye"}\n')
            engine.stdin.flush()
        elif end == "kill":
            engine.kill()
        engine.stdin.close()
        engine.wait(120)
        wait_for(lambda: not children(engine.pid))
