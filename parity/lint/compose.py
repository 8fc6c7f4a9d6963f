"""Knows compose files: each service's image, environment, command and devices."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from parity.lint import script, shell
from parity.lint import yaml_positions as at
from parity.lint.facts import Command, Facts, GpuRequest, Image, Setting

if TYPE_CHECKING:
    import yaml

    from parity.lint.source import Span


def take(root: yaml.Node, facts: Facts) -> None:
    """Add what a compose file's services say."""
    for name, service in at.pairs(at.get(root, "services")):
        image = at.get(service, "image")
        if image is not None and at.is_scalar(image):
            text = at.text_of(image)
            reference = shell.expand(text, {}) if text else None
            facts.images.append(
                Image(reference=reference, span=at.span_of(image, facts.source), how="compose", scope=name)
            )
        _environment(at.get(service, "environment"), name, facts)
        _command(at.get(service, "command"), name, facts)
        for device in at.items(at.get(service, "deploy", "resources", "reservations", "devices")):
            for one in at.items(at.get(device, "device_ids")):
                if (at.text_of(one) or "").startswith("MIG-"):
                    span = at.span_of(one, facts.source)
                    facts.gpu_requests.append(GpuRequest(resource="nvidia.com/mig", kind="compose", span=span))


def _environment(node: yaml.Node | None, scope: str, facts: Facts) -> None:
    for name, value in at.pairs(node):
        if at.is_scalar(value):
            _set(name, at.text_of(value), at.span_of(value, facts.source), scope, facts)
    for item in at.items(node) if not at.pairs(node) else ():
        match = re.fullmatch(r"([A-Za-z_]\w*)=(.*)", at.text_of(item) or "", re.DOTALL)
        if match:
            _set(match[1], match[2], at.span_of(item, facts.source), scope, facts)


def _set(name: str, raw: str | None, span: Span, scope: str, facts: Facts) -> None:
    value = None if raw is None or "`" in raw else _interpolated(raw)
    facts.settings.append(Setting(name=name, value=value, span=span, whole=span, how="compose", scope=scope))


def _interpolated(raw: str) -> str | None:
    """Return a value with compose's ``${X:-default}`` settled, None when it is not."""
    return shell.expand(raw, {}) if "$" in raw else raw


def _command(node: yaml.Node | None, scope: str, facts: Facts) -> None:
    found = at.items(node)
    if len(found) == 1 and at.is_scalar(found[0]):
        script.scan(at.script_of(found[0], facts.source), facts, how="compose", scope=scope)
    elif found:
        words = tuple(at.text_of(item) for item in found)
        spans = tuple(at.span_of(item, facts.source) for item in found)
        facts.commands.append(Command(words=words, spans=spans, how="compose", scope=scope))
