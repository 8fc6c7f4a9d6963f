"""Knows one device of a fingerprint: what it is, how it was found, and the state it was in.

Three blocks that are never mixed: ``Locator`` (how this process finds the device; private or
volatile, never compared), ``DeviceIdentity`` (what the hardware is; the only block the identity
hash covers) and ``DeviceConditions`` (volatile state). Every field is a reading with its source or an
``Absent``; units are in the names (``_bytes``, ``_mhz``, ``_w``, ``_gbps`` decimal GB/s).
"""

from typing import TypeAlias

import msgspec

from parity.model.absent import NOT_ASKED, Absent, Reading
from parity.model.partition import Partition

Text: TypeAlias = Reading[str] | Absent
Int: TypeAlias = Reading[int] | Absent
Float: TypeAlias = Reading[float] | Absent
Flag: TypeAlias = Reading[bool] | Absent
Texts: TypeAlias = Reading[tuple[str, ...]] | Absent

SLOWDOWNS = ("hw-slowdown", "sw-thermal", "hw-thermal", "hw-power-brake")
"""Throttle reasons that are faults; idle, application and display clocks and the software power cap are normal."""


class Locator(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How to find the device on its machine. Volatile or private: never compared, never hashed.

    Attributes:
        index: position in the source's own enumeration.
        visible: false when CUDA_/HIP_/ROCR_VISIBLE_DEVICES hides it from this process.
        uuid, serial: private; removed by redaction.
        pci_bus_id: ``00000000:1b:00.0``, lower case, eight-digit domain.
        parent_uuid: for a MIG slice, the GPU it is cut from; private.
    """

    index: int
    visible: bool = True
    uuid: Text = NOT_ASKED
    serial: Text = NOT_ASKED
    pci_bus_id: Text = NOT_ASKED
    parent_uuid: Text = NOT_ASKED


class DeviceIdentity(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the hardware is. On a slice, the slice's own numbers, never the parent's."""

    vendor: Text = NOT_ASKED  # nvidia | amd
    name: Text = NOT_ASKED  # exactly as the driver prints it
    pci_device_id: Text = NOT_ASKED  # "10de:2330", vendor:device
    pci_subsystem_id: Text = NOT_ASKED  # "10de:16c1", subvendor:subdevice
    pci_revision: Text = NOT_ASKED  # "a1"
    compute_capability: Text = NOT_ASKED  # NVIDIA, "9.0"
    gfx_target: Text = NOT_ASKED  # AMD, "gfx942"
    partition: Reading[Partition] | Absent = NOT_ASKED
    brand: Text = NOT_ASKED
    board_part_number: Text = NOT_ASKED
    sm_count: Int = NOT_ASKED
    cu_count: Int = NOT_ASKED
    xcd_count: Int = NOT_ASKED
    core_count: Int = NOT_ASKED  # CUDA cores
    warp_size: Int = NOT_ASKED
    memory_bytes: Int = NOT_ASKED  # total, as the driver prints it
    memory_type: Text = NOT_ASKED
    memory_unified: Flag = NOT_ASKED  # shares system memory (GB10, Thor, APUs)
    memory_bus_width_bits: Int = NOT_ASKED
    memory_clock_mhz: Int = NOT_ASKED  # maximum, never the current one
    memory_bandwidth_gbps: Float = NOT_ASKED  # theoretical peak, only if the driver says so itself
    l2_bytes: Int = NOT_ASKED
    infinity_cache_bytes: Int = NOT_ASKED
    shared_memory_per_sm_bytes: Int = NOT_ASKED  # LDS per CU on AMD
    shared_memory_per_block_optin_bytes: Int = NOT_ASKED
    registers_per_sm_bytes: Int = NOT_ASKED
    clock_boost_mhz: Int = NOT_ASKED  # maximum SM / engine clock the driver reports
    power_default_w: Float = NOT_ASKED
    power_min_w: Float = NOT_ASKED
    power_max_w: Float = NOT_ASKED
    link_type: Text = NOT_ASKED  # nvlink | xgmi | none
    link_count: Int = NOT_ASKED  # links the device has, active or not
    link_bandwidth_gbps: Float = NOT_ASKED  # all links, both directions together
    pcie_generation: Int = NOT_ASKED  # maximum of device and slot
    pcie_generation_device: Int = NOT_ASKED  # maximum of the device alone
    pcie_width: Int = NOT_ASKED  # maximum lanes
    bar1_bytes: Int = NOT_ASKED
    ecc_default: Flag = NOT_ASKED
    vbios_version: Text = NOT_ASKED
    firmware_version: Text = NOT_ASKED  # GSP on NVIDIA
    inforom_version: Text = NOT_ASKED
    integrated: Flag = NOT_ASKED
    multicast: Flag = NOT_ASKED  # NVLink SHARP multicast objects
    addressing_mode: Text = NOT_ASKED


class Process(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One process on a device. The id is a host id inside most containers: never compared.

    Attributes:
        kind: ``compute`` or ``graphics``.
        memory_bytes: used device memory; None when the driver does not say.
    """

    pid: int
    kind: str
    name: str = ""
    memory_bytes: int | None = None


class DeviceConditions(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Volatile state of one device at the time of reading."""

    mig_enabled: Flag = NOT_ASKED
    mig_pending: Flag = NOT_ASKED
    virtualization_mode: Text = NOT_ASKED  # none | passthrough | vgpu | host-vgpu | host-vsga
    confidential_compute: Flag = NOT_ASKED
    dram_encryption: Flag = NOT_ASKED
    ecc_enabled: Flag = NOT_ASKED
    ecc_pending: Flag = NOT_ASKED
    ecc_corrected: Int = NOT_ASKED  # since the driver loaded
    ecc_uncorrected: Int = NOT_ASKED
    sram_threshold_exceeded: Flag = NOT_ASKED
    remapped_rows_corrected: Int = NOT_ASKED
    remapped_rows_uncorrected: Int = NOT_ASKED
    remap_pending: Flag = NOT_ASKED
    remap_failed: Flag = NOT_ASKED
    retired_pages: Int = NOT_ASKED
    recovery_action: Text = NOT_ASKED
    clock_sm_mhz: Int = NOT_ASKED
    clock_graphics_mhz: Int = NOT_ASKED
    clock_memory_mhz: Int = NOT_ASKED
    clock_video_mhz: Int = NOT_ASKED
    clock_application_sm_mhz: Int = NOT_ASKED
    clock_application_memory_mhz: Int = NOT_ASKED
    clock_application_default_sm_mhz: Int = NOT_ASKED
    clock_customer_boost_mhz: Int = NOT_ASKED
    clock_policy: Text = NOT_ASKED  # the driver's own text on locked and offset clocks
    performance_state: Int = NOT_ASKED  # P0..P15
    performance_level: Text = NOT_ASKED  # AMD: auto, high, manual, ...
    throttle_reasons: Texts = NOT_ASKED  # active now; names in parity/probes/nvml_decode.py
    throttle_supported: Texts = NOT_ASKED
    throttle_power_ns: Int = NOT_ASKED  # cumulative, since the driver loaded
    throttle_thermal_ns: Int = NOT_ASKED
    throttle_hw_thermal_ns: Int = NOT_ASKED
    throttle_hw_power_brake_ns: Int = NOT_ASKED
    throttle_sync_boost_ns: Int = NOT_ASKED
    violation_power_ns: Int = NOT_ASKED
    violation_thermal_ns: Int = NOT_ASKED
    power_draw_w: Float = NOT_ASKED
    power_draw_instant_w: Float = NOT_ASKED
    power_limit_w: Float = NOT_ASKED  # enforced: the least of all limiters
    power_limit_set_w: Float = NOT_ASKED
    power_limit_requested_w: Float = NOT_ASKED
    power_source: Text = NOT_ASKED  # ac | battery | undersized
    power_profile: Text = NOT_ASKED
    energy_mj: Int = NOT_ASKED  # millijoule since the driver loaded
    temperature_c: Float = NOT_ASKED
    temperature_memory_c: Float = NOT_ASKED
    temperature_slowdown_c: Float = NOT_ASKED
    temperature_margin_c: Float = NOT_ASKED
    fan_percent: Int = NOT_ASKED
    memory_used_bytes: Int = NOT_ASKED
    memory_reserved_bytes: Int = NOT_ASKED
    memory_free_bytes: Int = NOT_ASKED
    bar1_used_bytes: Int = NOT_ASKED
    utilization_gpu_percent: Int = NOT_ASKED
    utilization_memory_percent: Int = NOT_ASKED
    utilization_encoder_percent: Int = NOT_ASKED
    utilization_decoder_percent: Int = NOT_ASKED
    processes: Reading[tuple[Process, ...]] | Absent = NOT_ASKED
    persistence_enabled: Flag = NOT_ASKED
    replicas: Int = NOT_ASKED  # pods that may share the device at once (time slicing, MPS), as a cluster's labels say
    compute_mode: Text = NOT_ASKED  # default | exclusive-thread | prohibited | exclusive-process
    display_active: Flag = NOT_ASKED
    accounting_enabled: Flag = NOT_ASKED
    api_restricted: Flag = NOT_ASKED
    gsp_enabled: Flag = NOT_ASKED
    pcie_generation_now: Int = NOT_ASKED  # drops at idle: judged only when not idle
    pcie_width_now: Int = NOT_ASKED
    pcie_speed_mbps: Int = NOT_ASKED
    pcie_replays: Int = NOT_ASKED
    link_active_count: Int = NOT_ASKED
    link_errors: Int = NOT_ASKED
    fabric_state: Text = NOT_ASKED  # not-supported | not-started | in-progress | completed
    fabric_healthy: Flag = NOT_ASKED
    c2c_enabled: Flag = NOT_ASKED
    numa_node: Int = NOT_ASKED
    compute_partition: Text = NOT_ASKED  # AMD: SPX, DPX, TPX, QPX, CPX
    memory_partition: Text = NOT_ASKED  # AMD: NPS1..NPS8


class Device(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One GPU as the driver enumerates it, or one MIG slice."""

    locator: Locator
    identity: DeviceIdentity = DeviceIdentity()
    conditions: DeviceConditions = DeviceConditions()

    @property
    def label(self) -> str:
        """Return ``GPU 0 (NVIDIA H100 80GB HBM3)``, without the name when it is absent."""
        name = self.identity.name
        suffix = f" ({name.value})" if isinstance(name, Reading) else ""
        return f"GPU {self.locator.index}{suffix}"
