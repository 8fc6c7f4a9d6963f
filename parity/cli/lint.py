"""Knows ``parity lint``: the static scan of a repository, with no GPU in sight."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity import __version__, session
from parity.catalog import store
from parity.cli import options
from parity.config.targets import target_or_default
from parity.errors import NothingToJudgeError, UnknownNameError
from parity.inputs import near_names
from parity.lint.asked import asked_of
from parity.lint.linter import Outcome, Rules, lint_paths
from parity.lint.scan import excluded
from parity.model.lint import LintReport
from parity.model.rule import SEVERITIES

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from parity.config.project import Project
    from parity.model.policy import LintSettings
    from parity.model.target import Target

FORMATS = ("text", "json", "sarif", "github", "gitlab", "junit", "markdown")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("paths", nargs="*", metavar="PATH", default=["."], help="files and folders (default: here)")
    options.add_target(parser)
    parser.add_argument(
        "--select", metavar="RULE", action="append", help="run only these rules (comma separated; repeatable)"
    )
    parser.add_argument(
        "--ignore", metavar="RULE", action="append", help="do not run these rules (comma separated; repeatable)"
    )
    parser.add_argument(
        "--exclude", metavar="GLOB", action="append", help="leave these files and folders out; repeatable"
    )
    parser.add_argument(
        "--fail-on", choices=SEVERITIES, help="least severity that gives exit status 1 (default: policy, error)"
    )
    parser.add_argument("--exit-zero", action="store_true", help="report, and exit 0 whatever was found")
    parser.add_argument("--statistics", action="store_true", help="counts per rule in place of the findings (text)")
    options.add_output(parser, FORMATS)


def run(arguments: argparse.Namespace) -> int:
    """Scan, report, and return the exit status."""
    project = session.project_of(arguments.config)
    target = target_or_default(arguments.target, project, source="--target")
    chosen = _chosen(arguments, project.lint)
    rules = Rules(asked_of(target, gated=bool(project.targets or project.default_target)), chosen.__contains__)
    exclude = (*project.lint.exclude, *(arguments.exclude or ()))
    outcome = lint_paths(arguments.paths, rules, exclude=exclude)
    if not outcome.files:
        raise NothingToJudgeError(
            "no file that a scanner reads", where=", ".join(arguments.paths), mend="give a repository's folder"
        )
    report = _report(outcome, rules, target, arguments, project)
    options.write_reports(arguments, lambda name: render(report, outcome, name, arguments))
    return 0 if arguments.exit_zero else report.exit_status


def _report(
    outcome: Outcome, rules: Rules, target: Target | None, arguments: argparse.Namespace, project: Project
) -> LintReport:
    findings = [
        finding
        for finding in outcome.findings
        if not any(
            finding.rule in ignored and excluded(finding.path, (glob,))
            for glob, ignored in project.lint.per_file_ignores.items()
        )
    ]
    level = SEVERITIES.index(arguments.fail_on or project.policy.fail_on)
    failed = any(SEVERITIES.index(one.severity) <= level for one in findings if one.suppressed is None)
    return LintReport(
        tool={"name": "parity", "version": __version__},
        target=target.id if target else None,
        files=outcome.files,
        findings=tuple(findings),
        unknowns=tuple(outcome.unknowns),
        skipped_rules=rules.skipped,
        exit_status=int(failed),
    )


def _chosen(arguments: argparse.Namespace, settings: LintSettings) -> set[str]:
    """Return the rules to run: the command line's choice over the project's.

    Raises:
        UnknownNameError: a name is no lint rule's.
    """
    known = [card.id for card in store.lint_book().cards]
    selected, ignored = _names(arguments.select), _names(arguments.ignore)
    for option, names in (("--select", selected), ("--ignore", ignored)):
        for name in names:
            if name not in known:
                close, mend = near_names(name, known), "list all with `parity rule`"
                raise UnknownNameError(f"no lint rule named {name!r}", where=option, close=close, mend=mend)
    return set(selected or settings.select or known) - set(ignored) - (set() if selected else set(settings.ignore))


def _names(given: Iterable[str] | None) -> list[str]:
    return [name.strip() for words in given or () for name in words.split(",") if name.strip()]


def render(report: LintReport, outcome: Outcome, name: str, arguments: argparse.Namespace) -> str:
    """Return the report in the format called ``name``."""
    if name == "json":
        from parity.reports import lint_json

        return lint_json.render(report)
    from parity.reports import lint_text

    width, colour, _ = options.terminal()
    return lint_text.render(
        report, outcome.texts, verbose=arguments.verbose, width=width, colour=colour, statistics=arguments.statistics
    )
