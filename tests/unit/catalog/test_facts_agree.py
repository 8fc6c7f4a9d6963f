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
# disabled channels (B200: 7.7 by clock, 8.0 in print). Field notes gpu-identity section 4.
BANDWIDTH_TOLERANCE = 0.045
# Published dense rates are rounded, and are stated at a clock that only some datasheets name.
RATE_TOLERANCE = 0.03
# One HBM stack is 1024 bits wide; a GDDR or LPDDR channel is 16 or 32 bits.
HBM_CHANNEL_BITS = 64
GDDR_CHANNEL_BITS = 32


@pytest.fixture(params=PARTS)
def spec(request: pytest.FixtureRequest) -> DeviceSpec:
    return store.device_spec(request.param)


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


def test_sources_name_a_place_and_a_date(spec: DeviceSpec) -> None:
    for key, source in spec.sources.items():
        assert source.title and source.where, f"{spec.id}: {key}"
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", source.read), f"{spec.id}: {key}: {source.read}"
        assert source.kind in {"device", "spec", "derived", "table"}, f"{spec.id}: {key}: {source.kind}"


def test_identity_keys_are_well_formed(spec: DeviceSpec) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", spec.id)
    assert spec.vendor in {"nvidia", "amd"}
    if spec.vendor == "nvidia":
        assert re.fullmatch(r"\d+\.\d", spec.compute_capability) and not spec.gfx_target
    else:
        assert re.fullmatch(r"gfx[0-9a-f]{3,4}", spec.gfx_target) and not spec.compute_capability
    prefix = {"nvidia": "10de:", "amd": "1002:"}[spec.vendor]
    for pci in spec.pci_ids:
        assert re.fullmatch(prefix + "[0-9a-f]{4}", pci.id), f"{spec.id}: {pci.id}"
        assert all(re.fullmatch("[0-9a-f]{4}:[0-9a-f]{4}", item) for item in pci.subsystems)
        assert all(re.fullmatch("[0-9a-f]{2}", item) for item in pci.revisions)


def test_the_facts_a_verdict_needs_are_there(spec: DeviceSpec) -> None:
    units = "sm_count" if spec.vendor == "nvidia" else "cu_count"
    needed = {units, "memory_bytes", "memory_type"}
    missing = needed - spec.facts.keys()
    assert not missing or spec.note, f"{spec.id}: {sorted(missing)} missing and no note says why"


def test_bandwidth_agrees_with_clock_width_and_factor(spec: DeviceSpec) -> None:
    derived, published = derived_bandwidth_gbps(spec), spec.number("memory_bandwidth_gbps")
    if derived is None or published is None:
        pytest.skip("not all of clock, width, factor and bandwidth are sourced")
    assert published == pytest.approx(derived, rel=BANDWIDTH_TOLERANCE), f"{spec.id}: {published} against {derived:.0f}"


def test_memory_fits_its_channels(spec: DeviceSpec) -> None:
    width, memory = spec.number("memory_bus_width_bits"), spec.number("memory_bytes")
    if width is None or memory is None:
        pytest.skip("width or capacity not sourced")
    hbm = str(spec.value("memory_type")).startswith("HBM")
    channel = HBM_CHANNEL_BITS if hbm else GDDR_CHANNEL_BITS
    assert width % channel == 0, f"{spec.id}: {width} bit is not a number of {channel}-bit channels"
    assert memory % (GIB // 2) == 0, f"{spec.id}: {memory} bytes is not a number of half GiB"


def test_reported_memory_is_at_or_below_the_capacity_sold(spec: DeviceSpec) -> None:
    reported, sold = spec.number("memory_reported_bytes"), spec.number("memory_bytes")
    if reported is None or sold is None:
        pytest.skip("not both are sourced")
    assert 0.93 * sold <= reported <= 1.001 * sold


def test_dense_rates_agree_with_units_and_clock(spec: DeviceSpec) -> None:
    folder = store.rules_folder() / "architectures"
    path = folder / f"{spec.arch}.yaml"
    rates = yaml.safe_load(path.read_text(encoding="utf-8")).get("dense_flops_per_clock", {}) if path.exists() else {}
    units = spec.number("sm_count") or spec.number("cu_count")
    clock = spec.number("clock_rate_mhz") or spec.number("clock_boost_mhz")
    checked = 0
    for name, per_clock in rates.items():
        published = spec.number(name)
        if published is None or units is None or clock is None:
            continue
        expected = [units * clock * rate / 1e6 for rate in per_clock]
        assert any(published == pytest.approx(value, rel=RATE_TOLERANCE) for value in expected), (
            f"{spec.id}: {name} {published} fits none of {[round(value, 1) for value in expected]} at {clock} MHz"
        )
        checked += 1
    if not checked:
        pytest.skip("no rate with units, clock and a per-clock figure")


def test_power_range_holds_the_default(spec: DeviceSpec) -> None:
    low, default, high = (spec.number(f"power_{name}_w") for name in ("min", "default", "max"))
    assert low is None or default is None or low <= default
    assert high is None or default is None or default <= high


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
        facts = {(by_id[p].units, by_id[p].memory_bytes, by_id[p].reported_names, by_id[p].power_default_w) for p in parts}
        assert len(facts) == len(parts), f"{key} means {parts} and nothing tells them apart"
