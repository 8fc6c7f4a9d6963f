"""Knows what inference engines keep back of a device's memory, beyond weights and cache.

Numbers as the engines' own sources have them by default; an option of each changes them, so the low end of a range is
what is left when it is given all it takes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from parity.model.footprint import ByteRange

if TYPE_CHECKING:
    from parity.model.footprint import Parallelism

MIB, GIB = 2**20, 2**30
# vLLM gives a tenth of the memory, in newer versions less, to nothing: what --gpu-memory-utilization leaves.
USUAL_RESERVE = 0.1
VLLM_RESERVE = 0.08


class Engine(msgspec.Struct, frozen=True, kw_only=True):
    """One engine.

    Attributes:
        source: where its figure was read.
        option: of the engine, that changes it.
        not_modelled: what its range leaves out.
    """

    name: str
    source: str
    option: str
    not_modelled: tuple[str, ...]


ENGINES = {
    "usual": Engine(
        name="usual",
        source="vLLM before 0.33: gpu_memory_utilization 0.9",
        option="an option of the engine",
        not_modelled=(
            "what the engine takes beside its reserve: CUDA graphs, communication buffers",
            "engines that keep every token of window layers, or fixed shares for them and for states: --engine sglang",
        ),
    ),
    "vllm": Engine(
        name="vllm",
        source="vllm 0.33.0 wheel, vllm/config/cache.py: gpu_memory_utilization 0.92",
        option="--gpu-memory-utilization",
        not_modelled=("CUDA graphs and communication buffers that outgrow what vLLM leaves free",),
    ),
    "sglang": Engine(
        name="sglang",
        source="sglang 0.5.23 wheel, sglang/srt/arg_groups/memory_hook.py: mem_fraction_static",
        option="--mem-fraction-static",
        not_modelled=("prefill CUDA graphs, DP attention, DeepEP buffers, images: SGLang keeps more back for them",),
    ),
    "none": Engine(
        name="none",
        source="nothing is kept back",
        option="nothing",
        not_modelled=("the CUDA context, CUDA graphs, communication buffers: no engine was named",),
    ),
}
# SGLang's table: memory below (MiB) -> chunk of a prefill, largest decode graph with under 4 tensor ranks, with more.
_SGLANG = (
    (20 * 1024, 2048, 8, 8),
    (35 * 1024, 4096, 48, 160),
    (60 * 1024, 4096, 32, 160),
    (90 * 1024, 8192, 256, 512),
    (160 * 1024, 8192, 256, 512),
)
_SGLANG_LARGEST = (16384, 512, 512)
_SGLANG_LARGE_MEMORY, _SGLANG_LEAST = 60 * 1024, 10 * 1024  # above the first, at least the second is kept back


def overhead_bytes(name: str, memory: int, spread: Parallelism, activations: ByteRange) -> ByteRange:
    """Return what an engine keeps back of one device, its activations not counted twice.

    Args:
        name: of ``ENGINES``.
        memory: of the device, in bytes.
        spread: ranks.
        activations: as estimated; SGLang's reserve is meant to hold them.
    """
    if name == "none":
        return ByteRange(low=0, high=0)
    if name == "sglang":
        low, high = sglang_reserve_mib(memory // MIB, spread)
        return ByteRange(low=max(0, low * MIB - activations.low), high=max(0, high * MIB - activations.high))
    return ByteRange(low=0, high=round((VLLM_RESERVE if name == "vllm" else USUAL_RESERVE) * memory))


def sglang_reserve_mib(memory_mib: int, spread: Parallelism) -> tuple[int, int]:
    """Return (MiB that SGLang keeps back when it sizes the cache after its graphs, MiB that it keeps back before).

    >>> from parity.model.footprint import Parallelism
    >>> sglang_reserve_mib(81559, Parallelism())  # H100: 512 + 1.5 x 8192 + 128 + 2 x 256
    (1664, 13440)
    """
    rows = ((chunk, few, many) for below, chunk, few, many in _SGLANG if memory_mib < below)
    chunk, few, many = next(rows, _SGLANG_LARGEST)
    ranks = spread.tp * spread.pp * 1024 // 8
    high = 512 + chunk * 3 // 2 + ranks + 2 * (few if spread.tp < 4 else many)
    if memory_mib > _SGLANG_LARGE_MEMORY:
        high = max(high, _SGLANG_LEAST)
    return 1536 + ranks, high
