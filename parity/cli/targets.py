"""Knows ``parity targets``: the catalog, listed or one part with the source of each fact."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import msgspec

from parity.catalog import store
from parity.cli import options
from parity.cli.folding import columns_of, for_terminal
from parity.model.absent import value_of
from parity.model.target import spec_fact
from parity.units import format_fact

if TYPE_CHECKING:
    import argparse

    from parity.model.spec import DeviceSpec

SHORT_NAME = 22  # so that the figures of a row fit into a terminal of 80 columns
_COLUMNS = (
    ("unit_count", "units"),
    ("memory_bytes", "memory"),
    ("memory_bandwidth_gbps", "bandwidth"),
    ("tflops_bf16", "dense BF16"),
    ("power_default_w", "power"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="one part or alias; without it, all are listed")
    options.add_output(parser, ("text", "json"))


def run(arguments: argparse.Namespace) -> int:
    """Print the catalog or one part of it."""
    names = [store.resolve_name(arguments.name)] if arguments.name else [entry.id for entry in store.index()]
    specs = [store.device_spec(name) for name in names]

    def render(name: str) -> str:
        if name == "json":
            return _json(specs)
        return described(specs[0]) if arguments.name else listed(specs)

    def shown(text: str) -> str:
        return for_terminal(text if arguments.name else listed(specs, names=SHORT_NAME))

    options.write_reports(arguments, render, shown=shown if columns_of(sys.stdout) is not None else None)
    return 0


def _json(specs: list[DeviceSpec]) -> str:
    payload = {"schema": "parity.targets/1", "targets": [as_target(spec) for spec in specs]}
    return msgspec.json.format(msgspec.json.encode(payload), indent=2).decode() + "\n"


def as_target(spec: DeviceSpec) -> dict[str, Any]:
    """Return one entry of ``parity.targets/1``; sources are spelled out, not keys."""

    def told(key: str) -> str:
        source = spec.sources.get(key)
        return f"{source.title}: {source.where}" if source else key

    return {
        "id": spec.id,
        "name": spec.name,
        "aliases": spec.aliases,
        "vendor": spec.vendor,
        "family": spec.family,
        "arch": spec.arch,
        "reported_names": spec.reported_names,
        "pci_ids": spec.pci_ids,
        "facts": {
            name: {
                "value": fact.value,
                "source": told(fact.source),
                "conflicts": [{"value": other.value, "source": told(other.source)} for other in fact.conflicts],
            }
            for name, fact in spec.facts.items()
        },
        "partitions": spec.partitions,
        "note": spec.note,
    }


def listed(specs: list[DeviceSpec], *, names: int | None = None) -> str:
    """Return one line per part, grouped by vendor and family.

    Args:
        specs: parts.
        names: columns for names; a longer one stands on a line of its own. None: as many as the longest takes.
    """
    rows = [[spec.id, *(_text(spec, fact) for fact, _ in _COLUMNS), ", ".join(spec.aliases)] for spec in specs]
    heads = ["", *(word for _, word in _COLUMNS), "also called"]
    widths = [max(len(row[n]) for row in [heads, *rows]) for n in range(len(heads))]
    widths[0] = min(widths[0], names or widths[0])
    groups: dict[tuple[str, str], list[list[str]]] = {}
    for spec, row in zip(specs, rows, strict=True):
        groups.setdefault((spec.vendor, spec.family), []).append(row)
    lines = [_aligned(heads, widths)]
    for (vendor, family), members in sorted(groups.items(), reverse=True):
        lines += ["", f"{vendor} {family}"]
        lines += [_aligned(row, widths) for row in members]
    return "\n".join([*lines, "", f"{len(specs)} parts; `parity targets NAME` shows one with its sources"]) + "\n"


def _aligned(row: list[str], widths: list[int]) -> str:
    first, *middle, last = row
    cells = "  ".join(f"{text:>{width}}" for text, width in zip(middle, widths[1:-1], strict=True))
    name = f"  {first}\n{'':<{widths[0] + 2}}" if len(first) > widths[0] else f"  {first:<{widths[0]}}"
    return f"{name}  {cells}  {last}".rstrip()


def _text(spec: DeviceSpec, fact: str) -> str:
    known = spec_fact(spec, fact)
    value = getattr(known, "value", None)
    if fact == "unit_count" and value is not None:
        return f"{value} {'SM' if spec.vendor == 'nvidia' else 'CU'}"
    return format_fact(fact, value)


def described(spec: DeviceSpec) -> str:
    """Return one part in full: each fact with its source, other sources' values beside it."""
    lines = [f"{spec.id}: {spec.name}", f"  {spec.vendor} {spec.family}, {spec.arch}"]
    if spec.aliases:
        lines.append(f"  also called {', '.join(spec.aliases)}")
    lines += [f"  prints {name!r}" for name in spec.reported_names]
    for pci in spec.pci_ids:
        extra = "".join(
            f", {word} {' '.join(ids)}"
            for word, ids in (("subsystem", pci.subsystems), ("revision", pci.revisions))
            if ids
        )
        lines.append(f"  PCI {pci.id}{extra}")
    if spec.note:
        lines += ["", f"  {' '.join(spec.note.split())}"]
    lines.append("")
    width = max((len(name) for name in spec.facts), default=0)
    for name, fact in spec.facts.items():
        lines.append(f"  {name:<{width}}  {format_fact(name, fact.value):<14} [{fact.source}]")
        lines += [
            f"  {'':<{width}}  {format_fact(name, other.value):<14} [{other.source}], another source"
            for other in fact.conflicts
        ]
        compared = value_of(spec_fact(spec, name))
        if compared is not None and format_fact(name, compared) != format_fact(name, fact.value):
            lines.append(f"  {'':<{width}}  {format_fact(name, compared):<14} by clock and width: this one is compared")
    if spec.achieved:
        lines += ["", "  published as measured"]
        lines += [
            f"    {one.name:<12} {format_fact('_gbps', one.value)}, {one.kernel} [{one.source}]"
            for one in spec.achieved
        ]
    if spec.partitions:
        lines += ["", "  partitions"]
        for part in spec.partitions:
            units = part.sm_count or part.cu_count
            memory = format_fact("_bytes", part.memory_bytes) if part.memory_bytes else ""
            told = [f"{units} units" if units else "", memory]
            count = f"up to {part.count}" if part.count else ""
            lines.append(f"    {part.profile:<12} {', '.join(text for text in (*told, count) if text)}")
    lines += ["", "  sources"]
    lines += [f"    [{key}] {s.title}, {s.where} ({s.kind}, read {s.read})" for key, s in spec.sources.items()]
    return "\n".join(lines) + "\n"
