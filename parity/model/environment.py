"""Knows the card of one environment variable that changes a number."""

from fnmatch import fnmatchcase

import msgspec

from parity.model.comparison import holds, is_comparison
from parity.model.rule import Severity
from parity.model.spec import Source


class EnvironmentCard(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One variable, or a family of variables whose names share a prefix.

    Attributes:
        name: variable name; a trailing ``*`` stands for any ending.
        vendor: ``nvidia``, ``amd`` or ``any``.
        kind: what it does: ``serialises``, ``selects-device``, ``fake-arch``, ``compiles``, ``communication``,
            ``memory``, ``profiler``, ``host``, ``dead``.
        harmful: values that trigger the rule: texts, patterns (``*cuda*``), comparisons (``<100``), ``nonzero`` (any
            but empty and ``0``); empty: any value.
        worse: severity -> values that have it in place of the card's own.
        multi_gpu: values that make a number of several devices invalid; on a target of one they are as the others.
        effect: what it does to a number, in one sentence.
        right_on: value -> architectures of targets on which production sets just that; the finding is a grade milder.
        dead_since: package -> the first version that no longer reads the variable.
    """

    name: str
    vendor: str
    kind: str
    severity: Severity
    effect: str
    mend: str
    source: Source
    harmful: tuple[str, ...] = ()
    worse: dict[Severity, tuple[str, ...]] = {}
    multi_gpu: tuple[str, ...] = ()
    right_on: dict[str, tuple[str, ...]] = {}
    dead_since: dict[str, str] = {}

    def named(self, name: str) -> bool:
        """Return whether the card speaks of this variable."""
        return name.startswith(self.name[:-1]) if self.name.endswith("*") else name == self.name

    def triggered_by(self, name: str, value: str) -> bool:
        """Return whether this variable with this value changes a number."""
        if not self.named(name):
            return False
        return not self.harmful or _is_one_of(value, self.harmful)

    def severity_of(self, value: str) -> Severity:
        """Return how bad this value is."""
        return next((severity for severity, values in self.worse.items() if _is_one_of(value, values)), self.severity)

    def invalidates_multi_gpu(self, value: str) -> bool:
        """Return whether a number of several devices is invalid with this value."""
        return _is_one_of(value, self.multi_gpu)


def _is_one_of(value: str, texts: tuple[str, ...]) -> bool:
    return any(_is_harmful(value, text) for text in texts)


def _is_harmful(value: str, text: str) -> bool:
    if text == "nonzero":
        return value not in ("", "0")
    if "*" in text:
        return fnmatchcase(value.lower(), text)
    if is_comparison(text):
        try:
            return holds(float(value), text)
        except ValueError:
            return False
    return value.lower() == text.lower()
