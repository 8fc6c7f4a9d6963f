"""The watcher on AMD GPUs: the real amdsmi binding on a stub library, and the kernel's files without it."""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, Any

import pytest

from parity import conditions
from parity.config.project import Project
from parity.probes.watch import Watch
from parity.watching.record import record
from parity.watching.recorder import Recorder
from tests.helpers.events import sleeps, until_grown, wait_for, wait_for_rest
from tests.stubs import amd_sysfs
from tests.stubs import amdsmi_stub as stub

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from parity.model.interval import Interval, WatchedDevice

needs_binding = pytest.mark.skipif(
    not os.environ.get("CI") and (stub.binding_folder() is None or stub.compiler() is None),
    reason="needs amdsmi and a C compiler; CI has both, and fails without",
)
ASKED = conditions.prepare_conditions(Project())
METRICS: dict[str, Any] = {
    "accumulation_counter": 1000,
    "prochot_residency_acc": 0,
    "ppt_residency_acc": 10,
    "socket_thm_residency_acc": 0,
    "vr_thm_residency_acc": 0,
    "hbm_thm_residency_acc": 0xFFFFFFFFFFFFFFFF,
    "indep_throttle_status": 0,
    "current_socket_power": 139,
    "average_socket_power": 0xFFFF,
    "temperature_hotspot": 41,
    "temperature_edge": 0xFFFF,
    "temperature_mem": 34,
    "current_gfxclk": 0xFFFF,
    "average_gfxclk_frequency": 132,
    "current_uclk": 900,
    "average_gfx_activity": 0,
    "average_umc_activity": 0,
    "pcie_replay_count_acc": 2,
    "gfxclk_lock_status": 0,
}
LATER = {
    **METRICS, "accumulation_counter": 2000, "ppt_residency_acc": 110, "socket_thm_residency_acc": 300,
    "indep_throttle_status": 1 << 32 | 1, "average_gfxclk_frequency": 2100, "pcie_replay_count_acc": 5,
}  # fmt: skip


def energy(count: int) -> list[str]:
    """Return the energy counter: its value, microjoules per count, time."""
    parts = (struct.pack("<Q", count), struct.pack("<f", 15.3), struct.pack("<Q", 0))
    return [f"amdsmi_get_energy_count * {place} {data.hex()}" for place, data in enumerate(parts, 1)]


def table(values: dict[str, Any], **more: Any) -> dict[str, tuple[int, str, Any]]:
    return {
        **stub.MI300X,
        "amdsmi_get_gpu_metrics_info": (1, "amdsmi_gpu_metrics_t", values),
        "amdsmi_get_gpu_vram_usage": (1, "amdsmi_vram_usage_t", {"vram_total": 196592, "vram_used": 284}),
        **more,
    }


class Bench:
    """A watch of one MI300X at bus 0c, and the answers of its library before and after."""

    def __init__(self, folder: Path, before: list[str], after: list[str]) -> None:
        self.root = folder / "root"
        self.machine = amd_sysfs.Machine(self.root)
        self.machine.add(amd_sysfs.MI300X, bus=0x0C)
        self.answers = folder / "answers"
        self._before, self._after = before, after
        self.watch: Watch | None = None

    def write(self, lines: list[str]) -> None:
        scratch = self.answers.with_suffix(".new")
        scratch.write_text("\n".join(["gpus 1", stub.bus_id(0, 0x0C), *lines]) + "\n", encoding="utf-8")
        scratch.replace(self.answers)

    def run(
        self, *more: str, meanwhile: Callable[[], None] | None = None, samples: int = 0, **options: Any
    ) -> Interval:
        """Watch a test in which the answers change, ``meanwhile`` is called and so many whole samples follow."""
        self.write([*self._before, *more])
        if self.watch is None:
            self.watch = Watch({"root": str(self.root), "always": True, **options}, answer_deadline_s=15)
        self.watch.begin(os.getpid(), {})
        child = self.watch._child
        pid = child._pipe.pid if child else 0
        wait_for_rest(pid)  # what did not fit begin's budget is read after it
        self.write([*self._after, *more])
        if meanwhile:
            meanwhile()
        if samples:  # each ends with a sleep
            most = sleeps(pid) + samples + 1
            wait_for(lambda: sleeps(pid) >= most)
        return conditions.conditions_of(self.watch, "t", ASKED)


@pytest.fixture(scope="module")
def rocm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stub.build(tmp_path_factory.mktemp("rocm"))


@pytest.fixture(scope="module")
def answers(rocm: Path) -> tuple[list[str], list[str]]:
    version = "version 26 0 2"
    cpx = (1, "text", "CPX")
    return (
        [version, *stub.encode(rocm, table(METRICS)), *energy(1_000_000)],
        [version, *stub.encode(rocm, table(LATER, amdsmi_get_gpu_compute_partition=cpx)), *energy(3_000_000)],
    )


@pytest.fixture
def bench(
    rocm: Path, answers: tuple[list[str], list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Bench]:
    monkeypatch.delenv("ROCM_HOME", raising=False)
    monkeypatch.setenv("ROCM_PATH", str(rocm))
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))
    made = Bench(tmp_path, *answers)
    monkeypatch.setenv("STUB_AMDSMI", str(made.answers))
    yield made
    if made.watch:
        made.watch.close()


def only(interval: Interval) -> WatchedDevice:
    assert len(interval.devices) == 1, interval.unknowns
    return interval.devices[0]


@needs_binding
def test_residencies_are_shares_of_their_own_clock(bench: Bench) -> None:
    interval = bench.run(samples=2)
    here = only(interval)
    held = {throttle.cause: throttle for throttle in here.throttled}
    assert held["ppt"].share == pytest.approx(0.1)
    assert held["socket-thermal"].share == pytest.approx(0.3)
    assert held["socket-thermal"].seconds == pytest.approx(0.3 * (interval.seconds or 0), abs=1e-4)
    assert held["prochot"].share == 0
    assert held["thermal"].seen >= 1, "by indep_throttle_status"
    assert "limited_ticks.hbm-thermal" in {gap.what for gap in here.unknowns}
    assert interval.state == "disturbed"
    assert {finding.rule for finding in interval.findings} == {
        "throttled-during-test", "power-cap-bound-during-test", "partition-changed-during-test",
        "pcie-replay-during-test",
    }  # fmt: skip


@needs_binding
def test_values_come_in_the_units_of_their_names(bench: Bench) -> None:
    here = only(bench.run())
    assert here.energy_j == pytest.approx(2_000_000 * 15.3e-6)
    assert here.pcie_replays == 3
    assert (here.series["clock_graphics_mhz"].min, here.series["clock_graphics_mhz"].max) == (132, 2100)
    assert here.series["power_draw_w"].begin == 139
    assert here.series["power_limit_w"].begin == 750
    assert here.series["memory_used_bytes"].begin == 284 << 20
    assert here.series["temperature_c"].begin == 41


@needs_binding
def test_a_metrics_call_that_fails_is_unknown(bench: Bench) -> None:
    interval = bench.run("amdsmi_get_gpu_metrics_info status 43")
    assert [gap.what for gap in interval.unknowns] == ["throttling"]
    gaps = {gap.what: gap.why for gap in only(interval).unknowns}
    assert gaps["limited_ticks.ppt"] == "failed"


@needs_binding
@pytest.mark.parametrize(("verb", "told"), [("segv", "SIGSEGV"), ("exit", "status 7")])
def test_a_library_that_dies_costs_the_test(bench: Bench, verb: str, told: str) -> None:
    interval = bench.run(meanwhile=lambda: bench.write([f"amdsmi_get_gpu_metrics_info {verb}"]))
    assert interval.state == "unknown"
    assert told in interval.unknowns[0].detail


@needs_binding
def test_a_binding_of_another_release_is_not_called_and_the_files_are_read(bench: Bench) -> None:
    here = only(bench.run("version 25 3 0"))
    assert here.series["temperature_c"].begin == 41
    assert "energy_mj" not in here.series
    assert here.energy_j is None


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A watch of the same machine without any vendor library."""
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))
    made = Bench(tmp_path, [], [])
    yield made
    if made.watch:
        made.watch.close()


def test_without_amdsmi_the_kernels_files_are_read_and_throttling_is_unknown(files: Bench, tmp_path: Path) -> None:
    device = next((tmp_path / "root/sys/class/drm").iterdir()) / "device"

    def work() -> None:
        (device / "gpu_busy_percent").write_text("97\n")
        (device / "pcie_replay_count").write_text("4\n")
        (device / "pp_dpm_sclk").write_text("0: 132Mhz\n1: 2100Mhz *\n")
        (device / "power_dpm_force_performance_level").write_text("manual\n")

    interval = files.run(meanwhile=work, samples=2, amdsmi=False)
    here = only(interval)
    assert here.label == "GPU 0"
    assert (here.series["clock_graphics_mhz"].begin, here.series["clock_graphics_mhz"].end) == (132, 2100)
    assert here.series["power_draw_w"].begin == 139
    assert here.series["power_limit_w"].begin == 750
    assert here.series["memory_used_bytes"].begin == 297934848
    assert here.series["temperature_c"].begin == 41
    assert here.settings["power_default_w"] == 750
    assert here.pcie_replays == 4
    assert [finding.rule for finding in interval.findings] == ["clocks-locked", "pcie-replay-during-test"]


def test_the_files_carry_no_throttle_counters_so_the_state_is_unknown(files: Bench) -> None:
    interval = files.run(amdsmi=False)
    assert (interval.state, interval.unknowns[0].what) == ("unknown", "throttling")


def test_a_suspended_gpu_is_left_asleep(files: Bench, tmp_path: Path) -> None:
    device = next((tmp_path / "root/sys/class/drm").iterdir()) / "device"
    (device / "power").mkdir()
    (device / "power/runtime_status").write_text("suspended\n")
    interval = files.run(amdsmi=False)
    assert (interval.state, interval.devices) == ("unknown", ())


@pytest.mark.parametrize(
    ("file", "text", "series"),
    [
        ("gpu_busy_percent", "no number", "utilization_percent"),
        ("pp_dpm_sclk", "0: 132Mhz\n", "clock_graphics_mhz"),
        ("power_dpm_force_performance_level", "odd", "clock_locked"),
        ("mem_info_vram_used", "", "memory_used_bytes"),
    ],
)
def test_a_file_that_says_nonsense_is_unknown(files: Bench, tmp_path: Path, file: str, text: str, series: str) -> None:
    (next((tmp_path / "root/sys/class/drm").iterdir()) / "device" / file).write_text(text)
    here = only(files.run(amdsmi=False, samples=2))
    assert series not in here.series
    assert series in {gap.what for gap in here.unknowns}


@pytest.fixture
def counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that grows by a byte with each sample that a recording was sent."""
    file = tmp_path / "samples"

    class Counting(Recorder):
        def take(self, record: dict[str, Any]) -> None:
            super().take(record)
            if record["stream"] == "sample":
                with file.open("a") as kept:
                    kept.write(".")

    monkeypatch.setattr("parity.watching.record.Recorder", Counting)
    return file


@needs_binding
def test_a_recording_has_the_residencies_over_time(bench: Bench, counted: Path) -> None:
    bench.write(bench._after)
    later = bench.answers.rename(bench.answers.with_suffix(".later"))
    bench.write(bench._before)
    recording = record(
        ["sh", "-c", f"{until_grown(counted, 2)}; mv {later} {bench.answers}; {until_grown(counted, 3)}"],
        options={"root": str(bench.root)},
    )
    assert (recording.lost, recording.ended.status if recording.ended else None) == (None, 0)
    told = recording.recorder.strips["amdsmi:0"].timeline().lines
    assert [one for one in told["throttled.ppt"].mean if one is not None] == [0.1]  # between two samples only
    assert [one for one in told["throttled.thermal"].mean if one is not None][-1] == 1
    clock = told["clock_graphics_mhz"].mean
    assert (clock[0], clock[-1]) == (132, 2100)


def test_a_recording_of_the_kernels_files(files: Bench, tmp_path: Path, counted: Path) -> None:
    load_file = next((tmp_path / "root/sys/class/drm").iterdir()) / "device/gpu_busy_percent"
    load_file.write_text("0\n")
    later = tmp_path / "later"
    later.write_text("97\n")
    command = ["sh", "-c", f"{until_grown(counted, 2)}; mv {later} {load_file}; {until_grown(counted, 3)}"]
    recording = record(command, options={"root": str(files.root), "amdsmi": False})
    [strip] = recording.recorder.strips.values()
    told = strip.timeline()
    load = told.lines["utilization_percent"].mean
    assert (load[0], load[-1]) == (0, 97)
    idle = max(at for at, value in zip(told.at, load, strict=True) if value == 0)
    [busy] = recording.recorder.busy.values()
    assert busy == pytest.approx([told.at[-1] - idle, told.at[-1]], abs=1e-4)
