"""Which code runs where: the vendors' rules, their exceptions, and architectures that no table knows."""

from __future__ import annotations

import pytest

from parity.catalog import store
from parity.catalog.code_runs import runs, vendor_of
from parity.model.code_facts import CodeFacts
from parity.model.code_objects import Code, Compression
from parity.model.coverage import RunsOn

FACTS = store.code_facts()


def sass(arch: str) -> Code:
    return Code(kind="sass", arch=arch)


def way(code: Code, device: str, driver: str = "") -> str:
    return runs(code, RunsOn(arch=device, driver_cuda=driver), FACTS).way


@pytest.mark.parametrize(
    ("code", "device", "wanted"),
    [
        # the same major version, from the minor on
        ("sm_80", "sm_80", "exact"),
        ("sm_80", "sm_86", "compatible"),
        ("sm_86", "sm_89", "compatible"),
        ("sm_89", "sm_86", "none"),
        ("sm_80", "sm_90", "none"),
        ("sm_90", "sm_89", "none"),
        ("sm_100", "sm_103", "compatible"),
        ("sm_103", "sm_100", "none"),
        # 12.1 is no newer 10.0, and neither is 12.0
        ("sm_100", "sm_120", "none"),
        ("sm_100", "sm_121", "none"),
        ("sm_100", "sm_110", "none"),
        ("sm_120", "sm_121", "compatible"),
        # a: this capability alone
        ("sm_90a", "sm_90", "exact"),
        ("sm_90a", "sm_100", "none"),
        ("sm_100a", "sm_100", "exact"),
        ("sm_100a", "sm_103", "none"),
        ("sm_120a", "sm_121", "none"),
        # f: its family
        ("sm_100f", "sm_100", "exact"),
        ("sm_100f", "sm_103", "compatible"),
        ("sm_100f", "sm_107", "compatible"),
        ("sm_103f", "sm_100", "none"),
        ("sm_100f", "sm_110", "none"),
        ("sm_100f", "sm_120", "none"),
        ("sm_120f", "sm_121", "compatible"),
        # a suffix that the file does not tell
        ("sm_100?", "sm_100", "exact"),
        ("sm_100?", "sm_103", "unknown"),
        ("sm_100?", "sm_120", "none"),
        # islands
        ("sm_87", "sm_89", "none"),
        ("sm_87", "sm_87", "exact"),
        ("sm_80", "sm_87", "unknown"),
        ("sm_52", "sm_53", "none"),
        ("sm_53", "sm_60", "none"),
        ("sm_70", "sm_72", "unknown"),
        # one chip under two names
        ("sm_101", "sm_110", "exact"),
        ("sm_110", "sm_101", "exact"),
        ("sm_101a", "sm_110", "exact"),
        ("sm_100", "sm_101", "none"),
        # no table knows these
        ("sm_130", "sm_130", "exact"),
        ("sm_130", "sm_135", "compatible"),
        ("sm_130a", "sm_135", "none"),
        ("sm_130f", "sm_135", "compatible"),
        ("sm_135", "sm_140", "none"),
    ],
)
def test_sass(code: str, device: str, wanted: str) -> None:
    assert way(sass(code), device) == wanted


@pytest.mark.parametrize(
    ("code", "device", "wanted"),
    [
        ("compute_80", "sm_80", "jit"),
        ("compute_80", "sm_90", "jit"),
        ("compute_80", "sm_87", "jit"),
        ("compute_80", "sm_120", "jit"),
        ("compute_100", "sm_120", "jit"),
        ("compute_90", "sm_89", "none"),
        ("compute_120", "sm_100", "none"),
        # arch-specific PTX is not forward-portable
        ("compute_90a", "sm_90", "jit"),
        ("compute_90a", "sm_100", "none"),
        ("compute_90a", "sm_120", "none"),
        ("compute_100f", "sm_103", "jit"),
        ("compute_100f", "sm_120", "none"),
        ("compute_103f", "sm_100", "none"),
        ("compute_90?", "sm_100", "unknown"),
        ("compute_80", "sm_990", "jit"),
    ],
)
def test_ptx(code: str, device: str, wanted: str) -> None:
    assert way(Code(kind="ptx", arch=code), device) == wanted


@pytest.mark.parametrize(
    ("isa", "driver", "wanted"),
    [
        ("8.7", "12.8", "jit"),
        ("8.7", "12.9", "jit"),
        ("8.7", "12.6", "none"),
        ("8.6", "12.6", "none"),
        ("8.6", "12.7", "unknown"),
        ("8.6", "12.8", "jit"),
        ("8.5", "12.5", "jit"),
        ("8.7", "13.9", "jit"),
        ("9.9", "13.5", "none"),
        ("9.9", "14.0", "unknown"),
        ("7.0", "11.7", "jit"),
        ("7.0", "11.2", "unknown"),
        ("8.7", "", "jit"),
        ("", "12.0", "jit"),
        ("8.7", "nonsense", "jit"),
    ],
)
def test_the_driver_must_know_the_version_of_the_ptx(isa: str, driver: str, wanted: str) -> None:
    assert way(Code(kind="ptx", arch="compute_80", isa=isa), "sm_90", driver) == wanted


def test_an_unknown_driver_is_told_what_it_needs() -> None:
    code = Code(kind="ptx", arch="compute_80", isa="9.2")
    assert runs(code, RunsOn(arch="sm_90"), FACTS).note == "PTX 9.2 needs a driver of CUDA 13.2 or newer"
    old = runs(code, RunsOn(arch="sm_90", driver_cuda="12.8"), FACTS)
    assert old.note == "PTX 9.2 needs a driver of CUDA 13.2, this one serves 12.8"


@pytest.mark.parametrize(
    ("code", "device", "wanted"),
    [
        ("gfx942", "gfx942", "exact"),
        ("gfx90a", "gfx942", "none"),
        ("gfx1100", "gfx1101", "none"),
        ("gfx942", "gfx950", "none"),
        ("gfx942:xnack-", "gfx942", "exact"),
        ("gfx942:xnack+", "gfx942", "unknown"),
        ("gfx942:xnack-", "gfx942:xnack+", "none"),
        ("gfx942:xnack+", "gfx942:xnack+", "exact"),
        ("gfx942", "gfx942:sramecc+:xnack+", "exact"),
        ("gfx90a:sramecc-", "gfx90a:sramecc+:xnack-", "none"),
        ("gfx90a:sramecc+:xnack-", "gfx90a:sramecc+:xnack-", "exact"),
        ("gfx90a:sramecc-", "gfx90a", "unknown"),
        ("gfx9-4-generic", "gfx942", "compatible"),
        ("gfx9-4-generic", "gfx950", "compatible"),
        ("gfx9-4-generic", "gfx90a", "none"),
        ("gfx9-4-generic:xnack+", "gfx942:xnack-", "none"),
        ("gfx11-generic", "gfx1151", "compatible"),
        ("gfx12-generic", "gfx942", "none"),
        ("gfx99-generic", "gfx9901", "unknown"),
        ("gfx1399", "gfx1399", "exact"),
    ],
)
def test_amd(code: str, device: str, wanted: str) -> None:
    assert way(Code(kind="amd", arch=code), device) == wanted


def test_generic_code_for_cdna_says_what_it_lacks() -> None:
    found = runs(Code(kind="amd", arch="gfx9-4-generic"), RunsOn(arch="gfx942"), FACTS)
    assert found.note == "gfx9-4-generic code has no FP8, BF8 and XF32 instructions"


def test_generic_code_older_than_the_least_version_does_not_load() -> None:
    facts = store.code_facts()
    newer = tuple(
        type(row)(**{**{name: getattr(row, name) for name in row.__struct_fields__}, "version": 2})
        for row in facts.amd.generic_targets
    )
    amd = type(facts.amd)(generic_targets=newer)
    changed = CodeFacts(nvidia=facts.nvidia, amd=amd, notes=facts.notes)
    code = Code(kind="amd", arch="gfx9-4-generic", generic_version=1)
    assert runs(code, RunsOn(arch="gfx942"), changed).way == "none"
    assert runs(code, RunsOn(arch="gfx942"), facts).way == "compatible"


@pytest.mark.parametrize(
    ("code", "vendor", "here", "there"),
    [
        (Code(kind="sass", arch="sm_90"), "nvidia", "exact", "none"),
        (Code(kind="amd", arch="gfx942"), "amd", "none", "exact"),
        (Code(kind="other", arch="tile-ir_100"), "nvidia", "unknown", "none"),
        (Code(kind="other", arch="kind64_90"), "nvidia", "unknown", "none"),
        (Code(kind="other", arch="hip-spirv64-amd-amdhsa--amdgcnspirv"), "amd", "none", "unknown"),
        (Code(kind="lto", arch="lto_90"), "nvidia", "none", "none"),
    ],
)
def test_code_of_one_vendor_is_nothing_to_the_other(code: Code, vendor: str, here: str, there: str) -> None:
    assert (vendor_of(code), way(code, "sm_90"), way(code, "gfx942")) == (vendor, here, there)


def test_the_rules_agree_with_torchs_own_table() -> None:
    """DEVICE_REQUIREMENT of torch 2.15.0 as (code, devices that run it, devices that do not)."""
    for code, takes, refuses in (
        (50, {50, 52}, {53, 60}), (60, {60, 61}, {62, 70}), (70, {70, 75}, {80}), (75, {75}, {70, 80}),
        (80, {80, 86, 89}, {75, 90}), (86, {86, 89}, {80}), (87, {87}, {86, 89}), (90, {90}, {89, 100}),
        (100, {100, 103}, {101, 110, 120}), (101, {101, 110}, {100, 120}), (110, {101, 110}, {100, 120}),
        (120, {120, 121}, {100, 110}), (121, {121}, {120}),
    ):  # fmt: skip
        assert {
            device for device in takes if way(sass(f"sm_{code}"), f"sm_{device}") in ("exact", "compatible")
        } == takes
        assert {device for device in refuses if way(sass(f"sm_{code}"), f"sm_{device}") == "none"} == refuses


@pytest.mark.parametrize(
    ("compression", "driver", "wanted"),
    [
        ("zstd", "535.104.05", "unknown"),
        ("zstd", "550.54.14", "exact"),
        ("zstd", "580.95.05", "exact"),
        ("zstd", "", "exact"),
        ("zstd", "none", "exact"),
        ("lz4", "535.104.05", "exact"),
        ("none", "535.104.05", "exact"),
    ],
)
def test_code_that_an_old_driver_may_not_unpack(compression: Compression, driver: str, wanted: str) -> None:
    code = Code(kind="sass", arch="sm_90", compression=compression)
    found = runs(code, RunsOn(arch="sm_90", driver=driver), FACTS)
    assert found.way == wanted
    assert ("550.54.14" in found.note) == (wanted == "unknown")
    assert runs(code, RunsOn(arch="sm_80", driver=driver), FACTS).way == "none"


def test_ptx_newer_than_the_data_is_unknown_without_a_driver() -> None:
    code = Code(kind="ptx", arch="compute_80", isa="99.9")
    assert runs(code, RunsOn(arch="sm_90"), FACTS).way == "unknown"
    assert runs(code, RunsOn(arch="sm_90"), CodeFacts()).way == "jit"
