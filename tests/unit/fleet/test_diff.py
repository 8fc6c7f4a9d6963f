"""Two machines compared: changed, or told by one side only; never mixed up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import machines
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parity.catalog import store
from parity.catalog.as_fingerprint import as_fingerprint
from parity.fleet.diff import GATED, MachineDiff, compare
from parity.fleet.moving import VOLATILE
from parity.model.absent import Absent, Reading
from parity.model.device import Device, DeviceConditions, DeviceIdentity, Process
from parity.model.fingerprint import Fingerprint, Library, Link, Origin, Stack
from parity.model.partition import Partition

if TYPE_CHECKING:
    from parity.model.difference import Difference

replace = msgspec.structs.replace
H100 = "h100-sxm5-80gb"


def between(a: Fingerprint, b: Fingerprint) -> MachineDiff:
    return compare(a, b, names=("a", "b"))


def told(a: Fingerprint, b: Fingerprint) -> dict[str, Difference]:
    return {item.name: item for item in between(a, b).differences}


def reading(value: Any) -> Reading[Any]:
    return Reading(value=value, source="test")


def each(count: int, **changes: dict[int, Any]) -> Fingerprint:
    """Return a machine of so many H100s; ``sm_count={1: 66}`` gives GPU 1 another value."""
    whole = as_fingerprint(store.device_spec(H100), count=count)
    devices = list(whole.devices)
    for name, values in changes.items():
        for index, value in values.items():
            devices[index] = replace(
                devices[index], identity=replace(devices[index].identity, **{name: reading(value)})
            )
    return replace(whole, devices=tuple(devices))


def stack(**components: str) -> Fingerprint:
    return Fingerprint(stack=Stack(components={name: reading(version) for name, version in components.items()}))


def test_a_machine_does_not_differ_from_itself() -> None:
    assert between(each(8), each(8)) == MachineDiff(a="a", b="b", drifted=False, differences=())


def test_a_changed_value_is_told_with_units_and_ratio() -> None:
    found = told(machines.machine(H100), machines.machine("rtx-4090"))["memory_bytes"]
    assert (found.kind, found.section, found.subject) == ("changed", "identity", "GPU 0")
    assert (found.a, found.b) == ("79.6 GiB", "24 GiB")
    assert found.ratio == pytest.approx(0.301, abs=1e-3)
    assert between(machines.machine(H100), machines.machine("rtx-4090")).drifted


@pytest.mark.parametrize("why", ["not_asked", "failed", "lost", "no_permission"])
def test_what_one_side_cannot_read_is_never_drift(why: Any) -> None:
    whole = machines.machine(H100)
    device = whole.devices[0]
    gone = Absent(why=why, source="nvml:test")
    less = replace(whole, devices=(replace(device, identity=replace(device.identity, sm_count=gone)),))
    for a, b, kind in ((whole, less, "only-a"), (less, whole, "only-b")):
        comparison = between(a, b)
        assert [(item.name, item.kind) for item in comparison.differences] == [("sm_count", kind)]
        assert not comparison.drifted
    assert between(less, less).differences == ()


def test_a_component_that_one_side_does_not_tell_is_no_drift() -> None:
    comparison = between(stack(driver="580.95.05", torch="2.9.0"), stack(driver="580.95.05"))
    assert [(item.name, item.kind) for item in comparison.differences] == [("torch", "only-a")]
    assert not comparison.drifted


def test_a_component_that_changed_is_drift() -> None:
    comparison = between(stack(driver="580.95.05"), stack(driver="570.86.15"))
    assert comparison.drifted
    assert [(item.section, item.a, item.b) for item in comparison.differences] == [("stack", "580.95.05", "570.86.15")]


def test_a_package_missing_beside_others_is_drift_and_a_list_missing_as_a_whole_is_not() -> None:
    both = Fingerprint(stack=Stack(packages={"vllm": "0.11", "xformers": "0.0.32"}))
    one = Fingerprint(stack=Stack(packages={"vllm": "0.11"}))
    missing = told(both, one)["xformers"]
    assert (missing.kind, missing.b) == ("changed", "")
    assert {item.kind for item in told(both, Fingerprint()).values()} == {"only-a"}
    assert not between(both, Fingerprint()).drifted


def test_an_unset_variable_is_drift_only_between_machines_that_were_asked() -> None:
    variable = {"NCCL_P2P_DISABLE": "1"}
    live, other = Fingerprint(environment=variable), Fingerprint()
    assert between(live, other).drifted
    report = Fingerprint(environment=variable, origin=Origin(kind="report"))
    assert not between(report, other).drifted
    assert told(report, other)["NCCL_P2P_DISABLE"].kind == "only-a"


def value_for(kind: type, name: str, salt: int) -> Any:
    """Return a value that the field accepts, another one for another salt."""
    for value in (salt, float(salt), f"text {salt}", bool(salt % 2), (f"text {salt}",)):
        try:
            return msgspec.convert({"type": "reading", "value": value, "source": "t"}, field_type(kind, name))
        except msgspec.ValidationError:
            continue
    return reading((Process(pid=salt, kind="compute"),))


def field_type(kind: type, name: str) -> Any:
    return next(field.type for field in msgspec.structs.fields(kind) if field.name == name)


def with_value(device: Device, block: str, name: str, salt: int) -> Device:
    own = getattr(device, block)
    return replace(device, **{block: replace(own, **{name: value_for(type(own), name, salt)})})


@pytest.mark.parametrize("name", sorted(VOLATILE & {*DeviceConditions.__struct_fields__}))
def test_volatile_values_are_not_even_told(name: str) -> None:
    device = machines.machine(H100).devices[0]
    a, b = (Fingerprint(devices=(with_value(device, "conditions", name, salt),)) for salt in (1, 2))
    assert a != b
    assert between(a, b).differences == ()


def test_every_volatile_name_is_a_field_and_none_is_identity() -> None:
    fields = {*DeviceConditions.__struct_fields__, *type(Fingerprint().host).__struct_fields__}
    assert VOLATILE - fields == set()
    assert VOLATILE & {*DeviceIdentity.__struct_fields__} == set()


def test_where_a_device_is_found_is_never_compared() -> None:
    whole = each(2)
    moved = tuple(
        replace(
            device,
            locator=replace(
                device.locator,
                index=7 - device.locator.index,
                uuid=reading(f"GPU-{device.locator.index}"),
                serial=reading("1650"),
                pci_bus_id=reading("00000000:1b:00.0"),
            ),
        )
        for device in whole.devices
    )
    assert between(whole, replace(whole, devices=moved)).differences == ()


def test_state_and_host_are_told_and_never_drift() -> None:
    host = Fingerprint().host
    device = machines.machine(H100).devices[0]
    capped = replace(device, conditions=replace(device.conditions, power_limit_w=reading(400.0)))
    full = replace(device, conditions=replace(device.conditions, power_limit_w=reading(700.0)))
    a = Fingerprint(devices=(capped,), host=replace(host, kernel=reading("6.8")))
    b = Fingerprint(devices=(full,), host=replace(host, kernel=reading("6.14")))
    comparison = between(a, b)
    assert {(item.section, item.name) for item in comparison.differences} == {
        ("conditions", "power_limit_w"),
        ("host", "kernel"),
    }
    assert not comparison.drifted
    assert {item.section for item in comparison.differences} & {*GATED} == set()


@pytest.mark.parametrize(
    ("changed", "subject"),
    [((0, 1, 2, 3), "GPU 0-3"), ((1, 2), "GPU 1-2"), ((0, 3), "GPU 0, 3"), ((2,), "GPU 2")],
)
def test_equal_differences_of_several_devices_are_one(changed: tuple[int, ...], subject: str) -> None:
    comparison = between(each(4), each(4, sm_count=dict.fromkeys(changed, 114)))
    assert [(item.subject, item.a, item.b) for item in comparison.differences] == [(subject, "132", "114")]


def test_different_differences_of_several_devices_stay_apart() -> None:
    comparison = between(each(2), each(2, sm_count={0: 114, 1: 66}))
    assert [(item.subject, item.b) for item in comparison.differences] == [("GPU 0", "114"), ("GPU 1", "66")]


def test_another_number_of_devices_is_drift() -> None:
    comparison = between(each(8), each(4))
    assert comparison.drifted
    [count] = comparison.differences
    assert (count.name, count.subject, count.a, count.b, count.ratio) == ("visible_devices", "machine", "8", "4", 0.5)


def test_a_side_without_devices_tells_nothing_about_them() -> None:
    for a, b, kind in ((each(8), Fingerprint(), "only-a"), (Fingerprint(), each(8), "only-b")):
        comparison = between(a, b)
        assert [(item.name, item.kind) for item in comparison.differences] == [("visible_devices", kind)]
        assert not comparison.drifted


def test_hidden_devices_are_not_compared() -> None:
    two = each(2, sm_count={1: 66})
    hidden = replace(two.devices[1], locator=replace(two.devices[1].locator, visible=False))
    assert between(each(1), replace(two, devices=(two.devices[0], hidden))).differences == ()


def test_a_partition_is_told_in_words() -> None:
    whole = machines.machine("mi300x")
    cut = as_fingerprint(
        store.device_spec("mi300x"), partition=Partition(kind="compute", profile="CPX", memory_mode="NPS4")
    )
    assert told(whole, cut)["partition"].b == "compute CPX NPS4"


def test_json_carries_the_schema_first() -> None:
    plain = msgspec.to_builtins(between(each(1), each(2)))
    assert next(iter(plain)) == "schema"
    assert plain["schema"] == "parity.diff/1"
    assert set(plain["differences"][0]) == {"section", "subject", "name", "kind", "a", "b", "ratio", "why"}


PARTS = ("h100-sxm5-80gb", "rtx-4090", "mi300x", "a100-mig-1g.5gb", "old-driver", "env-launch-blocking", "nothing-read")


@settings(max_examples=40, deadline=None)
@given(a=st.sampled_from(PARTS), b=st.sampled_from(PARTS))
def test_the_other_way_round_says_the_same(a: str, b: str) -> None:
    there, back = between(machines.machine(a), machines.machine(b)), between(machines.machine(b), machines.machine(a))
    turned = {"changed": "changed", "only-a": "only-b", "only-b": "only-a"}
    assert there.drifted == back.drifted
    assert {(i.subject, i.name, i.kind, i.a, i.b) for i in there.differences} == {
        (i.subject, i.name, turned[i.kind], i.b, i.a) for i in back.differences
    }


def joined(*paths: str) -> Fingerprint:
    """Return three devices, each pair of which is joined like this."""
    pairs = ((0, 1), (0, 2), (1, 2))
    links = tuple(
        Link(a=a, b=b, kind="nvlink" if path.startswith("NV") else "system", path=path)
        for (a, b), path in zip(pairs, paths, strict=False)
    )
    return replace(as_fingerprint(store.device_spec(H100), count=3), links=links)


@pytest.mark.parametrize(
    ("paths", "text"),
    [
        (("NV18", "NV18", "NV17"), "nvlink NV18: 2 pairs; nvlink NV17: 1-2"),
        (("NV18", "NV18", "SYS"), "nvlink NV18: 2 pairs; system SYS: 1-2"),
        (("NV18", "NV18"), "nvlink NV18: 2 pairs"),
    ],
)
def test_a_pair_that_is_joined_otherwise_or_not_at_all_is_drift(paths: tuple[str, ...], text: str) -> None:
    found = between(joined("NV18", "NV18", "NV18"), joined(*paths))
    assert found.drifted
    (one,) = found.differences
    assert (one.section, one.name, one.a, one.b) == ("identity", "links", "nvlink NV18: 3 pairs", text)
    assert between(joined("NV18"), joined()).drifted is False  # one side does not tell


def test_another_library_on_disk_is_drift() -> None:
    def with_nccl(version: str) -> Fingerprint:
        library = Library(name="libnccl", version=version, path="/usr/lib/libnccl.so.2")
        return replace(as_fingerprint(store.device_spec(H100)), stack=Stack(libraries=(library,)))

    found = between(with_nccl("2.27.5"), with_nccl("2.20.3"))
    assert found.drifted
    (one,) = found.differences
    assert (one.section, one.name) == ("stack", "library libnccl")
    assert one.a.startswith("2.27.5")


def test_libraries_that_one_side_does_not_list_are_no_drift_and_one_of_several_is() -> None:
    def listing(*names: str) -> Fingerprint:
        copies = tuple(Library(name=name, version="1", path=f"/usr/lib/{name}.so") for name in names)
        return Fingerprint(stack=Stack(libraries=copies))

    both, one = listing("libnccl", "librccl"), listing("libnccl")
    assert {item.kind for item in told(both, listing()).values()} == {"only-a"}
    assert not between(both, listing()).drifted
    assert (told(both, one)["library librccl"].kind, between(both, one).drifted) == ("changed", True)


def test_a_text_with_the_clocks_in_use_is_not_compared() -> None:
    def clocked(policy: str) -> Fingerprint:
        whole = each(1)
        (device,) = whole.devices
        conditions = replace(device.conditions, clock_policy=reading(policy))
        return replace(whole, devices=(replace(device, conditions=conditions),))

    idle, busy = clocked("nvclock=345, memclock=2619"), clocked("nvclock=1980, memclock=2619")
    assert told(idle, busy) == {}
    assert told(idle, clocked("locked")) == told(clocked("locked"), idle) == {}, "one of the two moves"
    assert set(told(clocked("free"), clocked("locked"))) == {"clock_policy"}


def test_a_component_and_a_package_of_one_name_are_told_once() -> None:
    """Triton stands among the components and among the packages; both changed alike."""

    def with_triton(version: str) -> Fingerprint:
        stack = Stack(components={"triton": reading(version)}, packages={"triton": version})
        return replace(as_fingerprint(store.device_spec(H100)), stack=stack)

    (one,) = between(with_triton("3.4.0"), with_triton("3.5.0")).differences
    assert (one.subject, one.name, one.a, one.b) == ("machine", "triton", "3.4.0", "3.5.0")
