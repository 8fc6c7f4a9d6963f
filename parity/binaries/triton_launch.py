"""Knows how Triton launches a kernel of its cache: the JSON beside the code object states warps and shared memory.

Shared memory of Triton kernels is dynamic, so their code objects do not tell it; ``shared`` of the metadata does.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from parity.errors import ParityError
from parity.inputs import load_json, read_bytes

MAX_METADATA = 1024 * 1024
WARP_SIZE = 32  # when the metadata do not say: NVIDIA's
_CODE = (".cubin", ".hsaco")
_MOST = {"num_warps": 64, "warp_size": 64, "shared": 2**24}


class TritonLaunch(NamedTuple):
    """How a kernel is launched: threads of a block, bytes of dynamic shared memory."""

    threads: int
    dynamic_bytes: int


def triton_launch(path: str | Path) -> TritonLaunch | None:
    """Return what the metadata beside a ``.cubin`` or ``.hsaco`` state, None when there are none or they say nothing.

    Triton writes ``kernel.json`` beside ``kernel.cubin``: ``num_warps``, ``shared``, ``target.warp_size``.
    """
    code = Path(path)
    beside = code.with_suffix(".json")
    if code.suffix not in _CODE or not beside.is_file():
        return None
    try:
        data = load_json(read_bytes(beside, limit=MAX_METADATA), where=str(beside))
    except ParityError:
        return None
    if not isinstance(data, dict):
        return None
    warps, shared = _count(data, "num_warps"), _count(data, "shared")
    if not warps or shared is None:
        return None
    target = data.get("target")
    size = _count(target if isinstance(target, dict) else data, "warp_size") or _count(data, "warp_size")
    return TritonLaunch(warps * (size or WARP_SIZE), shared)


def _count(data: dict[str, object], name: str) -> int | None:
    value = data.get(name)
    return value if type(value) is int and 0 <= value <= _MOST[name] else None
