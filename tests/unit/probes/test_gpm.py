"""GPM through a driver of a few lines: lists it refuses, entries it leaves as they were, room for what it clears."""

from __future__ import annotations

import ctypes
import time
from typing import TYPE_CHECKING, Any

import pytest

from parity.probes import gpm
from parity.probes.gpm_names import METRICS

if TYPE_CHECKING:
    from collections.abc import Callable

DRAM, TENSOR = 10, 5


class NvmlError(Exception):
    def __init__(self, value: int) -> None:
        super().__init__(value)
        self.value = value


class Driver:
    """Answers 50 for the metrics it has, and what is told for the others."""

    def __init__(self, *, has: set[int], refusal: int = 2, clears: int = 0, quiet: set[int] = frozenset()) -> None:  # type: ignore[assignment]
        self.has, self.refusal, self.clears, self.quiet = has, refusal, clears, quiet
        self.asked: list[int] = []

    def __call__(self, name: str) -> Callable[..., Any]:
        return {
            "nvmlGpmQueryDeviceSupport": lambda _: type("Support", (), {"isSupportedDevice": 1}),
            "nvmlGpmSampleAlloc": lambda: ctypes.c_void_p(1),
            "nvmlGpmSampleGet": lambda *_: None,
            "nvmlGpmMetricsGet": self.get,
        }[name]

    def get(self, request: Any) -> None:
        numbers = [
            gpm._METRIC.unpack_from(request.metrics, place * gpm._METRIC.size)[0] for place in range(request.count)
        ]
        self.asked.append(len(numbers))
        if self.refusal and not set(numbers) <= self.has:
            raise NvmlError(self.refusal)
        ctypes.memset(ctypes.addressof(request.metrics), 0xFF, self.clears * gpm._METRIC.size)
        for place, number in enumerate(numbers):
            if number not in self.quiet:
                code = 0 if number in self.has else 3
                gpm._METRIC.pack_into(request.metrics, place * gpm._METRIC.size, number, code, 50.0)


def metrics(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    now = iter(range(100))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(now)))
    sampled = gpm.Gpm(driver, None, None)
    sampled.sample(first=True)
    sampled.sample(first=False)
    return sampled.metrics()


@pytest.mark.parametrize("refusal", [0, 2, 3])
def test_a_metric_that_the_driver_does_not_know_costs_itself_alone(
    refusal: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Invalid argument, not supported, or a code of its own beside the others."""
    driver = Driver(has=set(METRICS) - {TENSOR}, refusal=refusal)
    found = metrics(driver, monkeypatch)
    assert found["dram_active"] == 0.5
    assert METRICS[TENSOR][0] not in found
    assert len(found) == len(METRICS) - 1


def test_an_entry_that_the_driver_leaves_as_it_was_is_no_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    found = metrics(Driver(has=set(METRICS), quiet={DRAM}), monkeypatch)
    assert "dram_active" not in found
    assert len(found) == len(METRICS) - 1


def test_a_driver_that_clears_every_entry_it_knows_of_stays_in_our_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ctypes.sizeof(gpm._Request) >= 24 + 477 * gpm._METRIC.size
    found = metrics(Driver(has=set(METRICS), clears=477), monkeypatch)
    assert len(found) == len(METRICS)


def test_another_error_is_not_taken_for_a_metric_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NvmlError):
        metrics(Driver(has=set(), refusal=15), monkeypatch)


def test_nothing_at_all_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(gpm.RefusedError):
        metrics(Driver(has=set()), monkeypatch)
