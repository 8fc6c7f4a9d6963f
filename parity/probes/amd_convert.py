"""Knows the spellings of AMD's answers: gfx numbers, link speeds, clock tables, partition modes, memory types."""

from __future__ import annotations

import re
from typing import Any

from parity.probes.fields import positive, text

_SPEEDS = {"2.5": 1, "5.0": 2, "5": 2, "8.0": 3, "8": 3, "16.0": 4, "16": 4, "32.0": 5, "32": 5, "64.0": 6, "64": 6}


def gfx_target(raw: Any) -> str | None:
    """Return LLVM's name from KFD's number: two decimal digits each for minor and stepping, printed as hex.

    >>> gfx_target(90402), gfx_target(90010), gfx_target(110501), gfx_target(0)
    ('gfx942', 'gfx90a', 'gfx1151', None)
    """
    version = positive(raw)
    if version is None:
        return None
    major, minor, step = version // 10000, version // 100 % 100, version % 100
    if not 6 <= major <= 99 or minor > 15 or step > 15:
        return None
    return f"gfx{major}{minor:x}{step:x}"


def generation(raw: Any) -> int | None:
    """Return the PCIe generation of ``32.0 GT/s PCIe``.

    >>> generation("32.0 GT/s PCIe"), generation("Unknown speed")
    (5, None)
    """
    match = re.match(r"([\d.]+) GT/s", raw)
    return _SPEEDS.get(match.group(1)) if match else None


def chain_generation(raw: Any, name: str) -> int | None:
    """Return the least generation from the device up to the root port."""
    return min((found for link in raw if (found := generation(link.get(name, "")))), default=None)


def chain_width(raw: Any, name: str) -> int | None:
    """Return the least lane count from the device up to the root port."""
    return min((found for link in raw if (found := positive(link.get(name))) and found <= 64), default=None)


def highest_clock(raw: Any) -> int | None:
    r"""Return the highest level of a ``pp_dpm_*`` file in MHz, never the one in use.

    >>> highest_clock("0: 900Mhz *\n1: 1300Mhz")
    1300
    """
    return max((int(number) for number in re.findall(r"^\d+: (\d{1,6})M[Hh]z", raw, re.MULTILINE)), default=0) or None


def links_present(raw: Any) -> int | None:
    """Return how many XGMI links are up or down; disabled ones (X) do not exist on this board."""
    return len([state for state in raw["status"] if state in {"U", "D"}]) or None


def marketing_name(raw: Any) -> str | None:
    """Return a marketing name; a bare device id or ROCm's placeholder is none."""
    found = text(raw)
    return None if found is None or re.fullmatch(r"0x[0-9a-fA-F]+", found) else found


def gfx_text(raw: Any) -> str | None:
    """Return an LLVM name as amdsmi prints it, None for anything else."""
    return raw if re.fullmatch(r"gfx[0-9a-f]{3,4}", raw) else None


def memory_type(raw: Any) -> str | None:
    """Return the house spelling of amdsmi's enum name.

    >>> memory_type("HBM2E"), memory_type("GDDR6"), memory_type("MAX")
    ('HBM2e', 'GDDR6', None)
    """
    return re.sub(r"(?<=\d)E$", "e", raw) if re.fullmatch(r"(HBM|GDDR|DDR|LPDDR)\d?[EX]?", raw) else None


def compute_mode(raw: Any) -> str | None:
    """Return ``SPX``, ``DPX``, ``TPX``, ``QPX`` or ``CPX``."""
    return raw.strip().upper() if re.fullmatch(r"[SDTQC]PX", raw.strip().upper()) else None


def memory_mode(raw: Any) -> str | None:
    """Return ``NPS1`` to ``NPS8``."""
    return raw.strip().upper() if re.fullmatch(r"NPS\d{1,2}", raw.strip().upper()) else None


def rocm_uuid(raw: Any) -> str | None:
    """Return ROCm's UUID of a board: ``GPU-`` and sixteen hex digits of its unique id."""
    number = positive(raw)
    return f"GPU-{number:016x}" if number else None
