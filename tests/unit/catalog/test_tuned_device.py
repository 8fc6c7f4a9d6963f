"""Under which names tables are looked up, and which names no device has."""

from __future__ import annotations

import pytest

from parity.catalog import store
from parity.catalog.tuned_device import as_device, file_name, fits, known_names, looked_up_as, wrong_name
from parity.model.tuned import TunedDevice, TunedEntry

PCI_NAMES = {"74a1": "AMD_Instinct_MI300X", "744c": "AMD_Radeon_RX7900XTX"}
MI300X = TunedDevice(label="mi300x", vendor="amd", names=("AMD Instinct MI300X",), arch="gfx942", cu_count=304)


def part(name: str) -> TunedDevice:
    return as_device(next(entry for entry in store.index() if entry.id == name))


def test_a_slash_is_replaced_by_vllm_alone() -> None:
    assert file_name("AMD Instinct MI250X / MI250", "vllm") == "AMD_Instinct_MI250X_MI250"
    assert file_name("AMD Instinct MI250X / MI250", "sglang") == "AMD_Instinct_MI250X_/_MI250"


@pytest.mark.parametrize(
    ("name", "program", "family", "asked"),
    [
        ("h100-sxm5-80gb", "vllm", "fused-moe", {"NVIDIA_H100_80GB_HBM3"}),
        ("h100-sxm5-80gb", "", "fused-moe", {"NVIDIA_H100_80GB_HBM3"}),
        ("h200-nvl-141gb", "vllm", "fused-moe", {"NVIDIA_H200"}),
        ("h200-nvl-141gb", "vllm", "block-gemm", {"NVIDIA_H200_NVL"}),
        ("h200-nvl-141gb", "sglang", "fused-moe", {"NVIDIA_H200_NVL"}),
        ("rx-7900-xtx", "vllm", "fused-moe", {"AMD_Radeon_RX7900XTX"}),
        ("rx-7900-xtx", "sglang", "fused-moe", {"AMD_Radeon_RX_7900_XTX", "Radeon_RX_7900_XTX"}),
    ],
)
def test_what_a_program_asks_for(name: str, program: str, family: str, asked: set[str]) -> None:
    assert looked_up_as(part(name), program, family, PCI_NAMES) == asked


def test_an_id_that_the_program_does_not_map_keeps_the_drivers_name() -> None:
    both = TunedDevice(label="x", vendor="amd", names=("AMD X",), pci_ids=("1002:74a1", "1002:0001"))
    assert looked_up_as(both, "vllm", "mamba", PCI_NAMES) == {"AMD_Instinct_MI300X", "AMD_X"}


@pytest.mark.parametrize(
    ("name", "program", "told"),
    [
        ("NVIDIA_H100_80GB_HBM3", "vllm", None),
        ("AMD_Radeon_RX7900XTX", "vllm", None),
        ("AMD_Radeon_RX7900XTX", "sglang", (False, "not in the catalog")),
        ("", "sglang", (True, "no device name")),
        ("NVIDIA L40S", "vllm", (True, "programs write _ for a space")),
        ("NVIDIA-L40S", "vllm", (True, "l40s is asked for as NVIDIA_L40S")),
        ("L40S", "vllm", (True, "l40s is asked for as NVIDIA_L40S")),
        ("NVIDIA_A100", "sglang", (True, "a100-sxm4-80gb is asked for as NVIDIA_A100-SXM4-80GB")),
        ("NVIDIA_H200_NVL", "vllm", (True, "vllm asks for NVIDIA_H200 on every H200")),
        ("NVIDIA_H200_NVL", "sglang", None),
        ("AMD_Radeon_Graphics", "vllm", (False, "printed for any AMD part that the driver's table does not know")),
        ("NVIDIA_L20Y", "vllm", None),
        ("NVIDIA_L20X", "vllm", (False, "not in the catalog (close: ")),
    ],
)
def test_a_name_that_no_device_has(name: str, program: str, told: tuple[bool, str] | None) -> None:
    known = known_names(store.index(), program, "fused-moe", PCI_NAMES)
    entry = TunedEntry(family="fused-moe", shape="E=8", path="x", name=name)
    wrong = wrong_name(entry, program, known, store.index())
    if told is None or wrong is None:
        assert wrong == told
    else:
        assert wrong[0] == told[0]
        assert wrong[1].startswith(told[1])


def test_a_misspelled_file_is_never_used() -> None:
    entry = TunedEntry(family="fused-moe", shape="E=8", path="x", name="NVIDIA_L40S", misspelled="so")
    assert wrong_name(entry, "vllm", {"NVIDIA_L40S": "l40s"}, store.index()) == (True, "so")
    assert fits(entry, part("l40s"), {"NVIDIA_L40S"}, {}) is False


@pytest.mark.parametrize(
    ("keyed", "fit"),
    [
        ({"gfx": "gfx942", "cu_count": 304}, True),
        ({"gfx": "gfx942", "cu_count": 80}, False),
        ({"gfx": "gfx950", "cu_count": 304}, False),
        ({"cu_count": 304}, True),
        ({"gfx": "gfx942:sramecc+:xnack-"}, True),
        ({"arch_name": "MI300X"}, True),
        ({"arch_name": "MI350X"}, False),
        ({"name": "AMD_Instinct_MI300X"}, True),
        ({"name": ""}, False),
    ],
)
def test_which_entries_a_device_uses(keyed: dict[str, object], fit: bool) -> None:
    entry = TunedEntry(family="f", shape="s", path="x", **keyed)  # type: ignore[arg-type]
    assert fits(entry, MI300X, {"AMD_Instinct_MI300X"}, {"gfx942": "MI300X", "gfx950": "MI350X"}) is fit


def test_what_cannot_be_told_is_not_guessed() -> None:
    bare = TunedDevice(label="?", vendor="amd")
    known = TunedDevice(label="?", vendor="amd", arch="gfx942")
    assert fits(TunedEntry(family="f", shape="s", path="x", name="A"), bare, set(), {}) is None
    assert fits(TunedEntry(family="f", shape="s", path="x", gfx="gfx942"), bare, set(), {}) is None
    assert fits(TunedEntry(family="f", shape="s", path="x", gfx="gfx942", cu_count=1), known, set(), {}) is None
    assert fits(TunedEntry(family="f", shape="s", path="x", arch_name="MI300X"), known, set(), {}) is None


def test_tables_of_amd_are_not_for_nvidia() -> None:
    entry = TunedEntry(family="f", shape="s", path="x", cu_count=132)
    assert fits(entry, part("h100-sxm5-80gb"), set(), {}) is False
