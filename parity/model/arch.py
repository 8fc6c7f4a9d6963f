"""Knows the names of architectures of code: sm_90a, compute_80, lto_75, gfx942:sramecc+:xnack-."""

import re
from functools import lru_cache

import msgspec

_NVIDIA = re.compile(r"(sm|compute|lto)_(\d{2,4})([af?]?)")
_AMD = re.compile(r"gfx[0-9a-z]+(?:-[0-9a-z]+)*")
_FEATURE = re.compile(r"(sramecc|xnack)([+-])")
MAX_NAME = 100  # longer text is no architecture


class NvidiaArch(msgspec.Struct, frozen=True, order=True):
    """A compute capability with the suffix of arch-specific (``a``) or family-specific (``f``) code.

    Attributes:
        suffix: empty for plain code; ``?`` when the file does not tell.
        word: ``sm``, ``compute`` or ``lto``.
    """

    major: int
    minor: int
    suffix: str = ""
    word: str = "sm"

    @property
    def capability(self) -> tuple[int, int]:
        """Return (9, 0) of sm_90a."""
        return self.major, self.minor

    def __str__(self) -> str:
        """Return ``sm_90a``."""
        return f"{self.word}_{self.major}{self.minor}{self.suffix}"


class AmdArch(msgspec.Struct, frozen=True, order=True):
    """A processor with its target features; a feature that is not named fits both settings.

    Attributes:
        processor: ``gfx942``, or a generic one: ``gfx9-4-generic``.
        sramecc, xnack: ``+``, ``-``, or empty.
    """

    processor: str
    sramecc: str = ""
    xnack: str = ""

    def __str__(self) -> str:
        """Return ``gfx942:sramecc+:xnack-``."""
        return (
            self.processor
            + (f":sramecc{self.sramecc}" if self.sramecc else "")
            + (f":xnack{self.xnack}" if self.xnack else "")
        )


@lru_cache(maxsize=4096)
def parse_arch(text: str) -> NvidiaArch | AmdArch | None:
    """Return the architecture a name means, None when it is none.

    The last digit is the minor number: sm_103 is 10.3.

    >>> parse_arch("sm_103a")
    NvidiaArch(major=10, minor=3, suffix='a', word='sm')
    >>> str(parse_arch("gfx942:xnack-:sramecc+"))
    'gfx942:sramecc+:xnack-'
    >>> parse_arch("sm_") is None, parse_arch("gfx942:turbo+") is None
    (True, True)
    """
    if len(text) > MAX_NAME:
        return None
    found = _NVIDIA.fullmatch(text)
    if found:
        number = int(found[2])
        return NvidiaArch(number // 10, number % 10, found[3], found[1])
    processor, *features = text.split(":")
    if not _AMD.fullmatch(processor):
        return None
    settings: dict[str, str] = {}
    for feature in features:
        named = _FEATURE.fullmatch(feature)
        if not named or named[1] in settings:
            return None
        settings[named[1]] = named[2]
    return AmdArch(processor, settings.get("sramecc", ""), settings.get("xnack", ""))


def nvidia_name(word: str, number: int, suffix: str = "") -> str:
    """Return ``sm_90a`` of ("sm", 90, "a")."""
    return f"{word}_{number}{suffix}"


def sort_key(text: str) -> tuple[object, ...]:
    """Return a key that puts names in the order of their capability, sm_90 before sm_90a before sm_100.

    >>> sorted(["sm_100", "sm_90a", "gfx90a", "gfx908", "sm_90", "gfx1100"], key=sort_key)
    ['sm_90', 'sm_90a', 'sm_100', 'gfx908', 'gfx90a', 'gfx1100']
    """
    found = parse_arch(text)
    if isinstance(found, NvidiaArch):
        return 0, found.major, found.minor, found.suffix, text
    processor = text.partition(":")[0]
    return 1, len(processor.removesuffix("-generic")), 0, processor, text
