"""Which devices a test can reach."""

from __future__ import annotations

from typing import Any

import pytest

from parity.probes.watch_devices import chosen


def gpu(index: int, bus: int, *, vendor: str = "nvidia", name: str = "H100", **more: Any) -> dict[str, Any]:
    uuid = f"GPU-{index:08x}-0000"
    return {"id": f"g{index}", "vendor": vendor, "index": index, "uuid": uuid, "name": name,
            "bus": f"00000000:{bus:02X}:00.0", **more}  # fmt: skip


PAIR = [gpu(0, 0x43), gpu(1, 0x1B)]  # the driver's order is not the bus's
SLICES = [
    gpu(0, 0x1B, id="s0", uuid="MIG-aaaa", parent_uuid="GPU-p"),
    gpu(0, 0x1B, id="s1", uuid="MIG-bbbb", parent_uuid="GPU-p"),
    gpu(1, 0x43),
]


@pytest.mark.parametrize(
    ("units", "visible", "ids"),
    [
        (PAIR, {}, ("g0", "g1")),
        (PAIR, {"CUDA_VISIBLE_DEVICES": "0"}, ("g1",)),
        (PAIR, {"CUDA_VISIBLE_DEVICES": "1"}, ("g0",)),
        (PAIR, {"CUDA_VISIBLE_DEVICES": "GPU-00000001"}, ("g1",)),
        (PAIR, {"CUDA_VISIBLE_DEVICES": "0,7"}, ("g1",)),
        (PAIR, {"CUDA_VISIBLE_DEVICES": "-1"}, ()),
        (PAIR, {"ROCR_VISIBLE_DEVICES": "0"}, ("g0", "g1")),
        (SLICES, {"CUDA_VISIBLE_DEVICES": "MIG-bb"}, ("s1",)),
        (SLICES, {"CUDA_VISIBLE_DEVICES": "0"}, ("g1",)),
        ([gpu(0, 3, vendor="amd"), gpu(1, 5, vendor="amd")], {"HIP_VISIBLE_DEVICES": "1"}, ("g1",)),
        ([gpu(0, 3, vendor="amd"), gpu(1, 5, vendor="amd")], {"ROCR_VISIBLE_DEVICES": "1"}, ("g1",)),
        ([], {"CUDA_VISIBLE_DEVICES": "0"}, ()),
    ],
)
def test_the_variables_choose(units: list[dict[str, Any]], visible: dict[str, str], ids: tuple[str, ...]) -> None:
    assert chosen(units, visible)[0] == ids


def test_no_visible_device_says_by_which_variable() -> None:
    assert chosen(PAIR, {"CUDA_VISIBLE_DEVICES": ""})[1] == "no device is visible to the test (CUDA_VISIBLE_DEVICES=)"


def test_a_number_on_a_mixed_machine_watches_all_and_says_so() -> None:
    mixed = [gpu(0, 0x43), gpu(1, 0x1B, name="RTX 4090")]
    ids, note = chosen(mixed, {"CUDA_VISIBLE_DEVICES": "0"})
    assert ids == ("g0", "g1")
    assert note.startswith("all devices are watched: device numbers were taken in PCI bus order")
    assert chosen(mixed, {"CUDA_VISIBLE_DEVICES": "GPU-00000001"}) == (("g1",), "")


def test_a_device_without_a_bus_id_is_a_device_still() -> None:
    assert chosen([{**PAIR[0], "bus": ""}], {})[0] == ("g0",)
