"""Knows the report of ``parity model``: what a model asks of a target, schema ``parity.model/1``."""

from typing import Literal

import msgspec

from parity.model.finding import Waiver
from parity.model.footprint import ByteRange, Fits, Footprint, Parallelism, Placement
from parity.model.products import Answer, Gemm, GemmTiles, ShapeCheck
from parity.model.rule import Severity

__all__ = [
    "SCHEMA", "Answer", "Bound", "ByteRange", "DeviceBound", "DtypeSupport", "Fits", "Footprint", "Gemm", "GemmTiles",
    "ModelFinding", "ModelReport", "ModelSummary", "Parallelism", "PhaseBound", "Placement", "Regime", "ShapeCheck",
    "Unknown", "Working",
]  # fmt: skip

SCHEMA: Literal["parity.model/1"] = "parity.model/1"
Regime = Literal["memory", "compute", "unknown"]


class Working(msgspec.Struct, frozen=True, kw_only=True):
    """How one number came about: its formula and what went in.

    Attributes:
        name: the number's key path in the report.
        formula: in words and symbols, the inputs by their names.
        inputs: name -> value.
        value: the result; None when an input is unknown.
        unit: of the result: ``B``, ``token/s``, ``FLOP/B``, ``s``; empty for plain numbers.
    """

    name: str
    formula: str
    inputs: dict[str, float | str]
    value: float | None
    unit: str = ""


class Unknown(msgspec.Struct, frozen=True, kw_only=True):
    """Something that could not be told, with the reason."""

    what: str
    why: str


class ModelSummary(msgspec.Struct, frozen=True, kw_only=True):
    """The model as it was read.

    Attributes:
        source: the file.
        model_type: ``llama``, ``deepseek_v3``.
        family: the known family it was read as; empty when none.
        layers: by kind: ``{"attention": 32}``, ``{"window": 26, "attention": 26}``, ``{"ssm": 28, "attention": 4}``.
        parameters, active_parameters: of the language model; per token, of mixtures of experts; None when unknown.
        dtype: of the weights: ``bf16``, ``fp8``, ``mxfp4``.
        quantization: method, empty when not quantised.
        wide: parts that a narrow format leaves wide; empty when there is none.
    """

    source: str
    model_type: str
    family: str
    layers: dict[str, int]
    hidden_size: int | None
    vocab_size: int | None
    parameters: int | None
    active_parameters: int | None
    dtype: str | None
    kv_dtype: str | None
    quantization: str = ""
    wide: tuple[str, ...] = ()


class DeviceBound(msgspec.Struct, frozen=True, kw_only=True):
    """What bounds the model on ``count`` devices of one kind; tokens are those of all of them together.

    Attributes:
        rate_name: the catalog fact used: ``tflops_bf16``.
        dense_tflops, bandwidth_gbps: of one device.
        ridge_flop_per_byte: dense rate over bandwidth.
        decode_tokens_s: ceiling at batch 1 and empty context, every weight read once a token.
        decode_tokens_s_without_embedding: the same without an input embedding of its own, of which one row is read.
        decode_tokens_s_at_context: ceiling at the context and batch asked for, tokens of all requests.
        prefill_tokens_s: ceiling of the dense rate at the context asked for.
        decode_compute_batch: batch from which decoding's weights are compute-bound, KV left aside.
        kv_read_bytes_per_step: KV read for one decode step at context and batch, all devices.
        all_reduce_s_per_layer_decode, all_reduce_s_per_layer_prefill: least time of the bytes of both all-reduces of a
            layer, of a decode step and of a prefill step. Their latency comes on top; no ceiling above includes
            either. None without tensor parallelism, a known link or a known data type.
        tensor_parallel: ranks that reduce together.
        link_gbps_one_way: what one rank sends to the others, in one direction; None: not known, ``link_why`` says why.
        link: ``nvlink``, ``xgmi``, ``pcie``; empty: not known.
    """

    device: str
    count: int
    rate_name: str
    dense_tflops: float | None
    bandwidth_gbps: float | None
    ridge_flop_per_byte: float | None
    decode_tokens_s: float | None
    decode_tokens_s_without_embedding: float | None
    decode_tokens_s_at_context: float | None
    prefill_tokens_s: float | None
    decode_compute_batch: int | None
    kv_read_bytes_per_step: int | None
    all_reduce_s_per_layer_decode: float | None
    all_reduce_s_per_layer_prefill: float | None
    tensor_parallel: int = 1
    link_gbps_one_way: float | None = None
    link: str = ""
    link_why: str = ""


class PhaseBound(msgspec.Struct, frozen=True, kw_only=True):
    """One phase of inference and what binds it.

    Attributes:
        phase: ``decode, batch 1``, ``prefill``.
        intensity_flop_per_byte: of the whole phase.
        flips: bound by one thing here and by the other on the target.
    """

    phase: str
    intensity_flop_per_byte: float | None
    target: Regime
    here: Regime | None
    flips: bool


class Bound(msgspec.Struct, frozen=True, kw_only=True):
    """Roofline."""

    target: DeviceBound
    here: DeviceBound | None
    phases: tuple[PhaseBound, ...]


class DtypeSupport(msgspec.Struct, frozen=True, kw_only=True):
    """One number format on the target and here.

    Attributes:
        dtype: ``fp8``, ``fp4``, ``int8``, ``warp size``.
        used: whether the model asks for it.
        target, here: ``yes``, ``no``, ``throttled`` (slower than the next wider format), ``unknown``.
        target_rate, here_rate: dense TFLOPS or TOPS.
    """

    dtype: str
    used: bool
    target: str
    target_rate: float | None
    here: str | None
    here_rate: float | None
    note: str = ""


class ModelFinding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong or worth changing; ``parity rule NAME`` says why.

    Attributes:
        waived: the exception of the project file that covers it; None: none does.
    """

    rule: str
    severity: Severity
    subject: str
    message: str
    mend: str
    waived: Waiver | None = None


class ModelReport(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of ``parity model``.

    Attributes:
        undecided: something that is demanded is not known: whether it fits, or a floor of the project.
    """

    schema: Literal["parity.model/1"] = SCHEMA
    model: ModelSummary
    target: str
    here: str | None
    footprint: Footprint
    shapes: tuple[ShapeCheck, ...]
    gemms: tuple[Gemm, ...]
    bound: Bound
    dtypes: tuple[DtypeSupport, ...]
    findings: tuple[ModelFinding, ...]
    unknowns: tuple[Unknown, ...]
    workings: tuple[Working, ...]
    undecided: bool = False
    exit_status: int
