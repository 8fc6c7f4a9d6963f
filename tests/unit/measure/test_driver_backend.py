"""Measuring with the driver alone: copies and fills of a stub libcuda, its errors, hangs and crashes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from parity.measure.driver_calls import SIGNATURES
from parity.measure.plan import EVERYTHING, Place
from parity.measure.run import Outcome, Patience, measure
from parity.model.measurement import MATMUL

if TYPE_CHECKING:
    from collections.abc import Callable

QUICK = Patience(start_s=20.0, prepare_s=1.5, run_s=1.0)
DRIVER = ["dram_copy", "dram_read", "dram_write", "host_to_device", "device_to_host", "launch_latency"]


def reasons(outcome: Outcome) -> dict[str, tuple[str, str]]:
    return {one.name: (one.why, one.detail) for one in outcome.unmeasured}


def test_the_driver_gives_all_but_matrix_rates(driver: Callable[..., object], places: tuple[Place, ...]) -> None:
    driver("cuda.gbps = 2500\ncuda.link_gbps = 50\ncuda.launch_us = 2.5")
    outcome = measure(EVERYTHING, places, 2.0)
    found = {(one.name, one.device, one.peer): one.value for one in outcome.measured}
    assert {name for name, _, _ in found} == {*DRIVER, "peer_to_peer"}
    assert found["dram_copy", 1, None] == pytest.approx(2500, rel=1e-3)
    assert found["dram_read", 1, None] == pytest.approx(2500, rel=1e-3)
    assert found["dram_write", 0, None] == pytest.approx(2500, rel=1e-3)
    assert found["launch_latency", 1, None] == pytest.approx(2.5, rel=1e-3)
    assert found["host_to_device", 0, None] == pytest.approx(50, rel=1e-3)
    assert found["peer_to_peer", 1, 0] == pytest.approx(50, rel=1e-3)
    assert outcome.backend == "CUDA driver API 13.0"
    assert {*reasons(outcome)} == {*MATMUL}
    assert {*reasons(outcome).values()} == {("not_supported", "needs torch: the driver alone has no matrix library")}


def test_a_driver_result_says_what_ran(driver: Callable[..., object], places: tuple[Place, ...]) -> None:
    driver()
    names = ["dram_copy", "dram_write", "dram_read", "launch_latency"]
    copy, fill, read, launch = measure(names, places[:1], 0.4).measured
    assert (read.kernel, read.kernel_kind, read.bytes) == (
        "kernel that reads 16 bytes per load, CUDA driver 13.0", "kernel", 1 << 30,
    )  # fmt: skip
    assert (launch.kernel, launch.unit, launch.bytes) == (
        "cuLaunchKernel of an empty kernel, CUDA driver 13.0", "us", None,
    )  # fmt: skip
    assert (copy.kernel, copy.kernel_kind, copy.bytes) == (
        "cuMemcpyDtoDAsync, CUDA driver 13.0", "memcpy", 1 << 30,
    )  # fmt: skip
    assert (fill.kernel, fill.kernel_kind) == ("cuMemsetD32Async, CUDA driver 13.0", "memcpy")


def test_everything_is_given_back(driver: Callable[..., object], places: tuple[Place, ...], tmp_path: Path) -> None:
    driver()
    measure([*DRIVER, "peer_to_peer"], places, 1.0)
    assert (tmp_path / "held.txt").read_text().splitlines()[-1] == "held 0 bytes 0"


@pytest.mark.parametrize(
    ("answer", "why", "detail"),
    [
        ("error 2", "failed", "CUDA error 2: cuMemsetD32Async: CUDA_ERROR_OUT_OF_MEMORY (out of memory)"),
        (
            "after 4 1 || error 214",
            "lost",
            "CUDA error 214: cuMemsetD32Async: CUDA_ERROR_ECC_UNCORRECTABLE (an ECC error that cannot be corrected)",
        ),
        ("segv", "failed", "the measuring process was killed by SIGSEGV"),
        ("after 20 1 || segv", "failed", "the measuring process was killed by SIGSEGV"),
        ("exit 3", "failed", "the measuring process ended with status 3"),
        ("hang", "timed_out", "the measuring process gave no answer within 2 s"),
    ],
)
def test_what_a_call_does_costs_its_measurement_alone(
    driver: Callable[..., object], places: tuple[Place, ...], answer: str, why: str, detail: str
) -> None:
    driver(f"cuda.cuMemsetD32Async = {answer}")
    outcome = measure(["dram_copy", "dram_write", "host_to_device"], places[:1], 2.0, patience=QUICK)
    assert [one.name for one in outcome.measured] == ["dram_copy", "host_to_device"]
    assert reasons(outcome)["dram_write"] == (why, detail)


@pytest.mark.parametrize(
    ("answer", "why", "detail"),
    [
        (
            "error 221",
            "library_missing",
            (
                "CUDA error 221: cuModuleLoadData: CUDA_ERROR_JIT_COMPILER_NOT_FOUND "
                "(libnvidia-ptxjitcompiler, part of the driver, is not here)"
            ),
        ),
        (
            "error 223",
            "not_supported",
            ("CUDA error 223: cuModuleLoadData: CUDA_ERROR_JIT_COMPILATION_DISABLED (CUDA_DISABLE_PTX_JIT is set)"),
        ),
    ],
)
def test_a_driver_that_compiles_nothing_still_copies(
    driver: Callable[..., object], places: tuple[Place, ...], answer: str, why: str, detail: str
) -> None:
    driver(f"cuda.cuModuleLoadData = {answer}")
    outcome = measure(["dram_copy", "dram_read", "launch_latency"], places[:1], 0.4)
    assert [one.name for one in outcome.measured] == ["dram_copy"]
    assert reasons(outcome) == {"dram_read": (why, detail), "launch_latency": (why, detail)}


def test_memory_of_a_failed_preparation_is_given_back(
    driver: Callable[..., object], places: tuple[Place, ...], tmp_path: Path
) -> None:
    driver("cuda.cuMemAlloc = after 1 1 || error 2")
    outcome = measure(["dram_copy"], places[:1], 0.3)
    assert outcome.measured == []
    assert reasons(outcome)["dram_copy"][0] == "failed"
    assert (tmp_path / "held.txt").read_text().splitlines()[-1] == "held 0 bytes 0"


def test_a_context_that_is_lost_is_replaced_by_a_new_process(
    driver: Callable[..., object], places: tuple[Place, ...]
) -> None:
    driver("cuda.cuMemsetD32Async = error 700\ncuda.cuCtxSynchronize = after 2 1 || error 700")
    outcome = measure(["dram_copy", "dram_write", "host_to_device"], places[:1], 1.0)
    assert [one.name for one in outcome.measured] == ["dram_copy", "host_to_device"]


def test_peer_access_that_is_on_already_is_no_error(driver: Callable[..., object], places: tuple[Place, ...]) -> None:
    driver("cuda.cuCtxEnablePeerAccess = error 704")
    assert len(measure(["peer_to_peer"], places, 0.3).measured) == 2


def test_no_peer_access_is_not_supported(driver: Callable[..., object], places: tuple[Place, ...]) -> None:
    driver("cuda.peers = 0")
    outcome = measure(["peer_to_peer"], places, 0.3)
    assert outcome.measured == []
    assert reasons(outcome)["peer_to_peer"][0] == "not_supported"


def test_little_memory_means_smaller_buffers_than_usual_but_no_cache(
    driver: Callable[..., object], places: tuple[Place, ...]
) -> None:
    driver(f"cuda.free = {2 << 30}")
    (one,) = measure(["dram_copy"], places[:1], 0.3).measured
    assert one.bytes == 512 << 20


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ("cuda.cuInit = error 999", "CUDA error 999: cuInit: CUDA_ERROR_UNKNOWN"),
        (
            "cuda.cuInit = error 802",
            (
                "CUDA error 802: cuInit: CUDA_ERROR_SYSTEM_NOT_READY (a driver daemon does not run; "
                "on NVSwitch systems the fabric manager)"
            ),
        ),
        ("cuda.count = 0", "the NVIDIA driver shows this process no GPU"),
    ],
)
def test_a_driver_that_cannot_be_used_says_why(
    driver: Callable[..., object], places: tuple[Place, ...], change: str, detail: str
) -> None:
    driver(change)
    outcome = measure(["dram_copy"], places[:1], 0.3)
    assert reasons(outcome)["dram_copy"][1].endswith(detail)


def test_devices_are_told_apart_by_bus_id_where_uuids_are_unknown(driver: Callable[..., object]) -> None:
    driver()
    place = Place(position=5, bus_id="00000000:c3:00.0")
    (one,) = measure(["dram_copy"], [place], 0.3).measured
    assert one.device == 5


@pytest.mark.slow
@pytest.mark.parametrize("call", sorted(name.removesuffix("_v2") for name in SIGNATURES))
def test_a_call_that_hangs_costs_its_time_and_leaves_no_process(
    driver: Callable[..., object], places: tuple[Place, ...], monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    driver(f"cuda.{call} = hang")
    monkeypatch.setattr("parity.measure.run.MAX_OVERRUN", 2.0)
    patience = Patience(start_s=6.0, prepare_s=0.7, run_s=0.7)
    outcome = measure(["dram_copy", "launch_latency", "host_to_device"], places[:1], 0.2, patience=patience)
    assert sorted(one.name for one in (*outcome.measured, *outcome.unmeasured)) == [
        "dram_copy",
        "host_to_device",
        "launch_latency",
    ]
    assert all(one.detail for one in outcome.unmeasured)
    assert {one.why for one in outcome.unmeasured} <= {"timed_out", "not_asked"}
    assert not Path(f"/proc/self/task/{os.getpid()}/children").read_text()
