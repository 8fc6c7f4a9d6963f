"""Knows what the linter says: a rule's card, a finding with its place, and the report of one run."""

from typing import Literal

import msgspec

from parity.model.rule import Severity
from parity.model.spec import Source

TargetUse = Literal["none", "used", "needed"]


class LintExample(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A snippet with the places where the rule speaks; run as a test.

    Attributes:
        file: the path that the snippet has in its repository; it decides which scanner reads it.
        text: the snippet.
        at: ``line:column-end_line:end_column`` of each finding, columns from 1, the end not included; empty: none.
        target: target expression; empty: no target.
        beside: further paths of the repository, empty files.
        stack: the target's pins: component -> version specifier.
        declared: the project declares a target.
        gated: the project declares targets, and no default one.
        preview: what rests in a file of this role is asked for.
    """

    file: str
    text: str
    at: tuple[str, ...] = ()
    target: str = ""
    beside: tuple[str, ...] = ()
    stack: dict[str, str] = {}
    declared: bool = False
    gated: bool = False
    preview: bool = False


class LintCard(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One lint rule as its card under ``rules/lint`` states it.

    Attributes:
        id: kebab-case; reads after "allow".
        check: module and function below ``parity/lint/rules``: ``arch_list.lacks_target``.
        target: ``none``: the rule never looks at the target; ``used``: it says more with one; ``needed``: it is silent
            without one.
        files: kinds of files it reads (``parity.lint.files.KINDS``).
        where: which Python files: ``perf``: those whose path says that they measure; ``tests``; ``sources``: no tests.
        wants: what the target must declare before the rule can speak: ``stack`` (a pin), ``driver``, ``count``.
        triggers: texts of which a file must hold at least one before the rule can speak; empty: any file.
        patterns: regular expressions of which a file must hold each as well; they keep Python from being parsed for
            nothing, and never decide what the rule says.
        silent_in: roles of files (``rules/lint_data/roles.yaml``) of which it says nothing.
        rests_in: roles of files of which it speaks only where previews are asked for.
        once: what it says twice in the same words of one file is one matter, told at the first place.
        settings: keyword arguments of the check.
        sources: where the facts behind the rule were read.
    """

    id: str
    summary: str
    severity: Severity
    status: Literal["preview", "stable"]
    since: str
    check: str
    files: tuple[str, ...]
    where: Literal["any", "perf", "tests", "sources"] = "any"
    why: str
    mend: str
    sources: tuple[Source, ...]
    examples: tuple[LintExample, ...]
    target: TargetUse = "none"
    wants: tuple[Literal["stack", "driver", "count"], ...] = ()
    triggers: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    silent_in: tuple[str, ...] = ()
    rests_in: tuple[str, ...] = ()
    once: bool = False
    settings: dict[str, float | int | str | bool] = {}


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """One mechanical mend: the text that takes the place of a stretch of the file.

    Attributes:
        line, column, end_line, end_column: the stretch, as in ``LintFinding``.
        text: what stands there afterwards.
    """

    line: int
    column: int
    end_line: int
    end_column: int
    text: str


class LintFinding(msgspec.Struct, frozen=True, kw_only=True):
    """One finding, as ``parity lint --format json`` prints it.

    Attributes:
        path: relative to the folder of the run, with forward slashes.
        line, column: start, both from 1; columns count characters.
        end_line, end_column: end, not included.
        suppressed: the reason of the inline comment or waiver that silences it; None: it stands.
        waived: a waiver silences it, no comment.
        fix: the mechanical mend, where there is one.
    """

    rule: str
    severity: Severity
    path: str
    line: int
    column: int
    end_line: int
    end_column: int
    message: str
    mend: str
    suppressed: str | None = None
    waived: bool = False
    fix: Edit | None = None


class LintUnknown(msgspec.Struct, frozen=True, kw_only=True):
    """One value that the file does not settle: it is said once, never guessed."""

    path: str
    line: int
    what: str
    why: str


class LintReport(msgspec.Struct, frozen=True, kw_only=True):
    """What one run found.

    Attributes:
        target: catalog id of the target; None: rules that need one did not run.
        files: files that a scanner read.
        skipped_rules: rules that did not run for want of a target.
        preview_rules: rules that did not run because they are in preview, and nobody asked for them.
        baselined: findings that the baseline holds and the report leaves out.
    """

    schema: Literal["parity.lint/1"] = "parity.lint/1"
    tool: dict[str, str] = {}
    target: str | None = None
    files: int = 0
    findings: tuple[LintFinding, ...] = ()
    unknowns: tuple[LintUnknown, ...] = ()
    skipped_rules: tuple[str, ...] = ()
    preview_rules: tuple[str, ...] = ()
    baselined: int = 0
    exit_status: int = 0
