"""Knows the list of NVML questions: calls by wrapper name with their arguments, and field ids. Data only."""

from __future__ import annotations

SYSTEM_CALLS = (
    "nvmlSystemGetDriverVersion",
    "nvmlSystemGetCudaDriverVersion_v2",
    "nvmlSystemGetNVMLVersion",
    "nvmlSystemGetDriverBranch",
    "nvmlSystemGetConfComputeState",
    "nvmlSystemGetConfComputeCapabilities",
)

# Call and the arguments after the handle. What a device is comes first: it answers even on a GPU that is half gone.
DEVICE_CALLS: tuple[tuple[str, tuple[int, ...]], ...] = (
    ("nvmlDeviceGetPciInfo", ()),
    ("nvmlDeviceGetUUID", ()),
    ("nvmlDeviceGetName", ()),
    ("nvmlDeviceGetMigMode", ()),
    ("nvmlDeviceGetVirtualizationMode", ()),
    ("nvmlDeviceGetSerial", ()),
    ("nvmlDeviceGetBoardPartNumber", ()),
    ("nvmlDeviceGetBoardId", ()),
    ("nvmlDeviceGetMinorNumber", ()),
    ("nvmlDeviceGetBrand", ()),
    ("nvmlDeviceGetArchitecture", ()),
    ("nvmlDeviceGetCudaComputeCapability", ()),
    ("nvmlDeviceGetNumGpuCores", ()),
    ("nvmlDeviceGetVbiosVersion", ()),
    ("nvmlDeviceGetInforomImageVersion", ()),
    ("nvmlDeviceGetInforomVersion", (0,)),
    ("nvmlDeviceGetInforomVersion", (1,)),
    ("nvmlDeviceGetInforomVersion", (2,)),
    ("nvmlDeviceGetInforomConfigurationChecksum", ()),
    ("nvmlDeviceGetBusType", ()),
    ("nvmlDeviceGetAddressingMode", ()),
    ("nvmlDeviceGetAdaptiveClockInfoStatus", ()),
    ("nvmlDeviceGetMemoryBusWidth", ()),
    ("nvmlDeviceGetBAR1MemoryInfo", ()),
    ("nvmlDeviceGetMaxClockInfo", (0,)),
    ("nvmlDeviceGetMaxClockInfo", (1,)),
    ("nvmlDeviceGetMaxClockInfo", (2,)),
    ("nvmlDeviceGetMaxClockInfo", (3,)),
    ("nvmlDeviceGetMaxCustomerBoostClock", (1,)),
    ("nvmlDeviceGetApplicationsClock", (1,)),
    ("nvmlDeviceGetApplicationsClock", (2,)),
    ("nvmlDeviceGetDefaultApplicationsClock", (1,)),
    ("nvmlDeviceGetDefaultApplicationsClock", (2,)),
    ("nvmlDeviceGetSupportedMemoryClocks", ()),
    ("nvmlDeviceGetCurrentClockFreqs", ()),
    ("nvmlDeviceGetClockInfo", (0,)),
    ("nvmlDeviceGetClockInfo", (1,)),
    ("nvmlDeviceGetClockInfo", (2,)),
    ("nvmlDeviceGetClockInfo", (3,)),
    ("nvmlDeviceGetPerformanceState", ()),
    ("nvmlDeviceGetPowerManagementDefaultLimit", ()),
    ("nvmlDeviceGetPowerManagementLimitConstraints", ()),
    ("nvmlDeviceGetPowerManagementLimit", ()),
    ("nvmlDeviceGetEnforcedPowerLimit", ()),
    ("nvmlDeviceGetPowerUsage", ()),
    ("nvmlDeviceGetPowerSource", ()),
    ("nvmlDeviceGetTotalEnergyConsumption", ()),
    ("nvmlDeviceGetTemperatureThreshold", (0,)),
    ("nvmlDeviceGetTemperatureThreshold", (1,)),
    ("nvmlDeviceGetTemperatureThreshold", (3,)),
    ("nvmlDeviceGetMarginTemperature", ()),
    ("nvmlDeviceGetFanSpeed", ()),
    ("nvmlDeviceGetEccMode", ()),
    ("nvmlDeviceGetDefaultEccMode", ()),
    ("nvmlDeviceGetTotalEccErrors", (0, 0)),
    ("nvmlDeviceGetTotalEccErrors", (1, 0)),
    ("nvmlDeviceGetTotalEccErrors", (0, 1)),
    ("nvmlDeviceGetTotalEccErrors", (1, 1)),
    ("nvmlDeviceGetRemappedRows", ()),
    ("nvmlDeviceGetRowRemapperHistogram", ()),
    ("nvmlDeviceGetRetiredPages", (0,)),
    ("nvmlDeviceGetRetiredPages", (1,)),
    ("nvmlDeviceGetRetiredPagesPendingStatus", ()),
    ("nvmlDeviceGetViolationStatus", (0,)),
    ("nvmlDeviceGetViolationStatus", (1,)),
    ("nvmlDeviceGetCurrPcieLinkGeneration", ()),
    ("nvmlDeviceGetMaxPcieLinkGeneration", ()),
    ("nvmlDeviceGetGpuMaxPcieLinkGeneration", ()),
    ("nvmlDeviceGetCurrPcieLinkWidth", ()),
    ("nvmlDeviceGetMaxPcieLinkWidth", ()),
    ("nvmlDeviceGetPcieSpeed", ()),
    ("nvmlDeviceGetPcieLinkMaxSpeed", ()),
    ("nvmlDeviceGetPcieReplayCounter", ()),
    ("nvmlDeviceGetC2cModeInfoV", ()),
    ("nvmlDeviceGetNumaNodeId", ()),
    ("nvmlDeviceGetDramEncryptionMode", ()),
    ("nvmlDeviceGetPersistenceMode", ()),
    ("nvmlDeviceGetComputeMode", ()),
    ("nvmlDeviceGetDisplayActive", ()),
    ("nvmlDeviceGetDisplayMode", ()),
    ("nvmlDeviceGetAccountingMode", ()),
    ("nvmlDeviceGetAPIRestriction", (0,)),
    ("nvmlDeviceGetAPIRestriction", (1,)),
    ("nvmlDeviceGetEncoderUtilization", ()),
    ("nvmlDeviceGetDecoderUtilization", ()),
)
PROCESS_CALLS = (
    "nvmlDeviceGetComputeRunningProcesses",
    "nvmlDeviceGetMPSComputeRunningProcesses",  # the clients of an MPS server, which is in the first list
    "nvmlDeviceGetGraphicsRunningProcesses",
)
MIG_CALLS = (
    "nvmlDeviceGetName",
    "nvmlDeviceGetUUID",
    "nvmlDeviceGetAttributes",
    "nvmlDeviceGetGpuInstanceId",
    "nvmlDeviceGetComputeInstanceId",
    "nvmlDeviceGetBAR1MemoryInfo",
)

# Field ids of nvml.h (NVML_FI_DEV_*); the second set is asked once per NVLink, with the link as scope.
FIELDS = (
    38,
    45,
    52,
    59,  # NVLink CRC flit, CRC data, replay, recovery errors, all links
    74,
    75,
    76,  # time limited by power, thermal, sync boost policy
    82,  # memory temperature
    90,
    91,  # NVLink speed common to all links, number of links
    147,  # links that end at an NVSwitch
    160,  # NVLink ECC data errors, all links
    170,
    172,  # C2C links, their bandwidth
    185,
    186,
    187,
    188,
    189,
    190,
    192,  # power: average, instant, min, max, default, current, requested limit
    193,
    194,
    195,
    196,  # temperature limits, signed
    226,
    227,
    230,  # reset, drain-and-reset, recovery action
    269,
    270,
    271,  # time slowed by software thermal, hardware thermal, power brake
)
LINK_FIELDS = (161, 162, 163, 164)  # replay, recovery, CRC errors; speed
