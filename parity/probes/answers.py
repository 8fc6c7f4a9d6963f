"""Knows how raw answers of a survey become readings: one typed getter per kind of value."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeVar, cast, get_args

from parity.model.absent import NOT_ASKED, Absent, Reading, Why

if TYPE_CHECKING:
    from collections.abc import Callable

    from parity.probes.supervise import Survey

T = TypeVar("T")
_WHICH = re.compile(r"^(\w+):(?:[0-9a-fA-F]{4,8}:[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\.[0-7]|\d+(?::mig\d+)?):")
_WHYS = frozenset(get_args(Why))


class NoSuchValueError(ValueError):
    """Raised by a converter when an answer is the source's way to say that there is no such value."""


def source_of(key: str) -> str:
    """Return the source named in a fingerprint: the key without its device index, MIG index or PCI bus id.

    >>> source_of("nvml:0:nvmlDeviceGetName")
    'nvml:nvmlDeviceGetName'
    >>> source_of("nvml:0:mig1:nvmlDeviceGetAttributes"), source_of("pci:00000000:1b:00.0:revision")
    ('nvml:nvmlDeviceGetAttributes', 'pci:revision')
    """
    return _WHICH.sub(r"\1:", key, count=1)


def reading(survey: Survey, key: str, convert: Callable[[Any], T | None]) -> Reading[T] | Absent:
    """Return the answer under ``key`` as a reading; an answer that ``convert`` cannot use is ``failed``.

    Args:
        survey: raw answers.
        key: ``nvml:0:nvmlDeviceGetPowerUsage``.
        convert: raw value -> value in the fingerprint's unit; None or an exception: not usable;
            ``NoSuchValueError``: the answer itself says that there is none.
    """
    source = source_of(key)
    if key in survey.values:
        raw = survey.values[key]
        try:
            value = convert(raw)
        except NoSuchValueError:
            return Absent(why="not_supported", source=source, detail=f"answered {raw!r}"[:200])
        except (TypeError, ValueError, KeyError, IndexError, AttributeError, OverflowError):
            value = None
        if value is None:
            return Absent(why="failed", source=source, detail=f"unusable answer {raw!r}"[:200])
        return Reading(value=value, source=source)
    return reason(survey, key)


def reason(survey: Survey, *keys: str) -> Absent:
    """Return the absence that the first of these keys with a reason stands for."""
    for key in keys:
        if key in survey.reasons:
            why, detail = survey.reasons[key]
            return Absent(why=cast("Why", why) if why in _WHYS else "failed", source=source_of(key), detail=detail)
    return NOT_ASKED


def first(*candidates: Reading[T] | Absent) -> Reading[T] | Absent:
    """Return the first reading; when there is none, the most telling absence."""
    for candidate in candidates:
        if isinstance(candidate, Reading):
            return candidate
    told = [candidate for candidate in candidates if isinstance(candidate, Absent) and candidate.why != "not_asked"]
    return told[0] if told else NOT_ASKED
