"""Knows how a ``quantization_config`` says the matrices of a model are stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from parity.inputs import printable
from parity.workload.model_shape import Quantization
from parity.workload.module_patterns import read_patterns
from parity.workload.number_formats import BLOCK_SCALE_BITS

if TYPE_CHECKING:
    from parity.workload.config_values import Values

# Keys under which methods list what stays wide; llm_int8_skip_modules is bitsandbytes', exclude_modules modelopt's.
_SKIPPING = ("modules_to_not_convert", "ignore", "ignored_layers", "llm_int8_skip_modules", "exclude_modules")
QUANT_FILE = "hf_quant_config.json"
_INTEGERS = {8: "int8", 4: "int4"}
SCALE_BITS = 16  # GPTQ, AWQ and compressed-tensors keep one FP16 or BF16 scale per group
FLOAT32_BITS = 32  # DeepSeek's block FP8 keeps one FP32 scale per block
NVFP4_GROUP = 16


def read_quantization(config: Values, *, layers: int) -> Quantization | None:
    """Return how the weights are stored, None when the file declares no quantisation.

    A method that is not known gives a ``Quantization`` without a dtype: sizes are unknown then, not guessed.
    """
    values = config.inner("quantization_config") or config.inner("compression_config")
    if values is None:
        return None
    method = (values.text("quant_method", "quant_algo", "format") or "unnamed").lower()
    return _read(method, values, layers)


def read_separate(config: Values, *, layers: int) -> Quantization | None:
    """Return what modelopt writes into a file of its own, None when that quantises no weights."""
    values = config.inner("quantization")
    if values is None or not values.has("quant_algo"):
        return None
    return _read("modelopt", values, layers)


def _read(method: str, values: Values, layers: int) -> Quantization:
    reader = _READERS.get(method)
    read = reader(method, values) if reader else Quantization(method=method, dtype=None, bits=None)
    if values.has("quantized_layers"):  # modelopt's of several formats, and a list of who has which
        read = Quantization(method=method, dtype=None, bits=None, unread=("quantized_layers",))
    left, others = _dynamic(values)
    skipped, unread = read_patterns((*(text for key in _SKIPPING for text in values.texts(key)), *left), layers=layers)
    targets = _targets(values)
    only, strange = read_patterns(targets, layers=layers)
    return msgspec.structs.replace(
        read,
        skipped=skipped,
        only=only if targets else None,
        unread=(*read.unread, *(printable(text)[:80] for text in (*unread, *strange, *others))),
        head_skipped=not values.flag("lm_head"),
        cache=_cache(values),
    )


def _cache(values: Values) -> str:
    """Return the format of the cache: modelopt's name of it, or compressed-tensors' bits; empty where none is said."""
    scheme = values.data.get("kv_cache_scheme")
    if isinstance(scheme, dict):
        return "fp8" if (scheme.get("num_bits"), scheme.get("type")) == (8, "float") else ""
    name = values.data.get("kv_cache_quant_algo") or scheme
    return {"fp8": "fp8", "nvfp4": "nvfp4"}.get(name.lower(), "") if isinstance(name, str) else ""


def _dynamic(values: Values) -> tuple[list[str], list[str]]:
    """Return (patterns of modules that stay wide, of those with settings of their own) of GPTQModel's ``dynamic``."""
    dynamic = values.inner("dynamic")
    names = list(dynamic.data) if dynamic else []
    left = [f"re:{name[2:]}" for name in names if name.startswith("-:")]
    return left, [name for name in names if not name.startswith("-:")]


def _targets(values: Values) -> tuple[str, ...]:
    """Return what the groups of compressed-tensors name; empty: every linear layer."""
    groups = values.inner("config_groups")
    found = [inner.texts("targets") for name in groups.data if (inner := groups.inner(name))] if groups else []
    named = tuple(text for texts in found for text in texts)
    return () if not all(found) or "Linear" in named else named


def _fp8(method: str, values: Values) -> Quantization:
    block = values.wholes("weight_block_size", low=1)
    per_block = block[0] * block[1] if block and len(block) == 2 else 0
    if values.has("weight_block_size") and not per_block and not values.problems:
        values.problem("weight_block_size", "two block lengths are needed")
    layout = values.text("fmt", "weight_dtype").lower()
    dialect = "fnuz" if "fnuz" in layout else "ocp" if layout else ""
    scale = FLOAT32_BITS / per_block if per_block else 0.0
    sides = (block[0], block[1]) if block and per_block else None
    return Quantization(method=method, dtype="fp8", bits=8, scale_bits=scale, dialect=dialect, block=sides)


def _fbgemm(method: str, _: Values) -> Quantization:
    return Quantization(method=method, dtype="fp8", bits=8)


def _grouped(method: str, values: Values) -> Quantization:
    """Read GPTQ and AWQ: an FP16 scale and a packed zero point per group of input channels."""
    bits = values.whole("bits", "w_bit", high=16)
    group = values.whole("group_size", "q_group_size", low=-1)
    dtype = _INTEGERS.get(bits or 0)
    per_group = (SCALE_BITS + (bits or 0)) / group if group and group > 0 else 0.0
    return Quantization(
        method=method, dtype=dtype, bits=bits, scale_bits=per_group, weight_only=True, group=max(group or 0, 0)
    )


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
    if len(schemes) > 1:
        return Quantization(method=method, dtype=None, bits=None, unread=("config_groups",))
    if not schemes:
        return _algorithm(method, values)
    scheme = schemes.pop()
    dtype = {"float8": "fp8", "float4": "fp4"}.get(f"{scheme.kind}{scheme.bits}")
    if scheme.kind == "int":
        dtype = _INTEGERS.get(scheme.bits)
    scale = SCALE_BITS / scheme.group if scheme.group else 0.0
    if dtype == "fp4":
        scale = BLOCK_SCALE_BITS["mxfp4" if scheme.group == 32 else "nvfp4"]
    if scheme.block:
        scale = FLOAT32_BITS / (scheme.block[0] * scheme.block[1])
    return Quantization(
        method=method,
        dtype=dtype,
        bits=scheme.bits or None,
        scale_bits=scale,
        dialect="ocp" if dtype == "fp8" else "",
        weight_only=scheme.weight_only,
        block=scheme.block,
        group=scheme.group,
    )


class _Scheme(msgspec.Struct, frozen=True):
    kind: str
    bits: int
    group: int = 0
    weight_only: bool = False
    block: tuple[int, int] | None = None


def _scheme(group: Values) -> _Scheme:
    weights = group.inner("weights")
    if weights is None:
        return _Scheme("", 0)
    size = weights.whole("group_size", low=-1) or 0
    width = weights.whole("num_bits", high=16) or 0
    sides = weights.wholes("block_structure", low=1) if isinstance(weights.data.get("block_structure"), list) else None
    block = (sides[0], sides[1]) if sides and len(sides) == 2 else None
    return _Scheme(weights.text("type"), width, max(size, 0), not group.has("input_activations"), block)


def _algorithm(method: str, values: Values) -> Quantization:
    name = values.text("quant_algo").lower()
    if name == "fp8":
        return Quantization(method=method, dtype="fp8", bits=8, dialect="ocp")
    if name in ("nvfp4", "w4a4_nvfp4", "w4a16_nvfp4"):
        scale, alone = BLOCK_SCALE_BITS["nvfp4"], name == "w4a16_nvfp4"
        return Quantization(
            method=method, dtype="fp4", bits=4, scale_bits=scale, weight_only=alone, group=NVFP4_GROUP
        )  # fmt: skip
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
