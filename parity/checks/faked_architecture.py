"""Knows when a variable makes software take the GPU for another architecture."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from parity.checks.environment_set import concerns, is_fake
from parity.model.finding import Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.checks.subject import Machine
    from parity.model.absent import Absent
    from parity.model.spec import DeviceSpec
    from parity.model.target import Target

_NAMES_ARCHITECTURE = re.compile(r"ARCH|GFX|_CC$")
_COUNTS_UNITS = {"CU_NUM": "cu_count", "FLASH_ATTENTION_NUM_SMS": "sm_count"}


def check(here: Machine, wanted: Target) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch for each set variable of kind ``fake-arch``, unless it names the architecture that is there.

    Only a part that the catalog knows says what is there: an overridden runtime reports the faked architecture.
    """
    del wanted
    real = [subject.spec for subject in here.subjects]
    for card in here.environment:
        if not is_fake(card) or not concerns(card, here):
            continue
        for name, value in sorted(here.fingerprint.environment.items()):
            if not card.triggered_by(name, value) or (real and all(says_what_is(name, value, spec) for spec in real)):
                continue
            known = ", ".join(sorted({spec.arch for spec in real if spec})) or "an unlisted part"
            yield Mismatch(
                subject=name,
                here=f"{name}={value}",
                wanted="unset",
                message=f"is set to {value!r} on {known}: {card.effect}",
                mend=f"{name}: {card.mend}",
            )


def says_what_is(name: str, value: str, spec: DeviceSpec | None) -> bool:
    """Return whether a variable names the architecture or the number of units that a part has: it fakes nothing."""
    if spec is None:
        return False
    if name in _COUNTS_UNITS:
        return value.strip().isdigit() and int(value) == spec.number(_COUNTS_UNITS[name])
    named = [word for word in re.split(r"[;,\s]+", value.lower()) if word]
    return bool(_NAMES_ARCHITECTURE.search(name)) and any(
        word == "native" or architecture_named(word) == spec.arch for word in named
    )


def architecture_named(value: str) -> str | None:
    """Return the architecture that a value names, None when it names none.

    ROCm's override is ``major.minor.stepping`` and the stepping is a hexadecimal digit of the name.

    >>> architecture_named("9.4.2"), architecture_named("9.0.10"), architecture_named("sm_90a")
    ('gfx942', 'gfx90a', 'sm_90')
    >>> architecture_named("9.0"), architecture_named("native")
    ('sm_90', None)
    """
    text = value.strip().lower()
    numbers = re.fullmatch(r"(\d+)\.(\d+)\.(\d+)", text)
    if numbers:
        major, minor, stepping = (int(number) for number in numbers.groups())
        return f"gfx{major}{minor:x}{stepping:x}"
    if re.fullmatch(r"gfx[0-9a-f]+", text):
        return text
    short = re.fullmatch(r"(?:sm_?|cuda:)?(\d+)\.?(\d)[af]?", text)
    return f"sm_{short[1]}{short[2]}" if short else None
