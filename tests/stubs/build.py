"""Knows how to build the stub driver libraries and lay out a recorded machine for them.

``Machine`` is one recorded machine in a folder: the two libraries, the answers file that they replay, and the ``/proc`` and
``/sys`` files of the same recording. A test appends the lines it changes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

SOURCES = Path(__file__).resolve().parent / "nvml"
RECORDINGS = SOURCES / "recordings"
_PCI_DEFAULTS = {
    "vendor": "0x10de",
    "class": "0x030200",
    "subsystem_vendor": "0x10de",
    "subsystem_device": "0x0000",
    "revision": "0xa1",
    "numa_node": "-1",
    "current_link_speed": "2.5 GT/s PCIe",
    "current_link_width": "16",
    "max_link_speed": "16.0 GT/s PCIe",
    "max_link_width": "16",
}
# Symbols that the libnvidia-ml.so.1 of driver 450 does not have.
NOT_IN_450 = (
    "nvmlDeviceGetMemoryInfo_v2",
    "nvmlDeviceGetComputeRunningProcesses_v3",
    "nvmlDeviceGetMPSComputeRunningProcesses_v3",
    "nvmlDeviceGetGraphicsRunningProcesses_v3",
    "nvmlDeviceGetCurrentClocksEventReasons",
    "nvmlDeviceGetSupportedClocksEventReasons",
    "nvmlDeviceGetArchitecture",
    "nvmlDeviceGetNumGpuCores",
    "nvmlDeviceGetMemoryBusWidth",
    "nvmlDeviceGetTemperatureV",
    "nvmlDeviceGetGpuFabricInfoV",
    "nvmlDeviceGetGspFirmwareVersion",
    "nvmlDeviceGetGspFirmwareMode",
    "nvmlDeviceGetClockOffsets",
    "nvmlDeviceGetAddressingMode",
    "nvmlSystemGetDriverBranch",
    "nvmlSystemGetConfComputeState",
    "nvmlSystemGetConfComputeSettings",
    "nvmlDeviceGetDramEncryptionMode",
    "nvmlDeviceGetSramEccErrorStatus",
    "nvmlDeviceGetModuleId",
    "nvmlDeviceGetPowerSource",
)


def compiler() -> str | None:
    """Return the C compiler's path, None without one."""
    return shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


def build(folder: Path, *, without: tuple[str, ...] = ()) -> Path:
    """Compile both stub libraries into ``folder``.

    Args:
        folder: created if need be.
        without: NVML symbols to leave out, as an older driver does.
    """
    cc = compiler()
    if cc is None:
        message = "no C compiler"
        raise FileNotFoundError(message)
    folder.mkdir(parents=True, exist_ok=True)
    hidden = folder / "exports.map"
    hidden.write_text("{ global: *; local: " + "".join(f"{name}; " for name in (*without, "_stub_nothing")) + "};\n")
    for source, library in (("nvml.c", "libnvidia-ml.so.1"), ("cuda.c", "libcuda.so.1")):
        subprocess.run(
            [
                cc,
                "-std=gnu11",
                "-O1",
                "-Wall",
                "-Wextra",
                "-Werror",
                "-shared",
                "-fPIC",
                f"-Wl,--version-script={hidden}",
                "-o",
                str(folder / library),
                str(SOURCES / source),
            ],
            check=True,
        )
    return folder


class Machine:
    """One recorded machine, ready to be surveyed.

    Args:
        folder: where the answers file and the file tree go.
        libraries: the folder that ``build`` filled; None leaves the machine without driver libraries.
        recording: a file name in ``recordings`` without suffix; empty for a machine without answers.
        change: lines to append; the last line of a key wins.
        drop: keys to remove (everything that starts with one of these).
    """

    def __init__(
        self, folder: Path, libraries: Path | None, recording: str = "", *, change: str = "", drop: tuple[str, ...] = ()
    ) -> None:
        """Write the answers file and the ``/proc`` and ``/sys`` tree."""
        text = (RECORDINGS / f"{recording}.txt").read_text() if recording else ""
        kept = [line for line in text.splitlines() if not (drop and line.startswith(drop))]
        kept += [line.strip() for line in change.splitlines() if line.strip()]
        folder.mkdir(parents=True, exist_ok=True)
        self.answers = folder / "answers.txt"
        for left in folder.glob("answers.txt.*"):  # by stubs on the machine that was here before
            left.unlink()
        self.answers.write_text("\n".join(kept) + "\n")
        self.root = folder / "root"
        (self.root / "sys/bus/pci/devices").mkdir(parents=True, exist_ok=True)
        self.libraries = libraries or folder / "no-libraries"
        for line in kept:
            self._lay_out(line)

    def _lay_out(self, line: str) -> None:
        name, _, value = line.partition(" = ")
        kind, _, where = name.partition(" ")
        if kind == "file":
            path = self.root / where
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(value.replace("\\n", "\n").replace("\\t", "\t") + "\n")
        elif kind == "pci":
            folder = self.root / "sys/bus/pci/devices" / where
            folder.mkdir(parents=True, exist_ok=True)
            given = dict(item.split("=", 1) for item in value.split())
            for file, content in {**_PCI_DEFAULTS, **given}.items():
                (folder / file).write_text(content.replace("_", " ") + "\n")

    def file(self, name: str) -> Path:
        """Return the file called NAME of the answers ``switch``, ``wait``, ``mark`` and ``soon``."""
        return Path(f"{self.answers}.{name}")

    def count(self, name: str) -> int:
        """Return how many calls came to a ``mark``."""
        file = self.file(name)
        return file.stat().st_size if file.exists() else 0

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables the survey's child needs."""
        path = os.environ.get("LD_LIBRARY_PATH")
        return {
            "STUB_ANSWERS": str(self.answers),
            "LD_LIBRARY_PATH": f"{self.libraries}:{path}" if path else str(self.libraries),
        }

    @property
    def options(self) -> dict[str, str]:
        """Return the survey's options."""
        return {"root": str(self.root)}
