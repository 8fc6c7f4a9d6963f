"""Judges CI jobs that measure: which GPU they run on, and whether their perf tests are gated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.lint import parts
from parity.lint.facts import Command, Facts, Hit, Job
from parity.lint.script import is_perf, program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.lint.asked import Asked
    from parity.lint.source import Span


def _measures(job: Job) -> Command | None:
    return next((command for command in job.commands if is_perf(command.words)), None)


def gpu_unnamed(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield perf jobs whose runner promises a GPU without saying which."""
    del asked
    for job in facts.jobs:
        command = _measures(job)
        if command is None or any(label is None or parts.named(label) for label, _ in job.labels):
            continue
        for label, span in job.labels:
            if label and parts.says_gpu(label):
                shown = " ".join(str(word) for word in command.words[:4])
                yield Hit(
                    span=span, message=f"job {job.name!r} measures (`{shown}`) on a GPU that {label!r} does not name"
                )
                break


def other_gpu(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield perf jobs on a runner whose labels name another GPU than the target."""
    spec = asked.spec_for(facts.path)
    if spec is None:
        return
    jobs = [(job, _named(job)) for job in facts.jobs if _measures(job)]
    if any(spec.id in meant for _, found in jobs for _, _, meant in found):
        return  # the target's own job is there; the others are for other GPUs
    for job, found in jobs:
        if any(label is None for label, _ in job.labels) or not found:
            continue
        label, span, meant = found[0]
        if any(meant <= called for called in parts.named(job.name).values()):
            continue  # the job is called after its GPU: one of several, each for its own
        yield Hit(
            span=span,
            message=f"job {job.name!r} measures on {label!r} ({parts.either(meant)}), and the target is {spec.id}",
        )


def _named(job: Job) -> list[tuple[str, Span, frozenset[str]]]:
    return [(label or "", span, meant) for label, span in job.labels for meant in parts.selected(label or "")]


def ungated(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield pytest runs on perf tests without a target, in a project that declares one."""
    if not asked.gated:
        return
    settings = {setting.name for setting in facts.settings}
    for command in facts.commands:
        words = program(command.words)
        if not words or str(words[0]).rsplit("/", 1)[-1] not in ("pytest", "py.test") or not is_perf(command.words):
            continue
        told = any(word is None or word.startswith(("--parity-", "-p")) for word in words)
        if not told and "PARITY_TARGET" not in settings and "PARITY_TARGET" not in command.environment:
            yield Hit(span=command.spans[0], message="perf tests run without a target: any GPU passes")
