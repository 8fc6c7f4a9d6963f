"""The state of a test's conditions: which findings disturb, and what leaves it unknown."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from parity.catalog import store
from parity.model.interval import Gap, Interval, Tenancy, Throttle, WatchedDevice
from parity.model.policy import Rulebook
from parity.verdict.run_interval import interval_cards, judge_interval


def device(index: int = 0, **changes: Any) -> WatchedDevice:
    quiet = WatchedDevice(
        label=f"GPU {index}", index=index, vendor="nvidia", series={}, settings={},
        throttled=(Throttle(cause="hw-thermal", seconds=0.0, share=0.0),), throttle_known=True,
        tenancy=Tenancy(ids_known=True),
    )  # fmt: skip
    return msgspec.structs.replace(quiet, **changes)


def judged(*devices: WatchedDevice, settings: dict[str, Any] | None = None, **changes: Any) -> Interval:
    interval = Interval(test="t", state="unknown", seconds=1.0, devices=devices, **changes)
    rulebook = Rulebook(settings=settings or {}, only=("arch-differs",))
    return judge_interval(interval, interval_cards(store.cards(), rulebook))


HOT = device(throttled=(Throttle(cause="hw-thermal", seconds=0.5, share=0.5),))
CAPPED = device(throttled=(Throttle(cause="sw-power-cap", seconds=0.5, share=0.5),))
BLIND = device(1, throttled=(), throttle_known=False)


def test_a_quiet_device_is_clean() -> None:
    assert judged(device()).state == "clean"


def test_an_error_disturbs_and_carries_its_cards_advice() -> None:
    result = judged(device(1), HOT)
    assert result.state == "disturbed"
    [finding] = result.findings
    assert (finding.rule, finding.severity, finding.subject) == ("throttled-during-test", "error", "GPU 0")
    assert finding.mend == store.card("throttled-during-test").mend.strip()


def test_a_note_does_not_disturb() -> None:
    result = judged(CAPPED)
    assert [finding.severity for finding in result.findings] == ["note"]
    assert result.state == "clean"


def test_one_device_without_any_word_on_throttling_leaves_it_unknown() -> None:
    result = judged(device(), BLIND)
    assert result.state == "unknown"
    assert result.unknowns == (
        Gap(what="throttling", why="not_supported", detail="GPU 1: nothing about throttling could be read"),
    )


def test_what_is_found_stands_also_beside_a_blind_device() -> None:
    assert judged(HOT, BLIND).state == "disturbed"


def test_no_device_is_unknown() -> None:
    assert judged().state == "unknown"


@pytest.mark.parametrize(
    ("settings", "state"),
    [
        ({"throttled-during-test": {"share": 0.6}}, "clean"),
        ({"throttled-during-test": {"severity": "off"}}, "clean"),
        ({"throttled-during-test": {"severity": "note"}}, "clean"),
        ({"throttled-during-test": {"severity": "warning"}}, "disturbed"),
    ],
)
def test_a_projects_settings_hold(settings: dict[str, Any], state: str) -> None:
    assert judged(HOT, settings=settings).state == state
