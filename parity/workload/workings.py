"""Knows how each number of the report came about: the formula in words, and what went in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.workload import Working
from parity.workload.bound import token_flops, visited
from parity.workload.engines import ENGINES
from parity.workload.footprint import parameters
from parity.workload.kv_cache import index_bytes, layer_elements
from parity.workload.number_formats import FORMATS
from parity.workload.question import PREFILL_TOKENS

if TYPE_CHECKING:
    from parity.model.workload import Bound, DeviceBound, Footprint, Parallelism
    from parity.workload.question import Question


def workings_of(question: Question, memory: Footprint, roof: Bound, spread: Parallelism) -> tuple[Working, ...]:
    """Return how the numbers of the footprint and of the bound came about."""
    told = [*_weights(question, memory), *_cache(question, memory, spread), *_place(question, memory)]
    told += _device(question, roof.target, "bound.target")
    if roof.here:
        told += _device(question, roof.here, "bound.here")
    return tuple(told)


def _weights(question: Question, memory: Footprint) -> list[Working]:
    told = [
        Working(
            name=f"parameters: {part.path}",
            formula="dimensions x layers; used = part of it that one token uses",
            inputs={"used": part.used, "shared by": part.share},
            value=part.parameters,
        )
        for part in question.parts or ()
    ]
    count, stored = parameters(question), question.shape.quantization
    inputs: dict[str, float | str] = {"from": memory.weights_source or "unknown"}
    if count:
        inputs["parameters"] = count[0]
    if question.stored_bytes is not None:
        inputs["files"] = question.stored_source
    if question.dtype:
        inputs["bytes per parameter"] = FORMATS[question.dtype].size
    elif stored and stored.bits is not None:
        inputs |= {"bits of a matrix element": stored.bits, "scale bits": stored.scale_bits}
        inputs["other parameters"] = question.shape.dtype or "unknown"
    elif question.shape.dtype:
        inputs["bytes per parameter"] = FORMATS[question.shape.dtype].size
    formula = "tensor bytes of the headers" if memory.weights_source == "safetensors" else "parameters x bytes"
    told.append(
        Working(name="footprint.weights_bytes", formula=formula, inputs=inputs, value=memory.weights_bytes, unit="B")
    )
    return told


def _cache(question: Question, memory: Footprint, spread: Parallelism) -> list[Working]:
    shape = question.shape
    inputs: dict[str, float | str] = {"layers that keep all tokens": shape.growing_layers}
    if shape.mla:
        formula = "layers x (kv_lora_rank + qk_rope_head_dim) x bytes"
        inputs |= {"kv_lora_rank": shape.mla.kv_lora_rank, "qk_rope_head_dim": shape.mla.qk_rope_head_dim}
        if shape.mla.index_heads:
            formula = "layers x ((kv_lora_rank + qk_rope_head_dim) x bytes + bytes of the indexer's key, FP8 and scale)"
            inputs |= {"indexer's key": index_bytes(shape), "tokens that it chooses": shape.mla.index_topk}
    else:
        formula = "2 x layers x key heads x head_dim x bytes"
        inputs |= {"key heads": shape.kv_heads or "unknown", "head_dim": shape.head_dim or "unknown"}
    if question.cache_dtype:
        inputs["bytes"] = FORMATS[question.cache_dtype].size
    told = [
        Working(
            name="footprint.kv_bytes_per_token",
            formula=formula,
            inputs=inputs,
            value=memory.kv_bytes_per_token,
            unit="B",
        )
    ]
    tokens: dict[str, float | str] = {"context": memory.context}
    formula = "bytes per token x context"
    if shape.bounded_layers and shape.window:
        formula += " + window layers x elements x bytes x min(context, window)"
        tokens |= {"window layers": shape.bounded_layers, "window": shape.window}
    if shape.state_layers:
        formula += " + state"
        tokens |= {"state layers": shape.state_layers, "state": memory.state_bytes_per_request or "unknown"}
    told.append(
        Working(
            name="footprint.kv_bytes_per_request", formula=formula, inputs=tokens, value=memory.kv_bytes_per_request,
            unit="B",
        )
    )  # fmt: skip
    elements = layer_elements(shape, tp=spread.tp)
    told.append(
        Working(
            name="footprint.target.kv_bytes",
            formula="request on the fullest device x ceil(batch / dp); key heads per rank = max(1, ceil(heads / tp))",
            inputs={
                "elements per layer and token": "unknown" if elements is None else elements,
                "batch": memory.batch,
                "tp": spread.tp,
                "pp": spread.pp,
                "dp": spread.dp,
            },
            value=memory.target.kv_bytes,
            unit="B",
        )
    )
    high = memory.target.kv_bytes_high
    if high is not None and high != memory.target.kv_bytes:
        told.append(
            Working(
                name="footprint.target.kv_bytes_high",
                formula="what the engine sets aside by default: pools in fixed proportions, or every token everywhere",
                inputs={"engine": question.engine, "window layers": shape.bounded_layers, "states": shape.state_layers},
                value=high,
                unit="B",
            )
        )
    return told


def _place(question: Question, memory: Footprint) -> list[Working]:
    told = []
    for name, place in (("target", memory.target), ("here", memory.here)):
        if place is None or place.activations_bytes is None or place.overhead_bytes is None:
            continue
        told.append(
            Working(
                name=f"footprint.{name}.activations_bytes.high",
                formula="tokens x (2 hidden + 2 feed-forward / tp) x bytes + requests x vocabulary / tp x 4",
                inputs={"tokens": f"min(batch x context, {PREFILL_TOKENS}); low: one per request"},
                value=place.activations_bytes.high,
                unit="B",
            )
        )
        told.append(
            Working(
                name=f"footprint.{name}.overhead_bytes.high",
                formula=f"what the engine keeps back by default; {ENGINES[question.engine].option} changes it",
                inputs={"memory": place.memory_bytes or "unknown", "from": ENGINES[question.engine].source},
                value=place.overhead_bytes.high,
                unit="B",
            )
        )
    return told


def _device(question: Question, device: DeviceBound, name: str) -> list[Working]:
    rate, bandwidth = _or_unknown(device.dense_tflops), _or_unknown(device.bandwidth_gbps)
    told = [
        Working(
            name=f"{name}.ridge_flop_per_byte", formula="dense rate / bandwidth",
            inputs={device.rate_name or "dense rate": rate, "GB/s": bandwidth}, value=device.ridge_flop_per_byte,
            unit="FLOP/B",
        ),
        Working(
            name=f"{name}.decode_tokens_s", formula="bandwidth / bytes of the weights one token visits, per device",
            inputs={"GB/s": bandwidth, "visited part": round(visited(question, 1), 4)}, value=device.decode_tokens_s,
            unit="token/s",
        ),
        Working(
            name=f"{name}.decode_tokens_s_at_context",
            formula="batch x bandwidth / (visited weights + cache of all requests), per device",
            inputs={
                "batch": question.batch, "context": question.context, "GB/s": bandwidth,
                "visited part": round(visited(question, question.batch), 4),
            },
            value=device.decode_tokens_s_at_context,
            unit="token/s",
        ),
        Working(
            name=f"{name}.prefill_tokens_s",
            formula="devices x dense rate / (2 x multiplied parameters + attention to half the context, "
            "of an encoder to all of it)",
            inputs={
                "devices": device.count, device.rate_name or "dense rate": rate,
                "FLOP per token": _or_unknown(token_flops(question, question.context)),
            },
            value=device.prefill_tokens_s,
            unit="token/s",
        ),
    ]  # fmt: skip
    if device.all_reduce_s_per_layer_decode is not None:
        told.append(
            Working(
                name=f"{name}.all_reduce_s_per_layer_decode",
                formula="2 x 2 (tp-1)/tp x tokens / dp x hidden x bytes / link one way; latency is not counted",
                inputs={
                    "link": device.link, "GB/s one way": _or_unknown(device.link_gbps_one_way),
                    "hidden": question.shape.hidden, "tokens": question.batch, "tp": device.tensor_parallel,
                },
                value=device.all_reduce_s_per_layer_decode,
                unit="s",
            )
        )  # fmt: skip
    if question.shape.is_encoder:
        return [one for one in told if ".decode_" not in one.name]
    return told


def _or_unknown(value: float | None) -> float | str:
    return "unknown" if value is None else value
