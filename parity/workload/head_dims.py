"""Knows which attention libraries take a head dimension on a device, as ``rules/kernels`` states their gates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.catalog.head_dims import head_dim_support
from parity.model.products import ShapeCheck
from parity.model.workload import Unknown

if TYPE_CHECKING:
    from parity.catalog.head_dims import Format, HeadDimAnswer, HeadDimSupport
    from parity.catalog.libraries import LibraryAnswer
    from parity.model.products import Answer
    from parity.workload.model_shape import ModelShape
    from parity.workload.question import Question

PREFIX = "head_dim: "
# Of the files under rules/kernels, those whose forward attention an engine may choose; sparse and latent ones aside.
ATTENTION_LIBRARIES = (
    "flash-attn", "flash-attn-3", "flash-attn-4", "cudnn-attention", "flashinfer", "aiter", "xformers", "sageattention",
)  # fmt: skip
# Those that decode latent attention over its latents, which no other library's limits speak of.
LATENT_LIBRARIES = ("flash-mla",)
_RUNS = ("supported", "different-kernel")
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
    """Return one check for each library that runs on the target, or whose gate on a device here of its maker is known.

    One whose limits are not known is unknown, not left out.
    """
    dims = head_dims_of(question.shape)
    if dims is None:
        return ()
    told = []
    same = question.here is not None and question.here.spec.vendor == question.target.spec.vendor
    for name in ATTENTION_LIBRARIES:
        there = head_dim_support(name, None, question.target.spec)
        mine = head_dim_support(name, None, question.here.spec) if question.here else None
        known = there.limits or there.runs.support in _RUNS or (mine is not None and mine.limits and same)
        if known and not there.refused:
            told.append(_check(dims, there, mine))
    return (*told, *_latent(question))


def _latent(question: Question) -> list[ShapeCheck]:
    """Return the checks of what decodes latents: queries and keys of latent and rotary part, values of the latent."""
    mla = question.shape.mla
    if mla is None:
        return []
    dims = mla.kv_lora_rank + mla.qk_rope_head_dim, mla.kv_lora_rank
    form: Format = "sparse-decode" if mla.index_heads else "dense-decode"
    told = []
    for name in LATENT_LIBRARIES:
        there = head_dim_support(name, None, question.target.spec)
        mine = head_dim_support(name, None, question.here.spec) if question.here else None
        if question.target.spec.vendor == "nvidia":
            told.append(_check(dims, there, mine, form=form))
    return told


def unknown_head_dims(question: Question) -> Unknown | None:
    """Return which attention libraries run on the target without a known limit of their head dimension.

    None where it decides nothing: a library whose limits are known takes it.
    """
    checks = check_head_dims(question)
    if any(check.good == "yes" for check in checks):
        return None
    names = [check.dimension.removeprefix(PREFIX).rpartition(" ")[0] for check in checks if check.good == "unknown"]
    if not names:
        return None
    why = "no limit that decides it is sourced here; they run there, whether they take it is not known"
    return Unknown(what=f"head_dim of {', '.join(names)} on {question.target.part_name}", why=why)


def _check(
    dims: tuple[int, int], there: HeadDimSupport, mine: HeadDimSupport | None, *, form: Format = "fp16"
) -> ShapeCheck:
    head, value = dims
    answer = there.answer(head, value, form=form)
    use = "" if form == "fp16" else f"{form} by "
    return ShapeCheck(
        dimension=f"{PREFIX}{use}{there.name} {there.version}",
        value=head,
        asks=_asks(answer, there.runs, head, value, form="the forward pass" if form == "fp16" else form),
        good=_ANSWERS[answer.support],
        here=_ANSWERS[mine.answer(head, value, form=form).support] if mine else None,
        note=f"from {answer.source.title}" if answer.source else "",
    )


def _asks(answer: HeadDimAnswer, runs: LibraryAnswer, head: int, value: int, *, form: str) -> str:
    pair = "" if head == value else f" with values of {value}"
    if answer.support not in ("supported", "padded"):
        return answer.why if answer.support == "unknown" else f"{answer.why}{pair}"
    padded = f"; {answer.why}" if answer.support == "padded" else ""
    other = f" ({runs.note})" if runs.support == "different-kernel" and runs.note else ""
    kernel = f": {runs.kernel}{other}" if runs.kernel else ""
    return f"taken by {form}{pair}{padded}{kernel}"
