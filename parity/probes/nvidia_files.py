"""Knows what Linux tells about NVIDIA GPUs in files: the driver's ``/proc`` tree and PCI sysfs.

Runs in the child; standard library only. Keys: ``proc:version``, ``proc:<bus id>:information``, ``pci:<bus
id>:<file>``, with bus ids as in the fingerprint (``00000000:1b:00.0``).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from parity.probes.ask import Ask

_VENDOR = "0x10de"
_CLASSES = ("0x03", "0x1200")  # display and 3D controllers, processing accelerators
_PCI_FILES = (
    "vendor",
    "device",
    "subsystem_vendor",
    "subsystem_device",
    "class",
    "revision",
    "numa_node",
    "current_link_speed",
    "current_link_width",
    "max_link_speed",
    "max_link_width",
)
_BUS_ID = re.compile(r"([0-9a-fA-F]{4,8}):([0-9a-fA-F]{2}):([0-9a-fA-F]{2})\.([0-7])")


def bus_id(text: str) -> str | None:
    """Return a PCI bus id in the fingerprint's form, None for text that is none.

    >>> bus_id("0000:1B:00.0")
    '00000000:1b:00.0'
    """
    found = _BUS_ID.fullmatch(text.strip())
    return f"{int(found[1], 16):08x}:{found[2]}:{found[3]}.{found[4]}".lower() if found else None


def survey_files(ask: Ask, root: str) -> None:
    """Read the driver's ``/proc`` tree and the sysfs folder of every NVIDIA GPU function.

    By hand: ``cat /proc/driver/nvidia/version``, ``lspci -d 10de: -nnvv``.

    Args:
        ask: writes questions and answers.
        root: prefix of ``/proc`` and ``/sys``.
    """
    proc = Path(root, "proc/driver/nvidia")
    ask("proc:version", _text, proc / "version", classify=_classify)
    ask("proc:module", _text, Path(root, "sys/module/nvidia/version"), classify=_classify)
    for folder in ask("proc:gpus", _folders, proc / "gpus", classify=_classify, plain=_names) or ():
        where = bus_id(folder.name)
        if where:
            ask(f"proc:{where}:information", _text, folder / "information", classify=_classify)
    devices = Path(root, "sys/bus/pci/devices")
    for folder in ask("pci:functions", _gpus, devices, classify=_classify, plain=_names) or ():
        for name in _PCI_FILES:
            ask(f"pci:{bus_id(folder.name)}:{name}", _text, folder / name, classify=_classify)


def _gpus(devices: Path) -> list[Path]:
    """Return the folders of NVIDIA's GPU functions; audio, USB and bridge functions of a board are left out."""
    return [folder for folder in _folders(devices) if bus_id(folder.name) and _is_gpu(folder)]


def _is_gpu(folder: Path) -> bool:
    try:
        return _text(folder / "vendor") == _VENDOR and _text(folder / "class").startswith(_CLASSES)
    except OSError:
        return False


def _folders(parent: Path) -> list[Path]:
    return sorted(parent.iterdir())


def _names(folders: list[Path]) -> list[str]:
    return [bus_id(folder.name) or folder.name for folder in folders]


def _text(path: Path) -> str:
    return path.read_bytes()[:20_000].decode("utf-8", errors="replace").strip()


def _classify(error: BaseException) -> tuple[str, str]:
    if isinstance(error, FileNotFoundError):
        return "library_missing", f"{error.filename}: no such file"
    if isinstance(error, PermissionError):
        return "no_permission", f"{error.filename}: permission denied"
    return "failed", f"{type(error).__name__}: {error}"
