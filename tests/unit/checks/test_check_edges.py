"""Edges and directions of checks that no rule card's example covers."""

from __future__ import annotations

import importlib
from typing import Any

import machines
import msgspec
import pytest

from parity import session
from parity.catalog import store
from parity.catalog.as_fingerprint import as_fingerprint
from parity.checks.compare_fact import compare_fact
from parity.checks.subject import Machine, Subject
from parity.model.absent import Absent, Reading
from parity.model.device import Device, DeviceConditions, Process
from parity.model.environment import EnvironmentCard
from parity.model.finding import Mismatch
from parity.model.fingerprint import Fingerprint, Library, Link, Stack
from parity.model.partition import Partition
from parity.model.spec import Source

replace = msgspec.structs.replace
H100 = "h100-sxm5-80gb"
GIB = 2**30


def reading(value: Any) -> Reading[Any]:
    return Reading(value=value, source="test")


def subjects(fingerprint: Fingerprint) -> tuple[Subject, ...]:
    found = session.identify_all(fingerprint)
    specs = [store.device_spec(item.candidates[0]) if item.candidates else None for item in found]
    return tuple(Subject(item, spec) for item, spec in zip(found, specs, strict=True))


def subject(part: str = H100, **conditions: Any) -> Subject:
    whole = machines.machine(part)
    observed = {
        name: value if isinstance(value, (Reading, Absent)) else reading(value) for name, value in conditions.items()
    }
    device = replace(whole.devices[0], conditions=DeviceConditions(**observed))
    return subjects(replace(whole, devices=(device,)))[0]


def machine(fingerprint: Fingerprint, cards: tuple[EnvironmentCard, ...] = ()) -> Machine:
    return Machine(fingerprint, subjects(fingerprint), cards, store.stack_facts())


def said(check: str, here: Subject | Machine, target: str = H100, **settings: Any) -> list[Mismatch | Absent]:
    module = importlib.import_module(f"parity.checks.{check}")
    return list(module.check(here, machines.target(target), **settings))


def texts(items: list[Mismatch | Absent]) -> list[str]:
    return [item.here if isinstance(item, Mismatch) else f"unknown: {item.detail}" for item in items]


BUSY: dict[str, Any] = {"memory_residue_bytes": 3 * GIB // 2, "utilization_percent": 5}
PYTHON = Process(pid=7, kind="compute", name="/usr/bin/python3", memory_bytes=GIB)
DESKTOP = Process(pid=8, kind="graphics", name="Xorg")


@pytest.mark.parametrize(
    ("conditions", "told"),
    [
        ({"processes": (PYTHON,), "memory_used_bytes": 0}, ["1 compute process"]),
        ({"processes": (PYTHON, PYTHON, DESKTOP), "memory_used_bytes": 0}, ["2 compute processes"]),
        ({"processes": (DESKTOP,), "memory_used_bytes": GIB}, []),
        ({"processes": (), "memory_used_bytes": 3 * GIB}, ["3 GiB in use"]),  # hidden by a container
        ({"processes": (), "memory_used_bytes": 3 * GIB // 2}, []),
        ({"processes": (), "memory_used_bytes": 3 * GIB // 2 + 1}, ["1.5 GiB in use"]),
        ({"memory_used_bytes": GIB, "utilization_gpu_percent": 5}, []),
        ({"memory_used_bytes": GIB, "utilization_gpu_percent": 6}, ["6 % busy"]),
    ],
)
def test_others_show_as_processes_memory_or_load(conditions: dict[str, Any], told: list[str]) -> None:
    assert texts(said("other_processes", subject(**conditions), **BUSY)) == told


@pytest.mark.parametrize("utilization", [0, None])
@pytest.mark.parametrize("processes", [(), None])
def test_an_empty_list_and_no_load_do_not_stand_for_memory_nobody_read(
    processes: tuple[()] | None, utilization: int | None
) -> None:
    conditions: dict[str, Any] = {"memory_used_bytes": Absent(why="no_permission", source="nvml", detail="denied")}
    if processes is not None:
        conditions["processes"] = processes
    if utilization is not None:
        conditions["utilization_gpu_percent"] = utilization
    assert texts(said("other_processes", subject(**conditions), **BUSY)) == ["unknown: denied"]


@pytest.mark.parametrize(
    ("now", "busy", "reasons", "told"),
    [
        (8, 90, (), ["x8"]),
        (8, 90, ("sw-power-cap",), ["x8"]),
        (8, 90, ("idle",), []),
        (8, 0, (), []),
        (8, None, (), []),  # nobody says it is under load
        (16, 90, (), []),
        (0, 90, (), []),  # no width is no width
    ],
)
def test_a_narrow_link_counts_only_under_load(
    now: int, busy: int | None, reasons: tuple[str, ...], told: list[str]
) -> None:
    conditions: dict[str, Any] = {"pcie_width_now": now, "throttle_reasons": reasons}
    if busy is not None:
        conditions["utilization_gpu_percent"] = busy
    assert texts(said("pcie_narrowed", subject(**conditions))) == told


def joined(count: int, *links: Link, active: dict[int, int] | None = None) -> Machine:
    whole = as_fingerprint(store.device_spec(H100), count=count)
    devices = list(whole.devices)
    for index, number in (active or {}).items():
        devices[index] = replace(devices[index], conditions=DeviceConditions(link_active_count=reading(number)))
    return machine(replace(whole, devices=tuple(devices), links=links))


def nvlink(a: int, b: int) -> Link:
    return Link(a=a, b=b, kind="nvlink", count=18, path="NV18")


def test_every_pair_must_be_told() -> None:
    three = (nvlink(0, 1), nvlink(0, 2), nvlink(1, 2))
    assert said("link_incomplete", joined(3, *three)) == []
    assert texts(said("link_incomplete", joined(3, *three[:2]))) == ["unknown: only 2 pairs are told"]


def test_links_of_hidden_devices_do_not_count() -> None:
    assert said("link_incomplete", joined(2, nvlink(0, 1), Link(a=0, b=7, kind="pcie"))) == []


def test_the_first_missing_pairs_are_named() -> None:
    pairs = [Link(a=a, b=b, kind="pcie", path="SYS") for a in range(4) for b in range(a + 1, 4)]
    [found] = said("link_incomplete", joined(4, *pairs))
    assert isinstance(found, Mismatch)
    assert found.here == "6 of 6 pairs without nvlink"
    assert found.message.endswith("0-1 SYS, 0-2 SYS, 0-3 SYS, 1-2 SYS and 2 more")


def test_inactive_links_are_told_per_device() -> None:
    found = said("link_incomplete", joined(2, nvlink(0, 1), active={0: 18, 1: 16}))
    assert texts(found) == ["16 links"]
    assert isinstance(found[0], Mismatch)
    assert (found[0].subject, found[0].ratio) == ("GPU 1 (NVIDIA H100 80GB HBM3)", 0.8889)


def test_inactive_links_are_enough_where_no_pair_is_told() -> None:
    assert texts(said("link_incomplete", joined(2, active={0: 0, 1: 0}))) == ["0 links", "0 links"]


def test_another_vendors_links_are_not_asked_for() -> None:
    assert said("link_incomplete", joined(2, nvlink(0, 1)), target="2xmi300x") == []


def copies(*versions: str, names: tuple[str, ...] = ("libcudnn",)) -> Machine:
    libraries = tuple(
        Library(name=name, path=f"/{number}/{name}.so", version=version)
        for name in names
        for number, version in enumerate(versions)
    )
    return machine(replace(machines.machine(H100), stack=Stack(libraries=libraries)))


@pytest.mark.parametrize(
    ("versions", "found"),
    [
        (("9.1.0", "9.8.0"), 1),
        (("8.9.7", "9.8.0"), 1),
        (("9.8.0", "9.8.0"), 0),
        (("9.8.0", "9.8.1"), 0),  # of one minor version
        (("9.8.0.87", "9.8"), 0),
        (("12", "12.8.90"), 0),  # libcudart.so.12 beside its wheel
        (("12", "13.0.48"), 1),
        (("12", "12.4.1", "12.8.90"), 1),
        (("", "12.8.90"), 0),
        (("",), 0),
    ],
)
def test_copies_differ_by_major_and_minor_as_far_as_told(versions: tuple[str, ...], found: int) -> None:
    assert len(said("duplicate_cuda_library", copies(*versions))) == found


def test_each_library_is_told_once_with_its_places() -> None:
    told = said("duplicate_cuda_library", copies("12.4.1", "12.8.90", names=("libnvrtc", "libcudart")))
    assert [item.subject for item in told if isinstance(item, Mismatch)] == ["libcudart", "libnvrtc"]
    assert isinstance(told[0], Mismatch)
    assert "12.4.1: /0/libcudart.so; 12.8.90: /1/libcudart.so" in told[0].message


def card(
    name: str, severity: Any = "error", harmful: tuple[str, ...] = (), kind: str = "serialises"
) -> EnvironmentCard:
    return EnvironmentCard(
        name=name, vendor="any", kind=kind, severity=severity, effect="It slows.", mend="unset it", harmful=harmful,
        source=Source(title="t", where="w", read="2026-11-22"),
    )  # fmt: skip


def variables(card_: EnvironmentCard, **environment: str) -> list[str]:
    whole = replace(machines.machine(H100), environment=environment)
    found = said("environment_set", machine(whole, (card_,)), severity="error")
    return [item.subject for item in found if isinstance(item, Mismatch)]


@pytest.mark.parametrize(
    ("harmful", "value", "found"),
    [
        ((), "", True),
        ((), "0", True),
        (("nonzero",), "", False),
        (("nonzero",), "0", False),
        (("nonzero",), "1", True),
        (("nonzero",), "2", True),
        (("1", "true"), "TRUE", True),
        (("1", "true"), "0", False),
        (("nonzero", "0"), "0", True),
        (("<100",), "50", True),
        (("<100",), "100", False),
        (("<100",), "half", False),
    ],
)
def test_a_value_is_harmful_or_not(harmful: tuple[str, ...], value: str, found: bool) -> None:
    assert variables(card("X", harmful=harmful), X=value) == (["X"] if found else [])


def test_a_star_stands_for_any_ending() -> None:
    assert variables(card("NCCL_P2P_*"), NCCL_P2P_LEVEL="1", NCCL_P2P_="1", NCCL_P2="1", XNCCL_P2P_A="1") == [
        "NCCL_P2P_",
        "NCCL_P2P_LEVEL",
    ]


def test_a_name_without_a_star_is_the_whole_name() -> None:
    assert variables(card("NCCL_P2P"), NCCL_P2P="1", NCCL_P2P_LEVEL="1", nccl_p2p="1") == ["NCCL_P2P"]


def test_a_card_of_another_severity_is_another_rules_business() -> None:
    assert variables(card("X", severity="warning"), X="1") == []


def test_the_finding_names_variable_and_value() -> None:
    whole = replace(machines.machine(H100), environment={"X": "7"})
    [found] = said("environment_set", machine(whole, (card("X"),)), severity="error")
    assert isinstance(found, Mismatch)
    assert (found.here, found.wanted, found.message) == ("X=7", "unset", "is set to '7': It slows.")
    assert found.mend.endswith("unset it")


def test_no_variable_is_spoken_of_by_two_cards() -> None:
    cards = store.environment_cards()
    doubled = [
        (one.name, other.name)
        for one in cards
        for other in cards
        if one is not other and one.named(other.name.rstrip("*"))
    ]
    assert doubled == []


FACT = {"fact": "unit_count", "what": "units"}


@pytest.mark.parametrize(
    ("part", "bounds", "found"),
    [
        ("h100-pcie-80gb", {"at_least": 0.95, "at_most": None}, True),  # 114 of 132
        ("h100-pcie-80gb", {"at_least": None, "at_most": 1.05}, False),
        ("h100-pcie-80gb", {"at_least": 0.80, "at_most": None}, False),
        ("b200-sxm-180gb", {"at_least": 0.95, "at_most": None}, False),  # 148 of 132
        ("b200-sxm-180gb", {"at_least": None, "at_most": 1.05}, True),
        ("mi300x", {"at_least": 0.95, "at_most": 1.05}, False),  # CUs are no SMs
    ],
)
def test_a_comparison_speaks_in_its_direction_only(part: str, bounds: dict[str, float | None], found: bool) -> None:
    told = list(compare_fact(subject(part), machines.target(H100), **FACT, **bounds))  # type: ignore[arg-type]
    assert bool(told) is found


def test_a_comparison_at_its_bound_holds() -> None:
    device = machines.machine("rtx-4090").devices[0]
    identity = replace(device.identity, memory_bytes=reading(80 * GIB // 2))
    half = subjects(Fingerprint(devices=(replace(device, identity=identity),)))[0]
    given: dict[str, Any] = {"fact": "memory_bytes", "what": "memory"}
    assert list(compare_fact(half, machines.target(H100), **given, at_least=0.5, at_most=0.5)) == []
    assert len(list(compare_fact(half, machines.target(H100), **given, at_least=0.51, at_most=None))) == 1
    assert len(list(compare_fact(half, machines.target(H100), **given, at_least=None, at_most=0.49))) == 1


def sliced(part: str, partition: Partition) -> Subject:
    whole: Device = machines.machine(part).devices[0]
    identity = replace(whole.identity, partition=reading(partition))
    return subjects(Fingerprint(devices=(replace(whole, identity=identity),)))[0]


@pytest.mark.parametrize(
    ("part", "partition", "target", "mend"),
    [
        (
            "mi300x",
            Partition(kind="compute", profile="CPX", memory_mode="NPS4"),
            "mi300x",
            "Use a whole GPU, or declare the partition: `device: mi300x` with `partition: CPX+NPS4`.",
        ),
        (
            "a100-sxm4-40gb",
            Partition(kind="mig", profile="1g.5gb"),
            "a100-sxm4-40gb/2g.10gb",
            "Use a MIG slice 2g.10gb.",
        ),
        (
            "a100-sxm4-40gb",
            Partition(kind="none"),
            "a100-sxm4-40gb/2g.10gb",
            "Use a MIG slice 2g.10gb, or declare the whole part as the target.",
        ),
        ("a100-sxm4-40gb", Partition(kind="vgpu", profile="GRID A100-10C"), "a100-sxm4-40gb", "Use a whole GPU."),
    ],
)
def test_the_mend_of_a_partition_names_this_part(part: str, partition: Partition, target: str, mend: str) -> None:
    [found] = said("partition_differs", sliced(part, partition), target=target)
    assert isinstance(found, Mismatch)
    assert found.mend == mend


@pytest.mark.parametrize("target", ["a100-sxm4-40gb/1g.5gb", "A100-SXM4-40GB/mig-1G.5GB"])
def test_a_declared_slice_is_no_finding(target: str) -> None:
    here = sliced("a100-sxm4-40gb", Partition(kind="mig", profile="1g.5gb"))
    assert said("partition_differs", here, target=target) == []


def test_a_partition_nobody_read_is_settled_by_the_full_number_of_units() -> None:
    device = machines.machine("a100-sxm4-40gb").devices[0]
    unread = Absent(why="failed", source="nvml", detail="x")
    for count, told in ((108, []), (98, ["unknown: x"])):
        identity = replace(device.identity, partition=unread, sm_count=reading(count))
        here = subjects(Fingerprint(devices=(replace(device, identity=identity),)))[0]
        assert texts(said("partition_differs", here, target="a100-sxm4-40gb")) == told


@pytest.mark.parametrize(
    ("name", "value", "grade"),
    [
        ("CUBLAS_WORKSPACE_CONFIG", ":0:0", "error"),
        ("CUBLAS_WORKSPACE_CONFIG", ":4096:8", "warning"),
        ("LD_PRELOAD", "/usr/lib/libjemalloc.so.2", "note"),
        ("LD_PRELOAD", "/opt/libvGPU.so", "warning"),
        ("LD_PRELOAD", "", ""),
        ("NVIDIA_TF32_OVERRIDE", "0", "error"),
        ("NVIDIA_TF32_OVERRIDE", "1", ""),
    ],
)
def test_the_value_grades_a_variable(name: str, value: str, grade: str) -> None:
    here = machine(replace(machines.machine(H100), environment={name: value}), store.environment_cards())
    found = [one for one in ("error", "warning", "note") if said("environment_set", here, severity=one)]
    assert found == ([grade] if grade else [])


@pytest.mark.parametrize(("value", "fakes"), [("gfx942;gfx950", 0), ("native", 0), ("gfx950", 1), ("gfx90a", 1)])
def test_a_list_that_names_what_is_there_fakes_nothing(value: str, fakes: int) -> None:
    here = machine(replace(machines.machine("mi300x"), environment={"GPU_ARCHS": value}), store.environment_cards())
    assert len(said("faked_architecture", here, target="mi300x")) == fakes
