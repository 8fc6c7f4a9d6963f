"""Knows which devices deliver less than their like, by statistics that a few bad ones cannot move."""

from __future__ import annotations

import statistics
from array import array
from typing import TYPE_CHECKING

from parity.model.fleet import SlowDevice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.model.measurement import Measurement

NORMAL_SPREAD = 0.05
"""Devices of one kind that are this far under their median are still healthy."""
MIN_DEVIATIONS = 3.5
"""Robust standard deviations under the median from which on a device is an outlier (Iglewicz and Hoaglin, 1993)."""
MIN_DEVICES = 3
_TO_SIGMA = 1.4826  # of a normal distribution's median absolute deviation


class Rates:
    """Collects measurements, kind by kind; a few machine words each."""

    def __init__(self) -> None:
        """Hold none."""
        self._values: dict[tuple[object, ...], tuple[array[float], array[int], array[int]]] = {}
        self._units: dict[tuple[object, ...], str] = {}

    def add(self, node: int, kinds: tuple[int, ...], measured: tuple[Measurement, ...]) -> None:
        """Take what one node measured.

        Args:
            node: its number.
            kinds: what each of its devices is; equal numbers are the same hardware.
            measured: of those devices.
        """
        for one in measured:
            if one.device >= len(kinds) or not 0 < one.value < float("inf"):
                continue
            key = (kinds[one.device], one.name, one.kernel, one.bytes, one.unit)
            if key not in self._values:
                self._values[key] = (array("d"), array("l"), array("l"))
            values, nodes, devices = self._values[key]
            values.append(one.value)
            nodes.append(node)
            devices.append(one.device)

    def __bool__(self) -> bool:
        """Return whether anything was measured."""
        return bool(self._values)

    def slow(self, names: list[str]) -> Iterator[SlowDevice]:
        """Yield the devices that are slower than their like, kind by kind.

        A time (``us``) is slow when it is long, a rate when it is low. One device that fell behind stands out by any
        measure; so the distance must be more than a healthy spread and more than this kind's own spread explains.

        Args:
            names: of the nodes, by number.
        """
        for key, (values, nodes, devices) in self._values.items():
            _, name, _, _, unit = key
            if len(values) < MIN_DEVICES:
                continue
            median = statistics.median(values)
            deviation = _TO_SIGMA * statistics.median(abs(value - median) for value in values)
            for value, node, device in zip(values, nodes, devices, strict=True):
                behind = (value - median if unit == "us" else median - value) / median
                deviations = behind * median / deviation if deviation else float("inf")
                if behind > NORMAL_SPREAD and deviations > MIN_DEVIATIONS:
                    yield SlowDevice(
                        node=names[node],
                        device=device,
                        name=str(name),
                        unit=str(unit),
                        value=value,
                        median=median,
                        ratio=round(value / median, 4),
                        deviations=round(min(deviations, 1000.0), 1),
                        devices=len(values),
                    )
