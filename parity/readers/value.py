"""Knows how a tool prints one value, and which words it prints when it has none."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeVar

from parity.model.absent import NOT_ASKED, Absent, Reading, Why
from parity.units import GIB, KIB, MIB

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

MAX_TEXT = 400
_NUMBER = re.compile(r"[-+]?[0-9]{1,15}(?:\.[0-9]{1,9})?")
_SIZES = {
    "b": 1,
    "kb": KIB,
    "kib": KIB,
    "mb": MIB,
    "mib": MIB,
    "gb": GIB,
    "gib": GIB,
    "k": KIB,
    "m": MIB,
    "g": GIB,
}
_ABSENT_WORDS: dict[str, Why] = {
    "": "failed",
    "n/a": "not_supported",
    "na": "not_supported",
    "not supported": "not_supported",
    "not available": "not_supported",
    "not applicable": "not_supported",
    "requested functionality has been deprecated": "not_supported",
    "not found": "failed",
    "could not collect": "failed",
    "unknown error": "failed",
    "unknown": "failed",
    "err!": "failed",
    "error": "failed",
    "function not found": "not_supported",
    "no data": "failed",
    "gpu is lost": "lost",
    "gpu requires reset": "lost",
    "insufficient permissions": "no_permission",
    "no permission": "no_permission",
    "permission denied": "no_permission",
}
_MASKS = re.compile(r"[Xx*#?.\u2588_\-\s]{2,}|<[^<>]{1,40}>|\[?redacted\]?|\[?masked\]?", re.IGNORECASE)


# What AMD's library leaves in fields it could not fill, printed by tools that do not know.
SENTINELS = frozenset({0xFFFF, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF})


def why_absent(text: str) -> Why | None:
    """Return why a printed text stands for no value, None when it is a value.

    >>> why_absent("[N/A]"), why_absent("GPU is lost"), why_absent("None")
    ('not_supported', 'lost', None)
    """
    word = text.strip().strip("[]<>()").strip().lower().rstrip(".")
    if word.startswith(("gpu is lost", "unable to determine")):
        return "lost"
    return _ABSENT_WORDS.get(word)


def observe(text: object, convert: Callable[[str], T | None], source: str) -> Reading[T] | Absent:
    """Return a reading of a printed value, or why there is none.

    Args:
        text: the text or JSON scalar after the label; None when the report has no such label.
        convert: returns the value, None when the text is not of its form.
        source: the tool and label.
    """
    if text is None:
        return NOT_ASKED
    printed = str(text).strip()[:MAX_TEXT]
    why = why_absent(printed)
    if why is not None:
        return Absent(why=why, source=source, detail=printed)
    value = convert(printed)
    if value is None:
        return Absent(why="failed", source=source, detail=f"not understood: {printed[:80]}")
    return Reading(value=value, source=source)


def scalar(node: Any) -> object:
    """Return a JSON scalar as printable text; ``{"value": 750, "unit": "W"}`` becomes ``750 W``."""
    if isinstance(node, dict):
        if "value" not in node:
            return None
        inner = scalar(node["value"])
        return None if inner is None else f"{inner} {node.get('unit', '')}".strip()
    if isinstance(node, bool):
        return "true" if node else "false"
    if isinstance(node, int) and abs(node) >= 1 << 63:
        return None
    return node if isinstance(node, (str, int, float)) else None


def text(printed: str) -> str | None:
    """Return the text itself, None when it is empty."""
    return printed or None


def unmasked(printed: str) -> str | None:
    """Return a name, None when somebody blanked it (``XXXX``, ``<redacted>``)."""
    return None if _MASKS.fullmatch(printed) or not printed else printed


def amd_name(printed: str) -> str | None:
    """Return a name; older AMD tools print the device id where a name should be."""
    return None if printed.lower().startswith("0x") else unmasked(printed)


def lowered(printed: str) -> str | None:
    """Return the text in lower case."""
    return printed.lower() or None


def number(printed: str) -> float | None:
    """Return the first number of a text.

    >>> number("69.85 W"), number("35.0\u00b0C"), number("none")
    (69.85, 35.0, None)
    """
    match = _NUMBER.search(printed)
    return float(match.group()) if match else None


def integer(printed: str) -> int | None:
    """Return the first number of a text, rounded.

    >>> integer("1980 MHz"), integer("16x"), integer("P8")
    (1980, 16, 8)
    """
    value = number(printed)
    return None if value is None else round(value)


def positive(printed: str) -> int | None:
    """Return the first number of a text when it is over zero."""
    value = integer(printed)
    return value if value is not None and value > 0 and value not in SENTINELS else None


def watts_over_zero(printed: str) -> float | None:
    """Return watts; AMD prints 0 W for a limit that the second die of a package does not have."""
    value = number(printed)
    return value if value is not None and value > 0 else None


def size_bytes(printed: str, *, unit: int = MIB) -> int | None:
    """Return bytes from ``81559 MiB``, ``16GiB`` or a bare number of ``unit``.

    NVIDIA and AMD both mean binary units whatever they print.

    >>> size_bytes("81559 MiB") == 81559 * 1024 ** 2
    True
    """
    match = _NUMBER.search(printed)
    if match is None:
        return None
    suffix = printed[match.end() :].strip().split(" ")[0].lower()
    return round(float(match.group()) * _SIZES.get(suffix, unit))


def size_over_zero(printed: str) -> int | None:
    """Return bytes when over zero: a GPU with no memory is a reading that failed."""
    value = size_bytes(printed)
    return value or None


def plain_bytes(printed: str) -> int | None:
    """Return bytes printed without a unit."""
    return size_bytes(printed, unit=1) or None


def nanoseconds(printed: str) -> int | None:
    """Return nanoseconds from microseconds, the unit of nvidia-smi's counters."""
    value = integer(printed)
    return None if value is None else value * 1000


def dashed(printed: str) -> str | None:
    """Return a phrase as one word of this project: ``GPU Reset`` becomes ``gpu-reset``."""
    return printed.lower().replace(" ", "-") or None


def performance_level(printed: str) -> str | None:
    """Return AMD's performance level as the kernel writes it.

    >>> performance_level("AMDSMI_DEV_PERF_LEVEL_AUTO"), performance_level("auto")
    ('auto', 'auto')
    """
    return printed.removeprefix("AMDSMI_DEV_PERF_LEVEL_").removeprefix("RSMI_DEV_PERF_LEVEL_").lower() or None


def millijoule(printed: str) -> int | None:
    """Return millijoule from joule."""
    joule = number(printed)
    return None if joule is None else round(joule * 1000)


def flag(printed: str) -> bool | None:
    """Return what an on/off word says.

    >>> flag("Enabled"), flag("Not Active"), flag("maybe")
    (True, False, None)
    """
    word = printed.strip().lower()
    if word in {"enabled", "on", "yes", "active", "true", "supported", "1"}:
        return True
    if word in {"disabled", "off", "no", "not active", "false", "none", "0"}:
        return False
    return None


def private(printed: str) -> str | None:
    """Return a UUID or serial, None when it is zeroed or blanked by whoever posted the report.

    A real one has many different digits; ``GPU-00000001-0000-...-0001`` and ``GPU-XX`` have not.
    """
    digits = re.sub(r"^(?:GPU|MIG)-|[-:\s]|^0x", "", printed)
    if _MASKS.fullmatch(digits) or len(set(digits.lower())) < 4:
        return None
    return printed


def masked_or(printed: object, source: str) -> Reading[str] | Absent:
    """Return a UUID or serial; a zeroed or blanked one is absent with that reason."""
    observed = observe(printed, private, source)
    if isinstance(observed, Absent) and observed.detail.startswith("not understood"):
        return Absent(why="failed", source=source, detail="masked in the report")
    return observed


def bus_id(printed: str) -> str | None:
    """Return a PCI address in one form.

    >>> bus_id("0000:1B:00.0"), bus_id("00000000:1B:00.0"), bus_id("1b:00.0")
    ('00000000:1b:00.0', '00000000:1b:00.0', None)
    """
    match = re.fullmatch(r"([0-9a-fA-F]{4,8}):([0-9a-fA-F]{2}):([0-9a-fA-F]{2})\.([0-9a-fA-F])", printed)
    if match is None:
        return None
    domain, bus, device, function = (part.lower() for part in match.groups())
    return f"{domain.zfill(8)}:{bus}:{device}.{function}"


def packed_pci_id(printed: str) -> str | None:
    """Return ``vendor:device`` from nvidia-smi's packed number, device first.

    >>> packed_pci_id("0x233010DE"), packed_pci_id("20B010DE")
    ('10de:2330', '10de:20b0')
    """
    match = re.fullmatch(r"(?:0x)?([0-9a-fA-F]{1,4})([0-9a-fA-F]{4})", printed)
    if match is None or int(match.group(2), 16) == 0:
        return None
    return f"{match.group(2).lower()}:{match.group(1).lower().zfill(4)}"


def hex_word(printed: str, *, digits: int = 4) -> str | None:
    """Return a hexadecimal id without its prefix, padded.

    >>> hex_word("0x73df"), hex_word("0xc1", digits=2), hex_word("29857(0x74a1)")
    ('73df', 'c1', '74a1')
    """
    match = re.search(r"0x([0-9a-fA-F]{1,8})", printed) or re.fullmatch(r"([0-9a-fA-F]{1,8})", printed.strip())
    if match is None:
        return None
    word = match.group(1).lower().lstrip("0").zfill(digits)
    return word if len(word) == digits else None


def amd_pci_id(printed: str) -> str | None:
    """Return ``vendor:device`` from a device id that an AMD tool prints without its vendor.

    >>> amd_pci_id("0x74a1")
    '1002:74a1'
    """
    word = hex_word(printed)
    return f"1002:{word}" if word else None


def revision(printed: str) -> str | None:
    """Return a PCI revision as two hexadecimal digits."""
    return hex_word(printed, digits=2)


def performance_state(printed: str) -> int | None:
    """Return 0..15 from ``P0``..``P15``."""
    match = re.fullmatch(r"P(1[0-5]|[0-9])", printed)
    return int(match.group(1)) if match else None


def compute_mode(printed: str) -> str | None:
    """Return the model's word for a compute mode, from the long form and the table's short one.

    >>> compute_mode("E. Process"), compute_mode("Exclusive_Process"), compute_mode("Default")
    ('exclusive-process', 'exclusive-process', 'default')
    """
    word = re.sub(r"[^a-z]", "", printed.lower())
    words = {
        "default": "default",
        "prohibited": "prohibited",
        "eprocess": "exclusive-process",
        "exclusiveprocess": "exclusive-process",
        "ethread": "exclusive-thread",
        "exclusivethread": "exclusive-thread",
    }
    return words.get(word)


def virtualization(printed: str) -> str | None:
    """Return the model's word for a virtualization mode."""
    words = {
        "none": "none",
        "passthrough": "passthrough",
        "vgpu": "vgpu",
        "hostvgpu": "host-vgpu",
        "hostvsga": "host-vsga",
        "vsga": "host-vsga",
    }
    return words.get(re.sub(r"[^a-z]", "", printed.lower()))


def gfx_target(printed: str) -> str | None:
    """Return the LLVM target without its feature suffixes.

    >>> gfx_target("gfx942:sramecc+:xnack-")
    'gfx942'
    """
    match = re.search(r"\bgfx[0-9]{3,4}[0-9a-f]?\b", printed)
    return match.group() if match else None


def gigatransfers_generation(printed: str) -> int | None:
    """Return the PCIe generation of a rate in GT/s or of the word ``Gen 5``.

    >>> gigatransfers_generation("16.0GT/s x16"), gigatransfers_generation("Gen 5")
    (4, 5)
    """
    named = re.search(r"[Gg]en ?([1-7])", printed)
    if named:
        return int(named.group(1))
    rate = re.search(r"([0-9.]{1,5}) ?GT/s", printed)
    rates = {
        "2.5": 1,
        "5": 2,
        "5.0": 2,
        "8": 3,
        "8.0": 3,
        "16": 4,
        "16.0": 4,
        "32": 5,
        "32.0": 5,
        "64": 6,
        "64.0": 6,
    }
    return rates.get(rate.group(1)) if rate else None
