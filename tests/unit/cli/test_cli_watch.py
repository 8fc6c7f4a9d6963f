"""``parity watch`` as users start it, on stub drivers through the real bindings: what it records, and what it leaves alone."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

import parity
from parity.model.watch import WatchReport
from parity.probes.watch_serve import CHECKPOINT_EVERY_S
from parity.reports.html import watch as watch_page
from tests.helpers.events import until_grown, until_there, wait_for
from tests.stubs.build import Machine
from tests.stubs.patience import PATIENT

if TYPE_CHECKING:
    from collections.abc import Callable

H100 = "h100-sxm5-80gb-x8"
pytestmark = pytest.mark.slow
GPM = "*.nvmlGpmQueryDeviceSupport = 1\n*.gpm[1] = 95\n*.gpm[2] = 90\n*.gpm[5] = 30\n*.gpm[10] = 80\n*.gpm[12] = 10\n"
COUNTED = "1.nvmlDeviceGetEnforcedPowerLimit = mark asked 700000\n"  # at each sample: see ``Bench.samples``
ASKED_AT_START = 4
QUIET = COUNTED + "*.field[269] = 0\n*.field[270] = 0\n*.field[271] = 0\n"
PROGRAM = [sys.executable, "-m", "parity.cli.main", "watch"]


class Done(NamedTuple):
    """What one run gave."""

    status: int
    out: str
    err: str
    report: dict[str, Any]

    def lines(self, device: int = 0) -> dict[str, Any]:
        found: dict[str, Any] = self.report["devices"][device]["timeline"]["lines"]
        return found

    def spans(self, name: str) -> list[tuple[float, float]]:
        """Return (seconds since the sample before, value) of each sample that has a value."""
        ends = self.report["devices"][0]["timeline"]["at"]
        pairs = zip([0.0, *ends], ends, self.lines()[name]["mean"], strict=False)
        return [(end - start, value) for start, end, value in pairs if value is not None]

    def mean(self, name: str) -> float:
        """Return the mean of a value over the time it was read."""
        spans = self.spans(name)
        return sum(seconds * value for seconds, value in spans) / sum(seconds for seconds, _ in spans)


class Bench:
    """A recorded machine on which commands are watched."""

    def __init__(self, machine: Machine, folder: Path, visible: str | None) -> None:
        self.machine = machine
        self.folder = folder
        kept = {name: value for name, value in os.environ.items() if name != "CUDA_VISIBLE_DEVICES"}
        shown = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
        path = {"PYTHONPATH": os.pathsep.join((str(PATIENT), str(Path(parity.__file__).parents[1])))}
        self.environment = {**kept, **machine.environment, **shown, **path, "COLUMNS": "100"}

    def switch(self, name: str = "now") -> str:
        """Return a shell command after which the lines ``switch NAME A || B`` answer B."""
        return f"touch {self.machine.file(name)}"

    def until(self, name: str) -> str:
        """Return a shell command that waits for what a stub leaves: a ``mark``, a ``soon``."""
        return until_there(self.machine.file(name))

    def samples(self) -> str:
        """Return a shell command that waits until three more whole samples were taken; COUNTED is among the answers."""
        return until_grown(self.machine.file("asked"), 4)

    def await_samples(self) -> None:
        """Wait until the watcher has started and taken three whole samples."""
        wait_for(lambda: self.machine.count("asked") >= ASKED_AT_START + 4)

    def start(self, *words: str, **options: Any) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*PROGRAM, *words], cwd=self.folder, env=self.environment, text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options,
        )  # fmt: skip

    def finish(self, process: subprocess.Popen[str], given: str = "") -> Done:
        out, err = process.communicate(given, timeout=240)
        file = self.folder / "watch.json"
        report = json.loads(file.read_text()) if file.exists() else {}
        return Done(process.returncode, out, err, report)

    def run(self, *words: str, given: str = "") -> Done:
        """Run with a JSON report."""
        return self.finish(self.start("-o", "watch.json", *words), given)

    def shell(self, script: str, *words: str) -> Done:
        return self.run(*words, "--", "sh", "-c", script)


@pytest.fixture
def bench(stub_libraries: Path, folder: Path) -> Callable[..., Bench]:
    """Make a machine: ``bench(changed lines)``."""

    def make(change: str = "", *, visible: str | None = "1", drop: tuple[str, ...] = ()) -> Bench:
        return Bench(Machine(folder / "machine", stub_libraries, H100, change=change, drop=drop), folder, visible)

    return make


@pytest.fixture
def nothing(folder: Path) -> Bench:
    """Return a machine without GPU."""
    return Bench(Machine(folder / "machine", None), folder, None)


def test_busy_and_idle_phases_are_seen_apart(bench: Callable[..., Bench]) -> None:
    phases = "\n".join(f"*.gpm[{number}] = switch now 0 || {value}" for number, value in ((2, 96), (5, 20), (10, 84)))
    one = bench(QUIET + GPM + phases)
    done = one.shell(f"{one.samples()}; {one.switch()}; {one.samples()}; exit 7", "--target", "b200")
    assert done.status == 7
    [device] = done.report["devices"]
    dram = [value for value in done.lines()["dram_active"]["mean"] if value is not None]
    assert (dram[0], dram[-1]) == (0, 0.84)
    active = done.spans("sm_activity")
    busy = sum(seconds for seconds, value in active if value) / done.report["devices"][0]["timeline"]["at"][-1]
    assert 0 < device["busy_share"] < 1
    assert device["busy_share"] == pytest.approx(busy, abs=1e-4)
    assert device["use"]["dram_active"]["busy"] == pytest.approx(0.84)
    assert device["use"]["dram_active"]["mean"] == pytest.approx(done.mean("dram_active"), abs=1e-4)
    bound = device["bound"]
    assert (bound["here"], bound["roof_here"]["name"]) == ("dram", "h100-sxm5-80gb")
    assert bound["roof_target"]["name"] == done.report["target"]
    assert done.report["interval"]["state"] == "clean"
    assert done.report["overhead"]["watcher_cpu_s"] > 0


def test_hardware_counters_over_time_are_of_each_step_and_those_of_the_interval_of_all(
    bench: Callable[..., Bench],
) -> None:
    """The stub answers the seconds between the two samples that the driver was given."""
    one = bench(QUIET + "*.nvmlGpmQueryDeviceSupport = 1\n*.gpm[10] = span")
    start = time.monotonic()
    done = one.shell(f"{one.samples()}; {one.samples()}", "--every", "0.2")
    took = time.monotonic() - start
    steps = [value for value in done.lines()["dram_active"]["mean"] if value is not None]
    assert len(steps) >= 6
    assert all(value >= 0.1 for value in steps)
    [device] = done.report["interval"]["devices"]
    whole = device["metrics"]["dram_active"]
    assert max(steps) < sum(steps) <= whole + 1e-5 <= took


def test_samples_closer_than_the_driver_bears_leave_its_counters_at_100_ms(bench: Callable[..., Bench]) -> None:
    soon = "1.nvmlDeviceGetPowerUsage = switch now 69342 || soon quickly 60 69342\n"
    one = bench(QUIET + soon + "*.nvmlGpmQueryDeviceSupport = 1\n*.gpm[10] = span")
    done = one.shell(f"{one.switch()}; {one.until('quickly')}; {one.samples()}", "--every", "0.02")
    lines = done.lines()
    steps = [value for value in lines["dram_active"]["mean"] if value is not None]
    assert min(steps) >= 0.1
    assert len([value for value in lines["clock_sm_mhz"]["mean"] if value is not None]) > len(steps)


def test_the_report_is_in_its_schema_and_becomes_a_page(bench: Callable[..., Bench]) -> None:
    import jsonschema
    import msgspec

    schema = json.loads((Path(parity.__file__).parent / "schemas" / "watch-1.json").read_text())
    one = bench(QUIET + GPM)
    done = one.shell(one.samples())
    jsonschema.validate(done.report, schema)
    assert "DRAM: 80 to 80 %" in watch_page.render(msgspec.convert(done.report, WatchReport))


def test_throttling_is_timed_with_its_cause(bench: Callable[..., Bench]) -> None:
    one = bench(QUIET + GPM + "*.field[270] = switch now 5000 || 1000005000")  # it moves by a second
    done = one.shell(f"sleep 1.5; {one.samples()}; {one.switch()}; {one.samples()}")
    assert done.report["interval"]["state"] == "disturbed"
    held = {one["cause"]: one["share"] for one in done.report["interval"]["devices"][0]["throttled"]}
    assert held["hw-thermal"] == pytest.approx(1 / done.report["interval"]["seconds"], abs=1e-5)
    over_time = done.spans("throttled.hw-thermal")
    [(seconds, share)] = [span for span in over_time if span[1]]
    assert share == pytest.approx(min(1.0, 1 / seconds), abs=1e-4)
    assert done.report["interval"]["findings"][0]["rule"] == "throttled-during-test"
    assert done.status == 0  # findings are for the reader


@pytest.mark.parametrize(("death", "told"), [("hang", "gave no answer"), ("segv", "killed by SIGSEGV")])
def test_a_driver_that_dies_in_the_middle_costs_the_rest_of_the_watch_only(
    bench: Callable[..., Bench], death: str, told: str
) -> None:
    one = bench(QUIET + GPM + f"*.nvmlDeviceGetPowerUsage = switch now 69342 || mark dying {death}")
    done = one.shell(f"{one.samples()}; {one.switch()}; {one.until('dying')}; echo done; exit 5")
    assert (done.status, done.out) == (5, "done\n")
    assert told in done.report["lost"]
    assert 0.3 < done.report["watched_until_s"] == done.report["devices"][0]["timeline"]["at"][-1]
    assert len(done.lines()["dram_active"]["mean"]) >= 3
    assert done.report["interval"]["state"] == "unknown"
    assert done.report["interval"]["devices"]


def test_what_was_seen_before_a_watcher_died_still_counts(bench: Callable[..., Bench]) -> None:
    hot = "*.field[270] = switch hot 5000 || 10000005000\n"
    one = bench(COUNTED + GPM + hot + "*.nvmlDeviceGetPowerUsage = switch now 69342 || mark dying abort")
    told = f"{one.samples()}; sleep {CHECKPOINT_EVERY_S + 0.2}; {one.samples()}"  # a second later once more
    done = one.shell(f"{one.switch('hot')}; {told}; {one.switch()}; {one.until('dying')}")
    assert done.report["interval"]["state"] == "disturbed"


def test_a_gpu_that_falls_off_the_bus_is_told(bench: Callable[..., Bench]) -> None:
    calls = ("ClockInfo[1]", "UtilizationRates", "MemoryInfo_v2", "PowerUsage", "PerformanceState")
    one = bench(QUIET + GPM + "\n".join(f"*.nvmlDeviceGet{call} = switch now 5 || error 15" for call in calls))
    done = one.shell(f"{one.samples()}; {one.switch()}; {one.samples()}; exit 1")
    assert done.status == 1
    assert done.report["interval"]["devices"][0]["lost"]
    assert "device-lost-during-test" in [one["rule"] for one in done.report["interval"]["findings"]]


@pytest.mark.parametrize(("name", "status"), [("KILL", 137), ("SEGV", 139), ("TERM", 143)])
def test_a_signal_that_ends_the_command_is_128_and_its_number(
    bench: Callable[..., Bench], name: str, status: int
) -> None:
    done = bench(QUIET).shell(f"ulimit -c 0; kill -{name} $$")
    assert (done.status, done.report["signal"], done.report["exit_status"]) == (status, f"SIG{name}", status)


COUNTS = (
    "import signal, sys, time\n"
    "seen = []\n"
    "for name in ('SIGINT', 'SIGTERM'): signal.signal(getattr(signal, name), lambda number, _: seen.append(number))\n"
    "print('ready', flush=True)\n"
    "while not seen: time.sleep(0.01)\n"
    "time.sleep(0.3); print(seen, flush=True); sys.exit(40 + len(seen))\n"
)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_us_reaches_the_command_once_and_we_still_report(
    bench: Callable[..., Bench], number: signal.Signals
) -> None:
    one = bench(QUIET + GPM)
    process = one.start("-o", "watch.json", "--", sys.executable, "-c", COUNTS, start_new_session=True)
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    one.await_samples()
    process.send_signal(number)
    done = one.finish(process)
    assert (done.status, done.out) == (41, f"[{int(number)}]\n")
    assert done.lines()["dram_active"]["mean"]
    assert done.report["lost"] == ""


# The child of the fork runs another program at once.
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_ctrl_c_at_a_terminal_reaches_the_command_once_and_we_still_report(bench: Callable[..., Bench]) -> None:
    one = bench(QUIET + GPM)
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(one.folder)
        os.execve(sys.executable, [*PROGRAM, "-o", "watch.json", "--", sys.executable, "-c", COUNTS], one.environment)
    seen = b""
    while b"ready" not in seen:
        seen += os.read(terminal, 4096)
    one.await_samples()
    os.write(terminal, b"\x03")
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 41  # one signal, not two
    report = json.loads((one.folder / "watch.json").read_text())
    assert (report["exit_status"], report["lost"]) == (41, "")


def test_a_command_that_takes_no_time_is_watched_at_both_ends(bench: Callable[..., Bench]) -> None:
    done = bench(QUIET + GPM).run("--every", "600", "--", "true")
    assert done.status == 0
    assert done.report["interval"]["devices"][0]["series"]["clock_sm_mhz"]["samples"] == 2
    assert done.report["devices"][0]["bound"]["here"] == "unknown"


def test_eight_devices_have_a_timeline_each(bench: Callable[..., Bench]) -> None:
    one = bench(QUIET + GPM + "5.gpm[10] = 7", visible=None)
    done = one.shell(one.samples())
    assert len(done.report["devices"]) == 8
    means = [device["use"]["dram_active"]["mean"] for device in done.report["devices"]]
    assert means == [0.8] * 5 + [0.07] + [0.8] * 2
    assert done.report["interval"]["devices"][3]["processes"][0]["pid"] == 4242


def test_streams_and_descriptors_are_the_commands_own(bench: Callable[..., Bench]) -> None:
    one = bench(QUIET)
    done = one.run("--", "sh", "-c", "cat; echo err >&2; exit 3", given="a\0b\n")
    assert (done.status, done.out) == (3, "a\0b\n")
    assert done.err.startswith("err\n")
    told = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m parity.cli.main watch -- sh -c 'cat <&9' 9<<<nine"],
        cwd=one.folder, env=one.environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert told.stdout == "nine\n"


def test_words_of_the_command_are_left_alone(bench: Callable[..., Bench]) -> None:
    words = ("--seconds", "x y", "--", "-o", "", "--help")
    done = bench(QUIET).run("--", sys.executable, "-c", "import sys; print(sys.argv[1:])", *words)
    assert done.out == f"{list(words)}\n"


def test_without_a_gpu_the_command_runs_and_that_is_said(nothing: Bench) -> None:
    done = nothing.finish(nothing.start("--", "sh", "-c", "echo ran; exit 4"))
    assert (done.status, done.out) == (4, "ran\n")
    assert "nothing could be watched: no GPU to watch" in done.err


def test_where_it_is_required_to_watch_nothing_is_started_without_a_gpu(nothing: Bench) -> None:
    done = nothing.run("--require-watch", "--", "echo", "ran")
    assert (done.status, done.out) == (3, "")
    assert done.err.startswith("parity: --require-watch: nothing can be watched: no GPU to watch")


def test_a_lost_watch_fails_where_it_is_required(bench: Callable[..., Bench]) -> None:
    one = bench(QUIET + "*.nvmlDeviceGetPowerUsage = switch now 69342 || mark dying abort")
    script = f"{one.samples()}; {one.switch()}; {one.until('dying')}; exit "
    assert one.shell(f"{script} 0", "--require-watch").status == 3
    for name in ("now", "dying"):
        one.machine.file(name).unlink()
    assert one.shell(f"{script} 9", "--require-watch").status == 9  # the command's own failure comes first


def test_only_watching_is_0_and_3_where_there_is_nothing(bench: Callable[..., Bench], nothing: Bench) -> None:
    done = bench(QUIET + GPM + "*.nvmlDeviceGetComputeRunningProcesses = 4242:99").run("--seconds", "0.6")
    assert done.status == 0
    assert done.report["seconds"] >= 0.6
    assert (done.report["command"], done.report["exit_status"]) == ([], None)
    assert [one["rule"] for one in done.report["interval"]["findings"]] == []
    assert nothing.run("--seconds", "0.3").status == 3


def test_ctrl_c_ends_watching_alone_with_its_report(bench: Callable[..., Bench]) -> None:
    one = bench(QUIET + GPM)
    process = one.start("-o", "watch.json", "--seconds", "600", start_new_session=True)
    one.await_samples()
    process.send_signal(signal.SIGINT)
    done = one.finish(process)
    assert done.status == 130
    assert 0 < done.report["watched_until_s"] < 600


def test_the_time_to_watch_may_end_before_the_command(bench: Callable[..., Bench]) -> None:
    ends = "1.nvmlDeviceGetClockInfo[1] = switch runs 345 || mark ended 345"  # no sample: the end asks it
    one = bench(QUIET + GPM + ends)
    script = f"{one.switch('runs')}; {one.until('ended')}; echo later; exit 6"
    done = one.shell(script, "--seconds", "0.5", "--every", "600")
    assert (done.status, done.out) == (6, "later\n")
    assert 0.5 <= done.report["interval"]["seconds"] < done.report["seconds"]


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (("--", "no-such-program-here"), 127, "parity watch: no-such-program-here: command not found"),
        (("--", ""), 127, "command not found"),
        (("--", "/"), 126, "parity watch: /: Permission denied"),
        (("--",), 2, "parity: nothing to watch"),
        ((), 2, "parity: nothing to watch"),
        (("--seconds", "0", "--", "true"), 2, "--seconds: 0 is no time to watch"),
        (("--every", "nan", "--", "true"), 2, "--every: nan s is no distance of samples"),
        (("--target", "h10O", "--", "echo", "ran"), 2, "h10O"),
        (("-o", "missing/x.html", "--", "echo", "ran"), 2, "missing/x.html: the report cannot be written there"),
    ],
)
def test_what_cannot_work_is_said_before_anything_is_started(
    nothing: Bench, words: tuple[str, ...], status: int, told: str
) -> None:
    done = nothing.finish(nothing.start(*words))
    assert (done.status, done.out) == (status, "")
    assert told in done.err


def test_a_report_that_cannot_be_written_at_the_end_is_told_as_text(bench: Callable[..., Bench]) -> None:
    one = bench(QUIET + GPM)
    (one.folder / "gone").mkdir()
    done = one.finish(
        one.start("-o", "gone/x.json", "--", "sh", "-c", f"rm -r gone; touch gone; {one.samples()}; exit 8")
    )
    assert done.status == 8
    assert "gone/x.json: cannot be written" in done.err
    assert "GPU 1 (NVIDIA H100 80GB HBM3): busy 100 % of the time" in done.err


def test_the_text_says_which_unit_was_busy_and_what_bound_it(bench: Callable[..., Bench]) -> None:
    one = bench(QUIET + GPM)
    done = one.finish(one.start("--target", "h200", "--", "sh", "-c", one.samples()))
    told = {
        line.split("  ")[1]: line.split() for line in done.err.splitlines() if line.startswith("  ") and line[2] != " "
    }
    assert told["DRAM"][1:] == ["80", "%", "80", "%", "80", "%"]
    assert "bound by       DRAM bandwidth: DRAM 80 % and tensor cores 30 % active while busy" in done.err
    assert "target         h200-sxm-141gb: ridge " in done.err
    assert "cost: watcher " in done.err


def test_without_hardware_counters_the_report_claims_no_unit(bench: Callable[..., Bench]) -> None:
    one = bench(QUIET + "*.nvmlDeviceGetUtilizationRates = 99 50")
    done = one.finish(one.start("--", "sh", "-c", one.samples()))
    assert "a kernel ran" in done.err
    assert "tensor cores" not in done.err
    assert "bound by       no hardware counters (dram_active, tensor_active) were read" in done.err
