"""What raw AMD answers become: a zero that cannot be is no fault of the machine, and zero that can be is zero."""

from __future__ import annotations

import pytest

from parity.model.absent import Absent, Reading
from parity.probes.fields import convert_one, percent, watts


@pytest.mark.parametrize("raw", [0, "0", "0\n"])
def test_a_power_cap_of_zero_is_a_cap_the_device_does_not_have(raw: object) -> None:
    told = convert_one(raw, "drm:power1_cap", watts)
    assert isinstance(told, Absent)
    assert told.why == "not_supported"


def test_an_unusable_power_cap_is_a_failure() -> None:
    told = convert_one("watts", "drm:power1_cap", watts)
    assert isinstance(told, Absent)
    assert told.why == "failed"


def test_a_load_of_zero_is_a_reading() -> None:
    assert convert_one(0, "drm:gpu_busy_percent", percent) == Reading(value=0, source="drm:gpu_busy_percent")
