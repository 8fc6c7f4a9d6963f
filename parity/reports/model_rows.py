"""Knows how the numbers of a model's report are told to people, the same in every format."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.units import fewest_digits, format_bytes

if TYPE_CHECKING:
    from parity.model.workload import ByteRange, DeviceBound, ModelReport, ModelSummary, Placement

UNKNOWN = "unknown"
HEAD_DIM = "head_dim: "  # how the checks of attention libraries begin
ANY = 2**30  # the most context that is tried: nothing grows with it
WORDS = {"yes": "FITS", "tight": "TIGHT", "no": "DOES NOT FIT", "unknown": "UNKNOWN"}


def parameters_text(model: ModelSummary) -> str:
    """Return the model's size: ``671.03 B parameters (37.55 B used by a token)``."""
    size = "size unknown" if model.parameters is None else f"{billions_text(model.parameters)} parameters"
    if model.active_parameters is not None and model.active_parameters != model.parameters:
        size += f" ({billions_text(model.active_parameters)} used by a token)"
    return size


def ranks_text(place: Placement) -> str:
    """Return how the model is spread: ``tp 2, pp 4``."""
    spread = place.parallelism
    told = [f"{name} {getattr(spread, name)}" for name in ("tp", "pp", "ep", "dp") if getattr(spread, name) > 1]
    return ", ".join(told) or "one device"


REDUCE_ROWS = ("all-reduce bytes, a layer", "of a prefill step")


def reduce_text(report: ModelReport) -> str:
    """Return what the times of an all-reduce stand for, and at which rates; empty when there are none."""
    bound = report.bound
    rates = [
        f"{fewest_digits(side.link_gbps_one_way)} GB/s ({side.link}) on {side.device}"
        for side in (bound.target, *([bound.here] if bound.here else []))
        if side.link_gbps_one_way is not None and side.all_reduce_s_per_layer_decode is not None
    ]
    if not rates:
        return ""
    layers = sum(report.model.layers.values())
    spread = report.footprint.target.parallelism
    told = (
        f"all-reduce: the bytes alone, of both all-reduces of one of {layers} layers; sent in one direction at "
        f"{', '.join(rates)}, all ranks on one node or switch. Latency is not modelled and comes on top; the ceilings "
        "above include neither"
    )
    return told + (". What experts exchange is not modelled" if spread.ep > 1 else "")


def good_text(report: ModelReport) -> str:
    """Return how many dimensions are good, and how many attention libraries take the head dimension."""
    heads = [check for check in report.shapes if check.dimension.startswith(HEAD_DIM)]
    others = [check for check in report.shapes if check not in heads]
    unknown = sum(check.good == "unknown" for check in others)
    told = f"{sum(check.good == 'yes' for check in others)} of {len(others)} dimensions are good"
    told += f", {unknown} not known" if unknown else ""
    if heads:
        known = [check for check in heads if check.good != "unknown"]
        names = [check.dimension.removeprefix(HEAD_DIM) for check in heads if check.good == "unknown"]
        taken = sum(check.good == "yes" for check in known)
        words = [f"taken by {taken} of {len(known)} attention libraries of known limits"] if known else []
        words += [f"not known of {', '.join(names)}"] if names else []
        told += f"; head_dim {heads[0].value}: {', '.join(words)}"
    return told


def decodes(report: ModelReport) -> bool:
    """Return whether the model decodes; an encoder has no rates of decoding to tell."""
    return "encoder" not in report.model.layers


def weights_text(size: int | None, *, complete: bool) -> str:
    """Return the size of weights; a lower bound where a part of them is not counted."""
    return size_text(size) if complete or size is None else f"at least {size_text(size)}"


def count_text(value: int | None, place: Placement) -> str:
    """Return a largest or smallest number that still fits."""
    if value is None:
        return "none" if place.complete and place.fits != "unknown" else UNKNOWN
    return "any" if value == ANY else str(value)


def batch_text(side: DeviceBound) -> str:
    """Return the batch from which decoding is bound by the dense rate."""
    return UNKNOWN if side.decode_compute_batch is None else f"from batch {side.decode_compute_batch}"


def billions_text(count: int) -> str:
    """Return a number of parameters.

    >>> billions_text(70_553_706_496), billions_text(124_439_808)
    ('70.55 B', '124.4 M')
    """
    return f"{count / 1e9:.2f} B" if count >= 1e9 else f"{count / 1e6:.1f} M"


def size_text(count: int | None) -> str:
    """Return a number of bytes in the unit that keeps it readable."""
    return UNKNOWN if count is None else format_bytes(count)


def range_text(sizes: ByteRange | None) -> str:
    """Return a size that is known to lie between two."""
    return UNKNOWN if sizes is None else f"{format_bytes(sizes.low)} to {format_bytes(sizes.high)}"


def cache_text(place: Placement) -> str:
    """Return the cache of one device; a range where the engine's pools take more by default."""
    if place.kv_bytes is None or place.kv_bytes_high in (None, place.kv_bytes):
        return size_text(place.kv_bytes)
    return f"{size_text(place.kv_bytes)} to {size_text(place.kv_bytes_high)}"


def number_text(value: float | None, unit: str) -> str:
    """Return a number with its unit."""
    return UNKNOWN if value is None else f"{fewest_digits(value)} {unit}"


def seconds_text(value: float | None) -> str:
    """Return a short time; ``-`` when there is none."""
    if value is None:
        return "-"
    return f"{value * 1e3:.3g} ms" if value >= 1e-3 else f"{value * 1e6:.3g} us"


def plain_text(value: float | str) -> str:
    """Return an input of a formula."""
    return value if isinstance(value, str) else fewest_digits(value)


def value_text(value: float | None, unit: str) -> str:
    """Return the result of a formula with its unit; small ones keep their digits."""
    if value is not None and 0 < abs(value) < 0.01:
        return f"{value:.3g} {unit}".strip()
    return UNKNOWN if value is None else f"{fewest_digits(value)} {unit}".strip()
