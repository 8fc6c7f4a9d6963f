"""A whole machine, live: stub driver libraries and a synthetic file tree, through the child processes, to a verdict."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from parity import session
from parity.catalog import store
from parity.config.project import Project
from parity.model.absent import value_of
from parity.probes.capture import capture
from tests.stubs import amd_sysfs
from tests.stubs.build import Machine

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from parity.model.fingerprint import Fingerprint
    from parity.model.verdict import Verdict

TODAY = dt.date(2026, 11, 22)
NAMES = [card.name for card in store.environment_cards()]


@pytest.fixture
def captured(stub_libraries: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Fingerprint]:
    """Capture a recorded NVIDIA machine, with AMD devices added by ``amd``, under these environment variables."""
    for name in ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "ROCM_PATH", "ROCM_HOME"):
        monkeypatch.delenv(name, raising=False)

    def take(
        recording: str, change: str = "", amd: Callable[[Path], object] | None = None, **environment: str
    ) -> Fingerprint:
        machine = Machine(tmp_path, stub_libraries if recording else None, recording, change=change)
        if amd is not None:
            amd(machine.root)
        for variable, value in {**machine.environment, **environment}.items():
            monkeypatch.setenv(variable, value)
        return capture(environment_names=NAMES, version="test", root=str(machine.root))

    return take


def judged(fingerprint: Fingerprint, target: str) -> Verdict:
    project = Project()
    return session.judge_fingerprint(fingerprint, session.target_of(target, project), project, today=TODAY)


@pytest.mark.parametrize(
    ("recording", "target", "outcome", "level", "identities"),
    [
        ("h100-sxm5-80gb-x8", "8xh100", "match", "identical", ["h100-sxm5-80gb"] * 8),
        ("rtx-4090", "h100", "mismatch", "same-vendor", ["rtx-4090"]),
        ("l40s-capped", "l40s", "mismatch", "same-arch", ["l40s"]),
        ("gb10", "gb10", "match", "identical", ["gb10"]),
        ("vgpu", "a100-sxm4-40gb", "mismatch", "same-arch", ["a100-sxm4-40gb"]),
    ],
)
def test_a_recorded_machine_is_what_it_is(
    captured: Callable[..., Fingerprint],
    recording: str,
    target: str,
    outcome: str,
    level: str,
    identities: list[str],
) -> None:
    verdict = judged(captured(recording), target)
    assert [device.identity for device in verdict.devices] == identities
    assert (verdict.outcome, verdict.level) == (outcome, level)


def test_every_reading_names_its_source(captured: Callable[..., Fingerprint]) -> None:
    device = captured("h100-sxm5-80gb-x8").devices[0]
    sources = {
        observed.source
        for block in (device.identity, device.conditions)
        for name in block.__struct_fields__
        if (observed := getattr(block, name)) and value_of(observed) is not None
    }
    assert sources
    assert all(sources)
    assert any(source.startswith("nvml:") for source in sources)
    assert any(source.startswith("cuda:") for source in sources)


def test_at_least_sixty_attributes_are_read_of_a_data_center_gpu(captured: Callable[..., Fingerprint]) -> None:
    device = captured("h100-sxm5-80gb-x8").devices[0]
    read = [
        name
        for block in (device.identity, device.conditions)
        for name in block.__struct_fields__
        if value_of(getattr(block, name)) is not None
    ]
    assert len(read) >= 60, len(read)


def test_a_machine_without_anything_is_unknown_with_a_reason(captured: Callable[..., Fingerprint]) -> None:
    fingerprint = captured("")
    verdict = judged(fingerprint, "h100")
    assert fingerprint.devices == ()
    assert (verdict.outcome, verdict.exit_status) == ("unknown", 3)
    assert "libnvidia-ml.so.1" in verdict.unknowns[0].detail


@pytest.mark.parametrize("fault", ["abort", "error 15", "error 999", "error 9"])
def test_nvml_that_fails_at_the_start_never_passes(captured: Callable[..., Fingerprint], fault: str) -> None:
    verdict = judged(captured("h100-sxm5-80gb-x8", f"nvmlInit = {fault}"), "h100")
    assert verdict.fingerprint.notes
    # The PCI ids still say which part it is; what nobody could read stays unknown.
    assert verdict.transfers.timings_single_gpu != "yes"
    assert {device.identity for device in verdict.devices} == {"h100-sxm5-80gb"}


def test_a_lost_gpu_is_a_finding_and_the_others_come_out(captured: Callable[..., Fingerprint]) -> None:
    verdict = judged(captured("h100-half-lost"), "h100-pcie-80gb")
    assert len(verdict.devices) == 2
    assert "device-unhealthy" in {finding.rule for finding in verdict.findings}
    assert not verdict.passed


def test_visible_devices_limit_what_is_judged(captured: Callable[..., Fingerprint]) -> None:
    # The stub lists what libcuda would under this variable.
    shown = "cuda.count = 2\ncuda.1.bus_id = 0000:61:00.0\ncuda.1.uuid = 5a1d0000-0000-4000-8000-000000000003"
    fingerprint = captured("h100-sxm5-80gb-x8", shown, CUDA_VISIBLE_DEVICES="0,3")
    assert [device.locator.index for device in fingerprint.visible_devices] == [0, 3]
    assert judged(fingerprint, "2xh100").passed
    assert not judged(fingerprint, "8xh100").passed


def test_no_visible_device_is_judged_by_nobody(captured: Callable[..., Fingerprint]) -> None:
    verdict = judged(captured("h100-sxm5-80gb-x8", "cuda.cuInit = error 100", CUDA_VISIBLE_DEVICES=""), "h100")
    assert verdict.exit_status == 3
    assert "hidden by the visible-devices variables" in verdict.unknowns[0].detail


@pytest.mark.parametrize(
    ("build", "target", "count", "level"),
    [
        (amd_sysfs.mi300x_x8, "8xmi300x", 8, "identical"),
        (amd_sysfs.mi308x, "mi300x", 1, "same-arch"),
        (amd_sysfs.mi308x, "mi308x", 1, "identical"),
        (amd_sysfs.mi250x, "mi250x", 2, "identical"),
        (amd_sysfs.rx_7900_xtx, "rx-7900-xtx", 1, "identical"),
    ],
)
def test_amd_machines_are_told_from_the_kernels_files_alone(
    captured: Callable[..., Fingerprint], build: Callable[[Path], object], target: str, count: int, level: str
) -> None:
    verdict = judged(captured("", amd=build), target)
    assert (len(verdict.devices), verdict.level) == (count, level)


def test_a_cpx_partition_is_not_the_whole_gpu_unless_declared(captured: Callable[..., Fingerprint]) -> None:
    fingerprint = captured("", amd=amd_sysfs.mi300x_cpx)
    assert judged(fingerprint, "mi300x").level == "same-arch"
    declared = judged(fingerprint, "mi300x/CPX")
    assert declared.level == "identical", [finding.message for finding in declared.findings]


def test_two_vendors_in_one_machine_keep_their_own_indices_and_links(captured: Callable[..., Fingerprint]) -> None:
    fingerprint = captured("rtx-4090", amd=amd_sysfs.mi300x_x8)
    indices = [device.locator.index for device in fingerprint.devices]
    assert indices == list(range(9))
    assert {link.kind for link in fingerprint.links if link.a > 0} == {"xgmi"}
    assert "mixed-devices" in {finding.rule for finding in judged(fingerprint, "mi300x").findings}


def test_a_core_count_of_the_board_does_not_prove_a_whole_gpu(captured: Callable[..., Fingerprint]) -> None:
    fault = "*.nvmlDeviceGetMigMode = error 999\ncuda.cuInit = error 999"
    verdict = judged(captured("h100-sxm5-80gb-x8", fault), "h100")
    assert not verdict.passed
    assert "partition-differs" in {item.rule for item in verdict.unknowns}


def test_a_set_limit_does_not_stand_for_an_enforced_one_that_failed(captured: Callable[..., Fingerprint]) -> None:
    verdict = judged(captured("h100-sxm5-80gb-x8", "*.nvmlDeviceGetEnforcedPowerLimit = error 999"), "h100")
    assert not verdict.passed
    assert "power-limit-below-default" in {item.rule for item in verdict.unknowns}
