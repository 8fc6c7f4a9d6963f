"""Builds a folder that looks like ``/`` of a machine with AMD GPUs: KFD topology, DRM device files, PCI devices.

Synthetic: layouts and names are the kernel's (drivers/gpu/drm/amd/amdkfd/kfd_topology.c, amdgpu sysfs), values are the
published ones of each part.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Part:
    """What one package answers."""

    name: str
    device: int
    revision: int
    gfx: int
    cus: int
    xccs: int
    wave: int
    clock: int
    memory: int
    width: int
    memory_clock: int
    l2_kb: int
    l3_kb: int
    cap_w: int
    speed: str = "32.0 GT/s PCIe"
    lds_kb: int = 64
    partitions: bool = False
    simd_per_cu: int = 4
    mclk: str = "0: 900Mhz *\n1: 1300Mhz\n"


MI300X = Part(
    name="AMD Instinct MI300X OAM",
    device=0x74A1,
    revision=0,
    gfx=90402,
    cus=304,
    xccs=8,
    wave=64,
    clock=2100,
    memory=206141652992,
    width=8192,
    memory_clock=1300,
    l2_kb=4096,
    l3_kb=262144,
    cap_w=750,
    partitions=True,
)
MI308X = replace(MI300X, name="AMD Instinct MI308X OAM", device=0x74A2, cus=80, xccs=4, cap_w=650, clock=1420)
MI250X_GCD = Part(
    name="AMD INSTINCT MI250X (MCM) OAM AC MBA",
    device=0x7408,
    revision=0,
    gfx=90010,
    cus=110,
    xccs=1,
    wave=64,
    clock=1700,
    memory=68702699520,
    width=4096,
    memory_clock=1600,
    l2_kb=8192,
    l3_kb=0,
    cap_w=560,
    speed="16.0 GT/s PCIe",
    mclk="0: 400Mhz\n1: 700Mhz\n2: 1200Mhz\n3: 1600Mhz *\n",
)
RX_7900_XTX = Part(
    name="",
    device=0x744C,
    revision=0xC8,
    gfx=110000,
    cus=96,
    xccs=1,
    wave=32,
    clock=2526,
    memory=25753026560,
    width=384,
    memory_clock=1249,
    l2_kb=6144,
    l3_kb=98304,
    cap_w=303,
    speed="16.0 GT/s PCIe",
    simd_per_cu=2,
    mclk="0: 96Mhz *\n1: 456Mhz\n2: 772Mhz\n3: 1249Mhz\n",
)


@dataclass
class Machine:
    """Builds the tree below a folder.

    Attributes:
        root: the folder that stands for ``/``.
        cpus: CPU nodes of the KFD topology, before the GPUs.
    """

    root: Path
    cpus: int = 2
    _node: int = field(default=0, init=False)
    _card: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        """Write what every machine has."""
        self.write("/proc/sys/kernel/osrelease", "6.8.0-60-generic\n")
        self.write("/sys/module/amdgpu/version", "6.12.12\n")
        self.write("/opt/rocm/.info/version", "7.0.2-56\n")
        self.write("/dev/kfd", "")
        self.write(
            "/usr/share/libdrm/amdgpu.ids",
            "# List of AMDGPU IDs\n1.0.0\n744C,\tC8,\tAMD Radeon RX 7900 XTX\n74A1,\t00,\tAMD Instinct MI300X\n",
        )
        for _ in range(self.cpus):
            self.node({"cpu_cores_count": 64, "simd_count": 0})

    def write(self, path: str, text: str) -> None:
        """Write one file below the root."""
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def node(self, properties: dict[str, int]) -> int:
        """Add a KFD node; return its number."""
        number, self._node = self._node, self._node + 1
        lines = "".join(f"{name} {value}\n" for name, value in properties.items())
        self.write(f"/sys/class/kfd/kfd/topology/nodes/{number}/properties", lines)
        self.write(f"/sys/class/kfd/kfd/topology/nodes/{number}/gpu_id", f"{properties.get('gpu_id', 0)}\n")
        return number

    def add(self, part: Part, *, bus: int, mode: str = "SPX", memory_mode: str = "NPS1", hive: int = 0) -> list[int]:
        """Add one package; return its KFD node numbers."""
        count = {"SPX": 1, "DPX": 2, "QPX": 4, "CPX": part.xccs}[mode]
        bdf = f"0000:{bus:02x}:00.0"
        self._pci(part, bdf)
        self._drm(part, bdf, mode, memory_mode, bus)
        return [self._kfd(part, bus, slot, count, hive) for slot in range(count)]

    def link(self, nodes: list[int], kind: int = 11) -> None:
        """Connect every pair of nodes."""
        for one in nodes:
            for position, two in enumerate(node for node in nodes if node != one):
                self.write(
                    f"/sys/class/kfd/kfd/topology/nodes/{one}/io_links/{position + 1}/properties",
                    f"type {kind}\nversion_major 0\nnode_from {one}\nnode_to {two}\nweight 15\n"
                    "min_bandwidth 64000\nmax_bandwidth 64000\nflags 1\n",
                )

    def _pci(self, part: Part, bdf: str) -> None:
        folder = f"/sys/bus/pci/devices/{bdf}"
        values = {
            "vendor": "0x1002",
            "device": f"{part.device:#06x}",
            "subsystem_vendor": "0x1002",
            "subsystem_device": f"{part.device:#06x}",
            "revision": f"{part.revision:#04x}",
            "class": "0x120000" if part.cap_w > 400 else "0x030000",
            "numa_node": "0",
        }
        for name, value in values.items():
            self.write(f"{folder}/{name}", value + "\n")

    def _drm(self, part: Part, bdf: str, mode: str, memory_mode: str, bus: int) -> None:
        card, self._card = self._card, self._card + 1
        real = self.root / "sys/devices/pci0000:00/0000:00:01.0" / bdf
        for name, value in {
            "vendor": "0x1002",
            "device": f"{part.device:#06x}",
            "subsystem_vendor": "0x1002",
            "subsystem_device": f"{part.device:#06x}",
            "revision": f"{part.revision:#04x}",
            "uevent": f"DRIVER=amdgpu\nPCI_CLASS=120000\nPCI_SLOT_NAME={bdf}\n",
            "numa_node": "0",
            "unique_id": f"{0xD4FF74A100000000 + bus:016x}",
            "vbios_version": "113-M3000100-102",
            "mem_info_vram_total": str(part.memory),
            "mem_info_vis_vram_total": str(part.memory),
            "mem_info_vram_used": "297934848",
            "mem_info_vram_vendor": "hynix",
            "pp_dpm_sclk": f"0: 132Mhz *\n1: {part.clock}Mhz\n",
            "pp_dpm_mclk": part.mclk,
            "gpu_busy_percent": "0",
            "mem_busy_percent": "0",
            "power_dpm_force_performance_level": "auto",
            "pp_power_profile_mode": " 0 BOOTUP_DEFAULT*:\n 1 3D_FULL_SCREEN :\n",
            "pcie_replay_count": "0",
            "max_link_speed": part.speed,
            "max_link_width": "16",
            "current_link_speed": "2.5 GT/s PCIe" if part is RX_7900_XTX else part.speed,
            "current_link_width": "16",
            "ras/features": "feature mask: 0x1fff\n" if part is not RX_7900_XTX else "",
            "ras/umc_err_count": "ue: 0\nce: 3\n" if part is not RX_7900_XTX else "",
            "hwmon/hwmon3/name": "amdgpu",
            "hwmon/hwmon3/power1_cap": str(part.cap_w * 1_000_000),
            "hwmon/hwmon3/power1_cap_default": str(part.cap_w * 1_000_000),
            "hwmon/hwmon3/power1_cap_max": str(part.cap_w * 1_000_000),
            "hwmon/hwmon3/power1_cap_min": "0",
            "hwmon/hwmon3/power1_average": "139000000",
            "hwmon/hwmon3/temp2_label": "junction",
            "hwmon/hwmon3/temp2_input": "41000",
            "hwmon/hwmon3/temp2_crit": "100000",
            "hwmon/hwmon3/temp3_label": "mem",
            "hwmon/hwmon3/temp3_input": "34000",
            **(
                {"product_name": part.name, "serial_number": "PRIVATE1", "product_number": "102-G30211-0C"}
                if part.name
                else {}
            ),
            **({"current_compute_partition": mode, "current_memory_partition": memory_mode} if part.partitions else {}),
        }.items():
            file = real / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(value + "\n", encoding="utf-8")
        for name, value in {"max_link_speed": "32.0 GT/s PCIe", "max_link_width": "16"}.items():
            (real.parent / name).write_text(value + "\n", encoding="utf-8")
        link = self.root / f"sys/class/drm/card{card}/device"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(real)

    def _kfd(self, part: Part, bus: int, slot: int, count: int, hive: int) -> int:
        minor = 128 + self._node
        number = self.node(
            {
                "cpu_cores_count": 0,
                "simd_count": part.cus * part.simd_per_cu // count,
                "mem_banks_count": 1,
                "caches_count": 6,
                "io_links_count": 1,
                "max_waves_per_simd": 8,
                "lds_size_in_kb": part.lds_kb,
                "wave_front_size": part.wave,
                "array_count": 32,
                "simd_per_cu": part.simd_per_cu,
                "gfx_target_version": part.gfx,
                "vendor_id": 4098,
                "device_id": part.device,
                "location_id": bus << 8 | slot << 28,
                "domain": 0,
                "drm_render_minor": minor,
                "hive_id": hive,
                "max_engine_clk_fcompute": part.clock,
                "unique_id": 0xD4FF74A100000000 + bus,
                "num_xcc": part.xccs // count,
                "gpu_id": 0xA000 + self._node,
            }
        )
        node = f"/sys/class/kfd/kfd/topology/nodes/{number}"
        self.write(f"{node}/name", "ip discovery\n")
        self.write(
            f"{node}/mem_banks/0/properties",
            f"heap_type 1\nsize_in_bytes {part.memory // count}\nflags 0\nwidth {part.width}\nmem_clk_max {part.memory_clock}\n",
        )
        self.write(f"{node}/io_links/0/properties", f"type 2\nnode_from {number}\nnode_to 0\nweight 20\n")
        caches = [(1, 32), (1, 16), (2, part.l2_kb), *([(3, part.l3_kb // count)] if part.l3_kb else [])]
        for index, (level, size) in enumerate(caches):
            self.write(f"{node}/caches/{index}/properties", f"processor_id_low 1\nlevel {level}\nsize {size}\ntype 5\n")
        self.write(f"/dev/dri/renderD{minor}", "")
        return number


def mi300x_x8(root: Path) -> Machine:
    """Build eight MI300X in SPX, fully connected."""
    machine = Machine(root)
    nodes = [machine.add(MI300X, bus=0x0C + 8 * slot, hive=0x1234)[0] for slot in range(8)]
    machine.link(nodes)
    return machine


def mi300x_cpx(root: Path) -> Machine:
    """Build one MI300X in CPX and NPS4: eight KFD nodes on one bus id."""
    machine = Machine(root)
    machine.link(machine.add(MI300X, bus=0x0C, mode="CPX", memory_mode="NPS4"))
    return machine


def mi308x(root: Path) -> Machine:
    """Build one MI308X."""
    machine = Machine(root)
    machine.add(MI308X, bus=0x0C)
    return machine


def mi250x(root: Path) -> Machine:
    """Build one MI250X package: two dies, each a GPU of its own."""
    machine = Machine(root)
    machine.link([machine.add(MI250X_GCD, bus=0xC1, hive=7)[0], machine.add(MI250X_GCD, bus=0xC6, hive=7)[0]])
    return machine


def rx_7900_xtx(root: Path) -> Machine:
    """Build a desktop with one RX 7900 XTX, idle on a slow PCIe link."""
    machine = Machine(root, cpus=1)
    machine.add(RX_7900_XTX, bus=0x03)
    return machine
