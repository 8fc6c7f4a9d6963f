"""Whatever a fingerprint says, a comparison is told, safely, and never with a number that nobody gave."""

from __future__ import annotations

import math

import columns
import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parity.compare.comparison import compare
from parity.model.absent import Absent, Reading
from parity.model.compare import Comparison
from parity.model.device import Device, DeviceConditions, DeviceIdentity, Locator
from parity.model.fingerprint import Fingerprint
from parity.model.partition import Partition
from parity.reports import compare_markdown, compare_text

wild_text = st.text(max_size=300) | st.sampled_from(
    ["nvidia", "amd", "NVIDIA H100 80GB HBM3", "10de:2330", "9.0", "gfx942"]
)
wild_number = (
    st.integers(-(10**30), 10**30) | st.floats(allow_nan=True) | st.sampled_from([0, 132, 5120, 2619, 85520809984, 304])
)
partition = st.builds(
    Partition,
    kind=st.sampled_from(["none", "mig", "vgpu", "compute", "odd"]),
    profile=st.sampled_from(["", "1g.10gb", "CPX"]),
)
TEXTS = ("vendor", "name", "pci_device_id", "compute_capability", "gfx_target", "memory_type", "link_type")
NUMBERS = (
    "sm_count", "cu_count", "xcd_count", "memory_bytes", "memory_bus_width_bits", "memory_clock_mhz", "l2_bytes",
    "memory_bandwidth_gbps", "infinity_cache_bytes", "clock_boost_mhz", "power_default_w", "link_count",
    "link_bandwidth_gbps", "pcie_generation", "pcie_width",
)  # fmt: skip


def maybe(values: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    reading = values.map(lambda value: Reading(value=value, source="fuzz"))
    return reading | st.just(Absent(why="failed", source="fuzz", detail="\x1b[31mno\n"))


identities = st.fixed_dictionaries(
    {},
    optional={
        **{name: maybe(wild_text) for name in TEXTS},
        **{name: maybe(wild_number) for name in NUMBERS},
        "partition": maybe(partition),
    },
).map(lambda values: DeviceIdentity(**values))
devices = st.builds(
    lambda number, identity, limit: Device(
        locator=Locator(index=number), identity=identity, conditions=DeviceConditions(power_limit_w=limit)
    ),
    st.integers(0, 10**6),
    identities,
    maybe(wild_number),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(devices, min_size=1, max_size=3), wild_text)
def test_anything_is_compared_and_told(found: list[Device], asked: str) -> None:
    made = columns.of_machine(Fingerprint(devices=tuple(found)), asked)
    told = compare([columns.of_part("h100"), *made])
    for row in (*told.raw, *told.normalised, *told.ridges):
        for cell in row.cells:
            assert (cell.value is None) == (cell.state != "known")
            assert cell.value is None or (math.isfinite(cell.value) and cell.value > 0)
    assert len({part.label for part in told.parts}) == len(told.parts)
    assert msgspec.json.decode(msgspec.json.encode(told), type=Comparison) == told
    for text in (compare_text.render(told, verbose=True), compare_markdown.render(told)):
        assert all(character.isprintable() for line in text.split("\n") for character in line)
    assert all(len(line) <= 80 for line in compare_text.render(told, width=80).splitlines())
