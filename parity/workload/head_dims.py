"""Knows which attention libraries take a head dimension on a device, as ``rules/kernels`` states their gates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.catalog.head_dims import head_dim_libraries, head_dim_support
from parity.model.products import ShapeCheck
from parity.model.workload import Unknown

if TYPE_CHECKING:
    from parity.catalog.head_dims import HeadDimAnswer, HeadDimSupport
    from parity.catalog.libraries import LibraryAnswer
    from parity.model.products import Answer
    from parity.workload.model_shape import ModelShape
    from parity.workload.question import Question

PREFIX = "head_dim: "
# Of the files under rules/kernels, those whose forward attention an engine may choose; sparse and latent ones aside.
ATTENTION_LIBRARIES = (
    "flash-attn", "flash-attn-3", "flash-attn-4", "cudnn-attention", "flashinfer", "aiter", "xformers", "sageattention",
)  # fmt: skip
_ANSWERS: dict[str, Answer] = {"supported": "yes", "padded": "yes", "unsupported": "no", "unknown": "unknown"}


def head_dims_of(shape: ModelShape) -> tuple[int, int] | None:
    """Return the head dimensions of (queries and keys, values), None for a model without attention or unknown ones.

    >>> from parity.workload.model_shape import Mla, ModelShape
    >>> latent = Mla(kv_lora_rank=512, qk_rope_head_dim=64, qk_nope_head_dim=128, v_head_dim=128)
    >>> head_dims_of(ModelShape(model_type="", family="", hidden=1, layers=1, mixers={}, vocab=1, mla=latent))
    (192, 128)
    """
    if shape.mla:
        return shape.mla.qk_nope_head_dim + shape.mla.qk_rope_head_dim, shape.mla.v_head_dim
    return None if shape.head_dim is None else (shape.head_dim, shape.head_dim)


def check_head_dims(question: Question) -> tuple[ShapeCheck, ...]:
    """Return one check for each library whose gate on the target is known, or on a device here of the same maker."""
    dims = head_dims_of(question.shape)
    if dims is None:
        return ()
    told = []
    same = question.here is not None and question.here.spec.vendor == question.target.spec.vendor
    for name in head_dim_libraries():
        there = head_dim_support(name, None, question.target.spec)
        mine = head_dim_support(name, None, question.here.spec) if question.here else None
        known = there.limits or (mine is not None and mine.limits and same)
        if known and not there.refused:
            told.append(_check(dims, there, mine))
    return tuple(check for check in told if check.good != "unknown" or check.here in ("yes", "no"))


def unknown_head_dims(question: Question) -> Unknown | None:
    """Return which attention libraries run on the target without a known limit of their head dimension.

    None where it decides nothing: a library whose limits are known takes it.
    """
    if head_dims_of(question.shape) is None or any(check.good == "yes" for check in check_head_dims(question)):
        return None
    names = []
    for name in ATTENTION_LIBRARIES:
        found = head_dim_support(name, None, question.target.spec)
        limited = any(limit.format == "fp16" for limit in found.limits)
        if not limited and found.runs.support in ("supported", "different-kernel"):
            names.append(found.name)
    if not names:
        return None
    why = "no limit is sourced here; they run there, which head dimensions they take is not known"
    return Unknown(what=f"head_dim of {', '.join(names)} on {question.target.part_name}", why=why)


def _check(dims: tuple[int, int], there: HeadDimSupport, mine: HeadDimSupport | None) -> ShapeCheck:
    head, value = dims
    answer = there.answer(head, value)
    return ShapeCheck(
        dimension=f"{PREFIX}{there.name} {there.version}",
        value=head,
        asks=_asks(answer, there.runs, head, value),
        good=_ANSWERS[answer.support],
        here=_ANSWERS[mine.answer(head, value).support] if mine else None,
        note=f"from {answer.source.title}" if answer.source else "",
    )


def _asks(answer: HeadDimAnswer, runs: LibraryAnswer, head: int, value: int) -> str:
    pair = "" if head == value else f" with values of {value}"
    if answer.support not in ("supported", "padded"):
        return answer.why if answer.support == "unknown" else f"{answer.why}{pair}"
    padded = f"; {answer.why}" if answer.support == "padded" else ""
    other = f" ({runs.note})" if runs.support == "different-kernel" and runs.note else ""
    kernel = f": {runs.kernel}{other}" if runs.kernel else ""
    return f"taken by the forward pass{pair}{padded}{kernel}"
