"""The 28 defects of the field: each has a test here, tests elsewhere, or a reason why not yet."""

from __future__ import annotations

import ast
import datetime as dt
import json
import re
import socket
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import machines
import msgspec
import pytest

from parity import session
from parity.catalog import store
from parity.catalog.as_fingerprint import as_fingerprint
from parity.cli.main import main
from parity.config.project import Project
from parity.engine import Engine
from parity.fleet.diff import compare
from parity.model.absent import Absent, Reading
from parity.model.fingerprint import Fingerprint, sealed
from parity.model.rule import LEVELS

if TYPE_CHECKING:
    from parity.model.verdict import Verdict

ROOT = Path(__file__).resolve().parent.parent
TESTS = ROOT / "tests"
RTX_4090 = str(ROOT / "docs" / "examples" / "workstation-rtx-4090.json")
H100 = "h100-sxm5-80gb"
TODAY = dt.date(2026, 11, 22)
replace = msgspec.structs.replace

# number -> tests elsewhere; "here" stands for a test of this file called test_<number>_...
COVERED: dict[int, tuple[str, ...]] = {
    1: ("here", "plugin/test_real_engine.py::test_a_mismatch_blocks_with_the_headline"),
    2: ("here", "plugin/test_real_engine.py::test_a_mismatch_blocks_with_the_headline"),
    3: ("here", "unit/catalog/test_identify.py::test_a_whole_name_is_matched_never_a_prefix"),
    4: ("here", "unit/model/test_fingerprint.py::test_other_hardware_has_another_hash"),
    5: (
        "here",
        "unit/readers/test_collect_env.py::test_architecture_is_never_taken_from_the_environment",
        "unit/binaries/test_fatbin.py::test_an_entry_is_named_by_its_header",
        "unit/binaries/test_inventory.py::test_names_of_files_do_not_decide",
    ),
    6: ("here", "unit/fleet/test_diff.py::test_volatile_values_are_not_even_told"),
    7: (
        "unit/model/test_fingerprint.py::test_how_a_device_is_found_is_not_what_it_is",
        "unit/fleet/test_diff.py::test_where_a_device_is_found_is_never_compared",
    ),
    8: ("here", "unit/catalog/test_code_runs.py::test_sass", "unit/catalog/test_code_runs.py::test_ptx"),
    9: ("here", "unit/verdict/test_judge.py::test_level"),
    10: ("here", "unit/verdict/test_judge.py::test_siblings_are_never_equivalent"),
    11: (
        "unit/checks/test_subject.py::test_a_slice_never_has_the_wholes_number",
        "unit/probes/test_nvml_decode.py::test_each_slice_is_a_device_with_its_own_size",
        "unit/readers/test_nvidia_smi_query.py::test_mig_slices_have_their_own_size_and_nothing_of_the_parent",
    ),
    12: ("here", "unit/verdict/test_judge.py::test_the_worst_device_decides"),
    13: (
        "here",
        "unit/verdict/test_judge.py::test_an_unlisted_part_of_the_same_architecture_and_equal_facts_stays_unknown",
    ),
    15: (
        "unit/checks/test_check_edges.py::test_others_show_as_processes_memory_or_load",
        "unit/checks/test_check_edges.py::test_an_empty_list_and_no_load_do_not_stand_for_memory_nobody_read",
    ),
    16: (
        "unit/probes_visible/test_visible.py::test_numbers_count_in_cudas_own_order_when_it_was_asked",
        "unit/probes/test_nvml_decode.py::test_cuda_joins_by_bus_id_where_a_uuid_is_missing",
        "unit/probes/test_nvidia_survey.py::test_cuda_visible_devices_hides_and_reorders",
    ),
    17: ("here", "unit/checks/test_check_edges.py::test_a_comparison_speaks_in_its_direction_only"),
    18: ("here",),
    19: ("here", "unit/fleet/test_diff.py::test_what_one_side_cannot_read_is_never_drift"),
    20: ("here",),
    21: (
        "unit/checks/test_code_coverage.py::test_a_region_on_jit_is_not_hidden_by_native_ones",
        "unit/checks/test_package_coverage.py::test_the_worst_library_decides_and_is_named",
        "unit/cli/test_cli_kernels.py::test_one_that_lacks_code_is_not_hidden_by_others",
    ),
    22: ("unit/catalog/test_code_runs.py::test_ptx",),
    23: ("unit/binaries/test_fatbin.py::test_what_nvidias_fatbinary_wrote_is_read",),
    24: ("unit/checks/test_code_coverage.py::test_three_stray_kernels_are_no_coverage",),
    25: (
        "unit/binaries/test_inventory.py::test_loose_code_objects_of_a_folder_are_one_library",
        "unit/binaries/test_kpack.py::test_what_is_not_here_is_not_judged",
        "unit/binaries/test_scan.py::test_fatbins_in_data_are_found",
    ),
    26: (
        "here",
        "unit/cli/test_cli_kernels.py::test_a_search_that_finds_nothing_is_no_pass",
        "unit/verdict/test_judge.py::test_zero_devices_are_judged_by_nobody_status_3",
    ),
    27: (
        "here",
        "unit/probes/test_nvml_decode.py::test_half_lost_gpu_keeps_what_answers",
        "unit/readers/test_nvidia_smi_query.py::test_a_half_lost_gpu_says_lost_where_it_is",
    ),
    28: (
        "unit/probes/test_nvidia_survey.py::test_call_that_hangs_costs_itself",
        "unit/probes/test_nvidia_survey.py::test_call_that_kills_the_process_costs_itself",
        "unit/probes/test_nvidia_survey.py::test_noise_on_standard_output_is_harmless",
        "unit/probes_amd/test_amdsmi_survey.py::test_noise_at_import_never_reaches_the_channel",
        "unit/test_engine.py::test_noise_of_imported_code_never_reaches_the_channel",
        "plugin/test_plugin_engine.py::test_a_failing_engine_is_unknown_and_blocks",
        "unit/binaries/test_hostile.py::test_any_edit_and_cut_has_an_outcome",
    ),
}
LATER: dict[int, str] = {
    14: "no samples are taken or filtered yet; a fault is judged when the machine is read (throttled-now)",
}


@cache
def names_in(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def test_every_defect_is_accounted_for() -> None:
    assert set(COVERED) | set(LATER) == set(range(1, 29))
    assert set(COVERED) & set(LATER) == set()


@pytest.mark.parametrize("number", sorted(COVERED))
def test_the_tests_named_are_there(number: int) -> None:
    for reference in COVERED[number]:
        if reference == "here":
            assert any(name.startswith(f"test_{number}_") for name in names_in(Path(__file__)))
            continue
        file, _, name = reference.partition("::")
        assert (TESTS / file).is_file(), reference
        assert not name or name in names_in(TESTS / file), reference


def judged(here: str | Fingerprint, target: str = H100) -> Verdict:
    fingerprint = machines.machine(here) if isinstance(here, str) else here
    return session.judge_fingerprint(fingerprint, machines.target(target), Project(), today=TODAY)


def read(fingerprint: Fingerprint, **identity: Any) -> Fingerprint:
    """Return the fingerprint with other readings of its first device; None makes one absent."""
    device = fingerprint.devices[0]
    readings = {
        name: Absent(why="not_asked", source="test") if value is None else Reading(value=value, source="test")
        for name, value in identity.items()
    }
    first = replace(device, identity=replace(device.identity, **readings))
    return sealed(replace(fingerprint, devices=(first, *fingerprint.devices[1:])))


def test_1_a_mismatch_has_a_status_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--target", "h100", "--fingerprint", RTX_4090]) == 1
    assert "MISMATCH" in capsys.readouterr().out


def test_2_timings_of_another_gpu_carry_nothing_over_and_no_report_speaks_of_a_regression(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert judged("rtx-4090").transfers.timings_single_gpu == "no"
    for words in (["doctor", "--target", "h100", "--fingerprint", RTX_4090, "-v"], ["diff", RTX_4090, "h100"]):
        main(words)
        assert not re.search(r"regress|slower|faster|speed-?up", capsys.readouterr().out)


@pytest.mark.parametrize(
    ("printed", "never"),
    [
        ("NVIDIA H20", "h200-sxm-141gb"),
        ("NVIDIA H200", "h20-sxm-96gb"),
        ("NVIDIA L4", "l40s"),
        ("NVIDIA L40", "l40s"),
        ("NVIDIA L40S", "l40"),
        ("NVIDIA A10", "a100-sxm4-40gb"),
        ("NVIDIA A100-PCIE-40GB", "a100-sxm4-40gb"),
        ("NVIDIA H100 NVL", H100),
        ("NVIDIA GeForce RTX 4090 D", "rtx-4090"),
        ("NVIDIA GeForce RTX 4090 Laptop GPU", "rtx-4090"),
    ],
)
def test_3_a_name_is_no_prefix_of_another(printed: str, never: str) -> None:
    named = read(Fingerprint(devices=(machines.machine(never).devices[0],)), name=printed, pci_device_id=None)
    [found] = session.identify_all(named)
    assert found.identity != never


def test_4_the_hash_is_of_the_hardware() -> None:
    hashes = {part: machines.machine(part).identity_hash for part in (H100, "h100-pcie-80gb", "rtx-4090", "mi300x")}
    assert len(set(hashes.values())) == len(hashes)
    assert machines.machine(H100).identity_hash == hashes[H100]


@pytest.mark.parametrize("variable", ["TORCH_CUDA_ARCH_LIST", "PYTORCH_ROCM_ARCH", "CUDAARCHS"])
def test_5_architectures_named_in_the_environment_are_not_the_devices(variable: str) -> None:
    pretending = replace(machines.machine("rtx-4090"), environment={variable: "9.0"})
    verdict = judged(pretending)
    assert (verdict.level, verdict.outcome) == ("same-vendor", "mismatch")


def test_6_a_clock_of_the_moment_breaks_no_equality() -> None:
    a, b = (machines.changed(machines.machine(H100), {"conditions.clock_sm_mhz": mhz}) for mhz in (345, 1980))
    assert a.identity_hash == b.identity_hash
    assert compare(a, b, names=("a", "b")).differences == ()
    assert judged(a).level == judged(b).level == "identical"


@pytest.mark.parametrize(
    ("here", "target"),
    [
        ("gb10", "b200-sxm-180gb"),
        ("b200-sxm-180gb", "gb10"),
        ("rtx-5090", "gb10"),
        ("b300-sxm-270gb", "b200-sxm-180gb"),
    ],
)
def test_8_a_higher_capability_is_no_support_for_a_lower_one(here: str, target: str) -> None:
    verdict = judged(here, target)
    assert "arch-differs" in {finding.rule for finding in verdict.findings}
    assert verdict.transfers.code_generation == "no"


def test_9_one_gfx_target_is_not_one_part() -> None:
    verdict = judged("mi308x", "mi300x")
    assert machines.machine("mi308x").devices[0].identity.gfx_target == replace(
        machines.machine("mi300x").devices[0].identity.gfx_target, source="catalog: mi308x"
    )
    assert (verdict.level, verdict.passed) == ("same-arch", False)
    assert {"unit-count-below-target", "part-differs"} <= {finding.rule for finding in verdict.findings}


def test_10_an_h100_has_132_sms_or_114_and_which_is_said() -> None:
    verdict = judged("h100-pcie-80gb")
    assert [finding.here for finding in verdict.findings if finding.rule == "unit-count-below-target"] == ["114"]
    assert verdict.passed is False


@pytest.mark.parametrize("place", [0, 3, 7])
def test_12_no_device_hides_behind_the_first(place: int) -> None:
    whole = as_fingerprint(store.device_spec(H100), count=8)
    other = replace(machines.machine("h100-pcie-80gb").devices[0], locator=whole.devices[place].locator)
    mixed = replace(whole, devices=(*whole.devices[:place], other, *whole.devices[place + 1 :]))
    verdict = judged(mixed, "8xh100")
    assert (verdict.outcome, verdict.level, verdict.passed) == ("mismatch", "same-arch", False)
    assert [device.level for device in verdict.devices].index("same-arch") == place


def test_13_an_unlisted_part_is_an_unknown_not_an_omission() -> None:
    verdict = judged(read(machines.machine(H100), name="NVIDIA H900", pci_device_id="10de:ffff"))
    assert [device.identity for device in verdict.devices] == [None]
    assert (verdict.outcome, verdict.passed, verdict.exit_status) == ("unknown", False, 3)
    assert "NVIDIA H900" in " ".join(unknown.detail for unknown in verdict.unknowns)


def test_17_more_than_the_target_has_is_never_called_less() -> None:
    rules = {finding.rule for finding in judged("h200-sxm-141gb").findings}
    assert "memory-bandwidth-above-target" in rules
    assert not {rule for rule in rules if rule.endswith("-below-target")}


def calls(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}


def test_18_nothing_evaluates_text() -> None:
    sources = [path for package in ("parity", "pytest_parity") for path in (ROOT / package).rglob("*.py")]
    assert len(sources) > 100
    assert {path.name for path in sources if calls(path) & {"eval", "exec", "compile", "__import__"}} == set()


def test_18_a_rules_text_stays_text(tmp_path: Path) -> None:
    told = tmp_path / "told"
    setting = f"__import__('pathlib').Path({str(told)!r}).touch()"
    text = json.dumps({"version": 1, "targets": {"t": {"device": "h100", "conditions": {"power_limit_w": setting}}}})
    (tmp_path / "parity.yaml").write_text(text)
    request = {"id": 1, "op": "judge", "target": "t", "fingerprint": RTX_4090, "rootdir": str(tmp_path)}
    assert Engine().answer(json.dumps(request).encode())["id"] == 1
    assert not told.exists()


def test_19_missing_optional_evidence_is_no_drift_and_no_mismatch() -> None:
    whole = machines.machine(H100)
    less = read(whole, l2_bytes=None, registers_per_sm_bytes=None, power_default_w=None, clock_boost_mhz=None)
    assert not compare(whole, less, names=("a", "b")).drifted
    verdict = judged(less)
    assert (verdict.level, verdict.passed) == ("identical", True)


def test_20_judging_opens_no_connection(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("a connection was asked for")

    for name in ("connect", "connect_ex", "bind"):
        monkeypatch.setattr(socket.socket, name, never)
    monkeypatch.setattr(socket, "getaddrinfo", never)
    (tmp_path / ".git").mkdir()
    request = {"id": 1, "op": "judge", "target": "h100", "fingerprint": RTX_4090, "rootdir": str(tmp_path)}
    assert Engine().answer(json.dumps(request).encode())["ok"] is True
    assert main(["diff", "h100", "mi300x"]) == 0


def test_20_no_module_imports_what_talks_to_the_network() -> None:
    talkers = re.compile(
        r"^\s*(?:from|import)\s+(?:urllib\.request|http\.client|requests|httpx|aiohttp|ftplib)\b", re.MULTILINE
    )
    sources = [path for package in ("parity", "pytest_parity") for path in (ROOT / package).rglob("*.py")]
    assert [path.name for path in sources if talkers.search(path.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize("policy", ["fail", "strict", "report"])
def test_26_what_looks_at_nothing_does_not_pass(
    policy: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path / "empty.json"
    empty.write_bytes(msgspec.json.encode(sealed(Fingerprint())))
    config = tmp_path / "parity.yaml"
    config.write_text(f"version: 1\npolicy: {{unknown: {policy}, fail_on: error}}\n")
    assert main(["doctor", "--target", "h100", "--fingerprint", str(empty), "--config", str(config)]) == 3
    assert main(["diff", str(empty), str(empty), "--check"]) == 3
    assert "UNKNOWN" in capsys.readouterr().out


@pytest.mark.parametrize("require", LEVELS)
def test_27_a_half_lost_gpu_is_never_well(require: Any) -> None:
    whole = machines.machine(H100)
    device = whole.devices[0]
    lost = Absent(why="lost", source="nvml:nvmlDeviceGetMemoryInfo", detail="GPU is lost")
    gone = {"memory_used_bytes": lost, "clock_sm_mhz": lost, "throttle_reasons": lost}
    half = replace(
        device,
        identity=replace(device.identity, memory_bytes=lost),
        conditions=replace(device.conditions, **gone),
    )
    target = replace(machines.target(H100), require=require)
    fingerprint = replace(whole, devices=(half,))
    verdict = session.judge_fingerprint(fingerprint, target, Project(), today=TODAY)
    assert verdict.passed is False
    [finding] = [finding for finding in verdict.findings if finding.rule == "device-unhealthy"]
    assert finding.severity == "error"
    assert "lost" in finding.message
