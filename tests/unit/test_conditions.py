"""The conditions of a test from what the watcher read: a lost watch is never clean, and nonsense is unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from parity import conditions
from parity.config.project import Project
from parity.probes.piped import ChildLost

if TYPE_CHECKING:
    from parity.model.interval import Interval

ASKED = conditions.prepare_conditions(Project())
HELD = "limited_ns.hw-thermal"
LOST = ChildLost("timed_out", "the watcher gave no answer")


def read(moved: float = 0.0, *, bus: str = "00000000:01:00.0", **changes: Any) -> dict[str, Any]:
    """Return what the watcher reads of a device: its clocks were held down for so many seconds of two."""
    device: dict[str, Any] = {
        "id": "nvml:0", "series": {HELD: [0.0, moved * 1e9, 0.0, moved * 1e9, moved * 1e9, 2]}, "reasons": {},
        "events": {}, "processes": [], "listed": None, "listed_bytes": None,
    }  # fmt: skip
    facts = {"vendor": "nvidia", "index": 0, "name": "A GPU", "uuid": "", "bus": bus}
    return {
        "seconds": 2.0, "samples": 3, "sampled_every_s": 0.5, "note": "", "ids_are_ours": True, "holders": None,
        "units": {"nvml:0": {"facts": facts, "fixed": {}, "missing": {}}}, "devices": [device], **changes,
    }  # fmt: skip


def blind() -> dict[str, Any]:
    """Return what the watcher reads of a device that tells nothing about throttling."""
    told = read()
    told["devices"][0]["series"] = {}
    return told


def of(answer: dict[str, Any] | None, lost: ChildLost | None = None) -> Interval:
    return conditions.interval_of(answer, "t", ASKED, lost=lost)


@pytest.mark.parametrize(
    ("answer", "lost", "state"),
    [
        (read(), None, "clean"),
        (read(1.0), None, "disturbed"),
        (blind(), None, "unknown"),
        (read(), LOST, "unknown"),  # nobody knows about the rest of the time
        (read(1.0), LOST, "disturbed"),  # what was seen was
        (blind(), LOST, "unknown"),
        (None, LOST, "unknown"),
        (None, None, "unknown"),
        (read(devices=[]), None, "unknown"),
        (read(devices=[]), LOST, "unknown"),
    ],
)
def test_a_lost_watch_is_never_clean(answer: dict[str, Any] | None, lost: ChildLost | None, state: str) -> None:
    interval = of(answer, lost)
    assert interval.state == state
    gaps = [(gap.what, gap.why, gap.detail) for gap in interval.unknowns]
    assert (("conditions", "timed_out", "the watcher gave no answer") in gaps) is (lost is not None)
    assert len(gaps) == (lost is not None) + (answer == blind()), "and nothing that nobody said"


def test_what_was_read_is_told() -> None:
    interval = of(read(1.0))
    assert (interval.test, interval.seconds, interval.samples, interval.sampled_every_s) == ("t", 2.0, 3, 0.5)
    assert [one.rule for one in interval.findings] == ["throttled-during-test"]
    assert interval.unknowns == ()
    assert [(gap.what, gap.detail) for gap in of(read(note="cut short")).unknowns] == [("devices", "cut short")]


@pytest.mark.parametrize(
    "changes",
    [
        {"seconds": "soon"},
        {"seconds": None},
        {"samples": "many"},
        {"devices": None},
        {"devices": [{}]},
        {"devices": [{"id": "nvml:7"}]},
        {"units": {}},
        {"units": {"nvml:0": None}},
    ],
)
@pytest.mark.parametrize("lost", [None, LOST])
def test_an_answer_that_is_not_understood_is_unknown(changes: dict[str, Any], lost: ChildLost | None) -> None:
    interval = of(read(**changes), lost)
    assert interval.state == "unknown"
    assert interval.unknowns[-1].detail.startswith("the watcher's answer is not understood: ")
    assert len(interval.unknowns) == (1 if lost is None else 2)


@pytest.mark.parametrize("name", sorted(read()))
def test_an_answer_of_which_a_part_is_missing_is_unknown(name: str) -> None:
    whole = read()
    del whole[name]
    assert of(whole).state == "unknown"


class Watch:
    """A watch of which the answer is given."""

    def __init__(self, answer: dict[str, Any] | None) -> None:
        self._answer = answer

    def end(self) -> dict[str, Any]:
        if self._answer is None:
            raise LOST
        return self._answer


def test_the_devices_of_a_test_alone_are_spoken_of() -> None:
    told: Any = Watch(read(1.0))
    assert conditions.conditions_of(told, "t", ASKED, buses=["00000000:01:00.0"]).state == "disturbed"
    other = read(1.0)
    other["units"]["nvml:1"] = msgspec.json.decode(msgspec.json.encode(other["units"]["nvml:0"]))
    other["units"]["nvml:1"]["facts"].update(index=1, bus="00000000:02:00.0")
    other["devices"].append({**read()["devices"][0], "id": "nvml:1"})
    both: Any = Watch(other)
    assert conditions.conditions_of(both, "t", ASKED, buses=["00000000:02:00.0"]).state == "clean"
    assert conditions.conditions_of(both, "t", ASKED, buses=["00000000:01:00.0"]).state == "disturbed"
    assert conditions.conditions_of(both, "t", ASKED).state == "disturbed", "all of them where none is named"
    assert conditions.conditions_of(both, "t", ASKED, buses=["00000000:09:00.0"]).state == "disturbed", (
        "or none is known"
    )


def test_a_watch_that_cannot_be_ended_is_unknown_and_no_exception() -> None:
    gone: Any = Watch(None)
    interval = conditions.conditions_of(gone, "t", ASKED)
    assert (interval.state, interval.unknowns[0].why) == ("unknown", "timed_out")


def test_a_rule_that_is_off_disturbs_nothing() -> None:
    asked = conditions.prepare_conditions(Project(rules={"throttled-during-test": {"severity": "off"}}))
    assert conditions.interval_of(read(1.0), "t", asked).state == "clean"
    note = conditions.prepare_conditions(Project(rules={"throttled-during-test": {"severity": "note"}}))
    told = conditions.interval_of(read(1.0), "t", note)
    assert (told.state, len(told.findings)) == ("clean", 1)
