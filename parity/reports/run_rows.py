"""Knows how a pytest run is condensed for people, the same in every format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from parity.model.rule import SEVERITIES, Severity
from parity.reports.rows import one_line
from parity.units import plural

if TYPE_CHECKING:
    from parity.model.run import Run, RunCounts, RunJudgement, RunTest

SAVED = "saved fingerprint"
SAVED_NOTE = "a saved fingerprint was judged, so nothing says that these tests ran on the machine that it tells of"
OUTCOME_WORDS = {"match": "match", "mismatch": "MISMATCH", "unknown": "UNKNOWN"}


@dataclass(frozen=True)
class Disturbance:
    """One finding about the conditions of one test; texts are on one line each and may be empty, but for the rule."""

    rule: str
    severity: Severity
    subject: str
    message: str
    mend: str


def title(run: Run) -> str:
    """Return what the run came to: ``MISMATCH``, ``match``, ``match (not passed)``, ``match (saved fingerprint)``."""
    judged = run.gravest
    if judged is None:
        return "not judged"
    outcome, _, rest = judged_text(judged).partition(", ")
    remarks = [*([rest] if rest else []), *([SAVED] if judged.saved else [])]
    return OUTCOME_WORDS[outcome] + (f" ({', '.join(remarks)})" if remarks else "")


def asked_text(one: RunJudgement) -> str:
    """Return who asked for a verdict and of what it is, where it is not the run's own of the machine that ran it."""
    return ", asked for by a marker" * (one.source == "marker") + f", of a {SAVED}" * one.saved


def judged_text(one: RunJudgement) -> str:
    """Return the outcome, and whether it was accepted where that does not follow from it."""
    if one.outcome == "match" and one.blocks:
        return "match, not passed"
    if one.outcome != "match" and not one.blocks:
        return f"{one.outcome}, passed by waiver or by the rules asked for"
    return one.outcome


def counts_text(counts: RunCounts) -> str:
    """Return the counts in words: ``3 perf tests: 2 NOT MEASURED (2 failed), 1 ran``."""
    if not counts.perf_tests:
        return "no perf test was selected"
    kept_out = [f"{getattr(counts, name)} {name}" for name in ("failed", "skipped", "xfailed") if getattr(counts, name)]
    parts = [f"{counts.not_measured} NOT MEASURED ({', '.join(kept_out)})"] if kept_out else []
    parts.append(f"{counts.ran} ran")
    if counts.not_run:
        parts.append(f"{counts.not_run} not run for other reasons")
    if counts.disturbed:
        parts.append(f"{counts.disturbed} under disturbed conditions")
    if counts.conditions_unknown:
        parts.append(f"{counts.conditions_unknown} under conditions not fully known")
    if counts.above_roof:
        parts.append(f"{counts.above_roof} above the roof")
    return f"{plural(counts.perf_tests, 'perf test')}: {', '.join(parts)}"


def became(test: RunTest) -> str:
    """Return what became of a test, in words."""
    if test.is_kept_out:
        return f"NOT MEASURED ({test.state})"
    if test.state == "ran" and test.is_above_roof:
        return "ran, above the roof"
    if test.state == "ran" and test.blocks:
        return "ran off target"
    return test.state


def seconds_text(seconds: float | None) -> str:
    """Return a duration with its unit and three digits; ``-`` when there is none.

    >>> seconds_text(0.00123), seconds_text(12.0), seconds_text(None)
    ('1.23 ms', '12 s', '-')
    """
    if seconds is None:
        return "-"
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}" if seconds < 1000 else f"{seconds:.0f} s"
    return f"{seconds * 1e6:.3g} us"


def by_concern(tests: tuple[RunTest, ...]) -> list[RunTest]:
    """Return the tests to look at first: not measured, disturbed or above the roof, off target; then the rest."""

    def concern(test: RunTest) -> int:
        if test.is_kept_out:
            return 0
        is_doubtful = test.conditions_state == "disturbed" or test.is_above_roof
        return 1 if is_doubtful else 2 if test.blocks else 3

    return sorted(tests, key=concern)


def disturbances(test: RunTest) -> list[Disturbance]:
    """Return the findings about a test's conditions; an odd one is told as far as it can be."""
    findings = (test.conditions or {}).get("findings")
    return [_disturbance(one) for one in findings if isinstance(one, dict)] if isinstance(findings, list) else []


def conditions_text(test: RunTest) -> str:
    """Return state and findings in one line; ``-`` when nobody watched."""
    if test.conditions is None:
        return "-"
    told = "; ".join(dict.fromkeys(one.message or one.rule for one in disturbances(test)))
    return one_line(test.conditions_state) + (f": {told}" if told else "")


def _disturbance(data: dict[str, Any]) -> Disturbance:
    def text(name: str) -> str:
        value = data.get(name)
        return one_line(value) if isinstance(value, str) else ""

    severity = text("severity")
    return Disturbance(
        rule=text("rule") or "conditions",
        severity=severity if severity in SEVERITIES else "warning",
        subject=text("subject"),
        message=text("message"),
        mend=text("mend"),
    )
