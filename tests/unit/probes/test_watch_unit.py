"""What a test's reads add up to, and which reads are kept."""

from __future__ import annotations

from typing import Any

import pytest

from parity.probes.watch_unit import EVENT_BITS, MAX_REMEMBERED, PROCESSES, Read, Recording, Unit


def unit() -> Unit:
    return Unit(id="x", facts={})


def recording(owner: Any = lambda pid: False) -> Recording:
    return Recording(unit(), owner)


def read(*answers: Any, gives: tuple[str, ...] = ("a",)) -> Read:
    """Return a read that gives these answers one after another; an exception is raised."""
    left = list(answers)

    def question() -> dict[str, Any]:
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, BaseException):
            raise answer
        return answer  # type: ignore[no-any-return]

    return Read("call", gives, question)


def test_a_series_is_begin_end_least_greatest_sum_count() -> None:
    here, values = recording(), read({"a": 5}, {"a": 2}, {"a": 9}, {"a": 4})
    for _ in range(4):
        here.take(values)
    assert here.plain()["series"] == {"a": [5, 4, 2, 9, 20, 4]}


def test_what_is_raised_is_the_reason_of_everything_the_read_gives() -> None:
    here = recording()
    here.take(read(KeyError("x"), gives=("a", "b")))
    assert here.plain()["reasons"] == {"a": ("failed", "KeyError: 'x'"), "b": ("failed", "KeyError: 'x'")}


def test_an_error_that_cannot_be_printed_is_a_reason_too() -> None:
    class OddError(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    here = recording()
    here.take(read(OddError()))
    assert here.plain()["reasons"] == {"a": ("failed", "OddError")}


@pytest.mark.parametrize("odd", [float("nan"), float("inf")])
def test_a_number_that_is_none_is_no_reading(odd: float) -> None:
    here = recording()
    here.take(read({"a": odd}))
    assert here.plain()["series"] == {}
    assert here.plain()["reasons"]["a"][0] == "failed"


def test_event_masks_are_counted() -> None:
    here, masks = recording(), read({EVENT_BITS: 4}, {EVENT_BITS: 0}, {EVENT_BITS: 4})
    for _ in range(3):
        here.take(masks)
    assert here.plain()["events"] == {"4": 2, "0": 1}


def test_a_read_without_any_support_is_never_asked_again() -> None:
    here = unit()
    here.keep(read(), {"a": ("not_supported", "3"), "b": ("library_missing", "")})
    assert here.reads == []
    assert here.missing == {"a": ("not_supported", "3"), "b": ("library_missing", "")}


@pytest.mark.parametrize("answer", [{"a": 1, "b": ("not_supported", "")}, {"a": ("failed", "")}, {"a": ("lost", "")}])
def test_a_read_that_may_yet_answer_is_kept(answer: dict[str, Any]) -> None:
    here = unit()
    here.keep(read(), answer)
    assert len(here.reads) == 1


def test_a_deadly_read_is_missing_with_the_reason() -> None:
    here = unit()
    here.keep(read(gives=("a", "b")), None, ("failed", "it kills"))
    assert here.missing == {"a": ("failed", "it kills"), "b": ("failed", "it kills")}
    assert here.reads == []


def test_processes_are_sorted_into_own_others_and_unclear() -> None:
    known = {1: True, 2: False, 3: None, 4: None}
    here = recording(known.get)
    listing = [[1, "compute", 10], [2, "compute", 20], [3, "graphics", None], [4, "compute", 5]]
    here.take(read({PROCESSES: listing}), first=True)
    here.take(read({PROCESSES: [[2, "compute", 50], [3, "graphics", None]]}))
    told = here.plain()
    assert [(p["pid"], p["bytes"], p["at_begin"], p["at_end"]) for p in told["processes"]] == [
        (2, 50, True, True),
        (3, None, True, True),
    ]
    assert (told["listed"], told["listed_bytes"]) == (4, None)


def test_listed_memory_is_summed_at_the_begin_only() -> None:
    here = recording()
    here.take(read({PROCESSES: [[1, "compute", 10], [2, "compute", 20]]}), first=True)
    here.take(read({PROCESSES: [[1, "compute", 99]]}))
    assert (here.plain()["listed"], here.plain()["listed_bytes"]) == (2, 30)


def test_the_clock_counts_from_the_second_busy_sample_on() -> None:
    here = recording()
    for load, clock in ((0, 345), (90, 900), (95, 1980), (99, 1900), (10, 345), (90, 700), (80, 1950)):
        here.note_sample({"utilization_percent": load, "clock_sm_mhz": clock})
    assert here.plain()["series"]["clock_busy_mhz"] == [1980, 1950, 1900, 1980, 5830, 3]
    assert here.samples == 7


@pytest.mark.parametrize(("load", "is_work"), [(49, False), (50, True), (55, True)])
def test_a_clock_is_that_of_work_from_half_a_load_on(load: int, is_work: bool) -> None:
    here = recording()
    for _ in range(2):
        here.note_sample({"utilization_percent": load, "clock_sm_mhz": 1980})
    assert ("clock_busy_mhz" in here.plain()["series"]) is is_work


@pytest.mark.parametrize("count", [MAX_REMEMBERED, MAX_REMEMBERED + 1])
def test_as_many_ended_processes_are_remembered_as_may_be(count: int) -> None:
    here = recording()
    for pid in range(count):
        here.take(read({PROCESSES: [[pid, "compute", 1]]}))
    assert len(here.seen) == MAX_REMEMBERED
    assert (0 in here.seen) is (count == MAX_REMEMBERED)


@pytest.mark.parametrize("answer", [{}, {"utilization_percent": ("failed", "")}, {"clock_sm_mhz": 5}])
def test_without_load_there_is_no_busy_clock(answer: dict[str, Any]) -> None:
    here = recording()
    for _ in range(3):
        here.note_sample(answer)
    assert "clock_busy_mhz" not in here.plain()["series"]


def test_measuring_keeps_the_last_answer_and_a_cost() -> None:
    question = read({"a": 1}, {"a": 2}, {"a": 3})
    assert question.measure() == {"a": 3}
    assert question.cost_s > 0


def test_hours_of_short_processes_are_forgotten_and_one_that_is_there_is_not() -> None:
    here = recording(lambda pid: pid < 10_000)
    for n in range(2000):
        listed = [[7, "compute", 5], [8_000 + n, "compute", 1], [20_000 + n, "compute", 1]]
        here.take(read({PROCESSES: listed}))
    assert len(here.seen) == MAX_REMEMBERED
    told = {process["pid"] for process in here.plain()["processes"]}
    assert told == set(range(22_000 - MAX_REMEMBERED + 2, 22_000))  # all that count, but the oldest
    assert here.seen[7].times == 2000
    assert here.others == 1
