"""How one raw answer becomes a reading or an absence."""

from __future__ import annotations

from typing import Any

import pytest

from parity.model.absent import NOT_ASKED, Absent, Reading
from parity.probes.answers import NoSuchValueError, first, reading, reason, source_of
from parity.probes.supervise import Survey


@pytest.mark.parametrize(
    ("key", "source"),
    [
        ("nvml:nvmlSystemGetDriverVersion", "nvml:nvmlSystemGetDriverVersion"),
        ("nvml:12:nvmlDeviceGetName", "nvml:nvmlDeviceGetName"),
        ("nvml:0:mig3:nvmlDeviceGetName", "nvml:nvmlDeviceGetName"),
        ("nvml:0:nvmlDeviceGetFieldValues[164,3]", "nvml:nvmlDeviceGetFieldValues[164,3]"),
        ("cuda:0:L2_CACHE_SIZE", "cuda:L2_CACHE_SIZE"),
        ("pci:0000000f:01:00.0:revision", "pci:revision"),
        ("proc:00000000:1b:00.0:information", "proc:information"),
        ("amd:0:amdsmi_get_gpu_vram_info", "amd:amdsmi_get_gpu_vram_info"),
        ("host:cpu", "host:cpu"),
    ],
)
def test_source_is_the_key_without_the_device(key: str, source: str) -> None:
    assert source_of(key) == source


def test_reading_converts_and_names_its_source() -> None:
    assert reading(Survey(values={"nvml:0:x": 5}), "nvml:0:x", lambda raw: raw * 2) == Reading(
        value=10, source="nvml:x"
    )


@pytest.mark.parametrize("error", [TypeError, ValueError, KeyError, IndexError, AttributeError, OverflowError])
def test_answer_that_cannot_be_used_is_a_failure(error: type[Exception]) -> None:
    def convert(_: Any) -> int:
        raise error

    expected = Absent(why="failed", source="nvml:x", detail="unusable answer 5")
    assert reading(Survey(values={"nvml:0:x": 5}), "nvml:0:x", convert) == expected
    assert reading(Survey(values={"nvml:0:x": 5}), "nvml:0:x", lambda _: None) == expected


def test_answer_that_says_there_is_none_is_not_supported() -> None:
    def convert(_: Any) -> int:
        raise NoSuchValueError

    assert reading(Survey(values={"a": -1}), "a", convert) == Absent(
        why="not_supported", source="a", detail="answered -1"
    )


def test_reason_is_kept_and_an_unknown_one_is_a_failure() -> None:
    survey = Survey(reasons={"a": ("lost", "x"), "b": ("bewitched", "y")})
    assert reading(survey, "a", int) == Absent(why="lost", source="a", detail="x")
    assert reading(survey, "b", int) == Absent(why="failed", source="b", detail="y")
    assert reading(survey, "c", int) == NOT_ASKED
    assert reason(survey, "c", "b", "a").detail == "y"


def test_first_prefers_readings_then_told_absences() -> None:
    lost = Absent(why="lost", source="a")
    assert first(NOT_ASKED, lost, Reading(value=1, source="b")) == Reading(value=1, source="b")
    assert first(NOT_ASKED, lost) == lost
    assert first(NOT_ASKED) == NOT_ASKED
