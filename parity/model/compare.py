"""Knows the report of ``parity compare``: devices side by side, schema ``parity.compare/1``.

Plain data, everything a renderer needs. All figures are of one device, but for capacity, where counts
tell. Every ratio says its direction: ``over`` is what stands above the line. Nothing is a score.
"""

from typing import Literal

import msgspec

SCHEMA: Literal["parity.compare/1"] = "parity.compare/1"
Group = Literal["units", "memory", "cache", "rate", "measured", "link", "power"]
Outcome = Literal["higher", "lower", "same", "unclear", "unknown", "none"]
Workload = Literal["bandwidth", "compute", "latency", "capacity", "link"]


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What one source says of a fact."""

    value: float
    source: str


class Quantity(msgspec.Struct, frozen=True, kw_only=True):
    """One number, with the span of what its sources say.

    Attributes:
        state: ``known``; ``unknown`` (nothing says, see ``why``); ``none`` (the device has no such thing: no FP8 units,
            no link). Only a known quantity has numbers; 0 never stands for an unknown one.
        value: by the preferred source.
        low, high: the least and the most that any source says; both are ``value`` when all agree.
        told: every source, the preferred one first; empty for a quotient.
        why: of an unknown or missing quantity, for people.
    """

    state: Literal["known", "unknown", "none"]
    value: float | None = None
    low: float | None = None
    high: float | None = None
    told: tuple[Told, ...] = ()
    why: str = ""


class Ratio(msgspec.Struct, frozen=True, kw_only=True):
    """One device over another: ``value`` 2 means twice as much on the device above the line.

    Attributes:
        value: of the preferred values; None when either is not known.
        low, high: the least and the most that the sources allow.
        standing: of the device above the line: ``higher`` or ``lower`` when every source agrees on that, ``same``
            within one percent, ``unclear`` when the sources' spans do not decide, ``none`` when one of the two has
            no such thing, ``unknown`` when one is not known.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    standing: Outcome


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One column.

    Attributes:
        label: unique within the comparison, short, safe to print on one line.
        asked: the word of the command line.
        name: for people.
        kind: ``catalog``, ``fingerprint`` (a saved one or another tool's report) or ``target`` (of the project file).
        part: catalog id; None when the device may be several parts or is in no catalog entry.
        slice: ``1g.10gb``, ``CPX``; empty for a whole device.
        count: devices of that kind on the machine, or that the target declares; every figure is of one, only the
            inference of capacity is of all.
        texts: facts that are words: ``arch``, ``memory_type``, ``fp8_dialect``, ``link_type``, ``form_factor``.
        notes: what to know before comparing this column: shared power budgets, slices, doubts.
        catalog_note: the part's own note.
    """

    label: str
    asked: str
    name: str
    kind: Literal["catalog", "fingerprint", "target"]
    part: str | None
    vendor: str | None
    slice: str = ""
    count: int | None = None
    texts: dict[str, str] = {}
    notes: tuple[str, ...] = ()
    catalog_note: str = ""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One fact of every column.

    Attributes:
        name: ``memory_bandwidth_gbps``; of a quotient ``tflops_bf16/power_default_w``; of a ridge point
            ``ridge_bf16``.
        title: for people: ``bandwidth``, ``BF16 per watt``.
        unit: ``GB/s``, ``TFLOPS/W``, ``FLOP/B``, ``B``; empty for counts.
        formula: of a quotient, in fact names; empty for a fact.
        more_is_better: None where neither is (power, ridge points, clocks).
        cells: one per column.
        over_first: each column over the first one, one per column; the first is itself over itself.
    """

    name: str
    title: str
    unit: str
    group: Group
    more_is_better: bool | None
    cells: tuple[Quantity, ...]
    over_first: tuple[Ratio, ...]
    formula: str = ""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where one column stands against the first: names of rows in which more is better.

    Attributes:
        part: position of the column.
        higher, lower, same, unclear: row names.
        lacked: the first column has it, this one has none; ``gained``: the other way round.
        unknown: a fact is missing on either side. Each row that either has is in one of these.
    """

    part: int
    higher: tuple[str, ...] = ()
    lower: tuple[str, ...] = ()
    same: tuple[str, ...] = ()
    unclear: tuple[str, ...] = ()
    lacked: tuple[str, ...] = ()
    gained: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


class Inference(msgspec.Struct, frozen=True, kw_only=True):
    """What a result on one column says about another, for one class of workload.

    Attributes:
        workload: what binds it; ``dtype`` names the format of compute-bound work (``bf16``), empty elsewhere.
        result_on, about: positions of the columns.
        carries: ``scaled`` (multiply by ``ratio``: both are bound by the same resource), ``bound`` (the ratio is only
            a limit), ``no`` (no figure links the two), ``unknown`` (a fact is missing).
        ratio: speed on ``about`` over speed on ``result_on``; of capacity-bound work, memory over memory,
            times the counts where they were asked for or both columns are machines.
        arithmetic: the division, with units: ``3352 / 1008 GB/s = 3.33x``; empty when it cannot be done.
        says: one or two sentences.
        caveats: why the ratio may not be reached.
    """

    workload: Workload
    dtype: str = ""
    result_on: int
    about: int
    carries: Literal["scaled", "bound", "no", "unknown"]
    ratio: Ratio
    arithmetic: str
    says: str
    caveats: tuple[str, ...] = ()


class Flip(msgspec.Struct, frozen=True, kw_only=True):
    """The arithmetic intensities at which two columns are bound by different things.

    Attributes:
        dtype: ``bf16``.
        first, other: positions of the columns.
        low, high: FLOP/byte, the two ridge points in order: between them one column is bound by compute, the other by
            memory; None when a ridge point is not known.
        compute_bound: position of the column that is compute-bound between them; None when the ridges are equal.
        crossing: FLOP/byte at which both attain the same rate, when one has more bandwidth and the other a higher
            rate; None when one is ahead at every intensity, or it is not known.
        ahead_below, ahead_above: position of the column ahead below and above the crossing, or everywhere; None when
            they are level or it is not known.
        says: one sentence.
    """

    dtype: str
    first: int
    other: int
    low: float | None
    high: float | None
    compute_bound: int | None
    crossing: float | None
    ahead_below: int | None
    ahead_above: int | None
    says: str


class Factor(msgspec.Struct, frozen=True, kw_only=True):
    """One split of a ratio: ``total = size x efficiency``.

    Attributes:
        quantity: what is split: ``tflops_bf16``, ``memory_bandwidth_gbps``.
        basis: what counts as size: ``power_default_w``, ``transistors``, ``compute_dies``, ``unit_count``.
        first, other: positions of the columns; each ratio is ``other`` over ``first``.
        total: of the quantity.
        size: of the basis.
        efficiency: of quantity per basis.
        arithmetic: ``2.27x = 1.43x power x 1.59x per watt``; empty when a fact is missing.
    """

    quantity: str
    basis: str
    first: int
    other: int
    total: Ratio
    size: Ratio
    efficiency: Ratio
    arithmetic: str


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of ``parity compare``; the first column is what the others are held against.

    Attributes:
        parts: the columns, as asked.
        raw: facts.
        normalised: facts per watt, per SM or CU, per GB/s, per GB, per transistor, per die.
        ridges: FLOP per byte from which the dense rate binds, one row per format.
        places: one per column after the first.
        inferences: what a result on the first column says about each other one.
        flips: per column after the first and format.
        factors: size against efficiency, per column after the first.
        notes: of the comparison as a whole.
    """

    schema: Literal["parity.compare/1"] = SCHEMA
    parts: tuple[Part, ...]
    raw: tuple[Row, ...]
    normalised: tuple[Row, ...]
    ridges: tuple[Row, ...]
    places: tuple[Place, ...]
    inferences: tuple[Inference, ...]
    flips: tuple[Flip, ...]
    factors: tuple[Factor, ...]
    notes: tuple[str, ...] = ()
