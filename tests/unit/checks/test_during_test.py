"""The checks of scope ``interval``: hand-written intervals, one disagreement each."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from parity.catalog import store
from parity.model.interval import Series, Tenancy, Tenant, Throttle, WatchedDevice

if TYPE_CHECKING:
    from parity.model.finding import Mismatch

GIB = 1 << 30
CARDS = {card.id: card for card in store.cards() if card.scope == "interval"}


def series(begin: float, end: float | None = None, *, least: float | None = None, samples: int = 5) -> Series:
    last = begin if end is None else end
    low = min(begin, last) if least is None else least
    return Series(begin=begin, end=last, min=low, max=max(begin, last), mean=(begin + last) / 2, samples=samples)


def device(**changes: Any) -> WatchedDevice:
    """Return a device on which nothing happened."""
    quiet = WatchedDevice(
        label="GPU 0 (NVIDIA H100 80GB HBM3)",
        index=0,
        vendor="nvidia",
        series={"power_limit_w": series(700), "mig_enabled": series(0), "ecc_enabled": series(1)},
        settings={"power_default_w": 700.0},
        throttled=(Throttle(cause="sw-thermal", seconds=0.0, share=0.0, seen=0, readings=5),),
        throttle_known=True,
        tenancy=Tenancy(ids_known=True, listed=0, residue_bytes=0, utilization_percent=0),
        ecc_corrected=0,
        ecc_uncorrected=0,
        pcie_replays=0,
    )
    return msgspec.structs.replace(quiet, **changes)


def found(rule: str, here: WatchedDevice, **settings: Any) -> list[str]:
    card = CARDS[rule]
    check = import_module(f"parity.checks.{card.check}").check
    hits: list[Mismatch] = list(check(here, **{**card.settings, **settings}))
    assert all(hit.subject == here.label for hit in hits)
    return [hit.message for hit in hits]


@pytest.mark.parametrize("rule", sorted(CARDS))
def test_nothing_is_found_where_nothing_happened(rule: str) -> None:
    assert found(rule, device()) == []


@pytest.mark.parametrize("rule", sorted(CARDS))
def test_nothing_is_found_where_nothing_could_be_read(rule: str) -> None:
    blind = device(
        series={}, settings={}, throttled=(), throttle_known=False, tenancy=Tenancy(ids_known=False),
        ecc_corrected=None, ecc_uncorrected=None, pcie_replays=None,
    )  # fmt: skip
    assert found(rule, blind) == []


def throttle(cause: str, seconds: float | None, share: float | None, seen: int = 0) -> Throttle:
    return Throttle(cause=cause, seconds=seconds, share=share, seen=seen, readings=5)


@pytest.mark.parametrize(
    ("held", "told"),
    [
        (throttle("hw-thermal", 0.31, 0.256), "throttled during the test: hw-thermal 0.31 s (26 % of it)"),
        (throttle("sw-thermal", 0.03, 0.02), "throttled during the test: sw-thermal 0.03 s (2.0 % of it)"),
        (throttle("hw-slowdown", None, None, seen=2), "throttled during the test: hw-slowdown at 2 of 5 readings"),
        (throttle("hbm-thermal", 1.0, 1.0), "throttled during the test: hbm-thermal 1 s (100 % of it)"),
    ],
)
def test_throttling_is_told_with_time_and_share(held: Throttle, told: str) -> None:
    assert found("throttled-during-test", device(throttled=(held,))) == [told]


@pytest.mark.parametrize(
    "held",
    [
        throttle("hw-thermal", 0.001, 0.005),
        throttle("sw-power-cap", 0.9, 0.9),
        throttle("ppt", 0.9, 0.9),
        throttle("app-clocks", None, None, seen=5),
        throttle("display-clocks", None, None, seen=5),
        throttle("hw-slowdown", None, None, seen=0),
    ],
)
def test_settings_the_power_cap_and_a_trace_are_no_throttling(held: Throttle) -> None:
    assert found("throttled-during-test", device(throttled=(held,))) == []


def test_the_longest_cause_comes_first() -> None:
    held = (throttle("hw-thermal", 0.1, 0.1), throttle("sw-thermal", 0.5, 0.5))
    [told] = found("throttled-during-test", device(throttled=held))
    assert told.index("sw-thermal") < told.index("hw-thermal")


def test_the_tolerance_is_a_setting() -> None:
    held = device(throttled=(throttle("hw-thermal", 0.31, 0.256),))
    assert found("throttled-during-test", held, share=0.3) == []


@pytest.mark.parametrize(
    ("held", "settings", "stands"),
    [
        (throttle("hw-thermal", 0.5, 0.25), {"share": 0.25}, False),
        (throttle("hw-thermal", 0.5, 0.25), {"share": 0.24}, True),
        (throttle("hw-thermal", 0.5, 0.25), {"seconds": 0.5}, False),
        (throttle("hw-thermal", 0.5, 0.25), {"seconds": 0.4}, True),
        (throttle("hw-thermal", None, 0.25), {}, False),  # nobody says how long that is
        (throttle("hw-thermal", None, None, seen=1), {"share": 0.2}, False),
        (throttle("hw-thermal", None, None, seen=1), {"share": 0.19}, True),
        (throttle("hw-thermal", None, None, seen=1), {"seconds": 9.0}, True),  # without a counter there are none
    ],
)
def test_a_cause_stands_from_more_than_its_share_and_its_seconds_on(
    held: Throttle, settings: dict[str, float], stands: bool
) -> None:
    assert bool(found("throttled-during-test", device(throttled=(held,)), **settings)) is stands


CAPPED = throttle("sw-power-cap", 0.5, 0.5)


def test_a_binding_default_cap_is_one_thing_and_a_lowered_one_another() -> None:
    at_default = device(throttled=(CAPPED,))
    lowered = device(throttled=(CAPPED,), series={"power_limit_w": series(500)})
    assert found("power-cap-bound-during-test", at_default) == [
        "the power cap of 700 W held the clocks down: sw-power-cap 0.5 s (50 % of it)"
    ]
    assert found("lowered-power-cap-during-test", at_default) == []
    assert found("power-cap-bound-during-test", lowered) == []
    assert found("lowered-power-cap-during-test", lowered) == [
        "a power cap of 500 W, below the default of 700 W, held the clocks down: sw-power-cap 0.5 s (50 % of it)"
    ]


def test_a_cap_of_unknown_height_that_binds_is_told_as_a_note() -> None:
    unknown = device(throttled=(CAPPED,), series={}, settings={})
    assert found("power-cap-bound-during-test", unknown) == [
        "the power cap held the clocks down: sw-power-cap 0.5 s (50 % of it)"
    ]
    assert found("lowered-power-cap-during-test", unknown) == []


def test_a_lowered_cap_that_does_not_bind_is_no_finding() -> None:
    assert found("lowered-power-cap-during-test", device(series={"power_limit_w": series(500)})) == []


def test_a_cap_that_was_lowered_for_a_part_of_the_test_is_a_lowered_one() -> None:
    raised = device(throttled=(CAPPED,), series={"power_limit_w": series(500, 700)})
    assert found("power-cap-bound-during-test", raised) == []
    assert any("a power cap of 500 W" in told for told in found("lowered-power-cap-during-test", raised))


def test_a_cap_that_moves_is_found() -> None:
    moved = device(series={"power_limit_w": series(700, 500)})
    assert found("lowered-power-cap-during-test", moved) == ["the power cap moved between 500 and 700 W"]


def test_a_clock_that_moves_under_load_is_found() -> None:
    moved = device(series={"clock_busy_mhz": series(1980, 1200, samples=4)})
    assert found("clocks-changed-during-test", moved) == ["the clock under load moved between 1200 and 1980 MHz"]


@pytest.mark.parametrize("quiet", [series(1980, 1900, samples=9), series(1980, 1200, samples=2)])
def test_a_clock_that_hardly_moves_or_was_hardly_seen_is_not(quiet: Series) -> None:
    assert found("clocks-changed-during-test", device(series={"clock_busy_mhz": quiet})) == []


@pytest.mark.parametrize(("samples", "is_told"), [(2, False), (3, True)])
def test_a_clock_that_moves_is_told_from_three_busy_samples_on(samples: int, is_told: bool) -> None:
    moved = device(series={"clock_busy_mhz": series(1980, 1200, samples=samples)})
    assert bool(found("clocks-changed-during-test", moved)) is is_told


@pytest.mark.parametrize(("slowest", "is_told"), [(900, False), (899, True)])
def test_a_clock_may_move_by_a_tenth(slowest: float, is_told: bool) -> None:
    assert (
        bool(found("clocks-changed-during-test", device(series={"clock_busy_mhz": series(1000, slowest)}))) is is_told
    )


@pytest.mark.parametrize(("begin", "end"), [(1980, 1410), (1410, 1980)])
def test_an_application_clock_that_was_set_is_found(begin: float, end: float) -> None:
    moved = device(series={"clock_application_mhz": series(begin, end)})
    assert found("clocks-changed-during-test", moved) == [f"the application clock was set from {begin} to {end} MHz"]
    assert found("clocks-changed-during-test", device(series={"clock_application_mhz": series(begin)})) == []


def test_clocks_by_setting_are_told() -> None:
    set_ = device(throttled=(throttle("app-clocks", None, None, seen=4),), series={"clock_sm_mhz": series(1410)})
    assert found("clocks-locked", set_) == ["a clock setting limited the clocks at 1410 MHz at 4 of 5 readings"]
    forced = device(series={"clock_locked": series(1)})
    assert found("clocks-locked", forced) == ["the driver says that the clocks are forced"]
    once = device(throttled=(throttle("app-clocks", None, None, seen=1),))
    assert found("clocks-locked", once) == []


def other(**changes: Any) -> Tenant:
    given = {"pid": 4242, "kind": "compute", "name": "python", "memory_bytes": 3 * GIB, "at_begin": True}
    return Tenant(**{**given, "at_end": True, **changes})


@pytest.mark.parametrize(
    ("process", "told"),
    [
        (other(), "1 other process: python (pid 4242, 3 GiB)"),
        (other(at_begin=False), "1 other process: python (pid 4242, 3 GiB, came)"),
        (other(at_end=False, memory_bytes=None), "1 other process: python (pid 4242, left)"),
        (other(kind="graphics", name="blender"), "1 other process: blender (pid 4242, 3 GiB)"),
    ],
)
def test_another_process_is_named(process: Tenant, told: str) -> None:
    messages = found("other-process-during-test", device(processes=(process,)))
    assert messages == [f"somebody else used the device: {told}"]


def test_a_small_desktop_is_not_somebody_else() -> None:
    assert found("other-process-during-test", device(processes=(other(kind="graphics", memory_bytes=GIB // 2),))) == []


@pytest.mark.parametrize(
    ("tenancy", "told"),
    [
        (Tenancy(ids_known=True, residue_bytes=9 * GIB), "9 GiB of memory that no listed process holds"),
        (Tenancy(ids_known=False, own_holding=1, listed=3), "2 other processes: 3 listed, 1 of the test run"),
        (Tenancy(ids_known=False, own_holding=0, listed=1), "1 other process: 1 listed, 0 of the test run"),
        (Tenancy(ids_known=False, own_holding=0, residue_bytes=9 * GIB), "9 GiB of memory in use before the test"),
        (Tenancy(ids_known=False, own_holding=0, utilization_percent=40), "40 % load before the test"),
    ],
)
def test_hidden_processes_show_in_counts_memory_and_load(tenancy: Tenancy, told: str) -> None:
    messages = found("other-process-during-test", device(tenancy=tenancy))
    assert messages == [f"somebody else used the device: {told}"]


@pytest.mark.parametrize(
    "tenancy",
    [
        Tenancy(ids_known=False, own_holding=1, listed=1, residue_bytes=9 * GIB, utilization_percent=99),
        Tenancy(ids_known=False, own_holding=None, listed=3, residue_bytes=9 * GIB, utilization_percent=99),
        Tenancy(ids_known=True, residue_bytes=GIB, utilization_percent=99),
    ],
)
def test_what_may_be_our_own_is_not_held_against_others(tenancy: Tenancy) -> None:
    processes = () if tenancy.ids_known else (other(),)
    assert found("other-process-during-test", device(tenancy=tenancy, processes=processes)) == []


@pytest.mark.parametrize(
    ("name", "moved", "told"),
    [
        ("mig_enabled", series(0, 1), "MIG went from off to on during the test"),
        ("ecc_enabled", series(1, 0), "ECC went from on to off during the test"),
        ("compute_partition", series(1, 5), "the compute partition went from SPX to CPX during the test"),
        (
            "memory_partition",
            series(1, 1, least=0.0),
            "the memory partition went away from NPS1 and back during the test",
        ),
    ],
)
def test_a_changed_mode_is_found(name: str, moved: Series, told: str) -> None:
    assert found("partition-changed-during-test", device(series={name: moved})) == [told]


def test_a_lost_device_is_found() -> None:
    assert found("device-lost-during-test", device(lost="clock_sm_mhz: NVML error 15")) == [
        "the device was lost: clock_sm_mhz: NVML error 15"
    ]


def test_memory_errors_and_replays_are_counted() -> None:
    assert found("ecc-error-during-test", device(ecc_corrected=2, ecc_uncorrected=1)) == [
        "2 corrected memory errors during the test",
        "1 uncorrected memory error during the test",
    ]
    assert found("ecc-error-during-test", device(ecc_corrected=2), corrected=2) == []
    assert found("ecc-error-during-test", device(ecc_corrected=3), corrected=2)
    assert found("ecc-error-during-test", device(ecc_uncorrected=1), uncorrected=1) == []
    assert found("pcie-replay-during-test", device(pcie_replays=3)) == ["3 PCIe replays during the test"]
    assert found("pcie-replay-during-test", device(pcie_replays=3), replays=3) == []


@pytest.mark.parametrize("cause", ["board-limit", "reliability"])
def test_the_voltage_at_full_clocks_is_a_note_and_no_throttling(cause: str) -> None:
    held = device(throttled=(Throttle(cause=cause, seconds=2.0, share=1.0, seen=0, readings=20),))
    assert found("throttled-during-test", held) == []
    assert found("voltage-limited-during-test", held) == [
        f"the voltage limit held the clocks during the test: {cause} 2 s (100 % of it)"
    ]
    assert CARDS["voltage-limited-during-test"].severity == "note"


def slowed(seen: int, *, brake: float | None = 0.0, readings: int = 40) -> WatchedDevice:
    """Return a device on which a slowdown was seen, with the counters of both causes that it may stand for."""
    counted = [Throttle(cause="hw-thermal", seconds=0.0, share=0.0, seen=0, readings=readings)]
    if brake is not None:
        counted.append(Throttle(cause="hw-power-brake", seconds=brake, share=brake, seen=0, readings=readings))
    slowdown = Throttle(cause="hw-slowdown", seconds=None, share=None, seen=seen, readings=readings)
    return device(throttled=(slowdown, *counted))


@pytest.mark.parametrize(
    ("here", "is_found"),
    [
        (slowed(1), False),  # nvml.h: may be also reported during a change of clocks
        (slowed(4), False),
        (slowed(5), True),
        (slowed(10, readings=100), False),
        (slowed(11, readings=100), True),
        (slowed(1, readings=5), False),
        (slowed(2, readings=5), True),
        (slowed(1, brake=0.2), True),
        (slowed(1, brake=0.001), True),  # too little to be told itself, and it did move
        (slowed(1, brake=None), True),  # who says that it was not the brake?
    ],
)
def test_a_slowdown_seen_once_is_a_change_of_clocks_if_its_causes_did_not_move(
    here: WatchedDevice, is_found: bool
) -> None:
    assert bool(found("throttled-during-test", here)) is is_found


def test_at_the_power_cap_clocks_move_and_only_the_cap_is_told() -> None:
    cap = Throttle(cause="sw-power-cap", seconds=1.0, share=0.5, seen=10, readings=20)
    moved = {"clock_busy_mhz": series(1980, 1400)}
    assert found("clocks-changed-during-test", device(series=moved))
    assert found("clocks-changed-during-test", device(series=moved, throttled=(cap,))) == []
    assert found("power-cap-bound-during-test", device(series=moved, throttled=(cap,)))
    brief = msgspec.structs.replace(cap, share=0.01)
    assert found("clocks-changed-during-test", device(series=moved, throttled=(brief,)))


def test_amds_limits_of_currents_are_caps_like_that_of_power() -> None:
    held = device(throttled=(Throttle(cause="current", seconds=1.0, share=0.5, seen=0, readings=20),))
    assert found("throttled-during-test", held) == []
    assert found("power-cap-bound-during-test", held)
