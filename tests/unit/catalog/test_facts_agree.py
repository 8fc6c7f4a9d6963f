"""Facts of one part must agree with each other, within stated tolerances."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from parity.catalog import store
from parity.model.spec import FACTS, DeviceSpec, derived_bandwidth_gbps
from parity.units import GIB

PARTS = [entry.id for entry in store.index()]

# Published bandwidths are rounded to two or three digits, and HBM parts are sold with figures that count
# disabled channels (B200: 7.7 by clock, 8.0 in print).
BANDWIDTH_TOLERANCE = 0.045
# Published dense rates are rounded, and are stated at a clock that only some datasheets name.
RATE_TOLERANCE = 0.03
# One HBM stack is 1024 bits wide; a GDDR or LPDDR channel is 16 or 32 bits.
HBM_CHANNEL_BITS = 64
GDDR_CHANNEL_BITS = 32


SPECS = [store.device_spec(name) for name in PARTS]


def having(*facts: str) -> pytest.MarkDecorator:
    """Run a test on the parts that have all of these facts sourced."""
    chosen = [spec for spec in SPECS if all(spec.number(fact) is not None for fact in facts)]
    return pytest.mark.parametrize("spec", chosen, ids=lambda spec: spec.id)


every_part = having()


def dense_rates(spec: DeviceSpec) -> dict[str, list[int]]:
    path = store.rules_folder() / "architectures" / f"{spec.arch}.yaml"
    if not path.exists():
        return {}
    rates: dict[str, list[int]] = yaml.safe_load(path.read_text(encoding="utf-8")).get("dense_flops_per_clock", {})
    return rates


RATED = [
    pytest.param(spec, name, per_clock, id=f"{spec.id}-{name}")
    for spec in SPECS
    for name, per_clock in dense_rates(spec).items()
    if spec.number(name) is not None
    and (spec.number("sm_count") or spec.number("cu_count"))
    and (spec.number("clock_rate_mhz") or spec.number("clock_boost_mhz"))
]


def test_enough_is_sourced_for_these_tests_to_mean_something() -> None:
    def count(*facts: str) -> int:
        return sum(all(spec.number(fact) is not None for fact in facts) for spec in SPECS)

    assert count("memory_clock_mhz", "memory_bus_width_bits", "memory_bandwidth_gbps") >= 80
    assert count("memory_bytes", "memory_bus_width_bits") >= 140
    assert count("memory_bytes", "memory_reported_bytes") >= 80
    assert len({param.id.rsplit("-", 1)[0] for param in RATED if param.id}) >= 100


@every_part
def test_every_fact_is_known_typed_and_sourced(spec: DeviceSpec) -> None:
    for name, fact in spec.facts.items():
        assert name in FACTS, f"{spec.id}: unknown fact {name}"
        kind = FACTS[name][0]
        for value in (fact.value, *(other.value for other in fact.conflicts)):
            accepted = (int, float) if kind is float else kind
            assert isinstance(value, accepted), f"{spec.id}: {name} is {value!r}, not {kind.__name__}"
            if kind is int:
                assert not isinstance(value, bool)
        for source in (fact.source, *(other.source for other in fact.conflicts)):
            assert source == "derived" or source in spec.sources, f"{spec.id}: {name}: no source {source!r}"
        assert fact.value not in [other.value for other in fact.conflicts], f"{spec.id}: {name} conflicts with itself"


@every_part
def test_sources_name_a_place_and_a_date(spec: DeviceSpec) -> None:
    for key, source in spec.sources.items():
        assert source.title, f"{spec.id}: {key}"
        assert source.where, f"{spec.id}: {key}"
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", source.read), f"{spec.id}: {key}: {source.read}"
        assert source.kind in {"device", "spec", "derived", "table"}, f"{spec.id}: {key}: {source.kind}"


@every_part
def test_identity_keys_are_well_formed(spec: DeviceSpec) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", spec.id)
    assert spec.vendor in {"nvidia", "amd"}
    if spec.vendor == "nvidia":
        assert re.fullmatch(r"\d+\.\d", spec.compute_capability)
        assert not spec.gfx_target
    else:
        assert re.fullmatch(r"gfx[0-9a-f]{3,4}", spec.gfx_target)
        assert not spec.compute_capability
    prefix = {"nvidia": "10de:", "amd": "1002:"}[spec.vendor]
    for pci in spec.pci_ids:
        assert re.fullmatch(prefix + "[0-9a-f]{4}", pci.id), f"{spec.id}: {pci.id}"
        assert all(re.fullmatch("[0-9a-f]{4}:[0-9a-f]{4}", item) for item in pci.subsystems)
        assert all(re.fullmatch("[0-9a-f]{2}", item) for item in pci.revisions)


@every_part
def test_the_facts_a_verdict_needs_are_there(spec: DeviceSpec) -> None:
    units = "sm_count" if spec.vendor == "nvidia" else "cu_count"
    needed = {units, "memory_bytes", "memory_type"}
    missing = needed - spec.facts.keys()
    assert not missing or spec.note, f"{spec.id}: {sorted(missing)} missing and no note says why"


@having("memory_clock_mhz", "memory_bus_width_bits", "memory_clock_factor", "memory_bandwidth_gbps")
def test_bandwidth_agrees_with_clock_width_and_factor(spec: DeviceSpec) -> None:
    derived, published = derived_bandwidth_gbps(spec), spec.number("memory_bandwidth_gbps")
    assert published == pytest.approx(derived, rel=BANDWIDTH_TOLERANCE), f"{spec.id}: {published} against {derived:.0f}"


@having("memory_bus_width_bits", "memory_bytes")
def test_memory_fits_its_channels(spec: DeviceSpec) -> None:
    width, memory = spec.number("memory_bus_width_bits"), spec.number("memory_bytes")
    assert width is not None
    assert memory is not None
    hbm = str(spec.value("memory_type")).startswith("HBM")
    channel = HBM_CHANNEL_BITS if hbm else GDDR_CHANNEL_BITS
    assert width % channel == 0, f"{spec.id}: {width} bit is not a number of {channel}-bit channels"
    assert memory % (GIB // 2) == 0, f"{spec.id}: {memory} bytes is not a number of half GiB"


@having("memory_reported_bytes", "memory_bytes")
def test_reported_memory_is_at_or_below_the_capacity_sold(spec: DeviceSpec) -> None:
    reported, sold = spec.number("memory_reported_bytes"), spec.number("memory_bytes")
    assert reported is not None
    assert sold is not None
    low = 0.75 if spec.value("memory_unified") else 0.915  # a module shows what firmware leaves of shared memory
    assert low * sold <= reported <= 1.001 * sold


@pytest.mark.parametrize(("spec", "name", "per_clock"), RATED)
def test_dense_rates_agree_with_units_and_clock(spec: DeviceSpec, name: str, per_clock: list[int]) -> None:
    units = spec.number("sm_count") or spec.number("cu_count")
    # Matrix rates are published at a clock of their own; vector rates at the maximum.
    vector = name in ("tflops_fp32", "tflops_fp64")
    clocks = [spec.number("clock_rate_mhz"), spec.number("clock_boost_mhz") if vector else None]
    clocks = [clock for clock in clocks if clock] or [spec.number("clock_boost_mhz")]
    published = spec.number(name)
    expected = [units * clock * rate / 1e6 for rate in per_clock for clock in clocks if units and clock]
    assert any(published == pytest.approx(value, rel=RATE_TOLERANCE) for value in expected), (
        f"{spec.id}: {name} {published} fits none of {[round(value, 1) for value in expected]} at {clocks} MHz"
    )


@every_part
def test_power_range_holds_the_default(spec: DeviceSpec) -> None:
    low, default, high = (spec.number(f"power_{name}_w") for name in ("min", "default", "max"))
    assert low is None or default is None or low <= default
    assert high is None or default is None or default <= high


@every_part
def test_partitions_are_smaller_than_the_part(spec: DeviceSpec) -> None:
    for partition in spec.partitions:
        assert partition.source in spec.sources, f"{spec.id}: {partition.profile}: no source {partition.source!r}"
        for have, whole in (
            (partition.sm_count, spec.number("sm_count")),
            (partition.cu_count, spec.number("cu_count")),
            (partition.memory_bytes, spec.number("memory_bytes")),
        ):
            assert have is None or whole is None or have <= whole


def test_names_aliases_and_files_do_not_collide() -> None:
    ids = {entry.id for entry in store.index()}
    aliases = [alias for entry in store.index() for alias in entry.aliases]
    assert len(aliases) == len(set(aliases)), sorted(alias for alias in aliases if aliases.count(alias) > 1)
    assert not ids & set(aliases)
    assert {path.stem for path in Path(store.rules_folder() / "devices").glob("*.yaml")} == ids


def test_one_pci_id_means_one_part_unless_other_evidence_decides() -> None:
    seen: dict[tuple[str, str, str], list[str]] = {}
    for entry in store.index():
        for pci in entry.pci_ids:
            for subsystem in pci.subsystems or ("",):
                for revision in pci.revisions or ("",):
                    seen.setdefault((pci.id, subsystem, revision), []).append(entry.id)
    by_id = {entry.id: entry for entry in store.index()}
    for key, parts in seen.items():
        facts = {
            (by_id[p].units, by_id[p].memory_bytes, by_id[p].reported_names, by_id[p].power_default_w) for p in parts
        }
        assert len(facts) == len(parts), f"{key} means {parts} and nothing tells them apart"
