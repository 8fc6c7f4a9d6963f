"""Measuring a recorded machine end to end: who is refused, what is noted, and what the command line makes of it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import msgspec
import pytest

from parity import measuring, session
from parity.catalog import store
from parity.catalog.as_fingerprint import as_fingerprint
from parity.cli.main import main
from parity.config.project import Project
from parity.errors import UsageError
from parity.measuring import Wish, measured
from parity.model.absent import NOT_ASKED, Reading
from parity.model.device import Process
from parity.model.fingerprint import SELECTING, Fingerprint, Note
from parity.model.measurement import Measurement, Unmeasured

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from tests.stubs.build import SOURCES, Machine

replace = msgspec.structs.replace
WISH = Wish(names=("dram_copy", "matmul_bf16"), budget_s=0.6)


@pytest.fixture
def machine(stub_libraries: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A recorded RTX 4090 whose torch and drivers are stubs; ``machine(change="...", gbps=700)``."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(session, "fingerprint_of", _captured_at(tmp_path, session.fingerprint_of))

    def put(change: str = "", **torch: Any) -> Machine:
        idle = "0.nvmlDeviceGetUtilizationRates = 0 0"
        made = Machine(tmp_path / "machine", stub_libraries, "rtx-4090", change=f"{idle}\n{change}")
        settings = {"devices": 1, "gbps": 920.0, "tflops": 150.0, "capability": [8, 9], "buses": [1], **torch}
        for name, value in {**made.environment, "FAKE_TORCH": json.dumps(settings)}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("PYTHONPATH", str(SOURCES.parent / "fake_torch"))
        return made

    return put


def _captured_at(folder: Path, read: Any) -> Any:
    """Return a reader of this machine that looks at the recorded files instead of the real ones."""
    from parity.probes.capture import capture

    def fingerprint_of(path: str | None) -> Fingerprint:
        return read(path) if path else capture(environment_names=(), version="0", root=str(folder / "machine" / "root"))

    return fingerprint_of


def test_the_fingerprint_carries_what_was_measured_and_nothing_else_of_it_changes(machine: Any) -> None:
    machine()
    before = session.fingerprint_of(None)
    after, report = measured(before, WISH, Project())
    assert [(one.name, round(one.value)) for one in after.measured] == [("dram_copy", 920), ("matmul_bf16", 150)]
    assert after.measured == report.measured
    assert replace(after, measured=()) == before
    assert report.devices[0].part == "rtx-4090"
    assert round(report.devices[0].peaks["memory_bandwidth_gbps"]) == 1008


def test_the_counters_speak(machine: Any) -> None:
    machine()
    after, _ = measured(session.fingerprint_of(None), WISH, Project())
    assert {one.conditions for one in after.measured} == {"clean"}
    throttled = "0.nvmlDeviceGetCurrentClocksEventReasons = 64"  # hardware thermal slowdown
    machine(throttled)
    after, _ = measured(session.fingerprint_of(None), WISH, Project())
    assert {one.conditions for one in after.measured} == {"disturbed"}


def _busy(**conditions: Any) -> Fingerprint:
    plain = as_fingerprint(store.device_spec("h100"), count=2)
    readings = {name: Reading(value=value, source="nvml") for name, value in conditions.items()}
    first = plain.devices[0]
    return replace(plain, devices=(replace(first, conditions=replace(first.conditions, **readings)), plain.devices[1]))


@pytest.mark.parametrize(
    ("conditions", "said"),
    [
        (
            {"processes": (Process(pid=1, kind="compute", name="/usr/bin/train"),)},
            "1 other compute process on the device",
        ),
        ({"memory_used_bytes": 8 << 30}, "8 GiB of memory is in use by others"),
        ({"memory_used_bytes": 0, "utilization_gpu_percent": 40}, "the device is 40 % busy already"),
    ],
)
def test_a_busy_device_is_refused_and_only_that_one(
    conditions: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[int]] = []

    def measure(names: Any, places: Any, *_: Any, **__: Any) -> Any:
        asked.append([place.position for place in places])
        return measuring.Outcome()

    monkeypatch.setattr(measuring, "measure", measure)
    after, report = measured(_busy(**conditions), WISH, Project())
    (one,) = report.unmeasured
    assert (one.name, one.device, one.why) == ("all", 0, "not_asked")
    assert one.detail.startswith(f"the device is in use: {said}")
    assert [note.source for note in after.notes] == ["measure"]
    measured(_busy(**conditions), replace(WISH, busy=True), Project())
    assert asked == [[1], [0, 1]]


@pytest.mark.parametrize(("devices", "measured_on"), [((), [0, 1]), ((0,), [0]), ((1,), [1]), ((1, 0), [0, 1])])
def test_the_devices_that_were_asked_for_are_measured_and_no_other(
    devices: tuple[int, ...], measured_on: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "_Counters", lambda *_: SimpleNamespace(close=lambda: None))
    asked: list[list[int]] = []

    def measure(names: Any, places: Any, *_: Any, **__: Any) -> Any:
        assert names == WISH.names
        asked.append([place.position for place in places])
        return measuring.Outcome()

    monkeypatch.setattr(measuring, "measure", measure)
    _, report = measured(_busy(), replace(WISH, devices=devices), Project())
    assert asked == [measured_on]
    assert [one.position for one in report.devices] == measured_on


def test_what_a_device_cannot_do_is_noted_where_it_did_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "_Counters", lambda *_: SimpleNamespace(close=lambda: None))
    outcome = measuring.Outcome(
        measured=[Measurement(name="dram_copy", device=0, value=2900.0, unit="GB/s", kernel="copy")],
        unmeasured=[
            Unmeasured(name="matmul_fp4", device=0, why="not_supported", detail="no units"),
            Unmeasured(name="matmul_fp8", device=0, why="failed", detail="out of memory"),
            Unmeasured(name="matmul_fp4", device=1, why="not_supported", detail="no units"),
        ],
    )
    monkeypatch.setattr(measuring, "measure", lambda *_, **__: outcome)
    after, _ = measured(_busy(), WISH, Project())
    assert [(note.text.partition(":")[0][:5], note.text.rpartition("measured: ")[2]) for note in after.notes] == [
        ("GPU 0", "matmul_fp8: out of memory"), ("GPU 1", "matmul_fp4: no units"),
    ]  # fmt: skip


class Watch:
    """A watcher that remembers what it was asked to look at."""

    began: ClassVar[list[dict[str, str]]] = []

    def start(self) -> None:
        """Attach to nothing."""

    def begin(self, pid: int, visible: dict[str, str]) -> None:
        assert pid == os.getpid()
        self.began.append(visible)

    def close(self) -> None:
        """Let go of nothing."""


@pytest.mark.parametrize(
    ("vendor", "uuids", "buses", "visible", "spoken_of"),
    [
        ("nvidia", ["GPU-a", "GPU-b"], ["bus-a", "bus-b"], {"CUDA_VISIBLE_DEVICES": "GPU-a,GPU-b"}, {"bus-a", "bus-b"}),
        ("nvidia", ["GPU-a", None], ["bus-a", "bus-b"], {"CUDA_VISIBLE_DEVICES": "5"}, {"bus-a", "bus-b"}),
        ("nvidia", ["GPU-a", "GPU-b"], ["bus-a", None], {"CUDA_VISIBLE_DEVICES": "GPU-a,GPU-b"}, set()),
        ("amd", ["a", "b"], ["bus-a", "bus-b"], {"CUDA_VISIBLE_DEVICES": "5"}, {"bus-a", "bus-b"}),
        (None, ["a", "b"], [None, None], {"CUDA_VISIBLE_DEVICES": "5"}, set()),
    ],
)
def test_the_counters_of_the_devices_that_are_measured_are_read(
    vendor: str | None,
    uuids: list[str | None],
    buses: list[str | None],
    visible: dict[str, str],
    spoken_of: set[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Only NVIDIA's variables take ids; of a device without a bus id all that was watched is spoken of."""

    def told(value: str | None) -> Any:
        return NOT_ASKED if value is None else Reading(value=value, source="test")

    first, second = _busy().devices
    devices = tuple(
        replace(
            one,
            locator=replace(one.locator, uuid=told(uuid), pci_bus_id=told(bus)),
            identity=replace(one.identity, vendor=told(vendor)),
        )
        for one, uuid, bus in zip((first, second), uuids, buses, strict=True)
    )
    for name in SELECTING:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5")
    monkeypatch.setattr("parity.probes.watch.Watch", Watch)
    Watch.began.clear()
    asked: list[Any] = []

    def conditions_of(_: Any, name: str, __: Any, *, buses: Any) -> Any:
        asked.append((name, set(buses)))
        return SimpleNamespace(state="clean")

    monkeypatch.setattr(measuring.conditions, "conditions_of", conditions_of)
    counters = measuring._Counters(replace(_busy(), devices=devices), Project())
    counters.begin([0, 1])
    assert counters.end("dram_copy") == "clean"
    counters.close()
    assert Watch.began == [visible]
    assert asked == [("dram_copy", spoken_of)]


def test_a_device_that_is_not_there_is_misuse() -> None:
    with pytest.raises(UsageError) as caught:
        measured(_busy(), replace(WISH, devices=(2,)), Project())
    assert str(caught.value) == "--device: no visible GPU 2\n  mend: use one of these: 0, 1"


def test_the_command_tells_beside_the_peak(machine: Any, capsys: pytest.CaptureFixture[str]) -> None:
    machine()
    status = main(["measure", "--only", "dram_copy,matmul_fp8", "--budget", "400ms"])
    told = capsys.readouterr()
    assert status == 0
    lines = told.out.splitlines()
    assert lines[0] == "GPU 0 (NVIDIA GeForce RTX 4090), rtx-4090"
    assert lines[2].split() == [
        "dram_copy", "920", "GB/s", "0.0", "%", "91", "%", "of", "1008", "clean", "torch.neg", "float32,", "torch", "2.9.0+cu128",
    ]  # fmt: skip
    assert lines[-1] == "2 measurements"
    assert told.err == "", "said once"


def test_json_is_the_schema_s(machine: Any, capsys: pytest.CaptureFixture[str]) -> None:
    machine()
    assert main(["measure", "--only", "dram", "--budget", "400ms", "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["schema"] == "parity.measure/1"
    assert [one["name"] for one in told["measured"]] == ["dram_copy", "dram_read", "dram_write"]


def test_markdown_has_a_table(machine: Any, capsys: pytest.CaptureFixture[str]) -> None:
    machine(fail={"sum": "oom"})
    assert main(["measure", "--only", "dram", "--budget", "400ms", "--format", "markdown"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("## parity measure: 2 measurements, 1 not made\n")
    assert "| dram_copy |" in told
    assert "dram_read: out of memory" in told


def test_nothing_measured_is_no_pass(machine: Any, capsys: pytest.CaptureFixture[str]) -> None:
    machine(cuda=None)
    (Path("machine") / "answers.txt").write_text(
        (Path("machine") / "answers.txt").read_text() + "cuda.cuInit = error 999\n"
    )
    assert main(["measure", "--only", "dram", "--budget", "400ms"]) == 3
    assert "nothing to measure: torch 2.9.0+cu128 is built without GPU support" in capsys.readouterr().out


WITHOUT = "NVML cannot be used: libnvidia-ml.so.1: cannot open shared object file: No such file or directory"


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_without_a_gpu_the_reason_and_the_next_step_are_told_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    found = Fingerprint(notes=(Note(source="nvml:init", text=WITHOUT), Note(source="pci:devices", text="no AMD GPU")))
    monkeypatch.setattr(session, "fingerprint_of", lambda _: found)
    assert main(["measure", "--format", form]) == 3
    told = capsys.readouterr()
    lines = [line.strip("#* ").removeprefix("parity measure: ") for line in told.out.splitlines() if line]
    assert lines == [
        "nothing to measure: no visible GPU",
        "why: NVML cannot be used: libnvidia-ml.so.1 not found; no AMD GPU",
        "next: run where a GPU is visible (in a container: `--gpus all`, or /dev/kfd and /dev/dri)",
    ]
    assert told.err == ""


def test_a_report_for_programs_leaves_the_summary_to_standard_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(session, "fingerprint_of", lambda _: Fingerprint(notes=(Note(source="a", text=WITHOUT),)))
    assert main(["measure", "--format", "json"]) == 3
    told = capsys.readouterr()
    assert told.err == "parity: nothing to measure: no visible GPU\n"
    (gap,) = json.loads(told.out)["unmeasured"]
    assert gap == {"name": "all", "why": "not_asked", "detail": WITHOUT}


def test_hidden_gpus_are_named_with_what_hides_them() -> None:
    fingerprint = _busy()
    hidden = tuple(replace(device, locator=replace(device.locator, visible=False)) for device in fingerprint.devices)
    after, report = measured(
        replace(fingerprint, devices=hidden, environment={"CUDA_VISIBLE_DEVICES": "-1"}), WISH, Project()
    )
    assert [one.detail for one in report.unmeasured] == ["2 GPUs here, none visible: CUDA_VISIBLE_DEVICES=-1"]
    assert after.notes == ()


def test_capture_keeps_what_was_measured(machine: Any) -> None:
    machine()
    assert main(["capture", "--measure", "--only", "dram", "--budget", "400ms", "-o", "here.json"]) == 0
    told = json.loads(Path("here.json").read_text())
    assert [one["name"] for one in told["measured"]] == ["dram_copy", "dram_read", "dram_write"]
    assert told["redacted"]


def test_doctor_judges_what_it_measured(machine: Any, capsys: pytest.CaptureFixture[str]) -> None:
    machine(gbps=400.0)
    words = [
        "doctor",
        "--target",
        "rtx-4090",
        "--measure",
        "--only",
        "dram_copy",
        "--budget",
        "400ms",
        "--format",
        "json",
    ]
    main(words)
    told = json.loads(capsys.readouterr().out)
    (finding,) = [one for one in told["findings"] if one["rule"] == "measured-bandwidth-below-peak"]
    assert finding["message"] == (
        "dram_copy delivers 40 % of its own peak (400 of 1008 GB/s, torch.neg float32, torch 2.9.0+cu128); "
        "60 % is the least expected of any part"
    )
    assert told["transfers"]["timings_single_gpu"] == "no"
    assert told["level"] == "identical"
    machine(gbps=920.0)
    main(words)
    told = json.loads(capsys.readouterr().out)
    assert not [one for one in told["findings"] if one["rule"].startswith("measured-")]


def test_doctor_lists_what_could_not_be_measured(machine: Any, capsys: pytest.CaptureFixture[str]) -> None:
    machine(fail={"neg": "oom"})
    main(
        ["doctor", "--target", "rtx-4090", "--measure", "--only", "dram_copy", "--budget", "400ms", "--format", "json"]
    )
    told = json.loads(capsys.readouterr().out)
    (one,) = [one for one in told["unknowns"] if one["rule"] == "measured-bandwidth-below-peak"]
    assert "dram_copy: out of memory" in one["detail"]


def _saved(measured: tuple[Measurement, ...]) -> str:
    fingerprint = replace(as_fingerprint(store.device_spec("h100")), measured=measured)
    Path("saved.json").write_bytes(session.as_json(fingerprint))
    return "saved.json"


def test_a_file_without_measurements_cannot_be_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["doctor", "--target", "h100", "--measure", "--fingerprint", _saved(())]
    assert main(words) == 2
    assert capsys.readouterr().err.splitlines()[0] == (
        "parity: --measure --fingerprint saved.json: the saved fingerprint carries no measurements, and a file cannot be "
        "measured"
    )
    _saved((Measurement(name="dram_copy", device=0, value=1500.0, unit="GB/s", kernel="cuMemcpyDtoDAsync"),))
    main([*words, "--format", "json"])
    told = json.loads(capsys.readouterr().out)
    (finding,) = [one for one in told["findings"] if one["rule"] == "measured-bandwidth-below-peak"]
    assert "delivers 45 % of its own peak" in finding["message"]
    assert finding["message"].endswith("; healthy parts reach 77 %")


def test_options_of_measuring_alone_are_misuse(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["capture", "--budget", "3s"]) == 2
    assert capsys.readouterr().err == "parity: --budget: nothing is measured\n  mend: add --measure\n"


def test_an_interruption_reports_what_there_is_and_is_no_pass(
    machine: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    machine()
    real = measuring.measure

    def stopped(*words: Any, **named: Any) -> Any:
        def told(done: int, _: int, __: Any) -> None:
            if done == 1:
                raise KeyboardInterrupt

        return real(*words, **{**named, "told": told})

    monkeypatch.setattr(measuring, "measure", stopped)
    assert main(["measure", "--only", "dram", "--budget", "400ms", "--format", "json"]) == 2
    told = json.loads(capsys.readouterr().out)
    assert told["interrupted"]
    assert [one["name"] for one in told["measured"]] == ["dram_copy"]
    assert main(["capture", "--measure", "--only", "dram", "--budget", "400ms", "-o", "cut.json"]) == 2
    assert [one["name"] for one in json.loads(Path("cut.json").read_text())["measured"]] == ["dram_copy"]
