"""Knows how a recording becomes a report: judged as a test's conditions are, each device against its roofs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parity import conditions, session
from parity.catalog import store
from parity.errors import ParityError
from parity.model.absent import Reading
from parity.model.watch import Overhead, RecordedDevice, Timeline, WatchReport
from parity.probes.nvidia_files import bus_id
from parity.probes.watch_decode import label_of
from parity.verdict.bound import bound_of
from parity.verdict.peaks import peaks_here, peaks_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from parity.config.project import Project
    from parity.model.fingerprint import Fingerprint
    from parity.model.target import Target
    from parity.watching.record import Recording
    from parity.watching.recorder import Recorder

# Who else is there is the very thing asked, when no command of ours is.
_ONLY_WITH_A_COMMAND = ("other-process-during-test",)
Peaks = tuple[str, dict[str, float]]


def report_of(recording: Recording, project: Project, target: Target | None, *, dtype: str = "bf16") -> WatchReport:
    """Return the report; reads the machine once more, to know which part each device is.

    Args:
        recording: what ``record`` returned.
        project: settings of the rules.
        target: what production is, None without one.
        dtype: data type of the tensor cores' work.
    """
    rules = conditions.prepare_conditions(project)
    asked = tuple(card for card in rules if recording.command or card.id not in _ONLY_WITH_A_COMMAND)
    name = " ".join(recording.command) or "watch"
    interval = conditions.interval_of(recording.answer, name, asked, lost=recording.lost)
    units: dict[str, Any] = (recording.answer or {}).get("units") or {}
    watched = {label_of(unit["facts"]): unit for unit in units.values()}
    parts, problem = _parts_of(recording)
    theirs = None if target is None else (target.id, peaks_of(target))
    recorder, ended = recording.recorder, recording.ended
    return WatchReport(
        command=recording.command,
        started=recording.started,
        seconds=round(recording.seconds, 6),
        exit_status=None if ended is None else ended.status,
        signal="" if ended is None else ended.signal,
        interval=interval,
        devices=tuple(
            _device(
                watched[device.label], recorder, _part(watched[device.label]["facts"], parts), problem, theirs, dtype
            )
            for device in interval.devices
        ),
        target="" if target is None else target.id,
        overhead=_overhead(recording),
        lost=recording.lost.detail if recording.lost is not None else recorder.problem,
        watched_until_s=round(recorder.until, 6),
    )


def _device(  # the parts of one device
    unit: Mapping[str, Any], recorder: Recorder, part: Peaks | None, problem: str, theirs: Peaks | None, dtype: str
) -> RecordedDevice:
    strip = recorder.strips.get(unit["id"])
    use = {} if strip is None else strip.use()
    spent = recorder.busy.get(unit["id"], [0.0, 0.0])
    why = problem or "the device read during the watch is not among those read after it"
    return RecordedDevice(
        label=label_of(unit["facts"]),
        id=unit["id"],
        use=use,
        busy_share=round(spent[0] / spent[1], 6) if spent[1] else None,
        bound=bound_of(use, dtype=dtype, here=part, target=theirs, why_not_here=why),
        timeline=Timeline(at=(), samples_per_point=1, lines={}) if strip is None else strip.timeline(),
    )


def _overhead(recording: Recording) -> Overhead:
    first, last = recording.recorder.cpu_first, recording.recorder.cpu_last
    return Overhead(
        watcher_cpu_s=None if first is None or last is None else round(last - first, 6),
        watcher_start_cpu_s=None if first is None else round(first, 6),
        parity_cpu_s=round(recording.parity_cpu_s, 6),
        core=recording.core,
    )


def _parts_of(recording: Recording) -> tuple[dict[str, Peaks], str]:
    """Return the parts of this machine, unless nothing needs them or the driver would not answer."""
    if not recording.recorder.strips:
        return {}, "no sample was taken"
    if recording.lost is not None and recording.lost.why == "timed_out":
        return {}, "the devices were not identified: the driver does not answer"
    return _parts()


def _parts() -> tuple[dict[str, Peaks], str]:
    """Return uuid or bus id -> (name, peaks) of each device of this machine, and why there is none."""
    try:
        fingerprint: Fingerprint = session.fingerprint_of(None)
        told = peaks_here(session.identify_all(fingerprint), store.device_spec)
    except (ParityError, OSError) as error:
        return {}, f"the devices were not identified: {error}"
    parts: dict[str, Peaks] = {}
    for device, part in zip(fingerprint.visible_devices, told, strict=True):
        where = (device.locator.uuid,) if _is_slice(device.locator.parent_uuid) else (
            device.locator.uuid, device.locator.pci_bus_id,
        )  # fmt: skip
        parts.update({one.value.lower(): part for one in where if isinstance(one, Reading)})
    return parts, ""


def _is_slice(parent: object) -> bool:
    return isinstance(parent, Reading)


def _part(facts: Mapping[str, Any], parts: Mapping[str, Peaks]) -> Peaks | None:
    """Return the part behind the watcher's facts of a device, joined by its uuid, of a whole GPU also by its bus id."""
    keys = [str(facts.get("uuid") or "").lower()]
    if "slice" not in facts:
        keys.append(bus_id(str(facts.get("bus") or "")) or "")
    return next((parts[key] for key in keys if key and key in parts), None)
