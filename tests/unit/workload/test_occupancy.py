"""Launch and occupancy, against NVIDIA's cuda_occupancy.h and LLVM's AMDGPU back end as recorded beside the fixtures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from parity.binaries.amd_resources import amd_kernels
from parity.catalog.limits import launch_limits
from parity.catalog.store import index
from parity.model.kernel_resources import KernelNeeds
from parity.model.limits import LaunchLimits
from parity.workload.occupancy import launch, waves_per_simd

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "resources"
SAID: dict[str, Any] = yaml.safe_load((FIXTURES / "resources.yaml").read_text(encoding="utf-8"))
ARCHES = sorted({entry.arch for entry in index()})


def limits(arch: str) -> LaunchLimits:
    found = launch_limits(arch)
    assert found is not None
    return found


def needs(**changes: Any) -> KernelNeeds:
    return KernelNeeds(**{"name": "k", "arch": "sm_90", "registers": 32, "stack_bytes": 0, **changes})


@pytest.mark.parametrize("arch", ARCHES)
def test_every_architecture_of_the_catalog_has_limits(arch: str) -> None:
    found = limits(arch)
    wanted = {"warp_size", "threads_per_block", "shared_memory_per_sm_bytes", "shared_memory_per_block_bytes"}
    wanted |= (
        {"waves_per_simd", "simds_per_cu", "vector_registers_per_simd", "vector_register_unit"}
        if arch.startswith("gfx")
        else {"threads_per_sm", "blocks_per_sm", "registers_per_sm", "registers_per_block", "registers_per_thread",
              "register_unit", "register_partitions", "shared_memory_unit_bytes", "shared_memory_reserved_bytes",
              "cluster_blocks"}
    )  # fmt: skip
    assert {name for name in wanted if getattr(found, name) is None} == set()


@pytest.mark.parametrize("capability", SAID["cuda_occupancy"])
def test_blocks_per_sm_are_nvidias(capability: str) -> None:
    there = limits("sm_" + capability.replace(".", ""))
    rows = SAID["cuda_occupancy"][capability]
    told = [
        launch(needs(registers=registers), there, code="yes", threads=threads, dynamic_bytes=dynamic).blocks_per_sm
        for registers, threads, dynamic, _ in rows
    ]
    assert told == [blocks for *_, blocks in rows]
    assert len(set(told)) > 5


@pytest.mark.parametrize("arch", SAID["llvm_vector"])
def test_waves_by_vector_registers_are_llvms(arch: str) -> None:
    there = limits(arch)
    for registers, waves in SAID["llvm_vector"][arch].items():
        found = waves_per_simd(needs(arch=arch, registers=registers, wavefront=there.warp_size), there)
        assert found is not None
        assert found[0] == waves, registers


@pytest.mark.parametrize("arch", SAID["llvm_scalar"])
def test_waves_by_scalar_registers_are_llvms(arch: str) -> None:
    there = limits(arch)
    for registers, waves in SAID["llvm_scalar"][arch].items():
        found = waves_per_simd(needs(arch=arch, registers=1, scalar_registers=registers), there)
        assert found is not None
        assert found[0] == waves, registers


@pytest.mark.parametrize("name", SAID["code_objects"])
def test_waves_of_whole_kernels_are_llvms(name: str) -> None:
    raw = (FIXTURES / name).read_bytes()
    for kernel in amd_kernels(raw, 0, len(raw))[0]:
        found = waves_per_simd(kernel, limits(kernel.arch))
        assert found is not None
        assert found[0] == SAID["code_objects"][name][kernel.name], kernel.name


def test_a_wide_wave_takes_twice_the_registers_of_rdna() -> None:
    there = limits("gfx1100")
    narrow, wide = (waves_per_simd(needs(arch="gfx1100", registers=120, wavefront=w), there) for w in (32, 64))
    assert (narrow, wide) == ((12, "registers"), (6, "registers"))


def test_lds_holds_workgroups_back() -> None:
    there = limits("gfx942")
    found = launch(
        needs(arch="gfx942", registers=16, wavefront=64, shared_memory_bytes=20000), there, code="yes", threads=256
    )
    assert (found.blocks_per_sm, found.bound_by, found.occupancy) == (3, ("shared memory",), 3 * 4 / 32)


@pytest.mark.parametrize(
    ("arch", "changes", "asked", "why"),
    [
        ("sm_89", {"shared_memory_bytes": 120_000}, {}, "120000 bytes of shared memory, a block may have 101376"),
        ("sm_90", {}, {"threads": 2048}, "2048 threads, a block may have 1024"),
        ("sm_90", {"threads_most": 256}, {"threads": 512}, "512 threads, the kernel was compiled for at most 256"),
        ("sm_90", {"threads_exact": 128}, {"threads": 64}, "64 threads, the kernel asks for exactly 128"),
        ("sm_89", {"cluster_blocks": 2}, {}, "clusters of 2 blocks, sm_89 has no clusters"),
        ("sm_90", {"registers": 128, "threads_exact": 1024}, {}, "one block of 1024 threads does not fit: registers"),
        ("gfx942", {"wavefront": 32, "arch": "gfx1100"}, {}, "wavefronts of 32, gfx942 has 64"),
    ],
)
def test_each_broken_limit_is_named(arch: str, changes: dict[str, Any], asked: dict[str, Any], why: str) -> None:
    found = launch(needs(**changes), limits(arch), code="yes", **asked)
    assert found.fits == "no"
    assert any(reason.startswith(why) for reason in found.why), found.why
    assert found.occupancy is None


def test_what_the_file_does_not_say_is_unknown() -> None:
    assert launch(needs(registers=None), limits("sm_90"), code="yes", threads=128).fits == "unknown"
    assert launch(needs(cluster_blocks=16), limits("sm_90"), code="yes").fits == "unknown"
    assert launch(needs(), LaunchLimits(arch="sm_999"), code="yes").fits == "unknown"


def test_without_threads_the_largest_block_is_told() -> None:
    found = launch(needs(registers=128), limits("sm_90"), code="yes", dynamic_bytes=0)
    assert (found.largest_block, found.blocks_per_sm, found.occupancy, found.fits) == (512, None, None, "yes")


@given(st.integers(1, 255), st.integers(1, 1024), st.integers(0, 240_000))
def test_more_registers_or_shared_memory_never_help(registers: int, threads: int, shared: int) -> None:
    there = limits("sm_90")
    base = launch(needs(registers=registers), there, code="yes", threads=threads, dynamic_bytes=shared)
    more = launch(needs(registers=min(255, registers + 8)), there, code="yes", threads=threads, dynamic_bytes=shared)
    wide = launch(needs(registers=registers), there, code="yes", threads=threads, dynamic_bytes=shared + 4096)
    assert (more.blocks_per_sm or 0) <= (base.blocks_per_sm or 0)
    assert (wide.blocks_per_sm or 0) <= (base.blocks_per_sm or 0)
    assert base.occupancy is None or 0 < base.occupancy <= 1


def test_unknown_limits_are_not_zero() -> None:
    for name in LaunchLimits.__struct_fields__:
        if name != "arch":
            there = msgspec.structs.replace(limits("sm_90"), **{name: None})
            assert launch(needs(), there, code="yes", threads=128).fits != "no", name
