"""Knows which answer fills which field of a device: field -> the calls that give it, best first, with their converters.

A source is a survey key without its device: ``nvml:`` calls of this device (or slice), ``board:`` NVML calls of the
GPU that a slice is cut from (the device itself when it is whole), ``cuda:``, ``pci:`` and ``proc:`` of the device
joined to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parity.probes import nvidia_convert as to

if TYPE_CHECKING:
    from collections.abc import Callable

    Sources = tuple[tuple[str, Callable[[Any], Any]], ...]

_PCI = "board:nvmlDeviceGetPciInfo"
_FIELD = "board:nvmlDeviceGetFieldValues"


def _of(source: str, convert: Callable[[Any], Any]) -> Sources:
    return ((source, convert),)


# What a slice shares with the GPU it is cut from: the chip, the board and their clocks.
BOARD_IDENTITY: dict[str, Sources] = {
    # By hand: nvidia-smi --query-gpu=pci.device_id,pci.sub_device_id --format=csv; lspci -d 10de: -nn
    "pci_device_id": _of(_PCI, to.item("pciDeviceId", to.pci_id)),
    "pci_subsystem_id": _of(_PCI, to.item("pciSubSystemId", to.pci_id)),
    "pci_revision": _of("pci:revision", to.revision),
    # By hand: nvidia-smi --query-gpu=compute_cap --format=csv
    "compute_capability": _of("board:nvmlDeviceGetCudaComputeCapability", to.capability),
    "brand": _of("board:nvmlDeviceGetBrand", to.one_of(to.BRANDS)),
    "board_part_number": _of("board:nvmlDeviceGetBoardPartNumber", to.text),
    "memory_clock_mhz": (
        # By hand: nvidia-smi --query-gpu=clocks.max.mem,clocks.max.sm --format=csv
        ("board:nvmlDeviceGetMaxClockInfo[2]", to.positive),
        ("cuda:MEMORY_CLOCK_RATE", to.mhz_of_khz),
    ),
    "clock_boost_mhz": _of("board:nvmlDeviceGetMaxClockInfo[1]", to.positive),
    "ecc_default": _of("board:nvmlDeviceGetDefaultEccMode", to.item(0, to.flag)),
    "vbios_version": (("board:nvmlDeviceGetVbiosVersion", to.text), ("proc:Video BIOS", to.text)),
    "firmware_version": (("board:nvmlDeviceGetGspFirmwareVersion", to.text), ("proc:GPU Firmware", to.text)),
    "inforom_version": _of("board:nvmlDeviceGetInforomImageVersion", to.text),
    "addressing_mode": _of("board:nvmlDeviceGetAddressingMode", to.one_of(to.ADDRESSING_MODES)),
    # libcuda attributes are those of the device or slice that libcuda shows: by hand, the CUDA sample deviceQuery.
    "warp_size": _of("cuda:WARP_SIZE", to.positive),
    "shared_memory_per_sm_bytes": _of("cuda:MAX_SHARED_MEMORY_PER_MULTIPROCESSOR", to.positive),
    "shared_memory_per_block_optin_bytes": _of("cuda:MAX_SHARED_MEMORY_PER_BLOCK_OPTIN", to.positive),
    "registers_per_sm_bytes": _of(
        "cuda:MAX_REGISTERS_PER_MULTIPROCESSOR", lambda raw: (to.positive(raw) or 0) * 4 or None
    ),
    "integrated": _of("cuda:INTEGRATED", to.flag),
    "memory_unified": _of("cuda:INTEGRATED", to.flag),
    "multicast": _of("cuda:MULTICAST_SUPPORTED", to.flag),
    # A slice's share: only libcuda tells it.
    "l2_bytes": _of("cuda:L2_CACHE_SIZE", to.positive),
}

# What only a whole GPU may claim.
WHOLE_IDENTITY: dict[str, Sources] = {
    # By hand: nvidia-smi --query-gpu=name --format=csv
    "name": (("nvml:nvmlDeviceGetName", to.text), ("proc:Model", to.text), ("cuda:cuDeviceGetName", to.text)),
    "core_count": _of("nvml:nvmlDeviceGetNumGpuCores", to.positive),
    "memory_bus_width_bits": (
        ("nvml:nvmlDeviceGetMemoryBusWidth", to.positive),
        ("cuda:GLOBAL_MEMORY_BUS_WIDTH", to.positive),
    ),
    # By hand: nvidia-smi -q -d POWER
    "power_default_w": (
        ("nvml:nvmlDeviceGetPowerManagementDefaultLimit", to.limit_watts),
        (f"{_FIELD}[189]", to.limit_watts),
    ),
    "power_min_w": (
        ("nvml:nvmlDeviceGetPowerManagementLimitConstraints", to.item(0, to.limit_watts)),
        (f"{_FIELD}[187]", to.limit_watts),
    ),
    "power_max_w": (
        ("nvml:nvmlDeviceGetPowerManagementLimitConstraints", to.item(1, to.limit_watts)),
        (f"{_FIELD}[188]", to.limit_watts),
    ),
    # By hand: nvidia-smi --query-gpu=pcie.link.gen.max,pcie.link.gen.gpumax,pcie.link.width.max --format=csv
    "pcie_generation": _of("nvml:nvmlDeviceGetMaxPcieLinkGeneration", to.pcie_generation),
    "pcie_generation_device": (
        ("nvml:nvmlDeviceGetGpuMaxPcieLinkGeneration", to.pcie_generation),
        ("pci:max_link_speed", to.pcie_speed_generation),
    ),
    "pcie_width": (("nvml:nvmlDeviceGetMaxPcieLinkWidth", to.pcie_width), ("pci:max_link_width", to.pcie_width)),
    "bar1_bytes": _of("nvml:nvmlDeviceGetBAR1MemoryInfo", to.item("bar1Total", to.positive)),
}

# State of the board: it acts on every slice alike.
BOARD_CONDITIONS: dict[str, Sources] = {
    "mig_enabled": _of("board:nvmlDeviceGetMigMode", to.item(0, to.flag)),
    "mig_pending": _of("board:nvmlDeviceGetMigMode", to.item(1, to.flag)),
    "virtualization_mode": _of("board:nvmlDeviceGetVirtualizationMode", to.one_of(to.VIRTUALIZATION_MODES)),
    "confidential_compute": (
        ("system:nvmlSystemGetConfComputeSettings", to.item("ccFeature", to.flag)),
        ("system:nvmlSystemGetConfComputeState", to.item("ccFeature", to.flag)),
    ),
    "dram_encryption": _of("board:nvmlDeviceGetDramEncryptionMode", to.item(0, to.flag)),
    # By hand: nvidia-smi -q -d ECC,PAGE_RETIREMENT,ROW_REMAPPER
    "ecc_enabled": _of("board:nvmlDeviceGetEccMode", to.item(0, to.flag)),
    "ecc_pending": _of("board:nvmlDeviceGetEccMode", to.item(1, to.flag)),
    "ecc_corrected": _of("board:nvmlDeviceGetTotalEccErrors[0,0]", to.number),
    "ecc_uncorrected": _of("board:nvmlDeviceGetTotalEccErrors[1,0]", to.number),
    "sram_threshold_exceeded": _of("board:nvmlDeviceGetSramEccErrorStatus", to.item("bThresholdExceeded", to.flag)),
    "remapped_rows_corrected": _of("board:nvmlDeviceGetRemappedRows", to.item(0, to.number)),
    "remapped_rows_uncorrected": _of("board:nvmlDeviceGetRemappedRows", to.item(1, to.number)),
    "remap_pending": _of("board:nvmlDeviceGetRemappedRows", to.item(2, to.flag)),
    "remap_failed": _of("board:nvmlDeviceGetRemappedRows", to.item(3, to.flag)),
    "recovery_action": _of(f"{_FIELD}[230]", to.one_of(to.RECOVERY_ACTIONS)),
    # By hand: nvidia-smi -q -d CLOCK,PERFORMANCE
    "clock_sm_mhz": _of("board:nvmlDeviceGetClockInfo[1]", to.number),
    "clock_graphics_mhz": _of("board:nvmlDeviceGetClockInfo[0]", to.number),
    "clock_memory_mhz": _of("board:nvmlDeviceGetClockInfo[2]", to.number),
    "clock_video_mhz": _of("board:nvmlDeviceGetClockInfo[3]", to.number),
    "clock_application_sm_mhz": _of("board:nvmlDeviceGetApplicationsClock[1]", to.positive),
    "clock_application_memory_mhz": _of("board:nvmlDeviceGetApplicationsClock[2]", to.positive),
    "clock_application_default_sm_mhz": _of("board:nvmlDeviceGetDefaultApplicationsClock[1]", to.positive),
    "clock_customer_boost_mhz": _of("board:nvmlDeviceGetMaxCustomerBoostClock[1]", to.positive),
    "clock_policy": _of("board:nvmlDeviceGetCurrentClockFreqs", to.text),
    "performance_state": _of("board:nvmlDeviceGetPerformanceState", to.performance_state),
    "throttle_reasons": (
        ("board:nvmlDeviceGetCurrentClocksEventReasons", to.reasons),
        ("board:nvmlDeviceGetCurrentClocksThrottleReasons", to.reasons),
    ),
    "throttle_supported": (
        ("board:nvmlDeviceGetSupportedClocksEventReasons", to.reasons),
        ("board:nvmlDeviceGetSupportedClocksThrottleReasons", to.reasons),
    ),
    "throttle_power_ns": _of(f"{_FIELD}[74]", to.number),
    "throttle_thermal_ns": _of(f"{_FIELD}[269]", to.number),
    "throttle_hw_thermal_ns": _of(f"{_FIELD}[270]", to.number),
    "throttle_hw_power_brake_ns": _of(f"{_FIELD}[271]", to.number),
    "throttle_sync_boost_ns": _of(f"{_FIELD}[76]", to.number),
    "violation_power_ns": _of("board:nvmlDeviceGetViolationStatus[0]", to.item("violationTime", to.number)),
    "violation_thermal_ns": _of("board:nvmlDeviceGetViolationStatus[1]", to.item("violationTime", to.number)),
    "power_draw_w": _of("board:nvmlDeviceGetPowerUsage", to.watts),
    "power_draw_instant_w": _of(f"{_FIELD}[186]", to.watts),
    "power_limit_w": _of("board:nvmlDeviceGetEnforcedPowerLimit", to.limit_watts),
    "power_limit_set_w": (
        ("board:nvmlDeviceGetPowerManagementLimit", to.limit_watts),
        (f"{_FIELD}[190]", to.limit_watts),
    ),
    "power_limit_requested_w": _of(f"{_FIELD}[192]", to.limit_watts),
    "power_source": _of("board:nvmlDeviceGetPowerSource", to.one_of(to.POWER_SOURCES)),
    "power_profile": _of("board:nvmlDeviceWorkloadPowerProfileGetCurrentProfiles", to.power_profiles),
    "energy_mj": _of("board:nvmlDeviceGetTotalEnergyConsumption", to.number),
    # By hand: nvidia-smi -q -d TEMPERATURE
    "temperature_c": (
        ("board:nvmlDeviceGetTemperatureV[0]", to.signed),
        ("board:nvmlDeviceGetTemperature[0]", to.signed),
    ),
    "temperature_memory_c": _of(f"{_FIELD}[82]", to.temperature),
    "temperature_slowdown_c": _of("board:nvmlDeviceGetTemperatureThreshold[1]", to.temperature),
    "temperature_margin_c": _of("board:nvmlDeviceGetMarginTemperature", to.signed),
    "fan_percent": _of("board:nvmlDeviceGetFanSpeed", to.percent),
    "persistence_enabled": _of("board:nvmlDeviceGetPersistenceMode", to.flag),
    "compute_mode": _of("board:nvmlDeviceGetComputeMode", to.one_of(to.COMPUTE_MODES)),
    "display_active": _of("board:nvmlDeviceGetDisplayActive", to.flag),
    "accounting_enabled": _of("board:nvmlDeviceGetAccountingMode", to.flag),
    "api_restricted": _of("board:nvmlDeviceGetAPIRestriction[0]", to.flag),
    "gsp_enabled": _of("board:nvmlDeviceGetGspFirmwareMode", to.item(0, to.flag)),
    "pcie_generation_now": (
        ("board:nvmlDeviceGetCurrPcieLinkGeneration", to.pcie_generation),
        ("pci:current_link_speed", to.pcie_speed_generation),
    ),
    "pcie_width_now": (
        ("board:nvmlDeviceGetCurrPcieLinkWidth", to.pcie_width),
        ("pci:current_link_width", to.pcie_width),
    ),
    "pcie_speed_mbps": _of("board:nvmlDeviceGetPcieSpeed", to.number),
    "pcie_replays": _of("board:nvmlDeviceGetPcieReplayCounter", to.number),
    "fabric_state": _of("board:nvmlDeviceGetGpuFabricInfoV", to.item("state", to.one_of(to.FABRIC_STATES))),
    "c2c_enabled": _of("board:nvmlDeviceGetC2cModeInfoV", to.item("isC2cEnabled", to.flag)),
    # The node that the GPU hangs on; nvmlDeviceGetNumaNodeId is the node that GPU memory is, another thing.
    "numa_node": _of("pci:numa_node", to.node),
}

# State of the device or slice itself.
OWN_CONDITIONS: dict[str, Sources] = {
    "memory_used_bytes": (
        ("nvml:nvmlDeviceGetMemoryInfo_v2", to.item("used", to.number)),
        ("nvml:nvmlDeviceGetMemoryInfo", to.item("used", to.number)),
    ),
    "memory_reserved_bytes": _of("nvml:nvmlDeviceGetMemoryInfo_v2", to.item("reserved", to.number)),
    "memory_free_bytes": (
        ("nvml:nvmlDeviceGetMemoryInfo_v2", to.item("free", to.number)),
        ("nvml:nvmlDeviceGetMemoryInfo", to.item("free", to.number)),
    ),
    "bar1_used_bytes": _of("nvml:nvmlDeviceGetBAR1MemoryInfo", to.item("bar1Used", to.number)),
}
WHOLE_CONDITIONS: dict[str, Sources] = {
    "utilization_gpu_percent": _of("nvml:nvmlDeviceGetUtilizationRates", to.item("gpu", to.percent)),
    "utilization_memory_percent": _of("nvml:nvmlDeviceGetUtilizationRates", to.item("memory", to.percent)),
    "utilization_encoder_percent": _of("nvml:nvmlDeviceGetEncoderUtilization", to.item(0, to.percent)),
    "utilization_decoder_percent": _of("nvml:nvmlDeviceGetDecoderUtilization", to.item(0, to.percent)),
}
MEMORY_TOTAL: Sources = (
    # By hand: nvidia-smi --query-gpu=memory.total --format=csv
    ("nvml:nvmlDeviceGetMemoryInfo_v2", to.item("total", to.positive)),
    ("nvml:nvmlDeviceGetMemoryInfo", to.item("total", to.positive)),
)
# Fields that a GPU whose slices cannot be read must not fill: its size is nobody's.
SIZE_FIELDS = ("sm_count", "core_count", "memory_bytes", "memory_bus_width_bits", "l2_bytes", "bar1_bytes")
