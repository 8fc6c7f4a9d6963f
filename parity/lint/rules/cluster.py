"""Judges what a scheduler is asked for: which GPU, a whole one or a slice, alone or shared."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from parity.lint import parts
from parity.lint.facts import Facts, GpuRequest, Hit
from parity.lint.python_scope import about_perf
from parity.lint.script import measures

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.lint.asked import Asked

_WORKLOADS = frozenset(
    {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "LeaderWorkerSet", "PyTorchJob",
     "MPIJob", "RayCluster", "RayJob", "RayService", "JobSet", "TrainJob", "InferenceService"}
)  # fmt: skip
# A file that is named for it asks for it on purpose.
_ABOUT_SLICES = re.compile(r"(?:^|[^a-z])mig(?:$|[^a-z])", re.IGNORECASE)
_ABOUT_SHARING = re.compile(r"time-?_?slic|shar(?:e|ing)|(?:^|[^a-z])mps(?:$|[^a-z])", re.IGNORECASE)
# Nodes that a simulator plays: no GPU does anything.
_SIMULATED = re.compile(r"kwok", re.IGNORECASE)
_SLICE = re.compile(r"\d+g\.\d+gb(?:\.\w+)?", re.IGNORECASE)


def without_product(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield pods that ask for a GPU and leave the choice of GPU to the scheduler."""
    if not _matters(facts, asked) or _chosen(facts.path):
        return
    for one in facts.gpu_requests if not _SIMULATED.search(facts.source.text) else ():
        if _works(one, facts) and one.resource.endswith("/gpu") and not one.selectors and not one.open:
            yield Hit(
                span=one.span,
                message=f"{one.kind} asks for {one.resource} and for no model: any GPU of the cluster will do",
            )


def _works(one: GpuRequest, facts: Facts) -> bool:
    """Return whether what asks is made to run; a bare pod is an example or a trial unless its path speaks of perf."""
    return one.kind in _WORKLOADS or (one.kind == "Pod" and about_perf(facts.path))


def _matters(facts: Facts, asked: Asked) -> bool:
    """Return whether it matters which GPU serves: a project that declares no target may leave it to its users.

    A target on the command line alone makes it matter where something is measured.
    """
    return asked.declared or (asked.target is not None and measures(facts))


def _chosen(path: str) -> bool:
    """Return whether a path says which GPU its file is for: whoever sends the job knows where."""
    return bool(parts.named(path)) or parts.names_machine(path)


def gres_without_type(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield batch scripts that ask for a GPU without a type, constraint or partition."""
    if not _matters(facts, asked) or _chosen(facts.path):
        return
    for one in facts.gpu_requests:
        if one.kind == "slurm" and not one.selectors and not one.open:
            yield Hit(span=one.span, message="the job asks for a GPU of no type: any GPU of the cluster will do")
            break  # several lines of one job say the same


def other_part(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield selectors and GPU types that name another part than the target."""
    spec = asked.spec_for(facts.path)
    if spec is None or not _matters(facts, asked):
        return
    for one in facts.gpu_requests:
        found = [(value, span, meant) for _, value, span in one.selectors for meant in parts.selected(value or "")]
        if not found or any(spec.id in meant for _, _, meant in found):
            continue
        value, span, meant = found[0]
        yield Hit(span=span, message=f"{value!r} selects {parts.either(meant)}, and the target is {spec.id}")


def slice_requested(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield requests of a MIG slice that the target is not."""
    own = asked.target.partition.profile if asked.target and asked.target.partition.kind == "mig" else ""
    if _ABOUT_SLICES.search(facts.path) or not _matters(facts, asked):
        return
    for one in facts.gpu_requests:
        profile = _profile(one)
        if profile and profile != own:
            yield Hit(
                span=one.span,
                message=f"{profile} is a slice of a GPU: its SMs, memory and bandwidth are a part of the whole's",
            )
    for setting in facts.settings:
        if setting.name == "CUDA_VISIBLE_DEVICES" and (setting.value or "").startswith("MIG-") and not own:
            yield Hit(span=setting.span, message="CUDA_VISIBLE_DEVICES names a MIG slice, not a whole GPU")


def _profile(one: GpuRequest) -> str:
    if one.resource.startswith("nvidia.com/mig"):
        return one.resource.removeprefix("nvidia.com/mig").removeprefix("-") or "a MIG slice"
    return next((value for _, value, _ in one.selectors if value and _SLICE.fullmatch(value)), "")


def shared(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield device plugin settings that hand one GPU to several pods."""
    words = {"timeSlicing": "time-slices", "mps": "shares by MPS"}
    if _ABOUT_SHARING.search(facts.path) or not _matters(facts, asked):
        return
    for how, span in facts.shared_gpus:
        yield Hit(span=span, message=f"the device plugin {words[how]} each GPU among several pods")
