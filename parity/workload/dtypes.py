"""Knows which number formats the target computes and where the device here differs, from catalog facts only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.absent import value_of
from parity.model.workload import DtypeSupport
from parity.workload.number_formats import computed_as
from parity.workload.question import number

if TYPE_CHECKING:
    from parity.model.target import Target
    from parity.workload.question import Question

# format -> (its rate, the rate of the next wider format that the same units compute at half the speed)
_ROWS = {
    "fp32": ("tflops_fp32", ""),
    "tf32": ("tflops_tf32", "tflops_fp32"),
    "bf16": ("tflops_bf16", "tflops_fp32"),
    "fp16": ("tflops_fp16", "tflops_fp32"),
    "fp8": ("tflops_fp8", "tflops_bf16"),
    "fp6": ("tflops_fp6", "tflops_fp8"),
    "fp4": ("tflops_fp4", "tflops_fp8"),
    "int8": ("tops_int8", "tflops_bf16"),
    "fp64": ("tflops_fp64_tensor", ""),
}
_UNPACKING = 8  # compute capability from which on
WIDE_FP64 = 0.1  # FP64 at less than a tenth of FP32 is there for compatibility only


def support(target: Target, dtype: str) -> tuple[str, float | None, str]:
    """Return (``yes``, ``no``, ``throttled`` or ``unknown``, dense rate, note) of one format on a device."""
    rate_name, wider_name = _ROWS[dtype]
    rate = number(target, rate_name)
    if dtype == "fp64":
        rate = rate if rate is not None else number(target, "tflops_fp64")
        wide = number(target, "tflops_fp32")
        if rate is not None and wide is not None and rate < WIDE_FP64 * wide:
            return "throttled", rate, f"{rate / wide:.3f} of the FP32 rate"
    wider = number(target, wider_name) if wider_name else None
    if rate is not None and wider is not None and rate < wider:
        return "throttled", rate, f"{rate / wider:.2f} of {wider_name}: the units were cut"
    if rate is not None:
        return "yes", rate, ""
    if dtype == "fp8":
        dialect = value_of(target.fact("fp8_dialect"))
        if dialect == "none":
            return "no", None, "no FP8 matrix units"
        if dialect is not None:
            return "yes", None, f"{dialect} encodings; the catalog has no sourced rate"
    if dtype in str(value_of(target.fact("formats_absent")) or "").split():
        return "no", None, f"no {dtype.upper()} matrix units"
    return "unknown", None, f"the catalog has no sourced {rate_name} of {target.part_name}"


def unpacks(target: Target, dtype: str) -> bool:
    """Return whether engines are known to keep weights of this format on the target and compute in a wide one.

    Marlin's kernels do so for FP8 (vllm-project/vllm@0244607, docs/features/quantization/fp8.md) and FP4
    (sgl-project/sglang#19652, vllm-project/vllm#49376); here from Ampere on, where all of them take both.
    """
    capability = (target.spec.compute_capability or "").split(".")
    return dtype in ("fp8", "fp4") and capability[0].isdigit() and int(capability[0]) >= _UNPACKING


def computed_in(question: Question, target: Target) -> str | None:
    """Return the format that the target's units compute in: a wide one, where it lacks the weights' and they unpack."""
    dtype = question.compute_dtype
    if dtype is None or support(target, dtype)[0] != "no" or not unpacks(target, dtype):
        return dtype
    return question.shape.dtype or "bf16"


def check_dtypes(question: Question) -> tuple[DtypeSupport, ...]:
    """Return each format with its support on the target and here, the FP8 dialect, and the warp size."""
    used = {computed_as(name) for name in (question.weight_dtype, question.cache_dtype, question.compute_dtype) if name}
    told = []
    for dtype in _ROWS:
        there, there_rate, note = support(question.target, dtype)
        mine, mine_rate, other = support(question.here, dtype) if question.here else (None, None, "")
        notes = [f"target: {note}" if note and question.here else note, f"here: {other}" if other else ""]
        told.append(
            DtypeSupport(
                dtype=dtype,
                used=dtype in used,
                target=there,
                target_rate=there_rate,
                here=mine,
                here_rate=mine_rate,
                note="; ".join(part for part in notes if part),
            )
        )
    told.append(_fact(question, "fp8 dialect", "fp8_dialect", used="fp8" in used))
    told.append(_fact(question, "warp size", "warp_size", used=False))
    return tuple(told)


def _fact(question: Question, name: str, fact: str, *, used: bool) -> DtypeSupport:
    there = _text(question.target, fact)
    mine = _text(question.here, fact) if question.here else None
    differs = mine is not None and "unknown" not in (mine, there) and mine != there
    note = ""
    if differs and fact == "fp8_dialect":
        note = "the same bits mean half the value in fnuz: weights must be converted"
    elif differs:
        note = "lane arithmetic, ballots and shuffles differ"
    return DtypeSupport(dtype=name, used=used, target=there, target_rate=None, here=mine, here_rate=None, note=note)


def _text(target: Target, fact: str) -> str:
    value = value_of(target.fact(fact))
    return "unknown" if value is None else str(value)
