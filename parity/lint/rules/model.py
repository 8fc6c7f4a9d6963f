"""Judges models and launches against the target: number formats that it does not compute, memory that it lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.lint.facts import Facts, Hit
from parity.lint.script import program
from parity.workload.dtypes import support
from parity.workload.footprint import place
from parity.workload.question import MAX_DEVICES, Question, spread_over

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.lint.asked import Asked
    from parity.lint.facts import Command
    from parity.lint.source import Span
    from parity.model.target import Target
    from parity.workload.model_shape import ModelShape

_ENGINES = ("vllm", "sglang")
_OPTIONS = ("--quantization", "-q")
# Values of --quantization that say in which format the matrix units compute.
_METHODS = {
    **dict.fromkeys(("fp8", "fbgemm_fp8", "ptpc_fp8", "deepgemm_fp8", "w8a8_fp8", "modelopt_fp8", "mxfp8"), "fp8"),
    **dict.fromkeys(("modelopt_fp4", "nvfp4_online"), "fp4"),
}
_CONTEXT = 8192  # tokens of a request; what `parity model` takes when it is not told


def _question(shape: ModelShape, target: Target) -> Question:
    return Question(shape=shape, target=target, context=min(_CONTEXT, shape.positions or _CONTEXT))


def dtype_not_computed(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield models whose matrices are in a format that the target's matrix units do not compute."""
    model = facts.model
    if model is None or asked.target is None or asked.spec_for(facts.path) is None:
        return
    dtype = _question(model.shape, asked.target).compute_dtype
    answer, _, why = support(asked.target, dtype) if dtype else ("unknown", None, "")
    if answer == "no":
        yield Hit(
            span=model.dtype_span or model.span, message=f"the model computes in {dtype}, {asked.target.id}: {why}"
        )


def does_not_fit(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield models that the declared number of devices cannot hold, whatever the engine."""
    model, target = facts.model, asked.target
    if model is None or target is None or asked.spec_for(facts.path) is None:
        return
    if target.count is None or target.count > MAX_DEVICES:
        return
    question = _question(model.shape, target)
    placed = place(question, target, spread_over(model.shape, target, None, where="--target"))
    if placed.fits != "no":
        return
    enough = f"; {placed.smallest_count} would hold it" if placed.smallest_count else ""
    held = f"{target.count}x {target.id}: {placed.why}, at one request of {question.context} tokens"
    message = f"the model does not fit on {held}{enough}"
    yield Hit(span=model.span, message=message)


def launch_dtype_not_computed(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield launches of an engine in a number format that the target's matrix units do not compute."""
    if asked.target is None or asked.spec_for(facts.path) is None:
        return
    for command in facts.commands:
        for method, span in _methods(command):
            answer, _, why = support(asked.target, _METHODS[method])
            if answer == "no":
                message = f"the launch asks for {method}, {asked.target.id}: {why}"
                yield Hit(span=span, message=message)


def _methods(command: Command) -> Iterator[tuple[str, Span]]:
    words = program(command.words)
    if not any(word and word.partition(".")[0].rsplit("/", 1)[-1] in _ENGINES for word in words[:1]):
        return
    for position, word in enumerate(command.words):
        option, _, value = (word or "").partition("=")
        at = position if value else position + 1
        text = value or (command.words[at] if at < len(command.words) else None) or ""
        if option in _OPTIONS and text in _METHODS:
            yield text, command.spans[at]
