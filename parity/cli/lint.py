"""Knows ``parity lint``: the static scan of a repository, with no GPU in sight."""

from __future__ import annotations

import datetime as dt
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from parity import __version__, session
from parity.catalog import store
from parity.cli import issue_formats, lint_choice, options
from parity.config.targets import target_or_default
from parity.errors import NothingToJudgeError, UsageError
from parity.inputs import decode_text, read_bytes
from parity.lint import baseline, cache, fixing, waive
from parity.lint.asked import asked_of
from parity.lint.changed import changed_lines, touches
from parity.lint.linter import Outcome, Rules, lint_paths
from parity.lint.scan import excluded
from parity.model.lint import LintReport
from parity.model.rule import SEVERITIES
from parity.outputs import write_file
from parity.units import plural

if TYPE_CHECKING:
    import argparse

    from parity.config.project import Project
    from parity.model.policy import LintSettings
    from parity.model.rule import Severity
    from parity.model.target import Target

FORMATS = ("text", "json", *issue_formats.ISSUE_FORMATS, "markdown", "html")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("paths", nargs="*", metavar="PATH", default=["."], help="files and folders (default: here)")
    options.add_target(parser)
    parser.add_argument(
        "--select", metavar="RULE", action="append", help="run only these rules (comma separated; repeatable)"
    )
    parser.add_argument(
        "--preview", action="store_true", help="run the rules in preview too; they are less often right"
    )
    parser.add_argument(
        "--ignore", metavar="RULE", action="append", help="do not run these rules (comma separated; repeatable)"
    )
    parser.add_argument(
        "--exclude", metavar="GLOB", action="append", help="leave these files and folders out; repeatable"
    )
    options.add_fail_on(parser)
    parser.add_argument("--exit-zero", action="store_true", help="report, and exit 0 whatever was found")
    parser.add_argument(
        "--allow-empty", action="store_true", help="no file that a scanner reads is a pass (for hooks that name files)"
    )
    parser.add_argument("--statistics", action="store_true", help="counts per rule in place of the findings (text)")
    parser.add_argument("--baseline", metavar="FILE", help="leave out the findings that this file holds")
    parser.add_argument(
        "--update-baseline", action="store_true", help="write today's findings to --baseline, and exit 0"
    )
    parser.add_argument("--diff", metavar="REV", help="only findings on lines changed since this revision")
    parser.add_argument("--fix", action="store_true", help="put mechanical mends into the files")
    parser.add_argument("--show-fixes", action="store_true", help="print the mechanical mends as a diff; write nothing")
    parser.add_argument(
        "--no-cache", action="store_true", help="read every file anew, and keep nothing for the next run"
    )
    options.add_output(parser, FORMATS)


def run(arguments: argparse.Namespace) -> int:
    """Scan, report, and return the exit status."""
    project = session.project_of(arguments.config)
    target = target_or_default(arguments.target, project, source="--target")
    chosen = lint_choice.chosen(arguments, project)
    gated = bool(project.targets) and project.default_target is None
    declared = bool(project.targets) or project.default_target is not None
    asked = asked_of(
        target,
        declared=declared,
        gated=gated,
        preview=arguments.preview or project.lint.preview,
        perf_tests=project.perf_tests,
    )
    held_before = _baseline_of(arguments)
    rules = Rules(asked, chosen.__contains__, project.rules)
    exclude = (*project.lint.exclude, *(arguments.exclude or ()))
    folder = None if arguments.no_cache else cache.default_folder()
    held = cache.Cache(folder, cache.key_of(rules.question())) if folder is not None else None
    outcome = lint_paths(arguments.paths, rules, exclude=exclude, cache=held)
    if not outcome.files and not arguments.allow_empty:
        raise NothingToJudgeError(
            "no file that a scanner reads", where=", ".join(arguments.paths), mend="give a repository's folder"
        )
    _narrow(outcome, arguments, project.lint)
    _waive(outcome, project, rules)
    if arguments.update_baseline:
        return _write_baseline(outcome, arguments)
    if arguments.fix or arguments.show_fixes:
        _fix(outcome, write=arguments.fix)
        if arguments.show_fixes:
            return 0
    report = _report(outcome, rules, target, arguments, project, held_before)
    fail_on = arguments.fail_on or project.policy.fail_on
    options.write_reports(arguments, lambda name: render(report, outcome, name, arguments, fail_on))
    return 0 if arguments.exit_zero else report.exit_status


def _narrow(outcome: Outcome, arguments: argparse.Namespace, settings: LintSettings) -> None:
    """Leave out what the project ignores in some files, and what lies on lines that --diff does not cover."""
    outcome.findings = [
        finding
        for finding in outcome.findings
        if not any(
            finding.rule in ignored and excluded(finding.path, (glob,))
            for glob, ignored in settings.per_file_ignores.items()
        )
    ]
    if arguments.diff is not None:
        changes: dict[str, list[tuple[int, int]] | None] = {}
        for folder in {path if os.path.isdir(path) else os.path.dirname(path) or "." for path in arguments.paths}:  # noqa: PTH112, PTH120
            changes |= changed_lines(arguments.diff, folder)
        outcome.findings = [
            one for one in outcome.findings if touches(changes, os.path.realpath(one.path), one.line, one.end_line)
        ]


def _waive(outcome: Outcome, project: Project, rules: Rules) -> None:
    """Silence what the project waives, and add its waivers that have ended."""
    today = dt.datetime.now(dt.timezone.utc).date()
    outcome.findings = waive.waived(outcome.findings, project.lint_waivers, today)
    card = rules.cards.get(waive.EXPIRED)
    if card is None or not project.lint_waivers:
        return
    file = project.where.removesuffix(": [tool.parity]")
    text = decode_text(read_bytes(file), where=file)
    path = os.path.relpath(file).replace(os.sep, "/")
    found = list(waive.expired(project.lint_waivers, today, card=card, path=path, text=text))
    if found:
        outcome.findings += found
        outcome.texts[path] = text
        outcome.opened[path] = file


def _baseline_of(arguments: argparse.Namespace) -> baseline.Baseline | None:
    """Return the findings to leave out; None where no baseline is given, or it is about to be written.

    Raises:
        UsageError: it is to be written, and has no name.
        InputFileError: the file is missing or no baseline.
    """
    if arguments.baseline is None and arguments.update_baseline:
        raise UsageError("no file to write", where="--update-baseline", mend="name it with --baseline FILE")
    if arguments.baseline is None or arguments.update_baseline:
        return None
    return baseline.read(Path(arguments.baseline))


def _write_baseline(outcome: Outcome, arguments: argparse.Namespace) -> int:
    held = baseline.of(outcome.findings, outcome.texts)
    write_file(arguments.baseline, session.as_json(held).decode())
    count = sum(one.count for one in held.findings)
    print(f"parity: {plural(count, 'finding')} written to {arguments.baseline}", file=sys.stderr)
    return 0


def _fix(outcome: Outcome, *, write: bool) -> None:
    """Put fixes into the files, or print them as a diff; what was fixed is no finding any more."""
    count, left = 0, []
    for path, text in outcome.texts.items():
        mine = [finding for finding in outcome.findings if finding.path == path]
        after, done = fixing.fixed(text, mine)
        if not done or "\ufffd" in text:  # a file that is not UTF-8 is not written back
            left += mine
            continue
        count += done
        if write:
            write_file(outcome.opened[path], after)
            left += [finding for finding in mine if finding.fix is None or finding.suppressed is not None]
        else:
            options.emit(fixing.preview(path, text, after))
            left += mine
    outcome.findings = sorted(left, key=lambda one: (one.path, one.line, one.column, one.rule))
    told = f"{plural(count, 'mechanical mend')} {'written' if write else 'shown, nothing written'}"
    by_hand = sum(one.suppressed is None and (write or one.fix is None) for one in left)
    rest = f"; {plural(by_hand, 'finding')} to mend by hand" if by_hand else ""
    print(f"parity: {told if count else 'no mend is mechanical'}{rest}", file=sys.stderr)


def _report(
    outcome: Outcome,
    rules: Rules,
    target: Target | None,
    arguments: argparse.Namespace,
    project: Project,
    before: baseline.Baseline | None,
) -> LintReport:
    findings, held = outcome.findings, 0
    if before is not None:
        findings, held = baseline.without(findings, before, outcome.texts)
    level = SEVERITIES.index(arguments.fail_on or project.policy.fail_on)
    failed = any(SEVERITIES.index(one.severity) <= level for one in findings if one.suppressed is None)
    return LintReport(
        tool={"name": "parity", "version": __version__},
        target=target.id if target else None,
        files=outcome.files,
        findings=tuple(findings),
        unknowns=tuple(outcome.unknowns),
        skipped_rules=rules.skipped,
        preview_rules=lint_choice.resting(arguments, project),
        baselined=held,
        exit_status=int(failed),
    )


def render(
    report: LintReport, outcome: Outcome, name: str, arguments: argparse.Namespace, fail_on: Severity = "error"
) -> str | None:
    """Return the report in the format called ``name``."""
    if name == "json":
        from parity.reports import lint_json

        return lint_json.render(report)
    if name == "markdown":
        from parity.reports import lint_markdown

        return lint_markdown.render(report)
    if name in issue_formats.ISSUE_FORMATS:
        from parity.cli.places import placing
        from parity.reports.lint_issues import issues_of

        cards = store.lint_book().cards
        issues = issues_of(report, outcome.texts, cards, fail_on=fail_on, placed=placing(os.environ))
        return issue_formats.render(name, issues)
    if name == "html":
        from parity.reports.html import lint

        return lint.render(report, outcome.texts)
    from parity.reports import lint_text

    width, colour, _ = options.terminal()
    return lint_text.render(
        report, outcome.texts, verbose=arguments.verbose, width=width, colour=colour, statistics=arguments.statistics
    )
