"""Knows what the machine-read formats share: findings of any command as issues, each with its rule and place."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from parity.model.lint import Edit
from parity.model.place import Place
from parity.model.rule import SEVERITIES, Severity
from parity.reports.rows import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

FINGERPRINT_CHARS = 32


class IssueRule(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule says about itself; no text is empty."""

    id: str
    summary: str
    why: str
    mend: str
    severity: Severity


class Issue(msgspec.Struct, frozen=True, kw_only=True):
    """One finding, or one question that stayed open.

    Attributes:
        rule: id, also one of the report's rules.
        message: what is so, on its own.
        place: where it is told; None: in no file of the repository.
        identity: what it is when lines move and numbers change; equal ones are counted apart.
        subject: device, package or variable; empty: the place says it.
        fails: it stands, and is at or over the level that fails the run.
        is_open: nothing is wrong as far as is known, but that is not known.
        suppressed: why it does not count; None: it stands.
        suppressed_in: ``inSource``: a comment beside it; ``external``: a waiver.
        fix: the mechanical mend.
    """

    rule: str
    severity: Severity
    message: str
    mend: str
    place: Place | None
    identity: str
    subject: str = ""
    fails: bool = False
    is_open: bool = False
    suppressed: str | None = None
    suppressed_in: str = "inSource"
    fix: Edit | None = None

    @property
    def told(self) -> str:
        """Return the message with its subject, on one line."""
        named = not self.subject or self.subject in self.message
        return one_line(self.message if named else f"{self.subject}: {self.message}")


class IssueReport(msgspec.Struct, frozen=True, kw_only=True):
    """What one command found, for any renderer of issues.

    Attributes:
        command: ``parity lint``, ``parity doctor``.
        category: what keeps this report apart from others of the same tool: ``parity-doctor/h100-sxm5-80gb``.
        version: of this tool.
        title: what the run came to, in a few words.
        passed: whether the exit status is 0.
        issues: in the order in which they are told.
        rules: of every issue, each once.
        closing: the lines below the findings.
        nowhere: what stands in for the place of an issue that is in no file, where a format cannot do without; None:
            it is left out.
        judged: whether anything was judged at all; what a reader keeps of earlier runs holds until something is.
    """

    command: str
    category: str
    version: str
    title: str
    passed: bool
    issues: tuple[Issue, ...]
    rules: tuple[IssueRule, ...]
    closing: tuple[str, ...] = ()
    nowhere: Place | None = None
    judged: bool = True

    @property
    def standing(self) -> list[Issue]:
        """Return the issues that nothing silences."""
        return [issue for issue in self.issues if issue.suppressed is None]

    @property
    def unplaced(self) -> int:
        """Return how many issues have no place, which some formats cannot tell."""
        return sum(issue.place is None for issue in self.issues)

    def place_of(self, issue: Issue) -> Place | None:
        """Return where a format that needs a place tells an issue; None: it cannot be told there."""
        return issue.place if issue.place is not None else self.nowhere


def by_gravity(issues: Sequence[Issue]) -> list[Issue]:
    """Return the issues, the gravest first, open questions last; else in their order."""
    return sorted(issues, key=lambda one: (one.is_open, SEVERITIES.index(one.severity)))


def fingerprints(issues: Sequence[Issue]) -> list[str]:
    """Return one fingerprint per issue, all different, the same in the next run: equal identities are numbered."""
    seen: dict[str, int] = {}
    told = []
    for issue in issues:
        key = f"{issue.rule}\0{issue.identity}"
        seen[key] = seen.get(key, 0) + 1
        digest = hashlib.sha256(f"{key}\0{seen[key]}".encode(errors="surrogateescape"))
        told.append(digest.hexdigest()[:FINGERPRINT_CHARS])
    return told
