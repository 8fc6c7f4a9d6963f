"""Knows Kubernetes objects: what their pods ask of GPUs, what selects the node, images, environment and commands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from parity.lint import script
from parity.lint import yaml_positions as at
from parity.lint.facts import Command, Facts, GpuRequest, Image, Setting

if TYPE_CHECKING:
    import yaml

    from parity.lint.source import Span

_RESOURCE = re.compile(r"(?:nvidia\.com/(?:gpu|mig-.+)|amd\.com/gpu)(?:\.shared)?")


# What chooses a GPU outside the pod: an annotation for a scheduler of GPUs.
_CHOOSES = re.compile(r"gpu[-_.]?(?:uuid|type|model|product|name)|use-gpu", re.IGNORECASE)
# What only looks whether there is a GPU, or waits: no number comes of it.
_IDLE_IMAGE = re.compile(
    r"cuda-sample|vector-?add|cuda-vector|nvidia-smi|busybox|dcgmproftester|^(?:[^:]*/)?(?:alpine|debian|pause|ubuntu)(?::|$)",
    re.IGNORECASE,
)
_IDLE_COMMAND = re.compile(r"\s*(?:sleep\b|nvidia-smi\b|rocm-smi\b|amd-smi\b|tail -f|while (?:true|:))", re.IGNORECASE)


def take(root: yaml.Node, facts: Facts) -> None:
    """Add what a Kubernetes object says."""
    kind = at.text_of(at.get(root, "kind")) or ""
    if at.HOLE in str(getattr(at.get(root, "kind"), "value", "")):
        kind = "template"
    chosen = "gpu" in facts.source.text and any(
        _CHOOSES.search(name) for node in at.walk(root) for name, _ in at.pairs(at.get(node, "metadata", "annotations"))
    )
    for node in at.walk(root):
        if at.items(at.get(node, "containers")) and at.pairs(node):
            _pod(node, kind, facts, chosen=chosen)
    take_sharing(root, facts)


def take_sharing(root: yaml.Node, facts: Facts) -> None:
    """Add a device plugin's settings that hand one GPU to several pods."""
    if "sharing" not in facts.source.text:
        return
    for node in at.walk(root):
        sharing = at.get(node, "sharing")
        for how in ("timeSlicing", "mps"):
            for resource in at.items(at.get(sharing, how, "resources")):
                replicas = at.get(resource, "replicas")
                if replicas is not None and (at.text_of(replicas) or "1") not in ("0", "1"):
                    facts.shared_gpus.append((how, at.span_of(replicas, facts.source)))


def take_values(root: yaml.Node, facts: Facts) -> None:
    """Add what a chart's values say: images in two parts, and GPU requests beside a node selector.

    The chart's templates may select further, so that a request without a selector says nothing here.
    """
    for node in at.walk(root):
        name, tag = at.get(node, "repository"), at.get(node, "tag")
        parts = at.text_of(name), at.text_of(tag)
        if name is not None and all(parts):
            registry = at.text_of(at.get(node, "registry"))
            reference = "/".join(part for part in (registry, parts[0]) if part) + f":{parts[1]}"
            facts.images.append(Image(reference=reference, span=at.span_of(name, facts.source), how="kubernetes"))
        if at.pairs(at.get(node, "resources")):
            selectors, _ = _selectors(node, facts)
            for resource, span, _ in _resources(node, facts):
                facts.gpu_requests.append(
                    GpuRequest(resource=resource, kind="values", span=span, selectors=tuple(selectors), open=True)
                )


def _pod(pod: yaml.Node, kind: str, facts: Facts, *, chosen: bool) -> None:
    selectors, open_ = _selectors(pod, facts)
    open_ = open_ or chosen
    for container in (*at.items(at.get(pod, "containers")), *at.items(at.get(pod, "initContainers"))):
        for resource, span, settled in _resources(container, facts):
            facts.gpu_requests.append(
                GpuRequest(
                    resource=resource,
                    kind=kind,
                    span=span,
                    selectors=tuple(selectors),
                    open=open_ or not settled or _idle(container),
                )
            )
        _container(container, facts)


def _idle(container: yaml.Node) -> bool:
    words = [at.text_of(item) or "" for key in ("command", "args") for item in at.items(at.get(container, key))]
    words = [word for word in words if not re.fullmatch(r"-l?c|(?:/bin/)?(?:ba)?sh", word)]
    image = at.text_of(at.get(container, "image")) or ""
    return bool(_IDLE_IMAGE.search(image)) or any(_IDLE_COMMAND.match(word) for word in words[:1])


def _resources(container: yaml.Node, facts: Facts) -> list[tuple[str, Span, bool]]:
    found: dict[str, tuple[str, Span, bool]] = {}
    for part in ("limits", "requests"):
        node = at.get(container, "resources", part)
        for name, value in at.pairs(node):
            if _RESOURCE.fullmatch(name) and at.text_of(value) != "0":
                span = at.span_of(value, facts.source)
                column = span.column - len(name) - 2
                whole = span._replace(column=column) if column > 0 else span
                found.setdefault(name, (name, whole, at.text_of(value) is not None))
    return list(found.values())


def _selectors(pod: yaml.Node, facts: Facts) -> tuple[list[tuple[str, str | None, Span]], bool]:
    """Return what selects the pod's node, and whether something not settled here may."""
    found: list[tuple[str, str | None, Span]] = []
    for key, value in at.pairs(at.get(pod, "nodeSelector")):
        found.append((key, at.text_of(value), at.span_of(value, facts.source)))
    affinity = at.get(pod, "affinity", "nodeAffinity")
    for node in at.walk(affinity) if affinity is not None else ():
        chosen = at.text_of(at.get(node, "key"))
        if chosen and at.text_of(at.get(node, "operator")) == "In":
            values = at.items(at.get(node, "values"))
            found += [(chosen, at.text_of(value), at.span_of(value, facts.source)) for value in values]
    named = {key for key, _ in at.pairs(pod)}
    others = {
        "affinity",
        "resourceClaims",
        "nodeName",
        "schedulerName",
        "runtimeClassName",
        "tolerations",
        "priorityClassName",
    }
    holes = at.HOLE in _raw(pod, facts)
    return found, bool(named & others) or "nodeSelector" in named or holes


def _raw(node: yaml.Node, facts: Facts) -> str:
    lines = facts.source.lines[node.start_mark.line : node.end_mark.line + 1]
    return at.HOLE if any("{{" in line for line in lines) else ""


def _container(container: yaml.Node, facts: Facts) -> None:
    image = at.get(container, "image")
    if image is not None and at.is_scalar(image):
        text = at.text_of(image)
        settled = text if text and "$" not in text else None
        facts.images.append(Image(reference=settled, span=at.span_of(image, facts.source), how="kubernetes"))
    for entry in at.items(at.get(container, "env")):
        name, value = at.text_of(at.get(entry, "name")), at.get(entry, "value")
        if name and value is not None and at.is_scalar(value):
            span = at.span_of(value, facts.source)
            facts.settings.append(Setting(name=name, value=at.text_of(value), span=span, whole=span, how="kubernetes"))
    words: list[str | None] = []
    spans: list[Span] = []
    for key in ("command", "args"):
        for item in at.items(at.get(container, key)):
            if not at.is_scalar(item):
                continue
            text = at.text_of(item)
            if text and ("\n" in text.strip() or " " in text.strip()):
                script.scan(at.script_of(item, facts.source), facts, how="kubernetes")
            else:
                words.append(text)
                spans.append(at.span_of(item, facts.source))
    if words:
        facts.commands.append(Command(words=tuple(words), spans=tuple(spans), how="kubernetes"))
