"""What is read of a real GPU, field by field, against nvidia-smi."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.gpu.conftest import Smi

MIB = 1 << 20


def enabled(text: str) -> bool:
    return text.strip().lower() == "enabled"


# Our fact -> (nvidia-smi's field, what makes its text ours).
SAME: dict[str, tuple[str, Callable[[str], Any]]] = {
    "identity.name": ("name", str),
    "identity.compute_capability": ("compute_cap", str),
    "identity.vbios_version": ("vbios_version", str),
    "identity.memory_bytes": ("memory.total", int),
    "identity.clock_boost_mhz": ("clocks.max.sm", int),
    "identity.memory_clock_mhz": ("clocks.max.memory", int),
    "identity.power_default_w": ("power.default_limit", float),
    "identity.power_min_w": ("power.min_limit", float),
    "identity.power_max_w": ("power.max_limit", float),
    "identity.pcie_generation": ("pcie.link.gen.max", int),
    "identity.pcie_generation_device": ("pcie.link.gen.gpumax", int),
    "identity.pcie_width": ("pcie.link.width.max", int),
    "identity.inforom_version": ("inforom.img", str),
    "conditions.power_limit_w": ("enforced.power.limit", float),
    "conditions.power_limit_set_w": ("power.limit", float),
    "conditions.ecc_enabled": ("ecc.mode.current", enabled),
    "conditions.ecc_pending": ("ecc.mode.pending", enabled),
    "conditions.ecc_uncorrected": ("ecc.errors.uncorrected.volatile.total", int),
    "conditions.mig_enabled": ("mig.mode.current", enabled),
    "conditions.persistence_enabled": ("persistence_mode", enabled),
    "conditions.compute_mode": ("compute_mode", lambda text: text.lower().replace("_", "-")),
    "conditions.accounting_enabled": ("accounting.mode", enabled),
    "conditions.remap_pending": ("remapped_rows.pending", lambda text: text.strip().lower() in ("yes", "1")),
    "conditions.remap_failed": ("remapped_rows.failure", lambda text: text.strip().lower() in ("yes", "1")),
    "conditions.fan_percent": ("fan.speed", int),
    "locator.uuid": ("uuid", str),
    "locator.pci_bus_id": ("pci.bus_id", str.lower),
}
# What moves between two readings: fact -> (field, factor, how far they may lie apart).
NEAR: dict[str, tuple[str, float, float]] = {
    "conditions.temperature_c": ("temperature.gpu", 1, 8),
    "conditions.temperature_memory_c": ("temperature.memory", 1, 10),
    "conditions.memory_used_bytes": ("memory.used", MIB, 600 * MIB),
    "conditions.memory_reserved_bytes": ("memory.reserved", MIB, 2 * MIB),
    "conditions.power_draw_w": ("power.draw.average", 1, 60),
    "conditions.power_draw_instant_w": ("power.draw.instant", 1, 80),
    "conditions.clock_memory_mhz": ("clocks.mem", 1, 0),
    "conditions.pcie_width_now": ("pcie.link.width.current", 1, 0),
}


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("machine")


@pytest.fixture
def device(parity: Callable[..., Any], machine: Path) -> dict[str, Any]:
    path = machine / "here.json"
    if not path.exists():
        parity("capture", "--no-redact", "-o", str(path))
    devices: list[dict[str, Any]] = json.loads(path.read_text())["devices"]
    return devices[0]


def value(device: dict[str, Any], fact: str) -> Any:
    part, name = fact.split(".")
    found = device[part].get(name, {})
    return found.get("value") if isinstance(found, dict) else found


@pytest.mark.parametrize("fact", SAME)
def test_a_fact_is_what_nvidia_smi_says(smi: Smi, device: dict[str, Any], fact: str) -> None:
    field, of = SAME[fact]
    there = smi.ask(field)
    if there is None:
        assert value(device, fact) is None or fact == "identity.memory_bytes", f"nvidia-smi has no {field}"
        pytest.skip(f"nvidia-smi has no {field} here")
    here = value(device, fact)
    if fact == "identity.memory_bytes":
        here = here // MIB
    assert here == of(there)


@pytest.mark.parametrize("fact", NEAR)
def test_a_reading_lies_near_nvidia_smis(smi: Smi, device: dict[str, Any], fact: str) -> None:
    field, factor, apart = NEAR[fact]
    there = smi.ask(field)
    if there is None:
        pytest.skip(f"nvidia-smi has no {field} here")
    assert abs(value(device, fact) - float(there) * factor) <= apart


def test_the_driver_and_the_count_of_devices(smi: Smi, parity: Callable[..., Any], machine: Path) -> None:
    path = machine / "here.json"
    if not path.exists():
        parity("capture", "--no-redact", "-o", str(path))
    found = json.loads(path.read_text())
    assert found["stack"]["components"]["driver"]["value"] == smi.ask("driver_version")
    assert len(smi.run("-L").splitlines()) >= found["device_count"]["value"] >= 1


def test_the_report_of_nvidia_smi_is_the_same_machine(smi: Smi, parity: Callable[..., Any], machine: Path) -> None:
    """Two ways to read one driver: the library here, and the text of `nvidia-smi -q`."""
    report = machine / "report.txt"
    report.write_text(smi.run("-q"))
    told = json.loads(parity("diff", "here", str(report), "--format", "json").stdout)
    identity = [one for one in told["differences"] if (one["section"], one["subject"]) == ("identity", "GPU 0")]
    assert identity, "the report says less than the library, so something is there on one side alone"
    assert [one for one in identity if one["kind"] == "changed"] == []


def test_this_machine_is_identified_and_is_its_own_target(told: Callable[..., Any]) -> None:
    (part,) = {one["part"] for one in told("measure", "--only", "launch", "--budget", "1s", status=None)["devices"]}
    assert part, "the catalog does not know this part"
    report = told("doctor", "--target", part, status=None)
    assert report["level"] in ("identical", "equivalent"), report["level"]
