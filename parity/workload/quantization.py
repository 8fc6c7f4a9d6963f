"""Knows how a ``quantization_config`` says the matrices of a model are stored."""

from __future__ import annotations

import re
from itertools import filterfalse
from typing import TYPE_CHECKING

from parity.workload.model_shape import Quantization
from parity.workload.number_formats import BLOCK_SCALE_BITS

if TYPE_CHECKING:
    from parity.workload.config_values import Values

# Keys under which methods list what stays wide; llm_int8_skip_modules is bitsandbytes', exclude_modules modelopt's.
_SKIPPING = ("modules_to_not_convert", "ignore", "ignored_layers", "llm_int8_skip_modules", "exclude_modules")
_INTEGERS = {8: "int8", 4: "int4"}
_WORDS = r"[A-Za-z0-9_]+"
_NUMBER = r"\.[0-9]+(?![0-9A-Za-z_])|^[0-9]+\."  # starts with a literal: a list may be very long
_NOISE = frozenset({"re", "model", "layers", "language_model", "transformer", "h"})
MAX_PATTERN = 400
SCALE_BITS = 16  # GPTQ, AWQ and compressed-tensors keep one FP16 or BF16 scale per group
FLOAT32_BITS = 32  # DeepSeek's block FP8 keeps one FP32 scale per block


def read_quantization(config: Values) -> Quantization | None:
    """Return how the weights are stored, None when the file declares no quantisation.

    A method that is not known gives a ``Quantization`` without a dtype: sizes are unknown then, not guessed.
    """
    values = config.inner("quantization_config") or config.inner("compression_config")
    if values is None:
        return None
    method = (values.text("quant_method", "quant_algo", "format") or "unnamed").lower()
    skipped, single = _skipped(tuple(pattern for key in _SKIPPING for pattern in values.texts(key)))
    dynamic = values.inner("dynamic")  # GPTQModel: other settings, or none, for the modules that a pattern matches
    single += len(dynamic.data) if dynamic else 0
    reader = _READERS.get(method)
    read = reader(method, values) if reader else Quantization(method=method, dtype=None, bits=None)
    return Quantization(
        method=read.method,
        dtype=read.dtype,
        bits=read.bits,
        scale_bits=read.scale_bits,
        dialect=read.dialect,
        weight_only=read.weight_only,
        skipped=skipped,
        single_layers=single,
        head_skipped=not values.flag("lm_head"),
    )


def _skipped(patterns: tuple[str, ...]) -> tuple[tuple[frozenset[str], ...], int]:
    r"""Return (the distinct modules named in all layers, as words; how many patterns name single layers).

    >>> _skipped(("model.layers.*.self_attn", "re:.*lm_head", "model.layers.3.mlp", r"re:.*layers\.4\..*"))
    ((frozenset({'self_attn'}), frozenset({'lm_head'})), 2)
    """
    every = list(filterfalse(re.compile(_NUMBER).search, patterns))
    named = [frozenset(re.findall(_WORDS, pattern[:MAX_PATTERN])) - _NOISE for pattern in every]
    return tuple(dict.fromkeys(filter(None, named))), len(patterns) - len(every)


def _fp8(method: str, values: Values) -> Quantization:
    block = values.wholes("weight_block_size", low=1)
    per_block = block[0] * block[1] if block and len(block) == 2 else 0
    if values.has("weight_block_size") and not per_block and not values.problems:
        values.problem("weight_block_size", "two block lengths are needed")
    layout = values.text("fmt", "weight_dtype").lower()
    dialect = "fnuz" if "fnuz" in layout else "ocp" if layout else ""
    scale = FLOAT32_BITS / per_block if per_block else 0.0
    return Quantization(method=method, dtype="fp8", bits=8, scale_bits=scale, dialect=dialect)


def _fbgemm(method: str, _: Values) -> Quantization:
    return Quantization(method=method, dtype="fp8", bits=8)


def _grouped(method: str, values: Values) -> Quantization:
    """Read GPTQ and AWQ: an FP16 scale and a packed zero point per group of input channels."""
    bits = values.whole("bits", "w_bit", high=16)
    group = values.whole("group_size", "q_group_size", low=-1)
    dtype = _INTEGERS.get(bits or 0)
    per_group = (SCALE_BITS + (bits or 0)) / group if group and group > 0 else 0.0
    return Quantization(method=method, dtype=dtype, bits=bits, scale_bits=per_group, weight_only=True)


def _bitsandbytes(method: str, values: Values) -> Quantization:
    if values.flag("load_in_4bit"):
        # One FP32 maximum per block of 64, or with double quantisation an INT8 one and an FP32 per 256 of these.
        scale = 8 / 64 + 32 / (64 * 256) if values.flag("bnb_4bit_use_double_quant") else 32 / 64
        return Quantization(method=method, dtype="int4", bits=4, scale_bits=scale, weight_only=True)
    if values.flag("load_in_8bit"):
        return Quantization(method=method, dtype="int8", bits=8)
    return Quantization(method=method, dtype=None, bits=None)


def _mxfp4(method: str, _: Values) -> Quantization:
    """Read gpt-oss's: the file names no format of the activations, so they stay wide, as with GPTQ and AWQ."""
    scale = BLOCK_SCALE_BITS["mxfp4"]
    return Quantization(method=method, dtype="fp4", bits=4, scale_bits=scale, weight_only=True)


def _compressed(method: str, values: Values) -> Quantization:
    """Read compressed-tensors and modelopt: groups of modules; several groups of different width are not counted."""
    groups = values.inner("config_groups")
    found = [groups.inner(name) for name in groups.data] if groups else []
    schemes = {_scheme(group) for group in found if group}
    if len(schemes) != 1:
        return _algorithm(method, values)
    kind, bits, group, weight_only = schemes.pop()
    dtype = {"float8": "fp8", "float4": "fp4"}.get(f"{kind}{bits}") or (_INTEGERS.get(bits) if kind == "int" else None)
    scale = BLOCK_SCALE_BITS["nvfp4"] if dtype == "fp4" and group == 16 else SCALE_BITS / group if group else 0.0
    if dtype == "fp4" and group == 32:
        scale = BLOCK_SCALE_BITS["mxfp4"]
    dialect = "ocp" if dtype == "fp8" else ""
    return Quantization(
        method=method, dtype=dtype, bits=bits or None, scale_bits=scale, dialect=dialect, weight_only=weight_only
    )


def _scheme(group: Values) -> tuple[str, int, int, bool]:
    weights = group.inner("weights")
    if weights is None:
        return ("", 0, 0, False)
    size = weights.whole("group_size", low=-1) or 0
    width = weights.whole("num_bits", high=16) or 0
    return (weights.text("type"), width, max(size, 0), not group.has("input_activations"))


def _algorithm(method: str, values: Values) -> Quantization:
    name = values.text("quant_algo").lower()
    if name == "fp8":
        return Quantization(method=method, dtype="fp8", bits=8, dialect="ocp")
    if name in ("nvfp4", "w4a4_nvfp4"):
        return Quantization(method=method, dtype="fp4", bits=4, scale_bits=BLOCK_SCALE_BITS["nvfp4"])
    return Quantization(method=method, dtype=None, bits=None)


_READERS = {
    "fp8": _fp8,
    "fbgemm_fp8": _fbgemm,
    "gptq": _grouped,
    "awq": _grouped,
    "bitsandbytes": _bitsandbytes,
    "mxfp4": _mxfp4,
    "compressed-tensors": _compressed,
    "modelopt": _compressed,
    "nvfp4": _algorithm,
}
