"""Knows the rows of a comparison: which facts stand side by side, what they are divided by, and in which unit. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from parity.compare.column import FORMATS, rate_name
from parity.compare.quantities import divided, ratio, times
from parity.model.compare import Row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parity.compare.column import Column
    from parity.model.compare import Group, Quantity, Ratio


class _Raw(NamedTuple):
    """One fact: name, title, unit, group, whether more is better."""

    name: str
    title: str
    unit: str
    group: Group
    better: bool | None


_NAMES = {
    "fp64": "FP64 vector", "fp64_tensor": "FP64 matrix", "fp32": "FP32 vector", "tf32": "TF32", "bf16": "BF16",
    "fp16": "FP16", "fp8": "FP8", "fp6": "FP6", "fp4": "FP4", "int8": "INT8",
}  # fmt: skip
_RAW = (
    _Raw("unit_count", "SMs / CUs", "", "units", None),
    _Raw("clock_boost_mhz", "boost clock", "MHz", "units", None),
    _Raw("clock_rate_mhz", "clock of the rates", "MHz", "units", None),
    _Raw("memory_bytes", "memory, as sold", "B", "memory", True),
    _Raw("memory_reported_bytes", "memory, as printed", "B", "memory", None),
    _Raw("memory_bandwidth_gbps", "bandwidth", "GB/s", "memory", True),
    *(_Raw(rate_name(d), f"{_NAMES[d]}, dense", "TOPS" if d == "int8" else "TFLOPS", "rate", True) for d in FORMATS),
    _Raw("tflops_bf16_measured", "BF16, best measured", "TFLOPS", "measured", True),
    _Raw("tflops_fp8_measured", "FP8, best measured", "TFLOPS", "measured", True),
    _Raw("l2_total_bytes", "L2, all dies", "B", "cache", True),
    _Raw("infinity_cache_bytes", "Infinity Cache", "B", "cache", True),
    _Raw("shared_memory_per_sm_bytes", "shared memory / LDS per unit", "B", "cache", None),
    _Raw("registers_per_sm_bytes", "registers per unit", "B", "cache", None),
    _Raw("link_bandwidth_gbps", "links, both ways", "GB/s", "link", True),
    _Raw("link_count", "links", "", "link", None),
    _Raw("link_each_gbps", "one link, both ways", "GB/s", "link", True),
    _Raw("pcie_bandwidth_gbps", "PCIe, both ways", "GB/s", "link", True),
    _Raw("power_default_w", "power", "W", "power", None),
    _Raw("transistors", "transistors", "", "power", None),
    _Raw("compute_dies", "compute dies", "", "power", None),
)
_SHORT = {raw.name: raw for raw in _RAW}


class _Quotient(NamedTuple):
    """One quotient: facts above and below the line, title, unit, and what makes the unit of the facts that one."""

    above: str
    below: str
    title: str
    unit: str
    scale: float = 1.0
    better: bool | None = True


# What a fact is divided by: (fact, the row's name for it, words, unit, scale of the divisor)
_WATT = ("own_power_w", "per watt", "/W", 1.0)
_UNIT = ("unit_count", "per SM / CU", "", 1.0)
_GBPS = ("memory_bandwidth_gbps", "per GB/s of bandwidth", "", 1.0)
_GIB = ("memory_bytes", "per GiB of memory", "/GiB", float(1024**3))
_BILLION = ("transistors", "per 1e9 transistors", "", 1e9)
_DIE = ("compute_dies", "per compute die", "", 1.0)
_RATES = ("tflops_fp64_tensor", "tflops_fp32", "tflops_fp16", "tflops_bf16", "tflops_fp8", "tflops_fp4", "tops_int8")
_MATRIX = ("tflops_fp64_tensor", "tflops_fp16", "tflops_bf16", "tflops_fp8", "tflops_fp4")


def _quotients() -> list[_Quotient]:
    made = [
        _over("memory_bandwidth_gbps", _WATT),
        *(_over(rate, _WATT) for rate in _RATES),
        _over("tflops_bf16_measured", _WATT),
        # SMs and CUs are cut to different sizes, and more memory is no fault: these say how a part is built.
        _over("memory_bandwidth_gbps", _UNIT, better=None),
        *(_over(rate, _UNIT, better=None) for rate in _MATRIX),
        _over("l2_total_bytes", _UNIT, better=None),
        _Quotient("link_bandwidth_gbps", "memory_bandwidth_gbps", "links per GB/s of bandwidth", "", better=None),
        _Quotient("memory_bytes", "memory_bandwidth_gbps", "time to read the memory once", "ms", 1e-6, better=None),
        _over("memory_bandwidth_gbps", _GIB, better=None),
        _over("tflops_bf16", _GIB, better=None),
        _over("memory_bandwidth_gbps", _BILLION),
        *(_over(rate, _BILLION) for rate in _MATRIX),
        _over("memory_bandwidth_gbps", _DIE, better=None),
        *(_over(rate, _DIE, better=None) for rate in _MATRIX),
        _over("transistors", _DIE, better=None),
    ]
    made += [
        _Quotient("tflops_bf16_measured", "tflops_bf16", "BF16, best measured of dense", ""),
        _Quotient("tflops_fp8_measured", "tflops_fp8", "FP8, best measured of dense", ""),
    ]
    return made


def _over(above: str, basis: tuple[str, str, str, float], *, better: bool | None = True) -> _Quotient:
    below, words, unit, scale = basis
    raw = _SHORT[above]
    name = raw.title.removesuffix(", dense").removesuffix(", all dies")
    return _Quotient(above, below, f"{name} {words}", f"{raw.unit}{unit}", scale, better)


_QUOTIENTS = tuple(_quotients())


def raw_rows(columns: Sequence[Column]) -> tuple[Row, ...]:
    """Return one row per fact, in a fixed order, whether or not any column knows it."""
    return tuple(
        Row(
            name=raw.name,
            title=raw.title,
            unit=raw.unit,
            group=raw.group,
            more_is_better=raw.better,
            cells=(cells := tuple(column.facts[raw.name] for column in columns)),
            over_first=over_first(columns, cells),
        )
        for raw in _RAW
    )


def normalised_rows(columns: Sequence[Column]) -> tuple[Row, ...]:
    """Return one row per quotient, and the dense rates per SM or CU and clock."""
    rows = []
    for one in _QUOTIENTS:
        cells = tuple(divided(column.facts[one.above], column.facts[one.below], scale=one.scale) for column in columns)
        rows.append(_row(columns, f"{_shown(one.above)}/{_shown(one.below)}", one, cells))
    for dtype in ("fp16", "bf16", "fp8", "fp4"):
        rate, title = rate_name(dtype), f"{_NAMES[dtype]} per SM / CU and clock"
        clocked = _Quotient(rate, "(unit_count * clock_rate_mhz)", title, "FLOP", 1e6, None)
        cells = tuple(per_clock(column, rate) for column in columns)
        rows.append(_row(columns, f"{rate}/(unit_count*clock_rate_mhz)", clocked, cells))
    return tuple(rows)


def per_clock(column: Column, rate: str) -> Quantity:
    """Return the FLOP of one SM or CU in one clock, by the clock that the published rates hold for."""
    return divided(column.facts[rate], unit_clocks(column), scale=1e6)


def unit_clocks(column: Column) -> Quantity:
    """Return SMs or CUs times MHz."""
    return times(column.facts["unit_count"], column.facts["clock_rate_mhz"])


def ridge_rows(columns: Sequence[Column]) -> tuple[Row, ...]:
    """Return the ridge point of each format: dense rate over bandwidth, FLOP per byte."""
    rows = []
    for dtype in FORMATS:
        shown = _Quotient(rate_name(dtype), "memory_bandwidth_gbps", _NAMES[dtype], "FLOP/B", 1e3, None)
        rows.append(_row(columns, f"ridge_{dtype}", shown, tuple(ridge(column, dtype) for column in columns)))
    return tuple(rows)


def ridge(column: Column, dtype: str) -> Quantity:
    """Return the FLOP per byte from which a format's dense rate binds."""
    return divided(column.facts[rate_name(dtype)], column.facts["memory_bandwidth_gbps"], scale=1e3)


def over_first(columns: Sequence[Column], cells: Sequence[Quantity]) -> tuple[Ratio, ...]:
    """Return each column's cell over the first one's."""
    first = columns[0]
    return tuple(
        ratio(cell, cells[0], same_device=column.device is not None and column.device == first.device)
        for column, cell in zip(columns, cells, strict=True)
    )


def _row(columns: Sequence[Column], name: str, one: _Quotient, cells: tuple[Quantity, ...]) -> Row:
    factor = "" if one.scale == 1 else f"{one.scale:g} * "
    return Row(
        name=name,
        title=one.title,
        unit=one.unit,
        group=_SHORT[one.above].group,
        more_is_better=one.better,
        cells=cells,
        over_first=over_first(columns, cells),
        formula=f"{factor}{_shown(one.above)} / {_shown(one.below)}",
    )


def _shown(name: str) -> str:
    return {"own_power_w": "power_default_w", "l2_total_bytes": "l2_bytes"}.get(name, name)
