"""Knows which of a model's figures are worth a finding, how grave each is, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.absent import value_of
from parity.workload.dtypes import computed_in
from parity.workload.head_dims import PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.model.workload import Bound, DtypeSupport, Footprint, Gemm, ModelFinding, ShapeCheck
    from parity.workload.demands import Demands
    from parity.workload.question import Question


def findings_of(
    question: Question,
    memory: Footprint,
    checks: tuple[ShapeCheck, ...],
    products: tuple[Gemm, ...],
    roof: Bound,
    formats: tuple[DtypeSupport, ...],
    demands: Demands,
) -> tuple[ModelFinding, ...]:
    """Return the findings, gravest first, in the order in which they are told."""
    order = {"error": 0, "warning": 1, "note": 2}
    told = [*_memory(question, memory, demands), *_shapes(checks, demands), *_head_dims(question, checks, demands)]
    told += [
        *_waves(products, demands),
        *_formats(question, formats, demands),
        *_bound(question, roof, demands),
    ]
    return tuple(sorted(told, key=lambda finding: order[finding.severity]))


def _memory(question: Question, memory: Footprint, demands: Demands) -> Iterator[ModelFinding]:
    place = memory.target
    subject = f"{place.count}x {place.device}"
    enough = f"use {place.smallest_count} of them" if place.smallest_count else "use a part with more memory"
    if not place.complete:
        enough = "use more of them"
    narrower = "a narrower --dtype or --kv-dtype, a shorter context or a smaller batch"
    if memory.fits == "no":
        message = f"the model does not fit at context {memory.context}, batch {memory.batch}: {place.why}"
        yield from demands.finding(
            "footprint-beyond-target", subject=subject, message=message,
            mend=f"{enough}, or {narrower}",
        )  # fmt: skip
    if memory.fits == "tight":
        yield from demands.finding(
            "footprint-tight-on-target", subject=subject, message=place.why,
            mend=f"{enough}, give the engine less, or {narrower}",
        )  # fmt: skip
    positions = question.shape.positions
    if positions is not None and memory.context > positions:
        yield from demands.finding(
            "context-beyond-model", subject="context",
            message=f"{memory.context} tokens asked for, the model was made for {positions}",
            mend=f"give --context {positions} or less",
        )  # fmt: skip


def _shapes(checks: tuple[ShapeCheck, ...], demands: Demands) -> Iterator[ModelFinding]:
    for check in checks:
        if check.good != "no" or check.dimension.startswith(PREFIX):
            continue
        name = check.dimension
        copies = name.startswith("num_key_value_heads") and bool(check.note)
        split = "/ tp" in name or "/ ep" in name
        other = "uneven-pipeline" if "/ pp" in name else "uneven-split" if split else "misaligned-dimension"
        gain = f", about {check.gain:.2f}x as fast" if check.gain else ""
        yield from demands.finding(
            "kv-heads-copied" if copies else other,
            subject=name,
            message=check.note if copies else f"{check.value} is not {check.asks}",
            mend=f"{check.better} is the nearest{gain}"
            if check.better
            else (not copies and check.note) or _fewer(name),
        )


def _fewer(name: str) -> str:
    return "use fewer ranks, or keep experts whole with --ep" if name.startswith("moe_") else "use fewer ranks"


def _head_dims(question: Question, checks: tuple[ShapeCheck, ...], demands: Demands) -> Iterator[ModelFinding]:
    told = [check for check in checks if check.dimension.startswith(PREFIX)]
    known = [check for check in told if check.good != "unknown"]
    if known and all(check.good == "no" for check in known):
        names = ", ".join(check.dimension.removeprefix(PREFIX) for check in known)
        yield from demands.finding(
            "head-dim-unsupported", subject=f"head_dim {told[0].value}",
            message=f"refused on {question.target.part_name} by {names}",
        )  # fmt: skip
    for check in told:
        if {check.good, check.here} == {"yes", "no"}:
            words = ("taken here, refused", "refused here, taken")[check.good == "yes"]
            yield from demands.finding(
                "head-dim-differs", subject=f"head_dim {check.value}",
                message=f"{check.dimension.removeprefix(PREFIX)}: {words} on {question.target.part_name}",
            )  # fmt: skip


def _waves(products: tuple[Gemm, ...], demands: Demands) -> Iterator[ModelFinding]:
    least = demands.setting("poor-tiles", "at_least")
    for product in products:
        there, mine = product.target, product.here
        if there is None:
            continue
        floor = demands.min_wave_efficiency
        subject = f"{product.name} ({product.m} x {product.n})"
        if floor is not None and there.wave_efficiency < floor:
            yield from demands.finding(
                "wave-efficiency-below-floor", subject=subject,
                message=f"{there.wave_efficiency:.3f} of the waves of {there.tile} are full, {floor:g} is asked for",
            )  # fmt: skip
        if there.efficiency >= least:
            continue
        idle = f"{there.tiles} tiles of {there.tile} in {there.waves} waves use {there.efficiency:.2f} of the units"
        flips = f"; here it is {mine.efficiency:.2f}" if mine and mine.efficiency >= least else ""
        better = f"n = {product.better_n} would use {product.gain:.2f}x as much" if product.gain else "change the batch"
        yield from demands.finding(
            "poor-tiles", subject=subject,
            message=idle + flips, mend=better,
        )  # fmt: skip


def _formats(question: Question, formats: tuple[DtypeSupport, ...], demands: Demands) -> Iterator[ModelFinding]:
    computed = question.compute_dtype  # weights that are unpacked first, and caches, need no units of their format
    for row in formats:
        if row.dtype == computed and row.target == "no":
            wide = computed_in(question, question.target)
            if wide == row.dtype:
                rule, mend = "dtype-not-computed", "use another --dtype, or weights of another format"
                message = f"{question.target.part_name}: {row.note}"
            else:
                rule, mend = "weights-unpacked-first", ""
                message = f"{question.target.part_name}: {row.note}; engines unpack the weights and compute in {wide}"
            yield from demands.finding(rule, subject=row.dtype, message=message, mend=mend)
        if row.dtype == computed and row.target == "throttled":
            yield from demands.finding(
                "dtype-throttled", subject=row.dtype,
                message=f"{question.target.part_name}: {row.note}",
                mend="use a format that the part computes at full rate",
            )  # fmt: skip
        if row.used and row.here in ("no", "throttled") and row.target == "yes":
            yield from demands.finding(
                "dtype-differs", subject=row.dtype,
                message=f"computed on {question.target.part_name}, {row.here} here: other code runs",
                mend="judge its speed on the target only",
            )  # fmt: skip
    stored = question.shape.quantization
    dialect = value_of(question.target.fact("fp8_dialect"))
    if stored and stored.dialect and dialect in ("ocp", "fnuz") and dialect != stored.dialect and not question.dtype:
        yield from demands.finding(
            "weights-fp8-dialect-differs", subject="fp8",
            message=f"weights are in the {stored.dialect} encoding, {question.target.part_name} computes {dialect}",
            mend="the engine must convert them: same bits, half the value",
        )  # fmt: skip


def _bound(question: Question, roof: Bound, demands: Demands) -> Iterator[ModelFinding]:
    here = roof.here
    if here is None:
        return
    for phase in roof.phases:
        if phase.flips:
            yield from demands.finding(
                "bound-flips", subject=phase.phase,
                message=f"bound by {phase.here} here, by {phase.target} on {question.target.part_name}",
                mend="judge it on the target only",
            )  # fmt: skip
    there = roof.target.decode_compute_batch
    mine = here.decode_compute_batch
    if there is not None and mine is not None and there != mine:
        low, high = sorted((there, mine))
        sides = ("compute-bound here, memory-bound there", "memory-bound here, compute-bound there")
        yield from demands.finding(
            "batch-bound-flips", subject="decode",
            message=f"batches {low} to {high - 1}: weights are {sides[mine > there]}",
            mend="tune these batches on the target only",
        )  # fmt: skip
