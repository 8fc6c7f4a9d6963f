"""Knows how to take GPM samples of an NVIDIA device (Hopper and newer) and compute the metrics between two of them.

The struct is our own, with room for every metric that a header has named and more, and used again. A driver that does
not know one id refuses the whole call, so a refused list is halved until the culprits are found, and those are never
asked again.
"""

from __future__ import annotations

import ctypes
import math
import struct
import time
from typing import TYPE_CHECKING, Any

from parity.probes.gpm_names import METRICS, MIN_INTERVAL_S

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_VERSION = 1
_SAMPLES = 3  # the interval's first one, and two that take turns as its latest
_NOT_SUPPORTED = 3
_REFUSED = (2, _NOT_SUPPORTED)  # NVML_ERROR_INVALID_ARGUMENT, NVML_ERROR_NOT_SUPPORTED
_UNTOUCHED = 999  # NVML_ERROR_UNKNOWN: what the driver leaves as it was is no answer
_NEVER = (_NOT_SUPPORTED, 0.0)
_METRIC = struct.Struct("@Iid24x")  # nvmlGpmMetric_t: id, return code, value, three texts (not looked at)


_ROOM = 512  # metrics; NVML_GPM_METRIC_MAX is 477 in CUDA 13.5's nvml.h, and a driver may touch as many as it has


class _Request(ctypes.Structure):
    """nvmlGpmMetricsGet_t."""

    _fields_ = (
        ("version", ctypes.c_uint),
        ("count", ctypes.c_uint),
        ("first", ctypes.c_void_p),
        ("last", ctypes.c_void_p),
        ("metrics", ctypes.c_ubyte * (_ROOM * _METRIC.size)),
    )


class Gpm:
    """The samples of one device.

    Args:
        wrapper: returns a function of the binding by its name, or one that raises.
        handle: of the GPU, the parent's for a MIG slice.
        instance: GPU instance id of a MIG slice, None for a whole GPU.
    """

    def __init__(self, wrapper: Callable[[str], Callable[..., Any]], handle: Any, instance: int | None) -> None:
        """Ask for support and allocate the samples.

        Raises:
            Exception: the driver has no GPM or not for this device.
        """
        self._wrapper = wrapper
        self._handle = handle
        self._instance = instance
        support = wrapper("nvmlGpmQueryDeviceSupport")(handle)
        if not support.isSupportedDevice:
            raise NotSupportedError
        self._samples = [wrapper("nvmlGpmSampleAlloc")() for _ in range(_SAMPLES)]
        self._taken: list[float | None] = [None] * _SAMPLES
        self._latest = self._before = 0
        self._known = tuple(METRICS)
        self._request = _Request()
        self.cost_s = 0.0

    def sample(self, *, first: bool) -> None:
        """Take the interval's first sample, or its latest."""
        if first:
            self._taken = [None] * _SAMPLES
        place = 0 if first else 2 if self._latest == 1 else 1
        self._taken[place] = None
        if self._instance is None:
            self._wrapper("nvmlGpmSampleGet")(self._handle, self._samples[place])
        else:
            self._wrapper("nvmlGpmMigSampleGet")(self._handle, self._instance, self._samples[place])
        self._taken[place] = time.monotonic()
        self._before, self._latest = (0, 0) if first else (self._latest, place)

    def metrics(self) -> dict[str, float]:
        """Return metric name -> value from the first sample to the latest; only what the driver vouches for.

        Raises:
            TooShortError: the samples are missing or not 100 ms apart.
            Exception: the driver refuses.
        """
        return self._between(0, self._latest)

    def step(self) -> dict[str, float]:
        """Take a sample and return the metrics since the one before it.

        Raises:
            TooShortError: there was none, or it is not 100 ms old: then no sample is taken.
            Exception: the driver refuses.
        """
        before = self._taken[self._latest]
        if before is None:
            self.sample(first=True)
            raise TooShortError
        if time.monotonic() - before < MIN_INTERVAL_S:
            raise TooShortError
        self.sample(first=False)
        return self._between(self._before, self._latest)

    def _between(self, one: int, other: int) -> dict[str, float]:
        first, last = self._taken[one], self._taken[other]
        if first is None or last is None or last - first < MIN_INTERVAL_S:
            raise TooShortError
        found = self._get(self._known, (one, other))
        if not found:
            raise RefusedError
        self._known = tuple(number for number in self._known if found.get(number, _NEVER)[0] != _NOT_SUPPORTED)
        named = ((METRICS[number], code, value) for number, (code, value) in found.items())
        return {
            name: round(value * factor, 6) for (name, factor), code, value in named if not code and math.isfinite(value)
        }

    def _get(self, numbers: Sequence[int], places: tuple[int, int]) -> dict[int, tuple[int, float]]:
        """Return number -> (code, value); numbers that the driver does not know are left out."""
        request = self._request
        request.version, request.count = _VERSION, len(numbers)
        request.first, request.last = (ctypes.cast(self._samples[place], ctypes.c_void_p).value for place in places)
        for place, number in enumerate(numbers):
            _METRIC.pack_into(request.metrics, place * _METRIC.size, number, _UNTOUCHED, math.nan)
        if not numbers:
            return {}
        try:
            self._wrapper("nvmlGpmMetricsGet")(request)
        except Exception as error:
            if getattr(error, "value", None) not in _REFUSED:
                raise
            if len(numbers) == 1:
                return {}
            half = len(numbers) // 2
            return {**self._get(numbers[:half], places), **self._get(numbers[half:], places)}
        found = (_METRIC.unpack_from(request.metrics, place * _METRIC.size) for place in range(len(numbers)))
        return {number: (code, value) for number, code, value in found}


class NotSupportedError(Exception):
    """The device has no GPM."""


class RefusedError(Exception):
    """The driver refused every metric."""


class TooShortError(Exception):
    """The interval is under 100 ms."""
