"""What a result on one device says about another: by what binds the work, with its arithmetic and its caveats."""

from __future__ import annotations

import columns
import msgspec
import pytest

from parity.compare.comparison import compare


def test_bandwidth_carries_over_by_the_ratio_and_says_where_caches_differ() -> None:
    item = columns.inference(columns.compared("rtx-4090", "h100"), "bandwidth")
    assert item.carries == "bound"
    assert item.arithmetic == "3352 / 1008 GB/s = 3.33x"
    assert item.says == (
        "bandwidth-bound work on rtx-4090 is faster on h100: 3.33x the speed at the same share of the peak"
    )
    assert item.caveats == (
        "a working set of 50 MiB to 72 MiB stays in cache on rtx-4090 and goes to memory on the other",
    )


def test_the_last_cache_of_an_mi300x_is_its_infinity_cache() -> None:
    item = columns.inference(columns.compared("h100", "mi300x"), "bandwidth")
    assert item.caveats == (
        "a working set of 50 MiB to 256 MiB stays in cache on mi300x and goes to memory on the other",
    )


def test_fp8_of_another_dialect_is_said_with_peak_and_measurement() -> None:
    item = columns.inference(columns.compared("h100", "mi300x"), "compute", "fp8")
    assert item.ratio.standing == "higher"
    dialect, measured = item.caveats
    assert dialect.startswith("FP8 is ocp on h100 and fnuz on mi300x: the same bits mean half the value in fnuz")
    assert measured == "best published matrix product: 1273 / 1403 TFLOPS = 0.908x, hardware and software together"
    assert not any(
        "fnuz" in text for text in columns.inference(columns.compared("h100", "mi355x"), "compute", "fp8").caveats
    )


def test_units_that_were_cut_are_named() -> None:
    # B300: INT8 is 153.5 or 4500 TOPS by source, against 2250 TFLOPS BF16; GB300: 165 or 5000
    caveats = columns.inference(columns.compared("b200", "b300"), "compute", "int8").caveats
    assert caveats == ("sources disagree whether b300 has full INT8 units",)


def test_work_in_a_format_that_only_one_computes() -> None:
    there = columns.inference(columns.compared("a100", "h100"), "compute", "fp8")
    assert (there.carries, there.says) == ("no", "a100 has no FP8 matrix units: no result there to carry over")
    back = columns.inference(columns.compared("h100", "a100"), "compute", "fp8")
    assert (back.carries, back.says) == ("no", "FP8 rate of a100: none (its matrix units do not compute FP8)")


def test_fp16_is_told_where_bf16_does_not_stand_for_it() -> None:
    assert not [one for one in columns.compared("h100", "mi300x").inferences if one.dtype == "fp16"]
    alone = columns.inference(columns.compared("t4", "h100"), "compute", "fp16")
    assert alone.arithmetic == "989.4 / 65 TFLOPS = 15.2x"
    mixed = [one.about for one in columns.compared("h100", "t4", "mi300x").inferences if one.dtype == "fp16"]
    assert mixed == [1, 2]


def test_a_missing_rate_is_unknown_with_its_reason() -> None:
    item = columns.inference(columns.compared("h100", "rtx-6000-ada"), "compute", "fp8")
    assert (item.carries, item.arithmetic) == ("unknown", "")
    assert item.says == "FP8 rate of rtx-6000-ada: unknown (the catalog has no sourced tflops_fp8)"


def test_latency_carries_no_figure_between_different_parts() -> None:
    item = columns.inference(columns.compared("h100", "mi300x"), "latency")
    assert item.carries == "no"
    assert item.caveats == ("highest clocks, which bound only dependent arithmetic on chip: 2100 / 1980 MHz = 1.06x",)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("h100", "mi300x"), "what fits on h100 fits on mi300x"),
        (("h100", "rtx-4090"), "of what fits on h100, more than 24 GiB does not fit on rtx-4090"),
        (("h20", "gh200"), "what fits on h20 fits on gh200, but for the last percent"),
    ],
)
def test_capacity(words: tuple[str, str], says: str) -> None:
    assert columns.inference(columns.compared(*words), "capacity").says == says


@pytest.mark.parametrize(
    ("words", "arithmetic", "says"),
    [
        (
            ("8xh100", "2xb200"),
            "2 x 179.1 GiB / 8 x 79.6 GiB = 0.562x",
            "of what fits on 8xh100, more than 358.1 GiB does not fit on 2xb200",
        ),
        (
            ("8xh100", "b200"),
            "179.1 GiB / 8 x 79.6 GiB = 0.281x",
            "of what fits on 8xh100, more than 179.1 GiB does not fit on b200",
        ),
        (("2xh200", "4xh200"), "4 x 140.4 GiB / 2 x 140.4 GiB = 2.00x", "what fits on 2xh200 fits on 4xh200"),
        (
            ("8xh200", "8xh200"),
            "8 x 140.4 GiB / 8 x 140.4 GiB = 1.00x",
            "what fits on 8xh200 fits on 8xh200 (2), but for the last percent",
        ),
    ],
)
def test_capacity_counts_the_devices_that_were_asked_for(words: tuple[str, str], arithmetic: str, says: str) -> None:
    item = columns.inference(columns.compared(*words), "capacity")
    assert (item.arithmetic, item.says, item.caveats) == (arithmetic, says, ())


def test_capacity_of_more_and_smaller_devices_is_only_for_what_can_be_split() -> None:
    item = columns.inference(columns.compared("b200", "16xl4"), "capacity")
    assert (item.carries, item.ratio.standing) == ("bound", "higher")
    assert item.caveats == ("only what ranks can split over 16 devices: one of 16xl4 holds less than one of b200",)


def test_a_machine_of_many_is_held_device_by_device_against_a_bare_name() -> None:
    one = columns.of_part("8xh100")
    machine = msgspec.structs.replace(
        one, part=msgspec.structs.replace(one.part, kind="fingerprint", label="prod.json", asked="prod.json")
    )
    item = columns.inference(compare([machine, columns.of_part("h100")]), "capacity")
    assert item.arithmetic == "79.6 GiB / 79.6 GiB = 1.00x"
    assert item.says.startswith("what fits on one device of prod.json fits on h100")
    asked = columns.inference(compare([machine, columns.of_part("2xh100")]), "capacity")
    assert asked.says == "of what fits on the 8 of prod.json, more than 159.3 GiB does not fit on 2xh100"


def test_speed_of_counted_devices_is_of_one_each_and_of_all_together() -> None:
    told = columns.compared("8xh100", "2xb200")
    for item in (columns.inference(told, "bandwidth"), columns.inference(told, "compute", "bf16")):
        assert "one device of 8xh100 is faster on one device of 2xb200" in item.says
        assert item.ratio.standing == "higher"
        assert item.caveats[-1].startswith("of one device each; all 2 against all 8, as far as the work spreads: 0.5")
    alike = columns.inference(columns.compared("8xh100", "8xb200"), "bandwidth")
    assert not [text for text in alike.caveats if "all 8" in text]


def test_capacity_falls_back_on_the_size_sold_and_says_so() -> None:
    item = columns.inference(columns.compared("h100", "v100s-pcie-32gb"), "capacity")
    assert item.arithmetic == "32 GiB / 79.6 GiB = 0.402x"
    assert item.caveats == ("a size as sold is among them: what a driver leaves of it is up to 7 % less",)


def test_links_of_different_makers_are_compared_in_total_and_one_by_one() -> None:
    item = columns.inference(columns.compared("h100", "mi300x"), "link")
    assert item.arithmetic == "896 / 900 GB/s both ways = 0.996x"
    assert item.ratio.standing == "same"
    (caveat,) = item.caveats
    assert caveat.startswith("nvlink against xgmi: ")
    assert caveat.endswith("h100 50, mi300x 128")


def test_a_missing_link_is_pcie() -> None:
    item = columns.inference(columns.compared("h100", "l40s"), "link")
    assert item.arithmetic == "63 / 900 GB/s both ways = 0.0700x"
    assert item.caveats == ("l40s has no link: PCI Express instead",)


@pytest.mark.parametrize(
    ("words", "dtype", "says"),
    [
        (
            ("rtx-4090", "h100"),
            "bf16",
            "163.9 to 295.1 FLOP/B: compute-bound on rtx-4090, memory-bound on h100; h100 is ahead at every intensity",
        ),
        (
            ("h20", "h100"),
            "bf16",
            "37 to 295.1 FLOP/B: compute-bound on h20, memory-bound on h100; h20 is ahead below 44.1 FLOP/B, h100 above it",
        ),
        (
            ("h100", "h200"),
            "bf16",
            "205.4 to 295.1 FLOP/B: compute-bound on h200, memory-bound on h100; h200 is ahead at every intensity (level where compute binds)",
        ),
        (("h100", "b200"), "bf16", "both turn at about 295.1 FLOP/B; b200 is ahead at every intensity"),
        (("h100", "h100"), "bf16", "both turn at about 295.1 FLOP/B"),
        (
            ("h100", "mi250x"),
            "fp32",
            "the sources do not decide which of 20 and 14.6 FLOP/B is higher; h100 is ahead at every intensity",
        ),
    ],
)
def test_where_the_bound_flips(words: tuple[str, str], dtype: str, says: str) -> None:
    assert columns.flip(columns.compared(*words), dtype).says == says


def test_no_flip_is_told_of_a_format_that_one_does_not_compute() -> None:
    told = columns.compared("a100", "b200", "h100/1g.10gb")
    assert {flip.dtype for flip in told.flips if flip.other == 1}.isdisjoint({"fp8", "fp6", "fp4"})
    assert not [flip for flip in told.flips if flip.other == 2]
