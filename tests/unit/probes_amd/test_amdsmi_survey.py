"""Tests amdsmi's survey with the real binding on a stub library: answers, drift, noise, crashes, hangs."""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING

import pytest

from parity.model.absent import Absent, value_of
from parity.probes.amd_decode import amd_components, amd_device_count, amd_devices, amd_links, amd_notes
from parity.probes.amdsmi_survey import mismatch
from parity.probes.supervise import Survey, run_survey
from tests.stubs import amd_sysfs
from tests.stubs import amdsmi_stub as stub

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(
    not os.environ.get("CI") and (stub.binding_folder() is None or stub.compiler() is None),
    reason="needs amdsmi and a C compiler; CI has both, and fails without",
)


@pytest.fixture(scope="module")
def rocm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stub.build(tmp_path_factory.mktemp("rocm"))


@pytest.fixture(scope="module")
def lines(rocm: Path) -> list[str]:
    return ["version 26 0 2", *stub.encode(rocm, stub.MI300X)]


class Bench:
    """Runs the survey on a machine and a library that a test describes."""

    def __init__(self, rocm: Path, lines: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.rocm, self.lines, self.folder = rocm, lines, folder
        self.monkeypatch = monkeypatch
        monkeypatch.delenv("ROCM_HOME", raising=False)

    def run(self, *more: str, machine: bool = True, rocm: Path | None = None, amdsmi: bool | None = None) -> Survey:
        """Run with extra answer lines on a tree with one MI300X at bus 0c (unless ``machine`` is false)."""
        root = self.folder / "root"
        if machine:
            amd_sysfs.Machine(root).add(amd_sysfs.MI300X, bus=0x0C)
        answers = self.folder / "answers"
        answers.write_text("\n".join([*self.lines, "gpus 1", stub.bus_id(0, 0x0C), *more]) + "\n", encoding="utf-8")
        self.monkeypatch.setenv("STUB_AMDSMI", str(answers))
        self.monkeypatch.setenv("ROCM_PATH", str(rocm or self.rocm))
        options = {"root": str(root)} | ({} if amdsmi is None else {"amdsmi": amdsmi})
        return run_survey("amd", options, call_deadline_s=1.0, first_call_deadline_s=10.0)


@pytest.fixture
def bench(rocm: Path, lines: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(rocm, lines, tmp_path, monkeypatch)


def test_amdsmi_adds_what_the_kernel_does_not_tell(bench: Bench) -> None:
    survey = bench.run()
    assert survey.complete, survey.problems
    (device,) = amd_devices(survey)
    assert value_of(device.identity.name) == "AMD Instinct MI300X"
    assert value_of(device.identity.memory_type) == "HBM3"
    assert value_of(device.identity.memory_bandwidth_gbps) == 5300.0
    assert value_of(device.identity.link_count) == 7
    assert value_of(device.conditions.link_active_count) == 6
    assert value_of(device.conditions.throttle_reasons) == ("sw-power-cap",)
    assert value_of(device.conditions.virtualization_mode) == "none"
    assert value_of(device.conditions.clock_policy) == "free"
    assert value_of(device.conditions.power_draw_instant_w) == 139.0
    assert value_of(device.identity.memory_bytes) == 206141652992  # the kernel's bytes, not amdsmi's MiB
    assert amd_notes(survey) == ()


def test_amdsmi_alone_describes_a_device(bench: Bench) -> None:
    survey = bench.run(machine=False, amdsmi=True)
    (device,) = amd_devices(survey)
    identity = device.identity
    assert value_of(device.locator.pci_bus_id) == "00000000:0c:00.0"
    assert (value_of(identity.gfx_target), value_of(identity.cu_count)) == ("gfx942", 304)
    assert value_of(identity.memory_bytes) == 196592 * 1024 * 1024
    assert value_of(identity.power_default_w) == 750.0
    assert value_of(identity.pcie_generation) == 5
    partition = value_of(identity.partition)
    assert partition is not None
    assert (partition.kind, partition.memory_mode) == ("none", "NPS1")


def test_sentinels_are_not_values(bench: Bench) -> None:
    survey = bench.run(machine=False, amdsmi=True)
    (device,) = amd_devices(survey)
    draw = device.conditions.power_draw_w  # the average is 0xFFFF, which the binding prints as N/A
    assert isinstance(draw, Absent)
    assert draw.why == "not_supported"
    assert "memory-thermal" not in (value_of(device.conditions.throttle_supported) or ())


def test_without_a_gpu_amdsmi_is_not_even_imported(bench: Bench) -> None:
    survey = bench.run(machine=False)
    assert not any(key.startswith("amdsmi:") for key in (*survey.values, *survey.reasons))


@pytest.mark.parametrize("version", ["version 25 4 2", "version 24 7 1", "version 27 0 0", "version 26 5 0"])
def test_a_binding_of_another_release_is_never_called(bench: Bench, version: str) -> None:
    survey = bench.run(version, "amdsmi_init segv")
    assert survey.complete
    assert "amdsmi:amdsmi_init" not in survey.values
    assert "amdsmi:amdsmi_init" not in survey.reasons
    numbers = ".".join(version.split()[1:])
    (note,) = amd_notes(survey)
    assert note.text == f"amdsmi was not used: binding amdsmi 7.0.2 does not belong to libamd_smi {numbers}: not called"
    assert len(amd_devices(survey)) == 1


def test_a_library_without_a_symbol_is_one_reason(bench: Bench, tmp_path: Path) -> None:
    old = stub.build(tmp_path / "old", without=("amdsmi_get_cpu_affinity_with_scope",))
    survey = bench.run(rocm=old)
    assert survey.complete
    why, detail = survey.reasons["amdsmi:import"]
    assert why == "failed"
    assert "does not match its libamd_smi.so" in detail
    assert len(amd_devices(survey)) == 1


def test_without_the_library_the_import_is_library_missing(bench: Bench, tmp_path: Path) -> None:
    survey = bench.run(rocm=tmp_path / "nothing")
    assert survey.complete
    assert survey.reasons["amdsmi:import"] == ("library_missing", "libamd_smi.so was not found by amdsmi")
    assert [note.why for note in amd_notes(survey)] == ["library_missing"]


def test_noise_at_import_never_reaches_the_channel(bench: Bench, tmp_path: Path) -> None:
    package = tmp_path / "noisy" / "share" / "amd_smi" / "amdsmi"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("print('{\"k\": \"x\"}')\nraise KeyError('libamd_smi.so')\n", encoding="utf-8")
    survey = bench.run(rocm=tmp_path / "noisy")
    assert survey.complete
    assert survey.problems == []
    assert survey.reasons["amdsmi:import"][0] == "library_missing"


def test_an_empty_list_is_not_no_gpu(bench: Bench) -> None:
    survey = bench.run("gpus 0")
    assert len(amd_devices(survey)) == 1
    assert value_of(amd_device_count(survey)) == 1
    (note,) = amd_notes(survey)
    assert note.text.startswith("amdsmi lists no GPU although KFD shows 1")


@pytest.mark.parametrize(
    ("line", "key", "why"),
    [
        ("amdsmi_init segv", "amdsmi:amdsmi_init", "failed"),
        ("amdsmi_init status 34", "amdsmi:amdsmi_init", "library_missing"),
        ("amdsmi_get_gpu_asic_info segv", "amdsmi:0:amdsmi_get_gpu_asic_info", "failed"),
        ("amdsmi_get_gpu_vram_info hang", "amdsmi:0:amdsmi_get_gpu_vram_info", "timed_out"),
        ("amdsmi_get_gpu_board_info exit", "amdsmi:0:amdsmi_get_gpu_board_info", "failed"),
        ("amdsmi_get_power_cap_info status 10", "amdsmi:0:amdsmi_get_power_cap_info", "no_permission"),
        ("amdsmi_get_pcie_info status 43", "amdsmi:0:amdsmi_get_pcie_info", "failed"),
    ],
)
def test_one_bad_call_costs_only_itself(bench: Bench, line: str, key: str, why: str) -> None:
    survey = bench.run(line)
    assert survey.complete, survey.problems
    assert survey.reasons[key][0] == why
    (device,) = amd_devices(survey)
    assert value_of(device.identity.cu_count) == 304
    if key.startswith("amdsmi:0"):
        assert value_of(device.conditions.throttle_reasons) == ("sw-power-cap",)


def test_pairs_are_named_by_the_bindings_own_enum(bench: Bench) -> None:
    two = (2).to_bytes(4, "little").hex()  # XGMI is 2 in ROCm 7.0
    survey = bench.run(
        "gpus 2",
        stub.bus_id(1, 0x14),
        f"amdsmi_topo_get_link_type * 3 {two}",
        f"amdsmi_topo_get_link_type * 2 {'01' + '00' * 7}",
        machine=False,
        amdsmi=True,
    )
    assert [(link.a, link.b, link.kind) for link in amd_links(survey)] == [(0, 1, "xgmi")]


def test_components_fall_back_to_nothing_invented(bench: Bench) -> None:
    assert {name: value_of(text) for name, text in amd_components(bench.run()).items()} == {"driver": "6.12.12"}


@pytest.mark.parametrize(
    ("binding", "library", "rocm", "fits"),
    [
        ("7.0.2", (26, 0, 2), "", True),
        ("7.0.2", (26, 0, 2), "7.0.2-56", True),
        ("7.0.2", (26, 0, 2), "7.1.0", False),
        ("7.0.2", (26, 1, 0), "", False),
        ("6.4.4", (25, 5, 1), "", True),
        ("6.3.3", (24, 7, 1), "", True),
        ("6.4.4", (24, 7, 1), "", False),
        ("26.0.2+39589fda", (26, 0, 2), "", True),
        ("26.0.2+39589fda", (26, 1, 0), "7.0.2", False),
        ("", (26, 0, 2), "7.0.2", False),
        ("9.9.9", (26, 0, 2), "", False),
    ],
)
def test_which_binding_belongs_to_which_library(binding: str, library: tuple[int, ...], rocm: str, fits: bool) -> None:
    assert (mismatch(binding, library, rocm) == "") is fits


@functools.cache
def _symbols() -> int:
    return len(stub.symbols())


def test_the_stub_has_every_symbol_of_the_binding() -> None:
    assert _symbols() > 150
