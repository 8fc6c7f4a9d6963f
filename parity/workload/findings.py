"""Knows which of a model's figures are worth a finding, how grave each is, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.absent import value_of
from parity.model.workload import ModelFinding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.model.workload import Bound, DtypeSupport, Footprint, Gemm, ShapeCheck
    from parity.workload.question import Question

POOR_WAVES = 0.8  # efficiency below which a product is worth a note


def findings_of(
    question: Question,
    memory: Footprint,
    checks: tuple[ShapeCheck, ...],
    products: tuple[Gemm, ...],
    roof: Bound,
    formats: tuple[DtypeSupport, ...],
) -> tuple[ModelFinding, ...]:
    """Return the findings, gravest first, in the order in which they are told."""
    order = {"error": 0, "warning": 1, "note": 2}
    told = [*_memory(question, memory), *_shapes(checks), *_waves(products), *_formats(question, formats)]
    told += _bound(question, roof)
    return tuple(sorted(told, key=lambda finding: order[finding.severity]))


def _memory(question: Question, memory: Footprint) -> Iterator[ModelFinding]:
    place = memory.target
    subject = f"{place.count}x {place.device}"
    enough = f"use {place.smallest_count} of them" if place.smallest_count else "use a part with more memory"
    narrower = "a narrower --dtype or --kv-dtype, a shorter context or a smaller batch"
    if memory.fits == "no":
        message = f"the model does not fit at context {memory.context}, batch {memory.batch}: {place.why}"
        yield ModelFinding(
            rule="model-does-not-fit", severity="error", subject=subject, message=message,
            mend=f"{enough}, or {narrower}",
        )  # fmt: skip
    if memory.fits == "tight":
        yield ModelFinding(
            rule="model-fits-tightly", severity="error", subject=subject, message=place.why,
            mend=f"{enough}, give the engine less, or {narrower}",
        )  # fmt: skip
    positions = question.shape.positions
    if positions is not None and memory.context > positions:
        yield ModelFinding(
            rule="context-beyond-model", severity="warning", subject="context",
            message=f"{memory.context} tokens asked for, the model was made for {positions}",
            mend=f"give --context {positions} or less",
        )  # fmt: skip


def _shapes(checks: tuple[ShapeCheck, ...]) -> Iterator[ModelFinding]:
    for check in checks:
        if check.good != "no":
            continue
        split = "/ tp" in check.dimension or "/ ep" in check.dimension or "/ pp" in check.dimension
        copies = check.dimension.startswith("num_key_value_heads") and check.note
        rule = "kv-heads-copied" if copies else "uneven-split" if split else "misaligned-dimension"
        grave = split and not copies and "/ pp" not in check.dimension
        gain = f", about {check.gain:.2f}x as fast" if check.gain else ""
        better = f"{check.better} is the nearest{gain}" if check.better else "use fewer ranks"
        message = check.note if copies else f"{check.value} is not {check.asks}"
        yield ModelFinding(
            rule=rule, severity="error" if grave else "warning", subject=check.dimension, message=message, mend=better
        )


def _waves(products: tuple[Gemm, ...]) -> Iterator[ModelFinding]:
    for product in products:
        there, mine = product.target, product.here
        if there is None or there.efficiency >= POOR_WAVES:
            continue
        idle = f"{there.tiles} tiles of {there.tile} in {there.waves} waves use {there.efficiency:.2f} of the units"
        flips = f"; here it is {mine.efficiency:.2f}" if mine and mine.efficiency >= POOR_WAVES else ""
        better = f"n = {product.better_n} would use {product.gain:.2f}x as much" if product.gain else "change the batch"
        yield ModelFinding(
            rule="wave-quantisation", severity="note", subject=f"{product.name} ({product.m} x {product.n})",
            message=idle + flips, mend=better,
        )  # fmt: skip


def _formats(question: Question, formats: tuple[DtypeSupport, ...]) -> Iterator[ModelFinding]:
    for row in formats:
        if row.used and row.target == "no":
            yield ModelFinding(
                rule="dtype-not-computed", severity="error", subject=row.dtype,
                message=f"{question.target.id}: {row.note}", mend="use another --dtype, or weights of another format",
            )  # fmt: skip
        if row.used and row.target == "throttled":
            yield ModelFinding(
                rule="dtype-throttled", severity="warning", subject=row.dtype,
                message=f"{question.target.id}: {row.note}", mend="use a format that the part computes at full rate",
            )  # fmt: skip
        if row.used and row.here in ("no", "throttled") and row.target == "yes":
            yield ModelFinding(
                rule="dtype-differs", severity="warning", subject=row.dtype,
                message=f"computed on {question.target.id}, {row.here} here: other code runs",
                mend="judge its speed on the target only",
            )  # fmt: skip
    stored = question.shape.quantization
    dialect = value_of(question.target.fact("fp8_dialect"))
    if stored and stored.dialect and dialect in ("ocp", "fnuz") and dialect != stored.dialect and not question.dtype:
        yield ModelFinding(
            rule="fp8-dialect-differs", severity="warning", subject="fp8",
            message=f"weights are in the {stored.dialect} encoding, {question.target.id} computes {dialect}",
            mend="the engine must convert them: same bits, half the value",
        )  # fmt: skip


def _bound(question: Question, roof: Bound) -> Iterator[ModelFinding]:
    here = roof.here
    if here is None:
        return
    for phase in roof.phases:
        if phase.flips:
            yield ModelFinding(
                rule="bound-flips", severity="warning", subject=phase.phase,
                message=f"bound by {phase.here} here, by {phase.target} on {question.target.id}",
                mend="judge it on the target only",
            )  # fmt: skip
    there = roof.target.decode_compute_batch
    mine = here.decode_compute_batch
    if there is not None and mine is not None and there != mine:
        low, high = sorted((there, mine))
        sides = ("compute-bound here, memory-bound there", "memory-bound here, compute-bound there")
        yield ModelFinding(
            rule="bound-flips", severity="note", subject="decode",
            message=f"batches {low} to {high - 1}: weights are {sides[mine > there]}",
            mend="tune these batches on the target only",
        )  # fmt: skip
