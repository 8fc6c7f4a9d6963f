"""Knows a baseline: the findings an old repository has on the day it adopts the linter, which later runs leave out.

A finding is known again by its rule, its path and the text of its line, so that it may move up and down its file; as
many as the baseline holds are left out, one more is new.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING, Literal

import msgspec

from parity.errors import InputFileError
from parity.inputs import read_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from parity.model.lint import LintFinding


_TO_MAKE = ("no such file", "empty")  # what is said of a baseline that nobody has written yet


class Held(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Findings of one rule on equal lines of one file."""

    rule: str
    path: str
    line_hash: str
    count: int = 1


class Baseline(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A baseline file."""

    schema: Literal["parity.lint-baseline/1"] = "parity.lint-baseline/1"
    findings: tuple[Held, ...] = ()


def read(path: Path) -> Baseline:
    """Return the baseline in a file.

    Raises:
        InputFileError: it is missing or no baseline.
    """
    mend = f"write it with today's findings: add --update-baseline to --baseline {path}, once; then commit it"
    try:
        raw = read_bytes(path)
    except InputFileError as error:
        raise InputFileError(
            error.what, where=error.where, mend=mend if error.what in _TO_MAKE else error.mend
        ) from error
    try:
        return msgspec.json.decode(raw, type=Baseline)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise InputFileError(f"no baseline: {error}", where=str(path), mend=mend) from error


def of(findings: Iterable[LintFinding], texts: Mapping[str, str]) -> Baseline:
    """Return the baseline that holds findings; those silenced inline need none."""
    counts = Counter(_key(one, texts) for one in findings if one.suppressed is None)
    held = [Held(rule=rule, path=path, line_hash=line, count=n) for (rule, path, line), n in sorted(counts.items())]
    return Baseline(findings=tuple(held))


def without(
    findings: Iterable[LintFinding], baseline: Baseline, texts: Mapping[str, str]
) -> tuple[list[LintFinding], int]:
    """Return the findings that the baseline does not hold, and how many it does."""
    room = Counter({(one.rule, one.path, one.line_hash): one.count for one in baseline.findings})
    kept, held = [], 0
    for finding in findings:
        key = _key(finding, texts)
        if finding.suppressed is None and room[key] > 0:
            room[key] -= 1
            held += 1
        else:
            kept.append(finding)
    return kept, held


def _key(finding: LintFinding, texts: Mapping[str, str]) -> tuple[str, str, str]:
    lines = texts.get(finding.path, "").split("\n")
    line = lines[finding.line - 1].strip() if finding.line <= len(lines) else ""
    return finding.rule, finding.path, hashlib.sha256(line.encode(errors="surrogateescape")).hexdigest()[:16]
