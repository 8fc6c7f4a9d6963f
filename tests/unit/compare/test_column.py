"""One column: what a part, a slice, a module and a read device tell, and what they leave unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import columns
import machines
import msgspec
import pytest

from parity.catalog import store
from parity.compare.column import FORMATS, MAX_LABEL, column_of_target, rate_name
from parity.config.project import Project
from parity.config.target_entry import TargetEntry
from parity.config.targets import resolve_target
from parity.errors import NothingToJudgeError
from parity.model.absent import NOT_ASKED, Reading
from parity.model.compare import Told
from parity.model.fingerprint import Fingerprint
from parity.model.spec import FACTS

if TYPE_CHECKING:
    from parity.compare.column import Column


def test_every_number_of_the_catalog_is_there_for_every_part() -> None:
    names = {name for name, (kind, _) in FACTS.items() if kind in (int, float)}
    for entry in store.index():
        facts = columns.of_part(entry.id).facts
        assert names <= facts.keys()
        assert all(rate_name(dtype) in facts for dtype in FORMATS)


def test_each_source_of_a_fact_is_told_by_its_title() -> None:
    told = columns.of_part("b200").facts["memory_bandwidth_gbps"].told
    assert told == (
        Told(value=pytest.approx(7672.32), source="factor x clock x width / 8"),
        Told(value=7700, source="ai-dynamo/aiconfigurator@095f58a"),
        Told(value=8000, source="stas00/ml-engineering@744d01e"),
    )


@pytest.mark.parametrize(
    ("part", "total"),
    [("mi300x", 32), ("mi300a", 24), ("mi308x", 16), ("mi250x", 8), ("mi100", 8), ("rx-7900-xtx", 6), ("h100", 50)],
)
def test_the_l2_is_that_of_all_dies(part: str, total: int) -> None:
    assert columns.of_part(part).facts["l2_total_bytes"].value == total * 2**20


def test_the_l2_of_one_die_of_an_unknown_number_is_unknown() -> None:
    machine = machines.changed(machines.machine("mi300x"), {"identity.name": "AMD X999", "identity.cu_count": 999})
    (column,) = columns.of_machine(without(machine, "xcd_count", "pci_device_id"))
    assert column.part.part is None
    assert column.facts["l2_bytes"].value == 4 * 2**20
    assert column.facts["l2_total_bytes"].state == "unknown"


def test_a_module_that_shows_as_two_devices_lends_neither_its_power_nor_its_dies() -> None:
    facts = columns.of_part("mi250x").facts
    assert facts["power_default_w"].value == 500
    assert facts["own_power_w"].state == "unknown"
    assert facts["compute_dies"].value == 1
    told = columns.compared("h100", "mi250x")
    assert columns.cell(told, "tflops_bf16/power_default_w", 1).why == "the power covers both devices of the module"
    assert told.parts[1].notes == ("its power covers both devices of the module: figures per watt are unknown",)


@pytest.mark.parametrize("part", ["mi300a", "gb10"])
def test_the_power_of_a_chip_with_a_cpu_is_not_the_gpus(part: str) -> None:
    column = columns.of_part(part)
    assert column.facts["own_power_w"].state == "unknown"
    assert "CPU included" in column.part.notes[0]


def test_a_superchip_says_that_its_power_may_include_the_cpus() -> None:
    column = columns.of_part("gh200")
    assert column.facts["own_power_w"].value == 900
    assert "superchip" in column.part.notes[0]


@pytest.mark.parametrize(
    ("part", "absent"),
    [
        ("a100", {"fp8", "fp6", "fp4"}),
        ("h100", {"fp6", "fp4"}),
        ("mi300x", {"fp6", "fp4"}),
        ("v100-sxm2-32gb", {"tf32", "bf16", "fp8", "int8"}),
        ("b200", set()),
        ("mi355x", set()),
    ],
)
def test_formats_without_units_are_none(part: str, absent: set[str]) -> None:
    facts = columns.of_part(part).facts
    assert {dtype for dtype in FORMATS if facts[rate_name(dtype)].state == "none"} == absent


def test_a_part_without_a_link_talks_over_pcie() -> None:
    facts = columns.of_part("rtx-4090").facts
    assert facts["link_bandwidth_gbps"].state == "none"
    # generation 4, 16 lanes: 2 directions x 16 x 1.969 GB/s
    assert facts["peer_bandwidth_gbps"].value == pytest.approx(63.008)
    assert columns.of_part("h100").facts["peer_bandwidth_gbps"].value == 900


def test_a_slice_of_the_catalog_tells_its_share_only() -> None:
    column = columns.of_part("h100/1g.10gb")
    assert (column.part.slice, column.part.name) == ("1g.10gb", "NVIDIA H100 SXM5 80GB, slice 1g.10gb")
    known = {name for name, fact in column.facts.items() if fact.state == "known"}
    assert column.facts["unit_count"].value == 16
    assert column.facts["memory_reported_bytes"].value == 10468982784
    assert not known & {"memory_bytes", "memory_bandwidth_gbps", "tflops_bf16", "transistors", "power_default_w"}


def test_a_target_of_the_project_says_so_and_keeps_its_count() -> None:
    project = Project(where="parity.yaml", targets={"prod": TargetEntry(device="h100-sxm5-80gb", count=8)})
    column = column_of_target(resolve_target("prod", project, source="test"), asked="prod", of_project=True)
    assert (column.part.kind, column.part.label, column.part.count) == ("target", "prod", 8)


def without(machine: Fingerprint, *names: str) -> Fingerprint:
    """Return the machine with nobody asked for these."""
    device = machine.devices[0]
    identity = msgspec.structs.replace(device.identity, **dict.fromkeys(names, NOT_ASKED))
    return msgspec.structs.replace(machine, devices=(msgspec.structs.replace(device, identity=identity),))


def read(**changes: object) -> Column:
    machine = machines.changed(machines.machine("h100-sxm5-80gb"), dict(changes))
    (column,) = columns.of_machine(machine)
    return column


def test_a_reading_stands_alone_and_the_catalog_fills_what_nobody_reads() -> None:
    column = read(**{"identity.clock_boost_mhz": 1755})
    assert (column.part.kind, column.part.part) == ("fingerprint", "h100-sxm5-80gb")
    assert column.facts["clock_boost_mhz"].told == (Told(value=1755, source="example"),)
    assert column.facts["tflops_bf16"].value == 989.4
    assert column.facts["memory_bytes"].value == 85899345920  # as sold
    assert column.facts["memory_reported_bytes"].value == 85520809984  # as printed


@pytest.mark.parametrize("nonsense", [0, -5])
def test_a_reading_that_cannot_be_true_is_unknown(nonsense: int) -> None:
    fact = read(**{"identity.l2_bytes": nonsense}).facts["l2_bytes"]
    assert (fact.state, fact.why) == ("unknown", f"example says {nonsense}")


def test_a_lowered_power_limit_is_noted() -> None:
    assert read(**{"conditions.power_limit_w": 500.0}).part.notes == (
        "its power limit is 500 W of 700 W: figures per watt are of the default",
    )
    assert read(**{"conditions.power_limit_w": 700.0}).part.notes == ()


def test_devices_that_could_not_be_read_are_not_taken_for_more_of_the_same() -> None:
    machine = machines.machine("h100-sxm5-80gb")
    machine = msgspec.structs.replace(machine, device_count=Reading(value=8, source="test"))
    (column,) = columns.of_machine(machine)
    assert column.part.count == 1
    assert column.part.notes == ("8 devices are counted, 1 could be read",)


def test_of_several_candidates_only_what_they_share_is_told() -> None:
    machine = machines.changed(
        machines.machine("mi250x"),
        {"identity.name": "AMD Instinct MI250X / MI250", "identity.pci_device_id": "1002:740c"},
    )
    (column,) = columns.of_machine(without(machine, "cu_count", "pci_revision"))
    assert column.part.part is None
    assert "it may be mi250 or mi250x: only what these share is told" in column.part.notes
    assert column.facts["tflops_bf16"].state == "unknown"
    assert column.facts["tflops_bf16"].why == "mi250 and mi250x differ in it"
    assert column.facts["memory_bytes"].value == 68719476736


def test_evidence_that_contradicts_itself_names_no_part() -> None:
    column = read(**{"identity.sm_count": 50})
    assert column.part.part is None
    assert column.part.notes[0].startswith("only what was read is told, for its evidence contradicts itself: ")
    assert column.facts["tflops_bf16"].state == "unknown"
    assert column.facts["unit_count"].value == 50


@pytest.mark.parametrize(
    "machine", [Fingerprint(), Fingerprint(device_count=NOT_ASKED)], ids=["empty", "count not asked"]
)
def test_a_machine_without_devices_cannot_be_compared(machine: Fingerprint) -> None:
    with pytest.raises(NothingToJudgeError, match=r"^machine\.json: no visible device is in it"):
        columns.of_machine(machine)


@pytest.mark.parametrize(
    ("asked", "label"),
    [
        ("h100", "h100"),
        ("/data/run 7/prod.json", "prod.json"),
        ("C:\\data\\prod.json", "prod.json"),
        ("a100-sxm4-40gb/1g.5gb", "a100-sxm4-40gb/1g.5gb"),
        ("a-fingerprint-of-production.json", "a-fingerprint-of-pro.."),
        ("evil\x1b[31m.json", "evil\\x1b[31m.json"),
        ("/", "/"),
    ],
)
def test_a_label_is_short_and_safe(asked: str, label: str) -> None:
    (column,) = columns.of_machine(machines.machine("h100-sxm5-80gb"), asked)
    assert len(column.part.label) <= MAX_LABEL
    assert column.part.label == label


def test_a_hostile_name_cannot_steer_the_terminal() -> None:
    column = read(**{"identity.name": "NVIDIA H100 80GB HBM3\x1b[2J\n\u202eevil"})
    assert column.part.name == "NVIDIA H100 80GB HBM3\\x1b[2J\\n\\u202eevil"
