"""Knows what a result on one device says about another, by what binds the work, with the arithmetic. Pure.

Ratios of peaks, not forecasts: how much of a peak a kernel reaches is known only by measuring it there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.compare.column import FORMATS, rate_name
from parity.compare.quantities import agrees, figure, multiplied, numbers, ratio, times_text
from parity.model.compare import Inference
from parity.units import format_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Literal

    from parity.compare.column import Column
    from parity.model.compare import Quantity, Ratio

_WORDS = {"fp64_tensor": "FP64 matrix", "int8": "INT8"}


def inferences(columns: Sequence[Column]) -> tuple[Inference, ...]:
    """Return what a result on the first column says about each other one."""
    told: list[Inference] = []
    left_out = ("fp64", "fp16") if _is_bf16_too(columns) else ("fp64",)  # FP64 is told of the matrix units
    for about in range(1, len(columns)):
        pair = columns[0], columns[about]
        told.append(_bandwidth(*pair, about))
        told += [
            _compute(*pair, about, dtype)
            for dtype in FORMATS
            if dtype not in left_out and any(one.facts[rate_name(dtype)].state == "known" for one in pair)
        ]
        told += [_latency(*pair, about), _capacity(*pair, about), _link(*pair, about)]
    return tuple(told)


def _is_bf16_too(columns: Iterable[Column]) -> bool:
    """Return whether FP16 runs at the rate of BF16 everywhere; before Ampere there is no BF16."""
    return all(figure(one.facts["tflops_fp16"]) == figure(one.facts["tflops_bf16"]) for one in columns)


def _same(one: Column, two: Column) -> bool:
    return one.device is not None and one.device == two.device


def _carries(one: Column, two: Column, found: Ratio) -> Literal["scaled", "bound", "no", "unknown"]:
    """Return how a figure of peaks carries over: only the same architecture runs the same code."""
    if found.value is None:
        return "no" if found.standing == "none" else "unknown"
    return "scaled" if one.arch is not None and one.arch == two.arch else "bound"


def _arithmetic(over: Quantity, under: Quantity, unit: str, found: Ratio) -> str:
    return "" if found.value is None else f"{figure(over)} / {figure(under)} {unit} = {times_text(found)}"


def _missing(one: Column, two: Column, fact: str, what: str) -> str:
    """Return which side's fact is missing and why."""
    told = [
        f"{what} of {column.part.label}: {column.facts[fact].state} ({column.facts[fact].why})"
        for column in (one, two)
        if column.facts[fact].state != "known"
    ]
    return "; ".join(told)


def _speed(one: Column, two: Column, found: Ratio, work: str) -> str:
    """Return what the ratio says of a result on ``one``, of one device each."""
    a, b = _single(one), _single(two)
    if found.standing == "same":
        return f"{work} takes about as long on {b} as on {a}"
    if found.standing == "unclear":
        return f"the sources do not decide where {work} is faster: {times_text(found)} on {b}"
    word = "faster" if found.standing == "higher" else "slower"
    return f"{work} on {a} is {word} on {b}: {times_text(found)} the speed at the same share of the peak"


def _bandwidth(one: Column, two: Column, about: int) -> Inference:
    over, under = (column.facts["memory_bandwidth_gbps"] for column in (two, one))
    found = ratio(over, under, same_device=_same(one, two))
    says = _missing(one, two, "memory_bandwidth_gbps", "bandwidth") or _speed(one, two, found, "bandwidth-bound work")
    return Inference(
        workload="bandwidth",
        result_on=0,
        about=about,
        carries=_carries(one, two, found),
        ratio=found,
        arithmetic=_arithmetic(over, under, "GB/s", found),
        says=says,
        caveats=(*_cache_caveats(one, two), *_together(one, two, found)),
    )


def _cache_caveats(one: Column, two: Column) -> tuple[str, ...]:
    """Return at which sizes one device still works out of its cache and the other already out of memory."""
    last = [_last_cache(column) for column in (one, two)]
    sizes = [cache.value for cache in last]
    if sizes[0] is None or sizes[1] is None:
        return ()
    small, large = min(sizes[0], sizes[1]), max(sizes[0], sizes[1])
    if large <= small * 1.1:
        return ()
    holder = one if sizes[0] == large else two
    span = f"{format_bytes(small)} to {format_bytes(large)}"
    return (f"a working set of {span} stays in cache on {holder.part.label} and goes to memory on the other",)


def _last_cache(column: Column) -> Quantity:
    """Return the last cache before memory: AMD's Infinity Cache where there is one, else the L2."""
    memory_side = column.facts["infinity_cache_bytes"]
    return memory_side if memory_side.state == "known" else column.facts["l2_total_bytes"]


def _compute(one: Column, two: Column, about: int, dtype: str) -> Inference:
    name, word = rate_name(dtype), _WORDS.get(dtype, dtype.upper())
    over, under = two.facts[name], one.facts[name]
    found = ratio(over, under, same_device=_same(one, two))
    says = (
        _without(one, word, name)
        or _missing(one, two, name, f"{word} rate")
        or _speed(one, two, found, f"{word} compute-bound work")
    )
    return Inference(
        workload="compute",
        dtype=dtype,
        result_on=0,
        about=about,
        carries=_carries(one, two, found),
        ratio=found,
        arithmetic=_arithmetic(over, under, "TOPS" if dtype == "int8" else "TFLOPS", found),
        says=says,
        caveats=(
            *_dialects(one, two, dtype),
            *_measured(one, two, dtype),
            *_cut(one, two, dtype),
            *_together(one, two, found),
        ),
    )


def _without(one: Column, word: str, name: str) -> str:
    lacks = one.facts[name].state == "none"
    return f"{one.part.label} has no {word} matrix units: no result there to carry over" if lacks else ""


def _dialects(one: Column, two: Column, dtype: str) -> tuple[str, ...]:
    told = [column.part.texts.get("fp8_dialect", "") for column in (one, two)]
    if dtype != "fp8" or "none" in told:
        return ()
    if "" in told:
        return ("which FP8 encoding one of them computes is not known",)
    if told[0] == told[1]:
        return ()
    told_apart = (
        f"FP8 is {told[0]} on {one.part.label} and {told[1]} on {two.part.label}: the same bits mean half the value"
    )
    return (f"{told_apart} in fnuz, so weights and scales are converted, and each needs kernels of its own",)


def _measured(one: Column, two: Column, dtype: str) -> tuple[str, ...]:
    """Return what the best published measurements say, where both have one."""
    name = f"{rate_name(dtype)}_measured"
    if name not in one.facts:
        return ()
    over, under = two.facts[name], one.facts[name]
    found = ratio(over, under, same_device=_same(one, two))
    if found.value is None:
        return ()
    figures = _arithmetic(over, under, "TFLOPS", found)
    return (f"best published matrix product: {figures}, hardware and software together",)


def _cut(one: Column, two: Column, dtype: str) -> tuple[str, ...]:
    """Return a warning where a narrow format is slower than BF16: its units were cut."""
    told = []
    for column in (one, two):
        rate, wide = column.facts[rate_name(dtype)], column.facts["tflops_bf16"]
        if dtype in ("fp8", "fp6", "fp4", "int8") and rate.high is not None and wide.low is not None:
            if rate.high < wide.low:
                told.append(f"{column.part.label} computes {dtype.upper()} slower than BF16: its units were cut")
            elif rate.low is not None and rate.low < wide.low:
                told.append(f"sources disagree whether {column.part.label} has full {dtype.upper()} units")
    return tuple(told)


def _latency(one: Column, two: Column, about: int) -> Inference:
    over, under = (column.facts["clock_boost_mhz"] for column in (two, one))
    found = ratio(over, under, same_device=_same(one, two))
    alike = _same(one, two)
    says = (
        "the same part: latencies carry over where host, driver and clocks are the same"
        if alike
        else "no published fact gives launch, synchronisation or memory latency: a result carries no figure over"
    )
    clocks = _arithmetic(over, under, "MHz", found)
    caveats = (f"highest clocks, which bound only dependent arithmetic on chip: {clocks}",) if clocks else ()
    return Inference(
        workload="latency",
        result_on=0,
        about=about,
        carries="scaled" if alike else "no",
        ratio=ratio(over, under, same_device=True) if alike else ratio(over, under),
        arithmetic=clocks,
        says=says,
        caveats=() if alike else caveats,
    )


def _counts(one: Column, two: Column) -> tuple[int, int]:
    """Return the devices of each side that are held against each other as a whole; one each where nobody counted.

    What was asked for by a number is meant as a whole, and so are two machines; a machine beside a part's bare name is
    not: then one of its devices is held against one such part.
    """
    counts = one.part.count, two.part.count
    asked = any(c.part.count is not None and c.part.kind != "fingerprint" for c in (one, two))
    return (counts[0] or 1, counts[1] or 1) if asked or None not in counts else (1, 1)


def _single(column: Column) -> str:
    return column.part.label if (column.part.count or 1) == 1 else f"one device of {column.part.label}"


def _whole(column: Column, count: int) -> str:
    """Return how a side is called of which ``count`` devices are meant."""
    if count == 1:
        return _single(column)
    return column.part.label if column.part.label.startswith(f"{count}x") else f"the {count} of {column.part.label}"


def _together(one: Column, two: Column, found: Ratio) -> tuple[str, ...]:
    """Return what all devices of one side come to against all of the other, where their numbers differ."""
    first, other = _counts(one, two)
    if first == other or found.value is None:
        return ()
    whole = times_text(multiplied(found, other / first))
    return (f"of one device each; all {other} against all {first}, as far as the work spreads: {whole}",)


def _capacity(one: Column, two: Column, about: int) -> Inference:
    (over, over_kind), (under, under_kind) = _memory(two), _memory(one)
    first, other = _counts(one, two)
    each = ratio(over, under, same_device=_same(one, two))
    found = multiplied(each, other / first)
    a, b = _whole(one, first), _whole(two, other)
    if found.value is None:
        names = [c.part.label for c, q in ((one, under), (two, over)) if q.state != "known"]
        says = f"the memory of {' and '.join(names)} is not known"
    else:
        says = {
            "higher": f"what fits on {a} fits on {b}",
            "same": f"what fits on {a} fits on {b}, but for the last percent",
            "lower": f"of what fits on {a}, more than {_size(over, other)} does not fit on {b}",
        }.get(found.standing, f"the sources do not decide whether what fits on {a} fits on {b}")
    split = other > first and each.standing not in ("higher", "same") and found.standing in ("higher", "same")
    sold = found.value is not None and "memory_bytes" in (over_kind, under_kind)
    caveats = ["a size as sold is among them: what a driver leaves of it is up to 7 % less"] if sold else []
    if split:
        caveats.append(f"only what ranks can split over {other} devices: one of {b} holds less than one of {a}")
    return Inference(
        workload="capacity",
        result_on=0,
        about=about,
        carries="unknown" if found.value is None else "bound" if split else "scaled",
        ratio=found,
        arithmetic="" if found.value is None else f"{_of(over, other)} / {_of(under, first)} = {times_text(found)}",
        says=says,
        caveats=tuple(caveats),
    )


def _of(quantity: Quantity, count: int) -> str:
    return _size(quantity) if count == 1 else f"{count} x {_size(quantity)}"


def _memory(column: Column) -> tuple[Quantity, str]:
    """Return what the driver prints, else the size sold, and which of them it is."""
    names = ("memory_reported_bytes", "memory_bytes")
    name = next((name for name in names if column.facts[name].state == "known"), names[0])
    return column.facts[name], name


def _size(quantity: Quantity, count: int = 1) -> str:
    value, low, high = (count * one for one in numbers(quantity))
    return format_bytes(value) if agrees(quantity) else f"{format_bytes(low)}-{format_bytes(high)}"


def _link(one: Column, two: Column, about: int) -> Inference:
    over, under = (column.facts["peer_bandwidth_gbps"] for column in (two, one))
    found = ratio(over, under, same_device=_same(one, two))
    says = _missing(one, two, "peer_bandwidth_gbps", "link")
    if not says:
        says = _speed(one, two, found, "link-bound work (all links of a device busy)")
    caveats = [
        f"{column.part.label} has no link: PCI Express instead"
        for column in (one, two)
        if column.facts["link_bandwidth_gbps"].state == "none"
    ]
    kinds = [column.part.texts.get("link_type", "") for column in (one, two)]
    if "" not in kinds and "none" not in kinds and kinds[0] != kinds[1]:
        each = ", ".join(f"{c.part.label} {figure(c.facts['link_each_gbps'])}" for c in (one, two))
        caveats.append(
            f"{kinds[0]} against {kinds[1]}: without a switch between them two devices share only the links that join"
            f" them; one link, GB/s both ways: {each}"
        )
    return Inference(
        workload="link",
        result_on=0,
        about=about,
        carries="unknown" if found.value is None else "bound",
        ratio=found,
        arithmetic=_arithmetic(over, under, "GB/s both ways", found),
        says=says,
        caveats=tuple(caveats),
    )
