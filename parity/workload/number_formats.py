"""Knows the number formats that weights and caches are kept in: size, and the catalog fact of their dense rate."""

from __future__ import annotations

import msgspec

from parity.errors import UnknownNameError
from parity.inputs import near_names


class NumberFormat(msgspec.Struct, frozen=True, kw_only=True):
    """One format: bytes of an element, and the catalog's name for its dense rate."""

    name: str
    size: float
    rate: str


FORMATS = {
    entry.name: entry
    for entry in (
        NumberFormat(name="fp32", size=4, rate="tflops_fp32"),
        NumberFormat(name="tf32", size=4, rate="tflops_tf32"),
        NumberFormat(name="bf16", size=2, rate="tflops_bf16"),
        NumberFormat(name="fp16", size=2, rate="tflops_fp16"),
        NumberFormat(name="fp8", size=1, rate="tflops_fp8"),
        NumberFormat(name="int8", size=1, rate="tops_int8"),
        NumberFormat(name="fp6", size=0.75, rate="tflops_fp6"),
        NumberFormat(name="fp4", size=0.5, rate="tflops_fp4"),
        NumberFormat(name="int4", size=0.5, rate=""),  # weights only: the matrix units compute in the wide format
    )
}
_ALIASES = {
    "float32": "fp32", "float": "fp32", "float16": "fp16", "half": "fp16", "bfloat16": "bf16",
    "float8_e4m3fn": "fp8", "float8_e5m2": "fp8", "float8_e4m3fnuz": "fp8", "fp8_e4m3": "fp8", "fp8_e5m2": "fp8",
    "e4m3": "fp8", "mxfp8": "fp8", "nvfp4": "fp4", "mxfp4": "fp4", "mxfp6": "fp6", "w4a16": "int4",
}  # fmt: skip
WEIGHTS = tuple(FORMATS)
CACHES = ("fp32", "bf16", "fp16", "fp8", "int8", "fp4", "int4")
# Bits of the scales that a block format adds to each element: OCP MX 8 bits per 32, NVFP4 8 bits per 16.
BLOCK_SCALE_BITS = {"mxfp8": 8 / 32, "mxfp6": 8 / 32, "mxfp4": 8 / 32, "nvfp4": 8 / 16}


def format_named(name: str, *, where: str, known: tuple[str, ...] = WEIGHTS) -> NumberFormat:
    """Return the format of a name that people, torch or engines use.

    Raises:
        UnknownNameError: no format has this name.
    """
    wanted = name.strip().lower().removeprefix("torch.")
    found = FORMATS.get(_ALIASES.get(wanted, wanted))
    if found is None or found.name not in known:
        raise UnknownNameError(
            f"no number format {name[:40]!r}",
            where=where,
            close=near_names(wanted, (*known, *_ALIASES)),
            mend=f"use one of: {', '.join(known)}",
        )
    return found


def known_format(name: str) -> str | None:
    """Return the neutral name of a dtype as files write it, None when it is not known.

    >>> known_format("torch.bfloat16"), known_format("float9")
    ('bf16', None)
    """
    wanted = name.strip().lower().removeprefix("torch.")
    wanted = _ALIASES.get(wanted, wanted)
    return wanted if wanted in FORMATS else None
