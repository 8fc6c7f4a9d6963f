"""Knows which field of a device each label of nvidia-smi fills: one table for -q, -q -x and --query-gpu."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from parity.model.absent import NOT_ASKED, Absent, Reading
from parity.readers import value as v
from parity.readers.slicing import split_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from parity.readers.draft import DeviceDraft


class Label(NamedTuple):
    """One field and the labels that fill it.

    Attributes:
        block: ``locator``, ``identity`` or ``conditions``.
        field: the model's field.
        convert: text to value.
        query: labels of ``nvidia-smi -q``, the last one or two levels joined with ``/``; the first found wins.
        xml: element paths of ``nvidia-smi -q -x`` below ``gpu``.
        csv: column names of ``nvidia-smi --query-gpu``.
    """

    block: str
    field: str
    convert: Callable[[str], Any]
    query: tuple[str, ...] = ()
    xml: tuple[str, ...] = ()
    csv: tuple[str, ...] = ()


_size = v.size_bytes
_capacity = v.size_over_zero

_IDENTITY = (
    ("name", v.unmasked, "Product Name", "product_name", "name|gpu_name"),
    ("brand", v.text, "Product Brand", "product_brand", ""),
    ("board_part_number", v.text, "Board Part Number", "board_part_number", ""),
    ("pci_device_id", v.packed_pci_id, "PCI/Device Id", "pci/pci_device_id", "pci.device_id"),
    ("pci_subsystem_id", v.packed_pci_id, "PCI/Sub System Id", "pci/pci_sub_system_id", "pci.sub_device_id"),
    ("compute_capability", v.text, "", "", "compute_cap"),
    ("memory_bytes", _capacity, "FB Memory Usage/Total", "fb_memory_usage/total", "memory.total"),
    (
        "memory_clock_mhz",
        v.positive,
        "Max Clocks/Memory",
        "max_clocks/mem_clock",
        "clocks.max.memory|clocks.max.mem",
    ),
    ("clock_boost_mhz", v.positive, "Max Clocks/SM", "max_clocks/sm_clock", "clocks.max.sm"),
    (
        "power_default_w",
        v.watts_over_zero,
        (
            "GPU Ceiling Power Limit/Default Power Limit|GPU Power Readings/Default Power Limit"
            "|Power Readings/Default Power Limit"
        ),
        (
            "gpu_power_readings/default_power_limit|power_readings/default_power_limit"
            "|gpu_power_readings/gpu_ceiling_power_limit/default_power_limit"
        ),
        "power.default_limit",
    ),
    (
        "power_min_w",
        v.number,
        "GPU Power Readings/Min Power Limit|Power Readings/Min Power Limit",
        "gpu_power_readings/min_power_limit|power_readings/min_power_limit",
        "power.min_limit",
    ),
    (
        "power_max_w",
        v.watts_over_zero,
        "GPU Power Readings/Max Power Limit|Power Readings/Max Power Limit",
        "gpu_power_readings/max_power_limit|power_readings/max_power_limit",
        "power.max_limit",
    ),
    (
        "pcie_generation",
        v.positive,
        "PCIe Generation/Max",
        "pci/pci_gpu_link_info/pcie_gen/max_link_gen",
        "pcie.link.gen.max",
    ),
    (
        "pcie_generation_device",
        v.positive,
        "PCIe Generation/Device Max",
        "pci/pci_gpu_link_info/pcie_gen/max_device_link_gen",
        "pcie.link.gen.gpumax",
    ),
    (
        "pcie_width",
        v.positive,
        "Link Width/Max",
        "pci/pci_gpu_link_info/link_widths/max_link_width",
        "pcie.link.width.max",
    ),
    ("bar1_bytes", _capacity, "BAR1 Memory Usage/Total", "bar1_memory_usage/total", ""),
    ("vbios_version", v.text, "VBIOS Version", "vbios_version", "vbios_version"),
    ("firmware_version", v.text, "GSP Firmware Version", "gsp_firmware_version", "gsp_firmware_version"),
    (
        "inforom_version",
        v.text,
        "Inforom Version/Image Version",
        "inforom_version/img_version",
        "inforom.img",
    ),
    ("addressing_mode", v.lowered, "Addressing Mode", "addressing_mode", "addressing_mode"),
)

_CONDITIONS = (
    ("mig_enabled", v.flag, "MIG Mode/Current", "mig_mode/current_mig", "mig.mode.current"),
    ("mig_pending", v.flag, "MIG Mode/Pending", "mig_mode/pending_mig", "mig.mode.pending"),
    (
        "virtualization_mode",
        v.virtualization,
        "GPU Virtualization Mode/Virtualization Mode|GPU Virtualization Mode/Virtualization mode",
        "gpu_virtualization_mode/virtualization_mode",
        "",
    ),
    (
        "dram_encryption",
        v.flag,
        "DRAM Encryption Mode/Current",
        "dram_encryption_mode/current_dram_encryption",
        "dramEncryption.mode.current",
    ),
    ("ecc_enabled", v.flag, "ECC Mode/Current|Ecc Mode/Current", "ecc_mode/current_ecc", "ecc.mode.current"),
    ("ecc_pending", v.flag, "ECC Mode/Pending|Ecc Mode/Pending", "ecc_mode/pending_ecc", "ecc.mode.pending"),
    ("ecc_corrected", v.integer, "", "", "ecc.errors.corrected.volatile.total"),
    ("ecc_uncorrected", v.integer, "", "", "ecc.errors.uncorrected.volatile.total"),
    (
        "sram_threshold_exceeded",
        v.flag,
        "Aggregate/SRAM Threshold Exceeded",
        "ecc_errors/aggregate/sram_threshold_exceeded",
        "",
    ),
    (
        "remapped_rows_corrected",
        v.integer,
        "Remapped Rows/Correctable Error",
        "remapped_rows/remapped_row_corr",
        "remapped_rows.correctable",
    ),
    (
        "remapped_rows_uncorrected",
        v.integer,
        "Remapped Rows/Uncorrectable Error",
        "remapped_rows/remapped_row_unc",
        "remapped_rows.uncorrectable",
    ),
    (
        "remap_pending",
        v.flag,
        "Remapped Rows/Pending",
        "remapped_rows/remapped_row_pending",
        "remapped_rows.pending",
    ),
    (
        "remap_failed",
        v.flag,
        "Remapped Rows/Remapping Failure Occurred",
        "remapped_rows/remapped_row_failure",
        "remapped_rows.failure",
    ),
    ("recovery_action", v.dashed, "GPU Recovery Action", "gpu_recovery_action", "gpu_recovery_action"),
    ("clock_sm_mhz", v.integer, "Clocks/SM", "clocks/sm_clock", "clocks.current.sm|clocks.sm"),
    (
        "clock_graphics_mhz",
        v.integer,
        "Clocks/Graphics",
        "clocks/graphics_clock",
        "clocks.current.graphics|clocks.gr",
    ),
    ("clock_memory_mhz", v.integer, "Clocks/Memory", "clocks/mem_clock", "clocks.current.memory|clocks.mem"),
    ("clock_video_mhz", v.integer, "Clocks/Video", "clocks/video_clock", "clocks.current.video|clocks.video"),
    (
        "clock_application_sm_mhz",
        v.integer,
        "Applications Clocks/Graphics",
        "applications_clocks/graphics_clock",
        "clocks.applications.graphics|clocks.applications.gr",
    ),
    (
        "clock_application_memory_mhz",
        v.integer,
        "Applications Clocks/Memory",
        "applications_clocks/mem_clock",
        "clocks.applications.memory|clocks.applications.mem",
    ),
    (
        "clock_application_default_sm_mhz",
        v.integer,
        "Default Applications Clocks/Graphics",
        "default_applications_clocks/graphics_clock",
        "clocks.default_applications.graphics|clocks.default_applications.gr",
    ),
    (
        "clock_customer_boost_mhz",
        v.integer,
        "Max Customer Boost Clocks/Graphics",
        "max_customer_boost_clocks/graphics_clock",
        "",
    ),
    ("performance_state", v.performance_state, "Performance State", "performance_state", "pstate"),
    (
        "throttle_power_ns",
        v.nanoseconds,
        "Clocks Event Reasons Counters/SW Power Capping",
        "clocks_event_reasons_counters/clocks_event_reasons_counters_sw_power_cap",
        "clocks_event_reasons_counters.sw_power_cap",
    ),
    (
        "throttle_thermal_ns",
        v.nanoseconds,
        "Clocks Event Reasons Counters/SW Thermal Slowdown",
        "clocks_event_reasons_counters/clocks_event_reasons_counters_sw_therm_slowdown",
        "clocks_event_reasons_counters.sw_thermal_slowdown",
    ),
    (
        "throttle_hw_thermal_ns",
        v.nanoseconds,
        "Clocks Event Reasons Counters/HW Thermal Slowdown",
        "clocks_event_reasons_counters/clocks_event_reasons_counters_hw_therm_slowdown",
        "clocks_event_reasons_counters.hw_thermal_slowdown",
    ),
    (
        "throttle_hw_power_brake_ns",
        v.nanoseconds,
        "Clocks Event Reasons Counters/HW Power Braking",
        "clocks_event_reasons_counters/clocks_event_reasons_counters_hw_power_brake",
        "clocks_event_reasons_counters.hw_power_brake_slowdown",
    ),
    (
        "throttle_sync_boost_ns",
        v.nanoseconds,
        "Clocks Event Reasons Counters/Sync Boost",
        "clocks_event_reasons_counters/clocks_event_reasons_counters_sync_boost",
        "clocks_event_reasons_counters.sync_boost",
    ),
    (
        "power_draw_w",
        v.number,
        "GPU Power Readings/Average Power Draw|GPU Power Readings/Power Draw|Power Readings/Power Draw",
        "gpu_power_readings/average_power_draw|gpu_power_readings/power_draw|power_readings/power_draw",
        "power.draw.average|power.draw",
    ),
    (
        "power_draw_instant_w",
        v.number,
        "GPU Power Readings/Instantaneous Power Draw",
        "gpu_power_readings/instant_power_draw",
        "power.draw.instant",
    ),
    (
        "power_limit_w",
        v.number,
        (
            "GPU Ceiling Power Limit/Current Power Limit|GPU Power Readings/Current Power Limit"
            "|Power Readings/Enforced Power Limit"
        ),
        (
            "gpu_power_readings/current_power_limit|power_readings/enforced_power_limit"
            "|gpu_power_readings/gpu_ceiling_power_limit/current_power_limit"
        ),
        "enforced.power.limit",
    ),
    (
        "power_limit_set_w",
        v.number,
        "Power Readings/Power Limit",
        "power_readings/power_limit",
        "power.limit",
    ),
    (
        "power_limit_requested_w",
        v.number,
        "GPU Ceiling Power Limit/Requested Power Limit|GPU Power Readings/Requested Power Limit",
        ("gpu_power_readings/requested_power_limit|gpu_power_readings/gpu_ceiling_power_limit/requested_power_limit"),
        "",
    ),
    ("temperature_c", v.number, "Temperature/GPU Current Temp", "temperature/gpu_temp", "temperature.gpu"),
    (
        "temperature_memory_c",
        v.number,
        "Temperature/Memory Current Temp",
        "temperature/memory_temp",
        "temperature.memory",
    ),
    (
        "temperature_slowdown_c",
        v.number,
        "Temperature/GPU Slowdown Temp",
        "temperature/gpu_temp_slow_threshold",
        "",
    ),
    (
        "temperature_margin_c",
        v.number,
        "Temperature/GPU T.Limit Temp|Temperature/GPU Current T.Limit Temp",
        "temperature/gpu_temp_tlimit",
        "temperature.gpu.tlimit",
    ),
    ("fan_percent", v.integer, "Fan Speed", "fan_speed", "fan.speed"),
    ("memory_used_bytes", _size, "FB Memory Usage/Used", "fb_memory_usage/used", "memory.used"),
    (
        "memory_reserved_bytes",
        _size,
        "FB Memory Usage/Reserved",
        "fb_memory_usage/reserved",
        "memory.reserved",
    ),
    ("memory_free_bytes", _size, "FB Memory Usage/Free", "fb_memory_usage/free", "memory.free"),
    ("bar1_used_bytes", _size, "BAR1 Memory Usage/Used", "bar1_memory_usage/used", ""),
    (
        "utilization_gpu_percent",
        v.integer,
        "Utilization/GPU|Utilization/Gpu",
        "utilization/gpu_util",
        "utilization.gpu",
    ),
    (
        "utilization_memory_percent",
        v.integer,
        "Utilization/Memory",
        "utilization/memory_util",
        "utilization.memory",
    ),
    (
        "utilization_encoder_percent",
        v.integer,
        "Utilization/Encoder",
        "utilization/encoder_util",
        "utilization.encoder",
    ),
    (
        "utilization_decoder_percent",
        v.integer,
        "Utilization/Decoder",
        "utilization/decoder_util",
        "utilization.decoder",
    ),
    ("persistence_enabled", v.flag, "Persistence Mode", "persistence_mode", "persistence_mode"),
    ("compute_mode", v.compute_mode, "Compute Mode", "compute_mode", "compute_mode"),
    ("display_active", v.flag, "Display Active", "display_active", "display_active"),
    ("accounting_enabled", v.flag, "Accounting Mode", "accounting_mode", "accounting.mode"),
    (
        "pcie_generation_now",
        v.integer,
        "PCIe Generation/Current",
        "pci/pci_gpu_link_info/pcie_gen/current_link_gen",
        "pcie.link.gen.current|pcie.link.gen.gpucurrent",
    ),
    (
        "pcie_width_now",
        v.integer,
        "Link Width/Current",
        "pci/pci_gpu_link_info/link_widths/current_link_width",
        "pcie.link.width.current",
    ),
    (
        "pcie_replays",
        v.integer,
        "PCI/Replays Since Reset|PCI/Replays since reset",
        "pci/replay_counter",
        "",
    ),
    ("c2c_enabled", v.flag, "GPU C2C Mode", "c2c_mode", ""),
)

_LOCATOR = (("pci_bus_id", v.bus_id, "PCI/Bus Id", "pci/pci_bus_id", "pci.bus_id|gpu_bus_id"),)


def _labels(block: str, rows: tuple[tuple[str, Callable[[str], Any], str, str, str], ...]) -> tuple[Label, ...]:
    return tuple(
        Label(block, field, convert, *(tuple(filter(None, names.split("|"))) for names in (query, xml, csv)))
        for field, convert, query, xml, csv in rows
    )


LABELS = (*_labels("locator", _LOCATOR), *_labels("identity", _IDENTITY), *_labels("conditions", _CONDITIONS))

# Label of the reason -> this project's word for it, the same as the live probe's.
_REASONS = {
    "idle": "idle",
    "gpu_idle": "idle",
    "applications_clocks_setting": "app-clocks",
    "sw_power_cap": "sw-power-cap",
    "hw_slowdown": "hw-slowdown",
    "hw_thermal_slowdown": "hw-thermal",
    "hw_power_brake_slowdown": "hw-power-brake",
    "hw_power_brake": "hw-power-brake",
    "sync_boost": "sync-boost",
    "sw_thermal_slowdown": "sw-thermal",
    "display_clock_setting": "display-clocks",
    "display_clocks_setting": "display-clocks",
}


_FAULTS = frozenset({"hw-slowdown", "sw-thermal"})
_BITS = (
    "idle",
    "app-clocks",
    "sw-power-cap",
    "hw-slowdown",
    "sync-boost",
    "sw-thermal",
    "hw-thermal",
    "hw-power-brake",
    "display-clocks",
)


def active_reasons(printed: str) -> tuple[str, ...] | None:
    """Return the reasons of a bit mask.

    >>> active_reasons("0x0000000000000024")
    ('sw-power-cap', 'sw-thermal')
    """
    if not printed.startswith("0x") or len(printed) > 18:
        return None
    try:
        mask = int(printed, 16)
    except ValueError:
        return None
    return tuple(word for bit, word in enumerate(_BITS) if mask >> bit & 1)


def fill(device: DeviceDraft, printed: Mapping[str, str], *, dialect: str, tool: str) -> None:
    """Keep every field of the table that a report prints for one GPU.

    Args:
        device: receives the readings.
        printed: label -> text, labels spelled as in ``LABELS``.
        dialect: which labels to use: ``query``, ``xml`` or ``csv``.
        tool: the command, for the sources.
    """
    blocks = {"locator": device.locate, "identity": device.identify, "conditions": device.condition}
    for label in LABELS:
        for name in getattr(label, dialect):
            if name in printed:
                blocks[label.block](label.field, v.observe(printed[name], label.convert, f"{tool}: {name}"))
    _fill_partition(device, tool)


def fill_private(device: DeviceDraft, *, uuid: str | None, serial: str | None, tool: str) -> None:
    """Keep UUID and serial number, unless they were blanked before posting."""
    if uuid is not None:
        device.locate("uuid", v.masked_or(uuid, f"{tool}: GPU UUID"))
    if serial is not None:
        device.locate("serial", v.masked_or(serial, f"{tool}: Serial Number"))


def fill_reasons(device: DeviceDraft, reasons: Mapping[str, str], *, source: str) -> None:
    """Keep the active clock event reasons.

    Args:
        device: receives the readings.
        reasons: reason as printed -> ``Active`` or ``Not Active``.
        source: the tool and section.
    """
    states = {_reason(name): text for name, text in reasons.items()}
    known = {name: text for name, text in states.items() if name}
    if not known.keys() >= _FAULTS:  # a part of the list, or a list that was cut off, proves nothing
        return
    absences = [why for text in known.values() if (why := v.why_absent(text))]
    if len(absences) == len(known):
        detail = next(iter(known.values()))
        device.condition("throttle_reasons", Absent(why=absences[0], source=source, detail=detail))
        return
    active = tuple(name for name, text in known.items() if v.flag(text) is True)
    device.condition("throttle_reasons", Reading(value=active, source=source))


def _reason(printed: str) -> str:
    word = printed.strip().lower().replace(" ", "_")
    for prefix in (
        "clocks_throttle_reason_",
        "clocks_event_reason_",
        "clocks_event_reasons.",
        "clocks_throttle_reasons.",
    ):
        word = word.removeprefix(prefix)
    return _REASONS.get(word, "")


def total(printed: Mapping[str, str], names: tuple[str, ...], source: str) -> Reading[int] | Absent:
    """Return the sum of counters; absent when one of them is, not asked unless all are printed."""
    if not all(name in printed for name in names):
        return NOT_ASKED
    observed = [v.observe(printed[name], v.integer, source) for name in names]
    numbers = [each.value for each in observed if isinstance(each, Reading)]
    if len(numbers) == len(names):
        return Reading(value=sum(numbers), source=source)
    return next(each for each in observed if isinstance(each, Absent))


def _fill_partition(device: DeviceDraft, tool: str) -> None:
    """Say whole or vGPU from the MIG and virtualization modes; with MIG on, slices decide."""
    mode, name = device.conditions.get("virtualization_mode"), device.identity.get("name")
    named = split_name(name.value) if isinstance(name, Reading) else None
    profile = named.profile if named and named.kind == "vgpu" else ""
    if profile and isinstance(name, Reading):
        device.partition("vgpu", name.source, profile=profile)
        return
    if isinstance(mode, Reading) and mode.value == "vgpu":
        device.partition("vgpu", mode.source)
        return
    mig = device.conditions.get("mig_enabled")
    if isinstance(mig, Reading) and mig.value:
        return
    if isinstance(mig, Reading) or (isinstance(mig, Absent) and mig.why == "not_supported"):
        device.partition("none", mig.source or tool)
