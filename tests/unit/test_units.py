"""Units: what a printed number may lose, and what it must keep."""

import pytest

from parity.units import GIB, MIB, fewest_digits, format_bytes, format_fact, format_ratio, peak_memory_bandwidth_gbps


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (-0.0, "0"),
        (132, "132"),
        (999.96, "1000"),
        (1000.4, "1000"),
        (3352.32, "3352"),
        (10.04, "10"),
        (10.06, "10.1"),
        (9.995, "9.99"),
        (0.301, "0.3"),
        (0.945, "0.94"),
        (-17.25, "-17.2"),
        (123456789, "123456789"),
    ],
)
def test_a_number_keeps_the_digits_that_decide(number: float, text: str) -> None:
    assert fewest_digits(number) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1 KiB"),
        (MIB - 1024, "1023 KiB"),
        (50 * MIB, "50 MiB"),
        (GIB, "1 GiB"),
        (85520809984, "79.6 GiB"),
        (-80 * GIB, "-80 GiB"),
    ],
)
def test_bytes_are_told_in_the_binary_unit_that_fits(count: int, text: str) -> None:
    assert format_bytes(count) == text


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("memory_bytes", 80 * GIB, "80 GiB"),
        ("memory_bandwidth_gbps", 3352.32, "3352 GB/s"),
        ("memory_bandwidth_gbps_measured", 3051.9, "3052 GB/s"),
        ("pcie_rate_gbit_s", 64, "64 Gbit/s"),
        ("memory_bus_width_bits", 5120, "5120 bit"),
        ("clock_boost_mhz", 1980, "1980 MHz"),
        ("power_default_w", 700.0, "700 W"),
        ("temperature_c", 35, "35 C"),
        ("throttle_power_ns", 12, "12 ns"),
        ("energy_mj", 12, "12 mJ"),
        ("utilization_gpu_percent", 5, "5 %"),
        ("tflops_bf16", 989.4, "989 TFLOPS"),
        ("tflops_fp64", 33.5, "33.5 TFLOPS"),
        ("tops_int8", 1978.9, "1979 TOPS"),
        ("memory_type", "HBM3", "HBM3"),
        ("memory_unified", True, "yes"),
        ("memory_unified", False, "no"),
        ("sm_count", None, "-"),
        ("sm_count", 132, "132"),
    ],
)
def test_a_fact_is_printed_with_the_unit_of_its_name(name: str, value: object, text: str) -> None:
    assert format_fact(name, value) == text


def test_a_ratio_has_two_digits_and_an_absent_one_none() -> None:
    assert [format_ratio(ratio) for ratio in (0.3007, 1, 12.345, None)] == ["0.30x", "1.00x", "12.35x", ""]


def test_bandwidth_counts_two_transfers_per_clock_unless_told() -> None:
    told = peak_memory_bandwidth_gbps(memory_clock_mhz=2619, memory_bus_width_bits=5120)
    assert told == pytest.approx(3352.3, abs=0.05)
    four = peak_memory_bandwidth_gbps(memory_clock_mhz=2619, memory_bus_width_bits=5120, memory_clock_factor=4)
    assert four == 2 * told
