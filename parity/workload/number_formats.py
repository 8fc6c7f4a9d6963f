"""Knows the number formats that weights and caches are kept in: size, and the catalog fact of their dense rate."""

from __future__ import annotations

import msgspec

from parity.errors import UnknownNameError
from parity.inputs import near_names

WIDE_BYTES = 2  # formats of fewer bytes are made by quantising

# Bits of the scales that a block format adds to each element: OCP MX 8 bits per 32, NVFP4 8 bits per 16.
BLOCK_SCALE_BITS = {"mxfp8": 8 / 32, "mxfp6": 8 / 32, "mxfp4": 8 / 32, "nvfp4": 8 / 16}
# GPTQ's and AWQ's usual group of 128 weights: an FP16 scale and a packed zero point.
_GROUP_BITS = (16 + 4) / 128


class NumberFormat(msgspec.Struct, frozen=True, kw_only=True):
    """One format.

    Attributes:
        size: bytes of an element, with the scales that belong to the format itself.
        rate: the catalog's name for its dense rate.
        units: the format that matrix units compute, where a block format is that with scales; empty: this one.
        weight_scale_bits: scales that weights in it have besides, per element.
    """

    name: str
    size: float
    rate: str
    units: str = ""
    weight_scale_bits: float = 0.0

    @property
    def weight_size(self) -> float:
        """Return the bytes of one weight, all scales included."""
        return self.size + self.weight_scale_bits / 8

    @property
    def narrow(self) -> bool:
        """Return whether weights in it are quantised: matrices of the layers only, the rest stays wide."""
        return self.size < WIDE_BYTES


def _block(name: str, units: str, bits: int) -> NumberFormat:
    return NumberFormat(name=name, size=(bits + BLOCK_SCALE_BITS[name]) / 8, rate=f"tflops_{units}", units=units)


FORMATS = {
    entry.name: entry
    for entry in (
        NumberFormat(name="fp32", size=4, rate="tflops_fp32"),
        NumberFormat(name="tf32", size=4, rate="tflops_tf32"),
        NumberFormat(name="bf16", size=2, rate="tflops_bf16"),
        NumberFormat(name="fp16", size=2, rate="tflops_fp16"),
        NumberFormat(name="fp8", size=1, rate="tflops_fp8"),
        NumberFormat(name="int8", size=1, rate="tops_int8"),
        NumberFormat(name="fp6", size=0.75, rate="tflops_fp6", weight_scale_bits=BLOCK_SCALE_BITS["mxfp6"]),
        # Of the two block formats the larger one.
        NumberFormat(name="fp4", size=0.5, rate="tflops_fp4", weight_scale_bits=BLOCK_SCALE_BITS["nvfp4"]),
        # weights only: the matrix units compute in the wide format
        NumberFormat(name="int4", size=0.5, rate="", weight_scale_bits=_GROUP_BITS),
        _block("mxfp8", "fp8", 8),
        _block("mxfp6", "fp6", 6),
        _block("mxfp4", "fp4", 4),
        _block("nvfp4", "fp4", 4),
    )
}
_ALIASES = {
    "float32": "fp32", "float": "fp32", "float16": "fp16", "half": "fp16", "bfloat16": "bf16",
    "float8_e4m3fn": "fp8", "float8_e5m2": "fp8", "float8_e4m3fnuz": "fp8", "fp8_e4m3": "fp8", "fp8_e5m2": "fp8",
    "e4m3": "fp8", "w4a16": "int4",
}  # fmt: skip
WEIGHTS = tuple(FORMATS)
CACHES = ("fp32", "bf16", "fp16", "fp8", "int8", "fp4", "int4", "mxfp8", "mxfp4", "nvfp4")


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


def computed_as(name: str) -> str:
    """Return the format that matrix units compute for one that is stored.

    >>> computed_as("nvfp4"), computed_as("bf16")
    ('fp4', 'bf16')
    """
    return FORMATS[name].units or name
