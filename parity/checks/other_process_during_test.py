"""Knows when somebody else used the device while a test ran, also when process ids are hidden."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.model.finding import Mismatch
from parity.units import format_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.model.interval import Tenant, WatchedDevice


def check(
    here: WatchedDevice, *, graphics_bytes: int, residue_bytes: int, utilization_percent: int
) -> Iterator[Mismatch]:
    """Yield a mismatch when others' processes are listed, or memory or load are there that nobody known explains.

    Args:
        here: a watched device.
        graphics_bytes: memory from which on a process that only draws counts.
        residue_bytes: memory in use at the begin that no known process explains.
        utilization_percent: load at the begin, while no process of the test run holds the device.
    """
    tenancy = here.tenancy
    if tenancy.ids_known:
        others = [p for p in here.processes if p.kind == "compute" or (p.memory_bytes or 0) >= graphics_bytes]
        if others:
            yield _mismatch(here, f"{_counted(len(others))}: {', '.join(_named(process) for process in others)}")
        elif (tenancy.residue_bytes or 0) > residue_bytes:
            yield _mismatch(here, f"{format_bytes(tenancy.residue_bytes or 0)} of memory that no listed process holds")
        return
    # Ids are hidden, so processes are counted. Without a count of our own, nothing can be told apart.
    if tenancy.own_holding is None:
        return
    listed = tenancy.listed or 0
    if listed > tenancy.own_holding:
        yield _mismatch(
            here,
            f"{_counted(listed - tenancy.own_holding)}: {listed} listed, {tenancy.own_holding} of the test run",
        )
    elif not tenancy.own_holding and (tenancy.residue_bytes or 0) > residue_bytes:
        yield _mismatch(here, f"{format_bytes(tenancy.residue_bytes or 0)} of memory in use before the test")
    elif not tenancy.own_holding and (tenancy.utilization_percent or 0) > utilization_percent:
        yield _mismatch(here, f"{tenancy.utilization_percent:.0f} % load before the test")


def _mismatch(here: WatchedDevice, told: str) -> Mismatch:
    return Mismatch(subject=here.label, here=told, wanted="nobody", message=f"somebody else used the device: {told}")


def _counted(number: int) -> str:
    return f"{number} other process{'es' if number > 1 else ''}"


def _named(process: Tenant) -> str:
    held = f", {format_bytes(process.memory_bytes)}" if process.memory_bytes else ""
    when = "" if process.at_begin and process.at_end else ", came" if process.at_end else ", left"
    return f"{process.name or 'unnamed'} (pid {process.pid}{held}{when})"
