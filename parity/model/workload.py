"""Knows the report of ``parity model``: what a model asks of a target, schema ``parity.model/1``."""

from typing import Literal

import msgspec

from parity.model.rule import Severity

SCHEMA: Literal["parity.model/1"] = "parity.model/1"
Fits = Literal["yes", "tight", "no", "unknown"]
Answer = Literal["yes", "no", "unknown"]
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


class ByteRange(msgspec.Struct, frozen=True, kw_only=True):
    """A size that depends on the engine: the least and the most bytes it may be."""

    low: int
    high: int


class Parallelism(msgspec.Struct, frozen=True, kw_only=True):
    """How the model is spread: tensor, pipeline, expert and data parallel ranks."""

    tp: int = 1
    pp: int = 1
    ep: int = 1
    dp: int = 1

    @property
    def devices(self) -> int:
        """Return the devices it takes; expert ranks are the tensor and data ranks again."""
        return self.tp * self.pp * self.dp


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


class Placement(msgspec.Struct, frozen=True, kw_only=True):
    """The model on one kind of device; sizes are of the fullest device.

    Attributes:
        device: catalog id.
        count: devices.
        memory_bytes: of one device, as its driver reports it where that is known.
        weights_bytes, kv_bytes: of one device; None when unknown.
        activations_bytes: one step's working set.
        overhead_bytes: context, graphs, communication buffers and what engines keep back.
        fits: ``yes`` with the highest overhead, ``tight`` only with less, ``no`` even with the least.
        smallest_count: devices from which it fits (``yes``) with tensor parallelism alone; None: not up to 1024.
        largest_context, largest_batch: with the other as asked and the highest overhead; 0: not even one.
    """

    device: str
    count: int
    parallelism: Parallelism
    memory_bytes: int | None
    weights_bytes: int | None
    kv_bytes: int | None
    activations_bytes: ByteRange | None
    overhead_bytes: ByteRange | None
    fits: Fits
    why: str
    smallest_count: int | None
    largest_context: int | None
    largest_batch: int | None


class Footprint(msgspec.Struct, frozen=True, kw_only=True):
    """Memory.

    Attributes:
        weights_bytes: of one copy of the model.
        weights_source: ``config`` (counted from the dimensions), ``safetensors`` (read from the files), ``--params``.
        kv_bytes_per_token: one token in every layer that keeps all tokens, all devices without duplicates.
        kv_bytes_per_request: at the context asked for, windows and recurrent state included.
        kv_bytes: at the context and batch asked for.
        state_bytes_per_request: recurrent state, the same for any context.
        fits: on the target.
        not_modelled: what the sizes leave out.
    """

    context: int
    batch: int
    weights_bytes: int | None
    weights_source: str
    kv_bytes_per_token: int | None
    kv_bytes_per_request: int | None
    kv_bytes: int | None
    state_bytes_per_request: int | None
    fits: Fits
    target: Placement
    here: Placement | None
    not_modelled: tuple[str, ...]


class ShapeCheck(msgspec.Struct, frozen=True, kw_only=True):
    """One dimension against what the hardware or the split asks of it.

    Attributes:
        dimension: ``intermediate_size``, ``vocab_size``, ``num_attention_heads / tp``.
        asks: ``a multiple of 64 (128 bytes of bf16)``.
        good: whether it holds on the target; ``here`` likewise on the device here, None when none was given.
        better: nearest value that holds.
        gain: estimated time now over time with the better value, None when not estimated.
        note: what the estimate rests on.
    """

    dimension: str
    value: int
    asks: str
    good: Answer
    here: Answer | None = None
    better: int | None = None
    gain: float | None = None
    note: str = ""


class GemmTiles(msgspec.Struct, frozen=True, kw_only=True):
    """How a matrix product divides into tiles and waves on one device.

    Attributes:
        tile: ``256x128`` (rows x columns), the one with the best product of both efficiencies.
        efficiency: tile efficiency x wave efficiency.
    """

    tile: str
    tiles: int
    waves: int
    tile_efficiency: float
    wave_efficiency: float
    efficiency: float


class Gemm(msgspec.Struct, frozen=True, kw_only=True):
    """One matrix product of the model, m x n x k on one device.

    Attributes:
        better_n: nearest n, a multiple of the alignment, that wastes less; None when none nearby does.
        gain: time now over time at ``better_n`` per unit of work; 1 or more.
    """

    name: str
    m: int
    n: int
    k: int
    target: GemmTiles | None
    here: GemmTiles | None
    better_n: int | None = None
    gain: float | None = None


class DeviceBound(msgspec.Struct, frozen=True, kw_only=True):
    """What bounds the model on one kind of device; rates are of all its devices together.

    Attributes:
        rate_name: the catalog fact used: ``tflops_bf16``.
        ridge_flop_per_byte: dense rate over bandwidth.
        decode_tokens_s: ceiling at batch 1 and empty context, every weight read once a token.
        decode_tokens_s_without_embedding: the same without an input embedding of its own, of which one row is read.
        decode_tokens_s_at_context: ceiling at the context and batch asked for, tokens of all requests.
        prefill_tokens_s: ceiling of the dense rate at the context asked for.
        decode_compute_batch: batch from which decoding's weights are compute-bound, KV left aside.
        kv_read_bytes_per_step: KV read for one decode step at context and batch, all devices.
        all_reduce_s_per_layer_decode, all_reduce_s_per_layer_prefill: both all-reduces of a layer, time of the bytes on
            the link alone; None without tensor parallelism or without a known link.
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
    """One thing that is wrong or worth changing."""

    rule: str
    severity: Severity
    subject: str
    message: str
    mend: str


class ModelReport(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of ``parity model``."""

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
    exit_status: int
