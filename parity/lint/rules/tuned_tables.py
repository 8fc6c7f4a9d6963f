"""Judges folders of tuned kernel tables, whose file names carry the device they were tuned on."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from parity.lint import parts
from parity.lint.facts import Hit
from parity.lint.source import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.lint.asked import Asked

_DEVICE = re.compile(r"device_name=([^,/]+?)(?:,[^/]*)?\.json$")


def lack_target(paths: list[str], asked: Asked) -> Iterator[tuple[str, Hit]]:
    """Yield the first table of each folder that has tables for other devices and none for the target."""
    spec = asked.spec
    wanted = {name.replace(" ", "_").replace("/", "_") for name in spec.reported_names}
    folders: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for path in paths:
        match = _DEVICE.search(path)
        if match:
            folders[path.rpartition("/")[0]].append((path, match[1]))
    for folder, tables in sorted(folders.items()):
        if parts.speaks_for_another(folder, spec) or any(device in wanted for _, device in tables):
            continue
        devices = sorted({device for _, device in tables})
        shown = ", ".join(devices[:3]) + (f" and {len(devices) - 3} more" if len(devices) > 3 else "")
        message = f"none of {len(tables)} tuned tables is for {spec.id}; they are for {shown}"
        yield tables[0][0], Hit(span=Span(1, 1, 1, 1), message=message)
