"""Judges folders of tuned kernel tables, whose file names carry the device they were tuned on."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from parity.binaries.tuned_names import device_entry, kind_of, program_of
from parity.catalog import store
from parity.catalog.tuned_device import as_device, looked_up_as
from parity.lint import parts
from parity.lint.facts import Hit
from parity.lint.source import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.lint.asked import Asked
    from parity.model.tuned import TunedEntry

PROGRAMS = ("vllm", "sglang")


def lack_target(paths: list[str], asked: Asked) -> Iterator[tuple[str, Hit]]:
    """Yield the first table of each folder that has tables for other devices and none for the target.

    Consumer parts of AMD are left out: vLLM has names of its own for them, in the installed package alone.
    """
    spec = asked.spec
    indexed = next((entry for entry in store.index() if entry.id == spec.id), None)
    if indexed is None or not indexed.reported_names or any("Radeon" in name for name in indexed.reported_names):
        return
    device = as_device(indexed)
    folders: dict[str, list[TunedEntry]] = defaultdict(list)
    for path in paths:
        if kind_of(path) == "device-json":
            entry = device_entry(path)
            if entry.name:
                folders[path.rpartition("/")[0]].append(entry)
    for folder, tables in sorted(folders.items()):
        programs = [program_of(tables[0].path)] if program_of(tables[0].path) else [*PROGRAMS, ""]
        families = {entry.family for entry in tables}
        wanted = {name for one in programs for family in families for name in looked_up_as(device, one, family, {})}
        if parts.speaks_for_another(folder, spec) or any(entry.name in wanted for entry in tables):
            continue
        names = sorted({str(entry.name) for entry in tables})
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        message = f"none of {len(tables)} tuned tables is for {spec.id}; they are for {shown}"
        yield tables[0].path, Hit(span=Span(1, 1, 1, 1), message=message)
