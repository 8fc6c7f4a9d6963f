"""Knows how the kernels of a file become a report: each judged for the target and for here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from parity.catalog.code_runs import runs
from parity.catalog.limits import launch_limits
from parity.model.code_objects import Code
from parity.model.coverage import RunsOn
from parity.model.kernel_resources import KernelLaunch, Launch, ResourcesReport
from parity.workload.occupancy import launch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from parity.binaries.gathered import Found
    from parity.model.code_facts import CodeFacts
    from parity.model.kernel_resources import KernelNeeds, Verdict


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of the kernels of a file.

    Attributes:
        target, here: devices; None: not asked for.
        threads: of one block, for kernels whose file does not say; None: unknown.
        dynamic_bytes: shared memory that each launch adds; None: not told.
    """

    target: RunsOn | None = None
    here: RunsOn | None = None
    threads: int | None = None
    dynamic_bytes: int | None = None


def resources_report(found: Found, asked: Asked, facts: CodeFacts, *, source: str) -> ResourcesReport:
    """Return whether the kernels of a file can be launched on the target, and here.

    Args:
        found: the kernels, as ``parity.binaries.resources.kernels_of`` reads them.
        asked: the devices, and how the kernels are launched.
        facts: where code runs, from the catalog.
        source: name of the file, for the report.
    """
    told = tuple(_judged(needs, asked, facts) for needs in found.kernels)
    problems = (*found.problems, *_compiled_there(told, found, asked, facts))
    whole = not problems and not found.left_out
    return ResourcesReport(
        source=source,
        target=None if asked.target is None else asked.target.arch,
        here=None if asked.here is None else asked.here.arch,
        dynamic_shared_memory_bytes=asked.dynamic_bytes,
        threads=asked.threads,
        kernels=told,
        problems=problems,
        left_out=found.left_out,
        exit_status=exit_status(told, asked, whole=whole),
    )


def launch_on(
    needs: KernelNeeds,
    device: RunsOn,
    facts: CodeFacts,
    *,
    threads: int | None = None,
    dynamic_bytes: int | None = None,
) -> Launch:
    """Return whether one kernel can be launched on one device."""
    code = "yes" if needs.from_source else _runs(needs, device, facts)  # compiled for the device it runs on
    if not needs.from_source and needs.arch.startswith("gfx") != device.arch.startswith("gfx"):
        return Launch(arch=device.arch, code=code, fits="no", why=(f"{needs.arch} is another vendor's",))
    limits = launch_limits(device.arch)
    if limits is None:
        return Launch(arch=device.arch, code=code, fits="unknown", why=(f"the limits of {device.arch} are not known",))
    return launch(needs, limits, code=code, threads=threads, dynamic_bytes=dynamic_bytes)


def exit_status(told: Sequence[KernelLaunch], asked: Asked, *, whole: bool) -> int:
    """Return 0 when everything made for the target fits it, 1 when something does not or nothing is made for it.

    Without a target the device here decides; with neither, what was read is enough. 3 when that is not known: nothing
    was read, not all could be read, or a limit is not in the data.
    """
    if not told:
        return 3
    if asked.target is None and asked.here is None:
        return 0
    launches = [one.here if asked.target is None else one.target for one in told]
    mine = [one for one in launches if one is not None and one.code == "yes"]
    if any(one.fits == "no" for one in mine):
        return 1
    if not mine:
        return 1 if whole and all(one and one.code == "no" for one in launches) else 3
    return 3 if not whole or any(one.fits == "unknown" for one in mine) else 0


def _judged(needs: KernelNeeds, asked: Asked, facts: CodeFacts) -> KernelLaunch:
    threads = asked.threads if needs.threads_exact is None else None
    there, mine = (
        None if on is None else launch_on(needs, on, facts, threads=threads, dynamic_bytes=asked.dynamic_bytes)
        for on in (asked.target, asked.here)
    )
    flips = there is not None and mine is not None and {there.fits, mine.fits} == {"yes", "no"}
    return KernelLaunch(needs=needs, target=there, here=mine, flips=flips)


def _compiled_there(told: Sequence[KernelLaunch], found: Found, asked: Asked, facts: CodeFacts) -> Iterator[str]:
    """Yield that the driver compiles PTX for the target, when the file has no code for it otherwise."""
    target = asked.target
    if target is None or any(one.target is not None and one.target.code == "yes" for one in told):
        return
    ways = {code: runs(code, target, facts).way for code in found.ptx}
    fitting = [code.arch for code, way in ways.items() if way != "none"]
    if fitting:
        names = ", ".join(dict.fromkeys(fitting))
        yield f"PTX {names}: the driver compiles it for {target.arch}, and what it then needs is not in the file"


def _runs(needs: KernelNeeds, device: RunsOn, facts: CodeFacts) -> Verdict:
    code = Code(kind="amd" if needs.arch.startswith("gfx") else "sass", arch=needs.arch)
    way = runs(code, device, facts).way
    return "unknown" if way == "unknown" else "no" if way == "none" else "yes"
