"""Knows how a measurement is held against its own device's theoretical peak; the two are compared and never mixed."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from parity.model.absent import Absent, Reading, Why, value_of
from parity.model.finding import Mismatch
from parity.model.measurement import NOTED, peak_fact
from parity.units import fewest_digits

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from parity.checks.subject import Machine, Subject
    from parity.model.measurement import Measurement

ABOVE_PEAK = 1.02  # clocks are read in whole megahertz; more than that above its peak is no measurement


def not_measured(here: Machine) -> Iterator[Absent]:
    """Yield what was to be measured and could not be."""
    for note in here.fingerprint.notes:
        if note.source == NOTED:
            why: Why = note.why if note.why in get_args(Why) else "failed"  # type: ignore[assignment]  # just checked
            yield Absent(why=why, source=NOTED, detail=note.text)


def judged(here: Machine, names: Sequence[str]) -> Iterator[tuple[Measurement, Subject, float | None]]:
    """Yield (measurement, its device, theoretical peak) of the measurements called so; the peak is None if unknown.

    A device that may be several parts has the peak that its own clock and width give, and no other.
    """
    devices = here.fingerprint.devices
    for one in here.fingerprint.measured:
        if one.name not in names or not 0 <= one.device < len(devices):
            continue
        subject = next((known for known in here.subjects if known.device == devices[one.device]), None)
        if subject is None:
            continue
        peak = subject.fact(peak_fact(one.name))
        is_guess = isinstance(peak, Reading) and peak.source.startswith("catalog") and not subject.identified.identity
        value = float(peak.value) if isinstance(peak, Reading) and not isinstance(peak.value, str) else 0.0
        yield one, subject, value if value > 0 and not is_guess else None


def is_torch_on_rocm(one: Measurement, subject: Subject) -> bool:
    """Return whether a kernel of torch's for ROCm ran, whose speed says more of its version than of the device."""
    return value_of(subject.device.identity.vendor) == "amd" and one.kernel.startswith("torch.")


def without_peak(one: Measurement, subject: Subject) -> Absent:
    """Return what is said of a measurement that there is no peak for: of a slice, or of a part that is not known."""
    detail = f"{subject.label}: no theoretical peak is known that {one.name} could be held against"
    return Absent(why="not_supported", source=NOTED, detail=detail)


def below(
    one: Measurement,
    subject: Subject,
    peak: float,
    published: Sequence[float],
    *,
    published_margin: float,
    floor: float,
    most: float = ABOVE_PEAK,
) -> Iterator[Mismatch | Absent]:
    """Yield a mismatch when a measurement is under what is known of healthy parts.

    Args:
        one: the measurement.
        subject: its device.
        peak: theoretical, in the measurement's unit.
        published: fractions of peak that were published of this part and kind of kernel.
        published_margin: part of the least published fraction that still passes.
        floor: fraction of peak that passes where nothing was published.
        most: fraction of peak above which one of the two must be wrong.
    """
    share = one.value / peak
    told = f"{one.name} delivers {100 * share:.0f} % of its own peak"
    figures = f"{fewest_digits(round(one.value, 1))} of {fewest_digits(round(peak, 1))} {one.unit}, {one.kernel}"
    if share > most:
        detail = f"{subject.label}: {told} ({figures}): one of the two is wrong"
        yield Absent(why="failed", source=NOTED, detail=detail)
        return
    known = subject.identified.identity is not None and published
    least = published_margin * min(published) if known else floor
    if share >= least:
        return
    reach = _reach(published) if known else f"{100 * floor:.0f} % is the least expected of any part"
    disturbed = "; something disturbed the device meanwhile" if one.conditions == "disturbed" else ""
    yield Mismatch(
        subject=subject.label,
        here=f"{100 * share:.0f} %",
        wanted=f"{100 * least:.0f} % of its own peak",
        ratio=round(share, 4),
        message=f"{told} ({figures}); {reach}{disturbed}",
    )


def _reach(published: Sequence[float]) -> str:
    """Return ``healthy parts reach 85 to 94 %``.

    >>> _reach([0.851, 0.94]), _reach([0.8])
    ('healthy parts reach 85 to 94 %', 'healthy parts reach 80 %')
    """
    low, high = f"{100 * min(published):.0f}", f"{100 * max(published):.0f}"
    return f"healthy parts reach {low} %" if low == high else f"healthy parts reach {low} to {high} %"
