"""Knows the card of one environment variable that changes a number."""

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
        harmful: values that trigger the rule: texts, comparisons (``<100``), ``nonzero`` (any but empty and ``0``);
            empty: any value.
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
    right_on: dict[str, tuple[str, ...]] = {}
    dead_since: dict[str, str] = {}

    def named(self, name: str) -> bool:
        """Return whether the card speaks of this variable."""
        return name.startswith(self.name[:-1]) if self.name.endswith("*") else name == self.name

    def triggered_by(self, name: str, value: str) -> bool:
        """Return whether this variable with this value changes a number."""
        if not self.named(name):
            return False
        return not self.harmful or any(_is_harmful(value, text) for text in self.harmful)


def _is_harmful(value: str, text: str) -> bool:
    if text == "nonzero":
        return value not in ("", "0")
    if is_comparison(text):
        try:
            return holds(float(value), text)
        except ValueError:
            return False
    return value.lower() == text.lower()
