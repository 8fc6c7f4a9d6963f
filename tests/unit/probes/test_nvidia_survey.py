"""The NVIDIA survey in its real child process, with the real binding, on stub driver libraries that fail as drivers do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from parity.model.absent import Absent, Reading, value_of
from parity.probes.nvml_decode import nvidia_components, nvidia_device_count, nvidia_devices, nvidia_links, nvidia_notes
from parity.probes.supervise import Survey, run_survey
from tests.stubs.build import Machine

Surveyed = Callable[..., Survey]
QUICK = {"call_deadline_s": 0.5, "first_call_deadline_s": 3.0}


def test_every_recording_comes_out_complete(recorded: dict[str, Survey]) -> None:
    for name, survey in recorded.items():
        assert survey.complete, name
        assert survey.problems == [], name
        assert nvidia_devices(survey), name


def test_survey_asks_at_least_sixty_attributes_of_each_device(recorded: dict[str, Survey]) -> None:
    survey = recorded["h100-sxm5-80gb-x8"]
    for index in range(8):
        keys = [key for key in (*survey.values, *survey.reasons) if key.startswith(f"nvml:{index}:")]
        functions = {key.split(":")[2].partition("[")[0] for key in keys}
        answered = {key for key in survey.values if key.startswith(f"nvml:{index}:") and "NvLink" not in key}
        assert len(functions) >= 70
        assert len(answered) >= 100


def test_answers_stay_raw(recorded: dict[str, Survey]) -> None:
    values = recorded["h100-sxm5-80gb-x8"].values
    assert values["nvml:0:nvmlDeviceGetPowerUsage"] == 69342
    assert values["nvml:0:nvmlDeviceGetMemoryInfo_v2"]["total"] == 85520809984
    assert values["nvml:0:nvmlDeviceGetFieldValues[194]"] == -2
    assert values["cuda:0:MEMORY_CLOCK_RATE"] == 2619000
    assert values["pci:00000000:1b:00.0:max_link_speed"] == "32.0 GT/s PCIe"


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        ("double", "1.5", 1.5),
        ("uint", "7", 7),
        ("ulong", "8", 8),
        ("ullong", "9", 9),
        ("sllong", "-10", -10),
        ("int", "-11", -11),
        ("ushort", "12", 12),
    ],
)
def test_field_value_is_read_by_its_type(surveyed: Surveyed, kind: str, raw: str, value: float) -> None:
    survey = surveyed("rtx-4090", f"0.field[186] = {kind} {raw}")
    assert survey.values["nvml:0:nvmlDeviceGetFieldValues[186]"] == value


def test_field_of_unknown_type_is_absent(surveyed: Surveyed) -> None:
    survey = surveyed("rtx-4090", "0.field[186] = type 42 1\n0.field[190] = error 4")
    assert survey.reasons["nvml:0:nvmlDeviceGetFieldValues[186]"] == ("failed", "unknown value type 42")
    assert survey.reasons["nvml:0:nvmlDeviceGetFieldValues[190]"] == ("no_permission", "NVML error 4")


CODES = {
    1: "failed",
    2: "failed",
    3: "not_supported",
    4: "no_permission",
    6: "not_supported",
    9: "library_missing",
    10: "timed_out",
    13: "not_supported",
    14: "failed",
    15: "lost",
    16: "lost",
    17: "no_permission",
    25: "not_supported",
    999: "failed",
}


@pytest.mark.parametrize("code", CODES)
def test_every_call_failing_with_one_code_is_told_with_that_reason(surveyed: Surveyed, code: int) -> None:
    """One run per code: each device call of the recording answers that code but the handle."""
    recording = Path(__file__).parents[2] / "stubs/nvml/recordings/rtx-4090.txt"
    calls = [line.partition(" = ")[0] for line in recording.read_text().splitlines() if line.startswith("0.nvml")]
    survey = surveyed("rtx-4090", "\n".join(f"{call} = error {code}" for call in calls))
    assert survey.complete
    for call in calls:
        key = f"nvml:0:{call.removeprefix('0.')}"
        why, detail = survey.reasons[key]
        assert why == CODES[code], key
        assert detail.startswith((f"NVML error {code}: ", "NVMLLibraryMismatchError: ")), key
    (device,) = nvidia_devices(survey)
    for absent in (device.identity.name, device.identity.memory_bytes, device.conditions.power_draw_w):
        assert isinstance(absent, Absent)
        assert absent.why == CODES[code]
    assert isinstance(device.identity.partition, Absent)


@pytest.mark.parametrize(
    ("answers", "load"),
    [
        ("after 3 100 90 || 2 1", 2),  # memory scrubbed while the driver attached, or a job just ended
        ("100 90", 100),  # somebody whom a container hides
        ("error 3", None),
    ],
)
def test_a_load_that_nobody_listed_explains_is_read_until_its_second_is_over(
    surveyed: Surveyed, answers: str, load: int | None
) -> None:
    (device,) = nvidia_devices(surveyed("rtx-4090", f"0.nvmlDeviceGetUtilizationRates = {answers}"))
    assert value_of(device.conditions.utilization_gpu_percent) == load


def test_a_load_that_a_listed_process_explains_is_read_once(surveyed: Surveyed) -> None:
    process = "0.nvmlDeviceGetComputeRunningProcesses = 900:45527072768"
    (device,) = nvidia_devices(
        surveyed("rtx-4090", f"0.nvmlDeviceGetUtilizationRates = after 1 100 90 || 2 1\n{process}")
    )
    assert value_of(device.conditions.utilization_gpu_percent) == 100


def test_call_that_hangs_costs_itself(surveyed: Surveyed) -> None:
    survey = surveyed("rtx-4090", "0.nvmlDeviceGetPowerUsage = hang", **QUICK)
    (device,) = nvidia_devices(survey)
    assert isinstance(device.conditions.power_draw_w, Absent)
    assert device.conditions.power_draw_w.why == "timed_out"
    assert value_of(device.conditions.power_limit_w) == 450.0
    assert value_of(device.identity.sm_count) == 128
    assert [note.text for note in nvidia_notes(survey) if note.why == "timed_out"] == [
        "nvml:0:nvmlDeviceGetPowerUsage: the probe process gave no answer within 0.5 s"
    ]


@pytest.mark.parametrize(("death", "signal"), [("abort", "SIGABRT"), ("segv", "SIGSEGV")])
def test_call_that_kills_the_process_costs_itself(surveyed: Surveyed, death: str, signal: str) -> None:
    survey = surveyed("rtx-4090", f"0.nvmlDeviceGetClockInfo[1] = {death}")
    (device,) = nvidia_devices(survey)
    assert isinstance(device.conditions.clock_sm_mhz, Absent)
    assert device.conditions.clock_sm_mhz.detail == f"was killed by {signal}"
    assert value_of(device.conditions.clock_memory_mhz) == 405
    assert survey.complete


def test_call_that_is_slow_but_within_the_deadline_answers(surveyed: Surveyed) -> None:
    survey = surveyed("rtx-4090", "0.nvmlDeviceGetPowerUsage = delay 150 21510")
    assert value_of(nvidia_devices(survey)[0].conditions.power_draw_w) == 21.51


def test_waking_a_device_may_take_as_long_as_a_first_call(surveyed: Surveyed) -> None:
    survey = surveyed("rtx-4090", "0.nvmlDeviceGetHandleByIndex = delay 800 0\nnvmlInit = delay 400 0", **QUICK)
    assert survey.complete
    assert len(nvidia_devices(survey)) == 1


def test_noise_on_standard_output_is_harmless(surveyed: Surveyed) -> None:
    survey = surveyed("rtx-4090", "0.nvmlDeviceGetName = noise NVIDIA GeForce RTX 4090\nnvmlInit = noise 0")
    assert survey.problems == []
    assert value_of(nvidia_devices(survey)[0].identity.name) == "NVIDIA GeForce RTX 4090"


def test_device_that_hangs_on_everything_is_given_up_and_the_others_come_out(surveyed: Surveyed) -> None:
    survey = surveyed("h100-sxm5-80gb-x8", "2.nvmlDeviceGetMemoryInfo_v2 = hang\n2.nvmlDeviceGetSerial = hang", **QUICK)
    assert survey.complete
    devices = nvidia_devices(survey)
    assert [device.locator.index for device in devices] == list(range(8))
    assert [value_of(device.identity.memory_bytes) for device in devices] == [85520809984] * 2 + [None] + [
        85520809984
    ] * 5
    hung = devices[2]
    assert value_of(hung.identity.name) == "NVIDIA H100 80GB HBM3"
    assert isinstance(hung.conditions.throttle_reasons, Absent)
    assert hung.conditions.throttle_reasons.why == "timed_out"
    assert "the rest was not asked" in hung.conditions.throttle_reasons.detail
    assert any("nvml:2: " in note.text and "the rest was not asked" in note.text for note in nvidia_notes(survey))


def test_nvml_that_hangs_everywhere_leaves_files_and_libcuda(surveyed: Surveyed) -> None:
    change = "\n".join(f"{n}.nvmlDeviceGetUUID = hang\n{n}.nvmlDeviceGetName = abort" for n in range(8))
    survey = surveyed("h100-sxm5-80gb-x8", change, **QUICK)
    assert survey.complete
    assert survey.reasons["nvml:*"][0] == "timed_out"
    devices = nvidia_devices(survey)
    assert len(devices) == 8
    assert [value_of(device.identity.pci_revision) for device in devices] == ["a1"] * 4 + [None] * 4
    for device in devices[4:]:
        assert isinstance(device.conditions.power_draw_w, Absent)
        assert device.conditions.power_draw_w.why == "timed_out"


def test_hung_libcuda_is_left_alone(surveyed: Surveyed) -> None:
    survey = surveyed("rtx-4090", "cuda.0.attr[16] = hang\ncuda.0.attr[38] = hang", **QUICK)
    assert survey.complete
    identity = nvidia_devices(survey)[0].identity
    assert value_of(identity.core_count) == 16384
    assert value_of(identity.sm_count) == 128
    assert value_of(identity.l2_bytes) is None


def test_symbols_missing_in_an_old_driver(recorded: dict[str, Survey]) -> None:
    survey = recorded["t4-old-driver"]
    assert survey.reasons["nvml:0:nvmlDeviceGetComputeRunningProcesses"] == (
        "not_supported",
        "NVMLLibraryMismatchError: this driver has no such call",
    )
    assert survey.reasons["nvml:0:nvmlDeviceGetClockOffsets[0]"][0] == "not_supported"
    (device,) = nvidia_devices(survey)
    assert value_of(device.identity.memory_bytes) == 15843721216
    assert value_of(device.conditions.throttle_reasons) == ("idle", "hw-thermal")
    assert value_of(device.conditions.temperature_c) == 35.0
    assert isinstance(device.identity.core_count, Absent)
    assert device.identity.core_count.why == "not_supported"
    assert value_of(nvidia_components(survey)["driver"]) == "450.80.02"


def test_binding_of_an_older_year_costs_its_missing_wrappers(
    surveyed: Surveyed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "old-binding"
    old.mkdir()
    (old / "pynvml.py").write_text(
        "import importlib.util, sys\n"
        "path = next(p for p in (d + '/pynvml.py' for d in sys.path if 'old-binding' not in d) if __import__('os').path.exists(p))\n"
        "spec = importlib.util.spec_from_file_location('real', path)\n"
        "sys.modules['real'] = real = importlib.util.module_from_spec(spec); spec.loader.exec_module(real)\n"
        "gone = ('ClocksEventReasons', 'FabricInfo', 'SramEcc', 'ClockOffset', 'NumGpuCores', 'Settings', 'nvmlMemory_v2')\n"
        "globals().update({k: v for k, v in vars(real).items() if not any(g in k for g in gone)})\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(old))
    survey = surveyed("h100-sxm5-80gb-x8", "*.nvmlDeviceGetCurrentClocksThrottleReasons = 4")
    assert survey.complete
    assert survey.reasons["nvml:0:nvmlDeviceGetNumGpuCores"] == (
        "not_supported",
        "the installed nvidia-ml-py has no nvmlDeviceGetNumGpuCores",
    )
    device = nvidia_devices(survey)[0]
    assert value_of(device.conditions.throttle_reasons) == ("sw-power-cap",)
    assert value_of(device.identity.memory_bytes) == 85520809984
    assert isinstance(device.conditions.fabric_state, Absent)


def test_binding_missing(surveyed: Surveyed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "pynvml.py").write_text("raise ImportError('nothing here')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "broken"))
    survey = surveyed("rtx-4090")
    assert survey.complete
    assert survey.reasons["nvml:init"][0] == "library_missing"
    (device,) = nvidia_devices(survey)
    assert value_of(device.identity.pci_device_id) == "10de:2684"
    assert value_of(device.identity.sm_count) == 128
    assert isinstance(device.conditions.power_limit_w, Absent)
    assert device.conditions.power_limit_w.why == "library_missing"
    assert isinstance(device.identity.partition, Absent)


def test_binding_that_crashes_on_import(surveyed: Surveyed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "pynvml.py").write_text("import os\nos.abort()\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "broken"))
    survey = surveyed("rtx-4090")
    assert survey.complete
    assert survey.reasons["nvml:init"] == ("failed", "import hung or crashed")
    assert len(nvidia_devices(survey)) == 1


def test_no_library_and_no_gpu(surveyed: Surveyed) -> None:
    survey = surveyed(libraries=False)
    assert survey.complete
    assert nvidia_devices(survey) == ()
    assert nvidia_links(survey) == ()
    count = nvidia_device_count(survey)
    assert isinstance(count, Absent)
    assert count.why == "library_missing"
    assert (count.source, count.detail.partition(":")[0]) == ("nvml:init", "libnvidia-ml.so.1")
    assert "nvml:import" not in {*survey.values, *survey.reasons}
    assert [note.why for note in nvidia_notes(survey)] == ["library_missing"]


def test_no_library_but_a_gpu_on_the_bus(surveyed: Surveyed) -> None:
    survey = surveyed("h100-sxm5-80gb-x8", libraries=False)
    devices = nvidia_devices(survey)
    assert nvidia_device_count(survey) == Reading(value=8, source="pci:functions")
    assert len(devices) == 8
    first = devices[0]
    assert value_of(first.identity.name) == "NVIDIA H100 80GB HBM3"
    assert value_of(first.locator.uuid) == "GPU-5a1d0000-0000-4000-8000-000000000000"
    assert value_of(first.locator.pci_bus_id) == "00000000:1b:00.0"
    assert value_of(first.identity.pci_device_id) == "10de:2330"
    assert value_of(first.identity.pci_subsystem_id) == "10de:16c1"
    assert value_of(first.identity.vbios_version) == "96.00.89.00.01"
    assert value_of(first.identity.pcie_generation_device) == 5
    assert value_of(nvidia_components(survey)["driver"]) == "580.95.05"
    for field in ("memory_bytes", "partition", "power_default_w"):
        absent = getattr(first.identity, field)
        assert isinstance(absent, Absent)
        assert (absent.why, absent.source) == ("library_missing", "nvml:init")


@pytest.mark.parametrize(
    ("code", "why"),
    [(9, "library_missing"), (18, "failed"), (4, "no_permission"), (999, "failed"), (3, "not_supported")],
)
def test_initialisation_that_fails_says_why(surveyed: Surveyed, code: int, why: str) -> None:
    survey = surveyed("h100-half-lost", f"nvmlInit = error {code}")
    assert survey.reasons["nvml:init"][0] == why
    devices = nvidia_devices(survey)
    assert len(devices) == 2
    for device in devices:
        assert isinstance(device.identity.partition, Absent)
        assert device.identity.partition.why == why
        assert value_of(device.identity.link_type) is None
    assert any(f"NVML error {code}" in note.text for note in nvidia_notes(survey))


def test_initialisation_that_hangs(surveyed: Surveyed) -> None:
    survey = surveyed("rtx-4090", "nvmlInit = hang", call_deadline_s=0.3, first_call_deadline_s=0.5)
    assert survey.complete
    assert survey.reasons["nvml:init"][0] == "timed_out"
    assert value_of(nvidia_devices(survey)[0].identity.sm_count) == 128


def test_zero_devices(surveyed: Surveyed) -> None:
    survey = surveyed("rtx-4090", "nvmlDeviceGetCount = 0")
    assert nvidia_device_count(survey) == Reading(value=0, source="nvml:nvmlDeviceGetCount")
    assert nvidia_devices(survey) == ()
    assert [note.text for note in nvidia_notes(survey)] == [
        "PCI shows a GPU (10de:2684 at 00000000:01:00.0) that NVML does not"
    ]


def test_device_without_permission_is_counted_and_noted(surveyed: Surveyed) -> None:
    survey = surveyed("h100-sxm5-80gb-x8", "1.nvmlDeviceGetHandleByIndex = error 4")
    assert value_of(nvidia_device_count(survey)) == 8
    devices = nvidia_devices(survey)
    assert [device.locator.index for device in devices] == [0, 2, 3, 4, 5, 6, 7]
    notes = nvidia_notes(survey)
    assert [(note.why, note.text) for note in notes if note.why == "no_permission"] == [
        ("no_permission", "GPU 1 is counted but cannot be opened: NVML error 4: Insufficient Permissions")
    ]
    assert {1} & {end for link in nvidia_links(survey) for end in (link.a, link.b)} == set()
    assert len(nvidia_links(survey)) == 21


def test_cuda_visible_devices_hides_and_reorders(surveyed: Surveyed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    change = "cuda.count = 2\ncuda.0.uuid = 5a1d0000-0000-4000-8000-000000000005\ncuda.0.bus_id = 0000:C3:00.0\ncuda.0.attr[38] = 7"
    run = surveyed
    monkeypatch.setenv("UNRELATED", "1")
    survey = run("h100-sxm5-80gb-x8", change)
    assert [value_of(device.identity.l2_bytes) for device in nvidia_devices(survey)] == [
        None,
        52428800,
        None,
        None,
        None,
        7,
        None,
        None,
    ]
    assert all(device.locator.visible for device in nvidia_devices(survey))
    survey.values["cuda:visible_devices"] = "5,1"
    devices = nvidia_devices(survey)
    assert [device.locator.visible for device in devices] == [False, True, False, False, False, True, False, False]
    assert [value_of(device.identity.sm_count) for device in devices] == [132] * 8


def test_nothing_is_left_of_the_caller_in_the_options(
    stub_libraries: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine(tmp_path, stub_libraries, "rtx-4090")
    for name, value in machine.environment.items():
        monkeypatch.setenv(name, value)
    survey = run_survey("nvidia", {**machine.options, "cuda": False})
    assert not any(key.startswith("cuda:") for key in (*survey.values, *survey.reasons))
    assert value_of(nvidia_devices(survey)[0].identity.sm_count) == 128


def test_fabric_of_a_driver_that_knows_version_2_only(surveyed: Surveyed) -> None:
    survey = surveyed("h100-sxm5-80gb-x8", "fabric_v2_only = 1\n*.nvmlDeviceGetGpuFabricInfoV = 3 0 7 0xa9 0")
    raw = survey.values["nvml:0:nvmlDeviceGetGpuFabricInfoV"]
    assert (raw["state"], raw["cliqueId"], raw["healthMask"], raw["healthSummary"]) == (3, 7, 0xA9, 0)
    assert value_of(nvidia_devices(survey)[0].conditions.fabric_healthy) is False


def test_call_that_kills_on_the_first_device_is_not_asked_of_the_others(surveyed: Surveyed) -> None:
    """As a wrapper does that does not fit the library: two such calls must not cost eight GPUs all the rest."""
    change = "*.nvmlDeviceGetModuleId = segv\n*.nvmlDeviceGetGspFirmwareMode = abort"
    survey = surveyed("h100-sxm5-80gb-x8", change)
    assert survey.complete
    for index in range(1, 8):
        assert survey.reasons[f"nvml:{index}:nvmlDeviceGetGspFirmwareMode"] == (
            "failed",
            "not asked: nvml:0:nvmlDeviceGetGspFirmwareMode killed the probe process",
        )
    for device in nvidia_devices(survey):
        assert value_of(device.identity.memory_bytes) == 85520809984
        assert value_of(device.conditions.gsp_enabled) is None


def test_call_that_kills_on_a_later_device_is_that_devices(surveyed: Surveyed) -> None:
    survey = surveyed("h100-sxm5-80gb-x8", "3.nvmlDeviceGetPowerUsage = abort")
    power = [value_of(device.conditions.power_draw_w) for device in nvidia_devices(survey)]
    assert [index for index, draw in enumerate(power) if draw is None] == [3]
