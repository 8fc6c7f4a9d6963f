"""Judges tuned kernel tables: folders whose file names carry the device, and rows that carry it."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from parity.binaries.tuned_names import device_entry, kind_of, program_of
from parity.catalog import store
from parity.catalog.tuned_device import as_device, fits, looked_up_as
from parity.lint import parts
from parity.lint.facts import Facts, Hit
from parity.lint.source import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.lint.asked import Asked
    from parity.model.tuned import TunedEntry

# SGLang looks in the folder of its Triton first, and then in those of other releases.
_TRITON = re.compile(r"/triton_[\d_]+$")
PROGRAMS = ("vllm", "sglang")
# Tables of kernels that take 4 bit floating point, by how AITER names them.
_FP4 = re.compile(r"fp4|a4w4", re.IGNORECASE)


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
                folders[_TRITON.sub("", path.rpartition("/")[0])].append(entry)
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


def rows_lack_target(facts: Facts, asked: Asked) -> Iterator[Hit]:
    """Yield tables of rows keyed by gfx target and CU count of which none is for the target."""
    spec = asked.spec_for(facts.path)
    indexed = next((entry for entry in store.index() if spec and entry.id == spec.id), None)
    if spec is None or indexed is None or spec.vendor != "amd" or not facts.tuned:
        return
    if _FP4.search(facts.path.rpartition("/")[2]) and spec.number("tflops_fp4") is None:
        return  # kernels of a number format that the target does not have
    device = as_device(indexed)
    if any(fits(entry, device, set(), {}) is not False for entry in facts.tuned):
        return
    counted = Counter(_keyed(entry) for entry in facts.tuned)
    shown = ", ".join(f"{told} ({count})" for told, count in counted.most_common(3))
    more = f" and {len(counted) - 3} more" if len(counted) > 3 else ""
    wanted = f"{device.arch}, {device.cu_count} CUs" if device.cu_count else device.arch
    message = f"none of {len(facts.tuned)} tuned rows is for {spec.id} ({wanted}); they are for {shown}{more}"
    yield Hit(span=Span(1, 1, 1, len(facts.source.lines[0]) + 1), message=message)


def _keyed(entry: TunedEntry) -> str:
    units = f"{entry.cu_count} CUs" if entry.cu_count is not None else ""
    return ", ".join(part for part in (entry.gfx, units) if part)
