"""Knows how one question about a model is answered in full: footprint, shapes, bound, formats, and what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.workload import ModelReport, ModelSummary, Unknown
from parity.workload.bound import bound
from parity.workload.demands import Demands
from parity.workload.dtypes import check_dtypes
from parity.workload.findings import findings_of
from parity.workload.footprint import footprint, parameters
from parity.workload.head_dims import unknown_head_dims
from parity.workload.parameters import ends_of, wide_parts
from parity.workload.question import spread_over
from parity.workload.shapes import check_shapes, gemms, uncounted_products
from parity.workload.workings import workings_of

if TYPE_CHECKING:
    from parity.model.workload import Bound, Footprint, Gemm
    from parity.workload.question import Question


def estimate(question: Question, *, source: str, demands: Demands | None = None) -> ModelReport:
    """Return everything that can be told about a model on a target.

    Args:
        question: model, target, and how it is run.
        source: the file the model was read from.
        demands: of the project; by default what the rules' cards say.

    Raises:
        UsageError: the ranks asked for are not the devices declared.
    """
    spread = spread_over(question.as_run, question.target, question.spread, where="--target")
    memory = footprint(question)
    roof = bound(question)
    checks, formats = check_shapes(question, spread), check_dtypes(question)
    products = gemms(question, spread)
    asked = demands or Demands()
    findings = findings_of(question, memory, checks, products, roof, formats, asked)
    unknowns = (*_unknowns(question, memory, roof), *_waves(question, products, asked))
    failed = any(finding.severity == "error" for finding in findings)
    open_question = undecided(question, memory, products, asked)
    return ModelReport(
        model=_summary(question, source),
        target=question.target.part_name,
        here=question.here.part_name if question.here else None,
        footprint=memory,
        shapes=checks,
        gemms=products,
        bound=roof,
        dtypes=formats,
        findings=findings,
        unknowns=unknowns,
        workings=workings_of(question, memory, roof, spread),
        undecided=open_question,
        exit_status=1 if failed else 3 if open_question else 0,
    )


def undecided(question: Question, memory: Footprint, products: tuple[Gemm, ...], asked: Demands) -> bool:
    """Return whether something that is demanded is not known."""
    return (asked.fits and memory.fits == "unknown") or any(_waves(question, products, asked))


def _waves(question: Question, products: tuple[Gemm, ...], asked: Demands) -> list[Unknown]:
    """Return what a floor of every product's waves is not known to hold for."""
    if asked.min_wave_efficiency is None:
        return []
    if question.target.spec.vendor != "nvidia":
        why = f"the tiles that libraries choose on {question.target.part_name} are not known here"
        return [Unknown(what="wave efficiency of any product", why=why)]
    why = "the target's units are not known, or the model has no product that is counted"
    names = [product.name for product in products if product.target is None] or ([] if products else ["any product"])
    told = [Unknown(what=f"wave efficiency of {name}", why=why) for name in names]
    left = uncounted_products(question.shape)
    return [*told, *(Unknown(what=f"wave efficiency of {name}", why=why) for name, why in left)]


def _summary(question: Question, source: str) -> ModelSummary:
    shape, count = question.shape, parameters(question)
    return ModelSummary(
        source=source,
        model_type=shape.model_type,
        family=shape.family,
        layers={str(name): number for name, number in shape.mixers.items()},
        hidden_size=shape.hidden,
        vocab_size=shape.vocab,
        parameters=count[0] if count else None,
        active_parameters=count[1] if count else None,
        dtype=question.weight_dtype,
        kv_dtype=question.cache_dtype,
        quantization=shape.quantization.method if shape.quantization else "",
        wide=wide_parts(question.parts or tuple(ends_of(shape)), shape, question.dtype),
    )


def _unknowns(question: Question, memory: Footprint, roof: Bound) -> tuple[Unknown, ...]:
    told = list(question.shape.unknowns)
    stored = question.shape.quantization
    if stored and stored.cache and question.kv_dtype is None and stored.cache != question.cache_dtype:
        why = (
            f"the weights were made for one in {stored.cache}, which not every engine takes; --kv-dtype {stored.cache}"
        )
        told.append(Unknown(what="format of the cache", why=why))
    places = [place for place in (memory.target, memory.here) if place and place.fits == "unknown"]
    told += [Unknown(what=f"fits on {place.device}", why=place.why) for place in places]
    heads = unknown_head_dims(question)
    told += [heads] if heads else []
    for device in (roof.target, roof.here):
        if device and device.bandwidth_gbps is None:
            told.append(Unknown(what=f"bandwidth of {device.device}", why="the catalog has no sourced figure"))
        if device and device.dense_tflops is None:
            name = device.rate_name or "dense rate"
            why = "the catalog has no sourced figure" if device.rate_name else "which one depends on the dtype"
            told.append(Unknown(what=f"{name} of {device.device}", why=why))
        if device and device.count > 1 and device.all_reduce_s_per_layer_decode is None:
            why = device.link_why or "the data type that is reduced is not known"
            told.append(Unknown(what=f"all-reduce time on {device.device}", why=why))
    if question.target.spec.vendor != "nvidia" or (question.here and question.here.spec.vendor != "nvidia"):
        why = "the tile menu is that of NVIDIA's guide; the library's own menu for AMD parts is not known here"
        told.append(Unknown(what="tiles", why=why))
    return tuple(told)
