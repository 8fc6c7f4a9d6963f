"""Knows what happened to the devices while one test ran (schema parity.conditions/1).

Volatile and never part of an identity. Everything that could not be read is listed in ``unknowns`` with its reason; a
missing counter is no evidence of anything.
"""

from typing import Literal

import msgspec

from parity.model.rule import Severity

SCHEMA: Literal["parity.conditions/1"] = "parity.conditions/1"
State = Literal["clean", "disturbed", "unknown"]


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """One value over the test, in the unit of its name.

    Attributes:
        begin, end: the first and the last reading.
        min, max, mean: over all readings.
        samples: readings; 1: only one end of the test was read.
    """

    begin: float
    end: float
    min: float
    max: float
    mean: float
    samples: int


class Throttle(msgspec.Struct, frozen=True, kw_only=True):
    """How long one cause held the clocks down.

    Attributes:
        cause: ``sw-thermal``, ``hw-thermal``, ``hw-power-brake``, ``sw-power-cap``, ``ppt``, ...
        seconds: by the driver's cumulative counter; None when it has none for this cause.
        share: of the test, 0 to 1, by the counter; None without one.
        seen: readings at which the cause was active.
        readings: readings of the active causes.
    """

    cause: str
    seconds: float | None = None
    share: float | None = None
    seen: int = 0
    readings: int = 0


class Tenant(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A process on the device that does not belong to the test run, or cannot be told from one that does.

    Attributes:
        pid: the driver's id; a host id, meaningless here, when ``Tenancy.ids_known`` is false.
        kind: ``compute`` or ``graphics``.
        memory_bytes: the most it held; None when the driver does not say.
    """

    pid: int
    kind: str
    name: str = ""
    memory_bytes: int | None = None
    at_begin: bool = False
    at_end: bool = False


class Tenancy(msgspec.Struct, frozen=True, kw_only=True):
    """What tells whether somebody else uses the device, also where process ids are hidden.

    Attributes:
        ids_known: whether the driver's process ids mean something here (they do not inside most containers).
        own_holding: processes of the test run with a compute context at the begin; None when not counted.
        listed: processes the driver listed at the begin; None when it lists none at all or was not asked.
        residue_bytes: memory in use at the begin beyond what the driver keeps for itself (where it tells that apart)
            and what the processes it lists hold.
        utilization_percent: load at the begin, before the test did anything.
    """

    ids_known: bool
    own_holding: int | None = None
    listed: int | None = None
    residue_bytes: int | None = None
    utilization_percent: float | None = None


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """One value that could not be read."""

    what: str
    why: str
    detail: str = ""


class WatchedDevice(msgspec.Struct, frozen=True, kw_only=True):
    """One device during one test.

    Attributes:
        label: ``GPU 0 (NVIDIA H100 80GB HBM3)``.
        index: the driver's number.
        vendor: ``nvidia`` or ``amd``.
        series: name -> readings; units are in the names.
        settings: what does not move: ``power_default_w``, ``clock_max_mhz``, ``clock_application_default_mhz``.
        throttled: causes that were active, and those known not to have been (share 0).
        throttle_known: whether anything about throttling could be read.
        energy_j, ecc_corrected, ecc_uncorrected, pcie_replays: what the counters moved by.
        processes: others' processes.
        metrics: hardware counters of the interval: ``sm_activity`` 0 to 1, ``pcie_tx_mib_s``, ...
        lost: how the driver said that the device is gone, empty when it is not.
    """

    label: str
    index: int
    vendor: str
    series: dict[str, Series]
    settings: dict[str, float]
    throttled: tuple[Throttle, ...]
    throttle_known: bool
    tenancy: Tenancy
    energy_j: float | None = None
    ecc_corrected: int | None = None
    ecc_uncorrected: int | None = None
    pcie_replays: int | None = None
    processes: tuple[Tenant, ...] = ()
    metrics: dict[str, float] = {}
    lost: str = ""
    unknowns: tuple[Gap, ...] = ()


class IntervalFinding(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to a device during the test."""

    rule: str
    severity: Severity
    subject: str
    message: str
    mend: str


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """The conditions one test ran under.

    Attributes:
        test: the test's id.
        state: ``disturbed``: a warning or error stands; ``unknown``: on a watched device nothing about throttling could
            be read, or the watch was lost, or there was nothing to watch; else ``clean``.
        seconds: from the reading before the test to the one after it.
        samples: readings in between.
        sampled_every_s: their distance; None: only begin and end were read.
        unknowns: what is missing of the whole watch; a device's own are with the device.
    """

    schema: Literal["parity.conditions/1"] = SCHEMA
    test: str
    state: State
    seconds: float | None = None
    samples: int = 0
    sampled_every_s: float | None = None
    devices: tuple[WatchedDevice, ...] = ()
    findings: tuple[IntervalFinding, ...] = ()
    unknowns: tuple[Gap, ...] = ()
