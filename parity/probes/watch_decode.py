"""Knows how the watcher's raw numbers of one test become watched devices. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parity.model.interval import Gap, Series, Tenancy, Tenant, Throttle, WatchedDevice
from parity.probes.nvidia_convert import THROTTLE_REASONS
from parity.probes.nvidia_files import bus_id
from parity.probes.watch_series import MOVED, NS, TICKS, cause_of, is_counter, is_of_throttling, share_of

if TYPE_CHECKING:
    from collections.abc import Collection

# Bits of ``indep_throttle_status``, the same on every chip. Source: SMU_THROTTLER_*_BIT of the Linux kernel's
# drivers/gpu/drm/amd/pm/swsmu/inc/amdgpu_smu.h; ranges as its comments group them.
_AMD_EVENTS = ((range(16), "ppt"), (range(16, 32), "current"), (range(32, 44), "thermal"), (range(44, 48), "prochot"))
_DOUBLED = {"thermal": ("sw-thermal", "hw-thermal")}  # one counter for both, on drivers without the two
IDLE_BITS = frozenset({"idle"})


def watched_devices(answer: dict[str, Any]) -> tuple[WatchedDevice, ...]:
    """Return the devices of a test as the watcher read them.

    Args:
        answer: what ``parity.probes.watch.Watch.end`` returned.
    """
    return tuple(_device(raw, answer["units"][raw["id"]], answer) for raw in answer["devices"])


def on_buses(answer: dict[str, Any], buses: Collection[str]) -> dict[str, Any]:
    """Return the watcher's answer with the devices on these PCI buses alone; all of them where none is known to be.

    Args:
        answer: what ``parity.probes.watch.Watch.end`` returned.
        buses: as in the fingerprint; empty: all.
    """
    try:
        kept = [raw for raw in answer["devices"] if bus_id(answer["units"][raw["id"]]["facts"]["bus"]) in buses]
    except (KeyError, TypeError, AttributeError):
        return answer  # told by whoever reads it next
    return {**answer, "devices": kept} if kept else answer


def label_of(facts: dict[str, Any]) -> str:
    """Return ``GPU 0 (NVIDIA H100 80GB HBM3)``; a slice says so.

    >>> label_of({"index": 1, "name": "NVIDIA A100-SXM4-40GB MIG 1g.5gb", "slice": 3})
    'GPU 1 slice 3 (NVIDIA A100-SXM4-40GB MIG 1g.5gb)'
    """
    part = f" slice {facts['slice']}" if "slice" in facts else ""
    return f"GPU {facts['index']}{part}" + (f" ({facts['name']})" if facts.get("name") else "")


def _device(raw: dict[str, Any], unit: dict[str, Any], answer: dict[str, Any]) -> WatchedDevice:
    facts, seconds = unit["facts"], float(answer["seconds"])
    tracks: dict[str, list[float]] = raw["series"]
    gaps = {name: why for name, why in (unit["missing"] | raw["reasons"]).items() if name not in tracks}
    losses = [f"{name}: {why[1]}" for name, why in raw["reasons"].items() if why[0] == "lost"]
    backward = {
        name: ["failed", "the counter went backwards"]
        for name, track in tracks.items()
        if is_counter(name) and track[1] < track[0]
    }
    once = {
        name: ["not_asked", "read at one end of the test only: it was too short"]
        for name, track in tracks.items()
        if is_counter(name) and track[5] < 2
    }
    usable = {name: track for name, track in tracks.items() if name not in backward | once}
    gaps.update(backward | once)
    throttled = _throttled(usable, raw["events"], facts["vendor"], seconds)
    for both, parts in _DOUBLED.items():
        if not {f"{NS}{part}" for part in parts} & set(gaps):
            gaps.pop(f"{NS}{both}", None)
    counters = {name: _moved(usable.get(name)) for name in MOVED}
    energy = counters.pop("energy_mj")
    return WatchedDevice(
        label=label_of(facts),
        index=facts["index"],
        vendor=facts["vendor"],
        series={name: _series(track) for name, track in usable.items() if not is_counter(name)},
        settings=dict(unit["fixed"]),
        throttled=throttled,
        throttle_known=_tells_throttling(usable) or (bool(raw["events"]) and not _tells_throttling(once)),
        tenancy=_tenancy(raw, usable, answer),
        energy_j=None if energy is None else energy / 1000,
        processes=tuple(
            Tenant(
                pid=process["pid"],
                kind=process["kind"],
                name=process.get("name", ""),
                memory_bytes=process["bytes"],
                at_begin=process["at_begin"],
                at_end=process["at_end"],
            )
            for process in raw["processes"]
        ),
        metrics=raw.get("metrics", {}),
        lost=losses[0] if losses else "",
        unknowns=tuple(Gap(what=name, why=why, detail=detail) for name, (why, detail) in sorted(gaps.items())),
        **{name: None if moved is None else int(moved) for name, moved in counters.items()},
    )


def _tells_throttling(names: Collection[str]) -> bool:
    return any(map(is_of_throttling, names))


def _moved(track: list[float] | None) -> float | None:
    """Return what a counter moved by; None when it was not read at both ends."""
    return None if track is None or track[5] < 2 else track[1] - track[0]


def _series(track: list[float]) -> Series:
    begin, end, least, greatest, total, count = track
    return Series(
        begin=begin,
        end=end,
        min=least,
        max=greatest,
        mean=round(total / count, 3),
        samples=int(count),
    )


def _throttled(
    tracks: dict[str, list[float]], events: dict[str, int], vendor: str, seconds: float
) -> tuple[Throttle, ...]:
    """Return each cause's time: by its counter, by the readings at which it was active, or both."""
    timed: dict[str, tuple[float, float]] = {}
    ticks = _moved(tracks.get(TICKS))
    for name, track in tracks.items():
        moved = _moved(track)
        share = None if moved is None or seconds <= 0 else share_of(name, moved, seconds=seconds, ticks=ticks)
        if moved is not None and share is not None:
            timed[cause_of(name)] = (moved / 1e9 if name.startswith(NS) else share * seconds, share)
    for both, parts in _DOUBLED.items():
        if all(part in timed for part in parts):
            timed.pop(both, None)
    seen: dict[str, int] = {}
    for mask, count in events.items():
        for cause in causes(int(mask), vendor):
            seen[cause] = seen.get(cause, 0) + count
    readings = sum(events.values())
    return tuple(
        Throttle(
            cause=cause,
            seconds=round(timed[cause][0], 6) if cause in timed else None,
            share=round(timed[cause][1], 6) if cause in timed else None,
            seen=seen.get(cause, 0),
            readings=readings,
        )
        for cause in sorted({*timed, *seen} - IDLE_BITS)
    )


def causes(mask: int, vendor: str) -> set[str]:
    """Return the names of the causes in a mask of the driver's.

    >>> sorted(causes(0x44, "nvidia"))
    ['hw-thermal', 'sw-power-cap']
    """
    if vendor == "nvidia":
        bits = (1 << place for place in range(mask.bit_length()))
        return {THROTTLE_REASONS.get(bit, f"bit-{bit:#x}") for bit in bits if mask & bit}
    return {
        next((name for places, name in _AMD_EVENTS if place in places), f"bit-{place}")
        for place in range(mask.bit_length())
        if mask >> place & 1
    }


def _tenancy(raw: dict[str, Any], tracks: dict[str, list[float]], answer: dict[str, Any]) -> Tenancy:
    used, held = tracks.get("memory_used_bytes"), raw["listed_bytes"]
    residue = None if used is None or held is None else max(0, int(used[0] - held))
    load = tracks.get("utilization_percent")
    return Tenancy(
        ids_known=bool(answer["ids_are_ours"]),
        own_holding=answer["holders"],
        listed=raw["listed"],
        residue_bytes=residue,
        utilization_percent=None if load is None else load[0],
    )
