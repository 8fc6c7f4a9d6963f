"""What engines keep back: shares of the memory, SGLang's table, and nothing counted twice."""

from __future__ import annotations

import models
import pytest

from parity.model.footprint import ByteRange, Parallelism
from parity.workload.engines import ENGINES, GIB, MIB, overhead_bytes, sglang_reserve_mib
from parity.workload.footprint import footprint

NOTHING = ByteRange(low=0, high=0)


def test_vllm_leaves_a_share() -> None:
    assert overhead_bytes("vllm", 100 * GIB, Parallelism(), NOTHING) == ByteRange(low=0, high=8 * GIB)
    assert overhead_bytes("usual", 100 * GIB, Parallelism(), NOTHING) == ByteRange(low=0, high=10 * GIB)
    assert overhead_bytes("none", 100 * GIB, Parallelism(), NOTHING) == NOTHING


@pytest.mark.parametrize(
    ("memory", "spread", "low", "high"),
    [
        (15 * 1024, Parallelism(), 1536 + 128, 512 + 3072 + 128 + 16),  # T4
        (24 * 1024, Parallelism(), 1536 + 128, 512 + 6144 + 128 + 96),  # 4090
        (24 * 1024, Parallelism(tp=4), 1536 + 512, 512 + 6144 + 512 + 320),
        (80 * 1024, Parallelism(tp=8), 1536 + 1024, 512 + 12288 + 1024 + 1024),  # H100
        (180 * 1024, Parallelism(), 1536 + 128, 512 + 24576 + 128 + 1024),  # B200
        (61 * 1024, Parallelism(), 1536 + 128, 512 + 12288 + 128 + 512),
    ],
)
def test_sglang_sizes_its_reserve_by_memory_and_ranks(memory: int, spread: Parallelism, low: int, high: int) -> None:
    assert sglang_reserve_mib(memory, spread) == (low, high)


def test_sglangs_reserve_holds_the_activations() -> None:
    activations = ByteRange(low=100 * MIB, high=20 * GIB)
    told = overhead_bytes("sglang", 80 * GIB, Parallelism(), activations)
    assert told == ByteRange(low=(1664 - 100) * MIB, high=0)


@pytest.mark.parametrize("name", ENGINES)
def test_each_engine_says_what_it_leaves_out(name: str) -> None:
    told = footprint(models.question("llama-3.1-8b", "h100", engine=name))
    assert set(ENGINES[name].not_modelled) <= set(told.not_modelled)
    assert told.fits == "yes"
    assert ENGINES[name].source


def test_the_engine_decides_how_much_context_fits() -> None:
    most = {
        name: footprint(models.question("llama-3.1-8b", "h100", engine=name, batch=32)).target.largest_context
        for name in ("none", "vllm", "usual", "sglang")
    }
    assert all(isinstance(value, int) for value in most.values())
    assert (most["none"] or 0) > (most["vllm"] or 0) > (most["usual"] or 0) > (most["sglang"] or 0)
