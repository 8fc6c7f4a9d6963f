"""`parity explain`: each candidate part accepted or rejected, with the reason."""

import json
from typing import Any

import msgspec

from parity.catalog import store
from parity.catalog.as_fingerprint import as_fingerprint
from parity.model.absent import Reading
from parity.model.device import DeviceIdentity
from parity.model.fingerprint import Fingerprint, Note

replace = msgspec.structs.replace


def named(vendor: str, name: str, **more: Any) -> Fingerprint:
    plain = as_fingerprint(store.device_spec("h100"))
    values = {"vendor": vendor, "name": name, **more}
    identity = DeviceIdentity(**{key: Reading(value=value, source="test") for key, value in values.items()})
    return replace(plain, devices=(replace(plain.devices[0], identity=identity),))


def test_the_target_is_accepted_with_its_evidence(run: Any, saved: Any) -> None:
    answer = run("explain", "--target", "h100", "--fingerprint", saved("h100"))
    lines = answer.out.splitlines()
    assert (answer.status, answer.err) == (0, "")
    assert lines[:3] == ["GPU 0 (NVIDIA H100 80GB HBM3)", "  is h100-sxm5-80gb", "  weighed:"]
    assert lines[3].startswith("    accepted  h100-sxm5-80gb: ")
    assert "PCI id 10de:2330" in lines[3]


def test_another_part_is_rejected_with_the_reason(run: Any, saved: Any) -> None:
    answer = run("explain", "--target", "h100-pcie", "--fingerprint", saved("h100"))
    assert answer.status == 1
    rejected = next(line for line in answer.out.splitlines() if line.startswith("  target "))
    assert rejected.startswith("  target h100-pcie-80gb: rejected: ")
    assert "132 SMs, not 114" in rejected


def test_the_other_vendors_target_is_said_to_be_that(run: Any, saved: Any) -> None:
    answer = run("explain", "--target", "mi300x", "--fingerprint", saved("h100"))
    assert answer.status == 1
    assert "  target mi300x: another vendor's part\n" in answer.out


def test_equal_devices_are_told_once(run: Any, saved: Any) -> None:
    answer = run("explain", "--target", "h100", "--fingerprint", saved("h100", count=8))
    assert answer.out.splitlines()[0] == "GPU 0 (NVIDIA H100 80GB HBM3) and 7 more like it"
    assert answer.out.count("weighed:") == 1


def test_each_of_several_devices_counts(run: Any, saved: Any) -> None:
    one, other = as_fingerprint(store.device_spec("h100")), as_fingerprint(store.device_spec("l4"))
    answer = run(
        "explain", "--target", "h100", "--fingerprint", saved(replace(one, devices=(*one.devices, *other.devices)))
    )
    assert answer.status == 1
    assert "  is h100-sxm5-80gb\n" in answer.out
    assert "  is l4\n" in answer.out


def test_evidence_that_does_not_decide_names_the_candidates(run: Any, saved: Any) -> None:
    machine = named("nvidia", "NVIDIA GeForce RTX 3080")
    answer = run("explain", "--target", "rtx-3080-10gb", "--fingerprint", saved(machine))
    assert answer.status == 1
    assert "  is one of rtx-3080-10gb, rtx-3080-12gb: the evidence does not decide\n" in answer.out
    assert "  target rtx-3080-10gb: fits too: " in answer.out


def test_a_part_that_was_never_sold_is_said_to_be_that(run: Any, saved: Any) -> None:
    machine = named("nvidia", "NVIDIA H100 80GB HBM3", sm_count=7)
    answer = run("explain", "--target", "h100", "--fingerprint", saved(machine))
    assert answer.status == 1
    assert "  is no part as sold: nearest h100-sxm5-80gb, but 7 SMs, not 132\n" in answer.out


def test_a_part_the_catalog_lacks_is_said_to_be_that(run: Any, saved: Any) -> None:
    answer = run("explain", "--target", "h100", "--fingerprint", saved(named("nvidia", "NVIDIA X1")))
    assert answer.status == 1
    assert "  is not in the catalog\n" in answer.out
    assert "    nothing in the catalog is near\n" in answer.out


def test_without_devices_the_notes_say_why(run: Any, saved: Any) -> None:
    machine = Fingerprint(notes=(Note(source="nvml", text="no driver"), Note(source="kfd", text="no /dev/kfd")))
    file = saved(machine)
    assert run("explain", "--target", "h100", "--fingerprint", file) == (
        3,
        "",
        (
            f"parity: {file}: no visible GPU: no driver; no /dev/kfd\n"
            "  mend: take it with `parity capture -o FILE` where a GPU is visible\n"
        ),
    )


def test_json_carries_the_same(run: Any, saved: Any) -> None:
    answer = run("explain", "--target", "h100", "--fingerprint", saved("h100", count=2), "--format", "json")
    told = json.loads(answer.out)
    assert next(iter(told.items())) == ("schema", "parity.explain/1")
    assert told["target"] == "h100-sxm5-80gb"
    assert [(device["index"], device["identity"]) for device in told["devices"]] == [
        (0, "h100-sxm5-80gb"), (1, "h100-sxm5-80gb"),
    ]  # fmt: skip
    assert told["devices"][0]["target"]["accepted"] is True
