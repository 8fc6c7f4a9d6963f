"""Knows ``parity explain``: each candidate part accepted or rejected, with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from parity import session
from parity.catalog import store
from parity.catalog.identified import identified
from parity.catalog.identify import weigh_all
from parity.cli import options
from parity.cli.folding import for_terminal
from parity.cli.no_device import no_device
from parity.model.identified import Candidate

if TYPE_CHECKING:
    import argparse

    from parity.model.device import Device
    from parity.model.target import Target


class ExplainedDevice(msgspec.Struct, frozen=True, kw_only=True):
    """One device with every part held against it."""

    index: int
    label: str
    identity: str | None
    candidates: tuple[str, ...]
    contradictions: tuple[str, ...]
    target: Candidate | None
    weighed: tuple[Candidate, ...]


class Explained(msgspec.Struct, frozen=True, kw_only=True):
    """What ``--format json`` prints."""

    schema: str = "parity.explain/1"
    target: str
    devices: tuple[ExplainedDevice, ...]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    options.add_target(parser)
    options.add_fingerprint(parser)
    options.add_output(parser, ("text", "json"))


def run(arguments: argparse.Namespace) -> int:
    """Explain; 0 when every device is the target's part, 1 when one is not, 3 without devices."""
    project = session.project_of(arguments.config)
    target = session.target_of(arguments.target, project)
    fingerprint = session.fingerprint_of(arguments.fingerprint)
    if not fingerprint.visible_devices:
        where = arguments.fingerprint or "here"
        raise no_device(fingerprint, where=where, instead="give a saved fingerprint: --fingerprint FILE")
    told_devices = tuple(explained(device, target) for device in fingerprint.visible_devices)
    answer = Explained(target=target.id, devices=told_devices)

    def render(name: str) -> str:
        return session.as_json(answer).decode() if name == "json" else as_text(answer)

    options.write_reports(arguments, render, shown=for_terminal)
    return 0 if all(device.identity == target.id for device in told_devices) else 1


def explained(device: Device, target: Target) -> ExplainedDevice:
    """Return how a device's evidence speaks for and against each part."""
    found = identified(device)
    own = next((c for c in weigh_all(device, store.index()) if c.id == target.id), None)
    return ExplainedDevice(
        index=device.locator.index,
        label=device.label,
        identity=found.identity,
        candidates=found.candidates,
        contradictions=found.contradictions,
        target=own,
        weighed=found.weighed,
    )


def as_text(answer: Explained) -> str:
    """Return the explanation as text, devices with equal evidence told once."""
    lines: list[str] = []
    groups: dict[bytes, list[ExplainedDevice]] = {}
    for device in answer.devices:
        key = msgspec.json.encode((device.identity, device.weighed, device.target))
        groups.setdefault(key, []).append(device)
    for group in groups.values():
        device = group[0]
        more = f" and {len(group) - 1} more like it" if len(group) > 1 else ""
        lines += ["", f"{device.label}{more}"]
        doubt = f", but {'; '.join(device.contradictions)}" if device.identity and device.contradictions else ""
        lines.append("  is " + (device.identity or _undecided(device)) + doubt)
        if device.target is None:
            lines.append(f"  target {answer.target}: another vendor's part")
        elif device.identity != answer.target:
            word = "fits too" if device.target.accepted else "rejected"
            lines.append(f"  target {answer.target}: {word}: {device.target.reason}")
        lines.append("  weighed:")
        lines += [
            f"    {'accepted' if candidate.accepted else 'rejected'}  {candidate.id}: {candidate.reason}"
            for candidate in device.weighed
        ]
        if not device.weighed:
            lines.append("    nothing in the catalog is near")
    return "\n".join(lines[1:]) + "\n"


def _undecided(device: ExplainedDevice) -> str:
    if device.contradictions:
        return f"no part as sold: nearest {' or '.join(device.candidates)}, but {'; '.join(device.contradictions)}"
    if device.candidates:
        return f"one of {', '.join(device.candidates)}: the evidence does not decide"
    return "not in the catalog"
