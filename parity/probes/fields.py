"""Knows how a raw answer, or one field of it, becomes a reading: ``N/A`` texts, all-ones sentinels, units."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeVar, cast, get_args

from parity.model.absent import NOT_ASKED, Absent, Reading, Why

if TYPE_CHECKING:
    from collections.abc import Callable

    from parity.probes.supervise import Survey

T = TypeVar("T")
_WHYS = frozenset(get_args(Why))
# What amdsmi and the kernel answer instead of "I do not know", by the width of the field.
ALL_ONES = frozenset({0xFFFF, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF})
_BUS_ID = re.compile(r":[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]:")


def source_of(key: str, field: str = "") -> str:
    """Return the source named in a fingerprint: the key without device number or bus id, and the field.

    >>> source_of("drm:0000:c1:00.0:vbios_version"), source_of("kfd:2:properties", "simd_count")
    ('drm:vbios_version', 'kfd:properties.simd_count')
    """
    short = re.sub(r"^(\w+):\d+:", r"\1:", _BUS_ID.sub(":", key))
    return f"{short}.{field}" if field else short


def take(survey: Survey, key: str, convert: Callable[[Any], T | None], field: str = "") -> Reading[T] | Absent:
    """Return the answer under ``key``, or one field of it, as a reading.

    Args:
        survey: raw answers.
        key: ``drm:0000:c1:00.0:mem_info_vram_total`` or ``amdsmi:0:amdsmi_get_power_cap_info``.
        convert: raw value -> value in the fingerprint's unit; None or an exception: not usable.
        field: path inside the answer, dotted: ``pcie_static.max_pcie_width``.
    """
    source = source_of(key, field)
    if key in survey.values:
        raw = survey.values[key]
        for name in field.split(".") if field else ():
            if not isinstance(raw, dict) or name not in raw:
                return Absent(why="not_supported", source=source, detail="the answer has no such field")
            raw = raw[name]
        return convert_one(raw, source, convert)
    if key in survey.reasons:
        why, detail = survey.reasons[key]
        return Absent(why=cast("Why", why) if why in _WHYS else "failed", source=source, detail=detail)
    return NOT_ASKED


def convert_one(raw: Any, source: str, convert: Callable[[Any], T | None]) -> Reading[T] | Absent:
    """Return a raw value as a reading; a sentinel is ``not_supported``, an unusable value ``failed``."""
    if isinstance(raw, str) and raw.strip().upper() in {"N/A", "UNKNOWN", ""}:
        return Absent(why="not_supported", source=source, detail="answered N/A" if raw.strip() else "answered nothing")
    if isinstance(raw, int) and not isinstance(raw, bool) and raw in ALL_ONES:
        return Absent(why="not_supported", source=source, detail=f"answered {raw:#x}")
    try:
        value = convert(raw)
    except (TypeError, ValueError, KeyError, IndexError, AttributeError, OverflowError, ZeroDivisionError):
        value = None
    if value is None and str(raw).strip() == "0":
        return Absent(why="not_supported", source=source, detail="answered 0, which it cannot be")
    if value is None:
        return Absent(why="failed", source=source, detail=f"unusable answer {raw!r}"[:200])
    return Reading(value=value, source=source)


def first(*candidates: Reading[T] | Absent) -> Reading[T] | Absent:
    """Return the first reading; when there is none, the most telling absence."""
    for candidate in candidates:
        if isinstance(candidate, Reading):
            return candidate
    ranked = ("no_permission", "lost", "timed_out", "failed", "not_supported", "library_missing")
    told = [candidate for candidate in candidates if isinstance(candidate, Absent) and candidate.why in ranked]
    return min(told, key=lambda absent: ranked.index(absent.why)) if told else NOT_ASKED


def whole(raw: Any) -> int | None:
    """Return a whole number that is not negative, from a number or decimal or 0x text.

    >>> whole("1300"), whole("0x4a"), whole(-1), whole(True), whole("12 W")
    (1300, 74, None, None, None)
    """
    if isinstance(raw, bool):
        return None
    if isinstance(raw, str):
        text = raw.strip()
        if not text.isascii() or len(text) > 24:
            return None
        raw = int(text, 16) if text[:2].lower() == "0x" else int(text) if text.isdecimal() else None
    if isinstance(raw, float):
        raw = int(raw) if raw == raw // 1 else None
    return raw if isinstance(raw, int) and 0 <= raw < 1 << 64 else None


def positive(raw: Any) -> int | None:
    """Return a whole number above zero: no hardware property is 0 of anything."""
    return whole(raw) or None


def text(raw: Any) -> str | None:
    """Return one printable line, None when there is none."""
    if not isinstance(raw, str):
        return None
    line = "".join(character for character in raw if character.isprintable()).strip()
    return line[:200] or None


def scaled(factor: float, *, least: float = 0.0, most: float = 1e9) -> Callable[[Any], float | None]:
    """Return a converter that multiplies a whole number and refuses results outside ``least`` and ``most``."""

    def convert(raw: Any) -> float | None:
        number = whole(raw)
        value = None if number is None else round(number * factor, 3)
        return value if value is not None and least <= value <= most else None

    return convert


def watts(raw: Any) -> float | None:
    """Return watts from microwatts, or from watts as amdsmi before 6.1.2 answered: no board has a cap of 10 kW.

    >>> watts(750_000_000), watts(750), watts(0)
    (750.0, 750.0, None)
    """
    number = positive(raw)
    if number is None:
        return None
    value = number / 1e6 if number >= 10_000 else float(number)
    return round(value, 3) if 1 <= value < 10_000 else None


def percent(raw: Any) -> int | None:
    """Return a whole number from 0 to 100."""
    number = whole(raw)
    return number if number is not None and number <= 100 else None


def hex_id(raw: Any) -> str | None:
    """Return a PCI id as four lower-case hex digits.

    >>> hex_id("0x74a1"), hex_id("74a1x")
    ('74a1', None)
    """
    if not isinstance(raw, str) or not re.fullmatch(r"0x[0-9a-fA-F]{1,4}", raw.strip()):
        return None
    return f"{int(raw.strip(), 16):04x}"


def release(raw: Any) -> str | None:
    """Return the dotted number that ROCm's version text starts with.

    >>> release("7.0.2-56"), release("unknown")
    ('7.0.2', None)
    """
    match = re.match(r"\d+(\.\d+){1,3}", raw)
    return match.group() if match else None
