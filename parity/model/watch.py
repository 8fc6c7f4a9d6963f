"""Knows what was recorded of the devices while a command ran (schema parity.watch/1)."""

from typing import Literal

import msgspec

from parity.model.interval import Gap, Interval

SCHEMA: Literal["parity.watch/1"] = "parity.watch/1"
Side = Literal["dram", "tensor", "neither", "unknown"]


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One value over time, at the times of its timeline; None where it was not read.

    Attributes:
        mean: between the time before and this one, weighted by time.
        min, max: between the same; empty when no point stands for more than one sample.
    """

    mean: tuple[float | None, ...]
    min: tuple[float | None, ...] = ()
    max: tuple[float | None, ...] = ()


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """The samples of one device.

    Attributes:
        at: seconds since the begin at which each point ends.
        samples_per_point: samples that one point stands for; more than 1 on a long run.
        lines: name -> values. Units are in the names; hardware counters (``tensor_active``, ``dram_active``) are
            shares from 0 to 1 since the point before, ``throttled.CAUSE`` is the share of time.
    """

    at: tuple[float, ...]
    samples_per_point: int
    lines: dict[str, Line]


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """How much one value was over the whole time.

    Attributes:
        mean: weighted by time.
        max: the greatest sample.
        busy: mean over the samples at which the device was busy; None when it never was, or cannot be told.
    """

    mean: float
    max: float
    busy: float | None = None


class Roof(msgspec.Struct, frozen=True, kw_only=True):
    """How this pace stands to one device's roofs.

    Attributes:
        name: catalog id, or what is known of the device.
        memory_bandwidth_gbps: peak, decimal GB/s.
        rate_tflops: dense peak of the data type, 10^12 operations per second.
        ridge: operations per byte from which on the rate binds and not the bandwidth.
        dram_share, tensor_share: of both roofs that the recorded pace takes on this device.
        side: the roof that is nearer.
    """

    name: str
    memory_bandwidth_gbps: float
    rate_tflops: float
    ridge: float
    dram_share: float
    tensor_share: float
    side: Side


class Bound(msgspec.Struct, frozen=True, kw_only=True):
    """What bound the device while it was busy, and what would bind on the target.

    Attributes:
        here: ``dram`` or ``tensor``: the unit that was the busier of the two and at least 60 % busy; ``neither``:
            none was; ``unknown``: the counters are missing.
        why: a sentence.
        dtype: data type whose dense rate is the tensor cores' roof.
        intensity_at_most: tensor operations per byte of DRAM traffic, if every active cycle did the full dense rate.
        roof_here, roof_target: None where peaks are not known, or there is no target.
        unknowns: what is missing for the rest.
    """

    here: Side
    why: str
    dtype: str
    intensity_at_most: float | None = None
    roof_here: Roof | None = None
    roof_target: Roof | None = None
    unknowns: tuple[Gap, ...] = ()


class RecordedDevice(msgspec.Struct, frozen=True, kw_only=True):
    """One device over the whole time.

    Attributes:
        label: as in ``interval.devices``.
        id: the watcher's name of the device.
        use: name of a value in the timeline -> its mean and greatest.
        busy_share: share of the time with work on the device; None when nothing tells it.
        bound: what bound it.
        timeline: its samples.
    """

    label: str
    id: str
    use: dict[str, Use]
    busy_share: float | None
    bound: Bound
    timeline: Timeline


class Overhead(msgspec.Struct, frozen=True, kw_only=True):
    """What watching cost, measured.

    Attributes:
        watcher_cpu_s: processor time of the watching process since the begin; None when it did not live to tell.
        watcher_start_cpu_s: the same before the begin: loading libraries and asking each device once.
        parity_cpu_s: processor time of this process from the command's start to its end.
        core: the core that the watching process keeps to; None: it shares the command's cores.
    """

    watcher_cpu_s: float | None
    watcher_start_cpu_s: float | None
    parity_cpu_s: float
    core: int | None


class WatchReport(msgspec.Struct, frozen=True, kw_only=True):
    """A command and what the devices did meanwhile.

    Attributes:
        command: its words; empty: only watched.
        started: when, UTC, ISO 8601.
        seconds: the command took; without one, that were watched.
        exit_status: the command's, 128 + n when a signal ended it; None without a command.
        signal: name of the signal that ended the command; empty: none did.
        interval: the conditions over the whole time, judged as those of a test.
        devices: one per device of the interval.
        target: catalog id or name of the target; empty without one.
        overhead: what watching cost.
        lost: why the watch did not last to the end, empty when it did.
        watched_until_s: seconds from the begin to the last sample.
    """

    schema: Literal["parity.watch/1"] = SCHEMA
    command: tuple[str, ...]
    started: str
    seconds: float
    exit_status: int | None
    signal: str = ""
    interval: Interval
    devices: tuple[RecordedDevice, ...]
    target: str = ""
    overhead: Overhead
    lost: str = ""
    watched_until_s: float = 0.0
