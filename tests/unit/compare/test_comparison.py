"""The comparisons people ask for, each number worked out by hand from the catalog's facts."""

from __future__ import annotations

import itertools

import columns
import machines
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parity.catalog import store
from parity.compare.comparison import MAX_COLUMNS, compare
from parity.errors import UsageError
from parity.model.compare import Comparison

near = pytest.approx


def test_h100_against_mi300x() -> None:
    told = columns.compared("h100", "mi300x")
    # 192 GiB / 80 GiB; 4 x 1300 MHz x 8192 bit / 8 = 5324.8 over 2 x 2619 MHz x 5120 bit / 8 = 3352.32 GB/s
    assert columns.over(told, "memory_bytes").value == near(2.4)
    assert columns.over(told, "memory_bandwidth_gbps").value == near(5324.8 / 3352.32)
    # sources say 5200 to 5324.8 of one, 3350 to 3352.32 of the other
    assert columns.over(told, "memory_bandwidth_gbps").low == near(5200 / 3352.32)
    assert columns.over(told, "memory_bandwidth_gbps").high == near(5324.8 / 3350)
    # 1307.4 / 989.4 = 1.3214; per watt (1307.4 / 750) / (989.4 / 700) = 1.7432 / 1.4134 = 1.2333
    assert columns.over(told, "tflops_bf16").value == near(1.3214, abs=1e-4)
    assert columns.over(told, "tflops_bf16/power_default_w").value == near(1.2333, abs=1e-4)
    # per 1e9 transistors 1307.4 / 153 = 8.545 against 989.4 / 80 = 12.3675: behind
    assert columns.cell(told, "tflops_bf16/transistors", 1).value == near(8.545, abs=1e-3)
    assert columns.cell(told, "tflops_bf16/transistors", 0).value == near(12.3675)
    assert columns.over(told, "tflops_bf16/transistors").standing == "lower"
    # 4 MiB x 8 XCDs against 50 MiB
    assert columns.cell(told, "l2_total_bytes", 1).value == 33554432
    assert columns.over(told, "l2_total_bytes").value == near(0.64)
    # per CU and clock: 1307.4e6 / (304 x 2100) = 2047.9 against 989.4e6 / (132 x 1830) = 4095.9
    assert columns.cell(told, "tflops_bf16/(unit_count*clock_rate_mhz)", 1).value == near(2047.9, abs=0.1)
    assert columns.cell(told, "tflops_bf16/(unit_count*clock_rate_mhz)", 0).value == near(4095.9, abs=0.1)
    # ridge points 989.4e3 / 3352.32 = 295.1 and 1307.4e3 / 5324.8 = 245.5
    assert columns.cell(told, "ridge_bf16", 0).value == near(295.14, abs=0.01)
    assert columns.cell(told, "ridge_bf16", 1).value == near(245.53, abs=0.01)


def test_mi300x_beats_h100_in_peaks_and_is_behind_where_it_was_measured() -> None:
    (place,) = columns.compared("h100", "mi300x").places
    assert {"memory_bytes", "memory_bandwidth_gbps", "tflops_bf16", "tflops_fp8", "tflops_fp64_tensor"} <= set(
        place.higher
    )
    assert {"tflops_bf16_measured", "tflops_fp8_measured", "l2_total_bytes", "tflops_fp8/transistors"} <= set(
        place.lower
    )
    assert "link_bandwidth_gbps" in place.same  # 896 against 900 GB/s
    assert place.gained == ("infinity_cache_bytes",)
    told = columns.compared("h100", "mi300x")
    assert columns.over(told, "tflops_fp8").value == near(2614.9 / 1979)  # 1.32 by peak
    assert columns.over(told, "tflops_fp8_measured").value == near(1273 / 1402.6)  # 0.91 where it was measured


def test_h100_against_b200_divides_into_size_and_efficiency() -> None:
    told = columns.compared("h100", "b200")
    # 2250 / 989.4 = 2.2741 = 1000/700 W x 1.5919; = 208/80 transistors x 0.8747; = 2 dies x 1.1371; = 148/132 SMs x 2.0283
    for basis, size, efficiency in (
        ("power_default_w", 1.4286, 1.5919),
        ("transistors", 2.6, 0.8747),
        ("compute_dies", 2.0, 1.1371),
        ("unit_count", 1.1212, 2.0283),
        ("unit_count*clock_rate_mhz", 1.1371, 1.9999),
    ):
        factor = columns.factor(told, "tflops_bf16", basis)
        assert factor.total.value == near(2.2741, abs=1e-4)
        assert factor.size.value == near(size, abs=1e-4)
        assert factor.efficiency.value == near(efficiency, abs=1e-4)
    assert (
        columns.factor(told, "tflops_bf16", "transistors").arithmetic
        == "2.27x = 2.60x transistors x 0.875x per transistor"
    )
    # conflicting sources are spans: 7672 by clock and width, 7700 and 8000 in print; 850 W or 1000 W
    assert columns.cell(told, "memory_bandwidth_gbps", 1).low == near(7672.32)
    assert columns.cell(told, "memory_bandwidth_gbps", 1).high == 8000
    watts = columns.factor(told, "memory_bandwidth_gbps", "power_default_w")
    assert (watts.size.low, watts.size.high) == (near(850 / 700), near(1000 / 700))


def test_what_hopper_lacks_is_none_and_what_nobody_says_is_unknown() -> None:
    told = columns.compared("h100", "b200")
    assert columns.cell(told, "tflops_fp4", 0).state == "none"
    assert columns.cell(told, "pcie_bandwidth_gbps", 1).state == "unknown"
    assert columns.over(told, "tflops_fp4").standing == "none"
    assert columns.over(told, "pcie_bandwidth_gbps").standing == "unknown"
    (place,) = told.places
    assert "tflops_fp4" in place.gained
    assert "pcie_bandwidth_gbps" in place.unknown
    assert columns.compared("b200", "h100").places[0].lacked[:2] == ("tflops_fp6", "tflops_fp4")


def test_rtx_4090_against_h100() -> None:
    told = columns.compared("rtx-4090", "h100")
    # 3352.32 / 1008.096 = 3.3254; 989.4 / 165.2 = 5.989; FP32 66.9 / 82.6 = 0.81: the card is ahead
    assert columns.over(told, "memory_bandwidth_gbps").value == near(3.3254, abs=1e-4)
    assert columns.over(told, "tflops_bf16").value == near(5.989, abs=1e-3)
    assert columns.over(told, "tflops_fp32").standing == "lower"
    flip = columns.flip(told, "bf16")
    assert (flip.low, flip.high) == (near(163.87, abs=0.01), near(295.14, abs=0.01))
    assert flip.compute_bound == 0  # between the ridge points the RTX 4090 computes and the H100 waits for memory
    assert flip.crossing is None
    assert (flip.ahead_below, flip.ahead_above) == (1, 1)
    # no link: 16 lanes x 1.969 GB/s x 2 = 63 GB/s against 900
    assert columns.inference(told, "link").ratio.value == near(900 / 63.008)
    assert columns.cell(told, "link_bandwidth_gbps", 0).state == "none"


def test_h20_is_ahead_of_h100_below_a_crossing() -> None:
    told = columns.compared("h20", "h100")
    # same bus: 4000 against 3352.32 GB/s, 148 against 989.4 TFLOPS; equal where 3352.32 x I = 148e3: I = 44.15
    flip = columns.flip(told, "bf16")
    assert flip.crossing == near(44.15, abs=0.01)
    assert (flip.ahead_below, flip.ahead_above) == (0, 1)
    assert columns.inference(told, "bandwidth").carries == "scaled"  # both are sm_90: the same code
    assert columns.over(told, "tflops_bf16").value == near(989.4 / 148)
    assert columns.over(told, "memory_reported_bytes").value == near(81559 / 97871)


def test_the_same_part_twice_is_level_everywhere() -> None:
    told = columns.compared("b200", "B200")
    assert [part.label for part in told.parts] == ["b200", "B200"]
    for row in (*told.raw, *told.normalised, *told.ridges):
        assert row.over_first[1].standing in {"same", "unknown", "none"}, row.name
        assert row.over_first[1].value in {1.0, None}
    (place,) = told.places
    told_apart = (place.higher, place.lower, place.unclear, place.gained, place.lacked)
    assert told_apart == ((), (), (), (), ())
    assert columns.inference(told, "latency").carries == "scaled"


def test_twice_the_same_word_gives_two_labels() -> None:
    told = columns.compared("h100", "h100", "h100")
    assert [part.label for part in told.parts] == ["h100", "h100 (2)", "h100 (3)"]


def test_a_slice_has_its_own_numbers_or_none() -> None:
    told = compare([columns.of_part("a100-sxm4-40gb"), *columns.of_machine(machines.machine("a100-mig-1g.5gb"))])
    part = told.parts[1]
    assert (part.part, part.slice) == ("a100-sxm4-40gb", "1g.5gb")
    assert columns.cell(told, "unit_count", 1).value == 14
    assert columns.cell(told, "memory_reported_bytes", 1).value == 5100273664
    for name in ("memory_bandwidth_gbps", "tflops_bf16", "transistors", "power_default_w"):
        assert columns.cell(told, name, 1).state == "unknown", name
    assert columns.inference(told, "bandwidth").carries == "unknown"
    assert columns.inference(told, "capacity").ratio.value == near(5100273664 / 42949672960, rel=0.01)


def test_a_machine_without_a_catalog_part_tells_what_was_read() -> None:
    changes = {"identity.pci_device_id": "10de:ffff", "identity.name": "NVIDIA X999", "identity.sm_count": 77}
    changes |= {"identity.compute_capability": "9.9", "identity.memory_bytes": 50 * 2**30}
    (column,) = columns.of_machine(machines.changed(machines.machine("h100-sxm5-80gb"), changes))
    assert column.part.part is None
    assert column.part.name == "NVIDIA X999"
    assert "no catalog part: only what was read is told" in column.part.notes
    assert column.facts["unit_count"].value == 77
    assert column.facts["memory_bandwidth_gbps"].value == near(3352.32)  # read: clock and width
    assert column.facts["tflops_bf16"].state == "unknown"
    assert column.facts["memory_bytes"].state == "unknown"
    told = compare([columns.of_part("h100"), column])
    assert columns.over(told, "tflops_bf16/power_default_w").standing == "unknown"
    assert columns.over(told, "memory_reported_bytes").value == near(50 * 2**30 / 85520809984)


def test_a_machine_of_two_kinds_has_two_columns() -> None:
    made = columns.of_machine(machines.machine("mixed-4090-3090"))
    assert [(one.part.label, one.part.part, one.part.count) for one in made] == [
        ("machine.json#0", "rtx-4090", 1),
        ("machine.json#1", "rtx-3090", 1),
    ]


def test_twelve_parts_of_both_makers() -> None:
    words = (
        "h100",
        "h200",
        "b200",
        "b300",
        "gb200",
        "mi300x",
        "mi325x",
        "mi355x",
        "a100",
        "l40s",
        "rtx-4090",
        "mi250x",
    )
    told = columns.compared(*words)
    assert [part.label for part in told.parts] == list(words)
    assert [place.part for place in told.places] == list(range(1, 12))
    assert {item.about for item in told.inferences} == set(range(1, 12))
    assert any("different makers" in note for note in told.notes)
    assert not any("different makers" in note for note in columns.compared("h100", "b200").notes)
    assert msgspec.json.decode(msgspec.json.encode(told), type=Comparison) == told


@pytest.mark.parametrize("count", [0, 1, MAX_COLUMNS + 1])
def test_too_few_and_too_many_are_refused(count: int) -> None:
    with pytest.raises(UsageError) as caught:
        compare([columns.of_part("h100")] * count)
    word = "device" if count == 1 else "devices"
    assert str(caught.value) == (
        f"{count} {word} to compare, 2 to 32 are needed\n  mend: name them: `parity compare h100 mi300x`"
    )


PARTS = st.sampled_from([entry.id for entry in store.index()])


@settings(max_examples=60, deadline=None)
@given(st.lists(PARTS, min_size=2, max_size=4))
def test_any_parts_in_any_order_tell_the_same(words: list[str]) -> None:
    told = columns.compared(*words)
    for order in itertools.islice(itertools.permutations(range(len(words))), 1, 4):
        other = columns.compared(*(words[n] for n in order))
        for mine, theirs in zip(
            (*told.raw, *told.normalised, *told.ridges), (*other.raw, *other.normalised, *other.ridges), strict=True
        ):
            assert [mine.cells[n] for n in order] == list(theirs.cells)


@settings(max_examples=60, deadline=None)
@given(PARTS, PARTS)
def test_swapping_two_parts_turns_every_ratio_round(one: str, two: str) -> None:
    there, back = columns.compared(one, two), columns.compared(two, one)
    opposite = {"higher": "lower", "lower": "higher"}
    for mine, theirs in zip((*there.raw, *there.normalised), (*back.raw, *back.normalised), strict=True):
        over, under = mine.over_first[1], theirs.over_first[1]
        assert under.standing == opposite.get(over.standing, over.standing), mine.name
        if over.value is not None and under.value is not None:
            assert over.value * under.value == near(1)
    assert set(there.places[0].higher) == set(back.places[0].lower)
    assert set(there.places[0].lacked) == set(back.places[0].gained)
    for mine_flip, their_flip in zip(there.flips, back.flips, strict=True):
        assert (mine_flip.low, mine_flip.high) == (their_flip.low, their_flip.high)
        assert (mine_flip.crossing is None) == (their_flip.crossing is None)
        turned = {0: 1, 1: 0, None: None}
        assert mine_flip.compute_bound == turned[their_flip.compute_bound]
        assert mine_flip.ahead_below == turned[their_flip.ahead_below]
        assert mine_flip.ahead_above == turned[their_flip.ahead_above]


@settings(max_examples=80, deadline=None)
@given(PARTS, PARTS)
def test_nothing_is_told_of_what_is_not_known(one: str, two: str) -> None:
    told = columns.compared(one, two)
    for row in (*told.raw, *told.normalised, *told.ridges):
        for cell, over in zip(row.cells, row.over_first, strict=True):
            assert (cell.value is None) == (cell.state != "known")
            assert cell.value is None or cell.value > 0
            assert cell.state == "known" or cell.why
            if "unknown" in (cell.state, row.cells[0].state):
                assert (over.value, over.standing) == (None, "unknown")
    for item in told.inferences:
        assert (item.ratio.value is None) == (item.ratio.standing in {"unknown", "none"})
        assert item.carries in {"scaled", "bound", "no"} or item.ratio.value is None
        assert bool(item.arithmetic) == (item.ratio.value is not None)
        assert item.says
    for factor in told.factors:
        if factor.arithmetic and factor.size.value and factor.efficiency.value:
            assert factor.total.value == near(factor.size.value * factor.efficiency.value)
        else:
            assert None in (factor.total.value, factor.size.value, factor.efficiency.value)
