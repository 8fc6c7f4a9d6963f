"""Knows how the needs of kernels are told as text: what does not fit first, then the rest as far as it is asked for."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from parity.inputs import printable
from parity.model.kernel_resources import ADDED_MEMORY
from parity.units import format_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.model.kernel_resources import KernelLaunch, KernelNeeds, Launch, ResourcesReport

TOLD = 12  # kernels, without -v
_WORD = {"yes": "fits", "no": "DOES NOT FIT", "unknown": "not known"}


def render(report: ResourcesReport, *, verbose: bool = False, width: int = 80) -> str:
    """Return the report as text of at most ``width`` columns, names left aside."""
    lines = [*_head(report), ""]
    chosen = _chosen(report)
    for one in chosen if verbose else chosen[:TOLD]:
        for line in _kernel(one, verbose=verbose):
            lines += [line] if verbose else _wrapped(line, max(width, 40))
    hidden = 0 if verbose else len(chosen) - TOLD
    if hidden > 0:
        lines.append(f"and {hidden} more (-v)")
    if report.left_out:
        lines.append(f"{report.left_out} kernels more were not read")
    lines += [f"not read: {printable(problem)}" for problem in report.problems]
    return "\n".join([*lines, "", _sum(report)]).strip() + "\n"


def _wrapped(line: str, width: int) -> list[str]:
    """Return the line in lines of at most ``width`` columns; a name alone is cut."""
    if " " not in line.strip():
        return [line if len(line) <= width else f"{line[: width - 3]}..."]
    return textwrap.wrap(line, width, initial_indent="", subsequent_indent=" " * 11, drop_whitespace=True) or [line]


def _head(report: ResourcesReport) -> Iterator[str]:
    on = " · ".join(f"{word} {arch}" for word, arch in (("target", report.target), ("here", report.here)) if arch)
    yield f"{len(report.kernels)} kernels in {printable(report.source)}" + (f"   {on}" if on else "")
    assumed = []
    if report.threads:
        assumed.append(f"{report.threads} threads a block where the kernel does not say")
    if report.dynamic_shared_memory_bytes is not None:
        assumed.append(f"{report.dynamic_shared_memory_bytes} bytes of dynamic shared memory")
    if assumed:
        yield "assumed: " + ", ".join(assumed)
    if any(found.at_most for one in report.kernels for found in (one.target, one.here) if found is not None):
        yield f"{ADDED_MEMORY}: --dynamic-shared N, 0 for none"


def _chosen(report: ResourcesReport) -> list[KernelLaunch]:
    """Return the kernels that are code for the target, else for here, worst first; all when there are none."""

    def made_for(one: KernelLaunch) -> bool:
        judged = one.target or one.here
        return judged is not None and judged.code != "no"

    def rank(one: KernelLaunch) -> tuple[int, float]:
        fits = [found.fits for found in (one.target, one.here) if found is not None]
        order = 0 if "no" in fits else 1 if one.flips else 2 if "unknown" in fits else 3
        occupancy = one.target.occupancy if one.target is not None else None
        return order, 2.0 if occupancy is None else occupancy

    own = [one for one in report.kernels if made_for(one)]
    return sorted(own or report.kernels, key=rank)


def _kernel(one: KernelLaunch, *, verbose: bool) -> Iterator[str]:
    yield printable(one.needs.name)
    yield f"  {_needs(one.needs)}"
    for word, found in (("target", one.target), ("here", one.here)):
        if found is not None:
            yield f"  {word:6} {_launch(found)}"
            if found.fits != "yes" or verbose:
                told = [why for why in found.why if verbose or not why.startswith(ADDED_MEMORY)]
                yield from (f"           {printable(reason)}" for reason in told)


def _needs(needs: KernelNeeds) -> str:
    if needs.from_source:
        cluster = f", clusters of {needs.cluster_blocks}" if needs.cluster_blocks else ""
        return f"not compiled: {needs.warps} warps{cluster}"
    told = [needs.arch, f"{_count(needs.registers)} registers"]
    if needs.accumulation_registers:
        told.append(f"{needs.accumulation_registers} accumulation registers")
    told.append(f"{format_bytes(needs.shared_memory_bytes)} shared" if needs.shared_memory_bytes else "no shared")
    if needs.stack_bytes:
        told.append(f"{needs.stack_bytes} bytes of stack")
    if needs.spilled_registers:
        told.append(f"{needs.spilled_registers} registers spilled")
    if needs.threads_exact:
        told.append(f"exactly {needs.threads_exact} threads")
    elif needs.threads_most:
        told.append(f"at most {needs.threads_most} threads")
    if needs.cluster_blocks:
        told.append(f"clusters of {needs.cluster_blocks}")
    return ", ".join(told)


def _launch(found: Launch) -> str:
    only = found.at_most and len(found.why) == 1
    told = f"{found.arch}: {'fits as far as the file says' if only else _WORD[found.fits]}"
    if found.code == "no":
        told += f", {'and' if found.fits == 'no' else 'but'} this code does not run there"
    elif found.code == "unknown":
        told += ", whether this code runs there is not known"
    if found.occupancy is not None:
        bound = " and ".join(found.bound_by)
        most = "at most " if found.at_most else ""
        told += f"; {most}{found.blocks_per_sm} blocks of {found.threads}, occupancy {most}{found.occupancy:.2f}, "
        told += f"bound by {bound}"
    elif found.largest_block is not None and found.threads is None:
        told += f"; blocks of up to {found.largest_block} threads"
    return told


def _count(value: int | None) -> str:
    return "unknown" if value is None else str(value)


def _sum(report: ResourcesReport) -> str:
    if report.target is None:
        return "no target: nothing was judged (--target)"
    mine = [one.target for one in report.kernels if one.target is not None and one.target.code == "yes"]
    refused = sum(one.fits == "no" for one in mine)
    unknown = sum(one.fits == "unknown" for one in mine)
    told = f"{len(mine)} of {len(report.kernels)} are code for {report.target}"
    if mine:
        return f"{told}: {refused} cannot be launched, {unknown} not known"
    whole = report.kernels and not report.problems and not report.left_out
    if whole and all(one.target is not None and one.target.code == "no" for one in report.kernels):
        return f"{told}: nothing here can be launched on it"
    return f"{told}: whether anything can be launched on it is not known"
