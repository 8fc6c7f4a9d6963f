"""Knows ``parity doctor``: is this machine the target, what differs, what may still be concluded."""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING

import msgspec

from parity import session
from parity.cli import issue_formats, measuring_options, options
from parity.errors import UsageError

if TYPE_CHECKING:
    import argparse

    from parity.config.project import Project
    from parity.model.fingerprint import Fingerprint
    from parity.model.target import Target
    from parity.model.verdict import Verdict
    from parity.reports.issues import IssueReport

# format -> its renderer in parity.reports
_OF_VERDICT = {"json": "json_report", "markdown": "markdown_report"}
FORMATS = ("text", *_OF_VERDICT, *issue_formats.ISSUE_FORMATS, "html")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    options.add_target(parser)
    options.add_fingerprint(parser)
    options.add_require(parser)
    options.add_output(parser, FORMATS)
    options.add_fail_on(parser)
    parser.add_argument("--exit-zero", action="store_true", help="report, and exit 0 whatever was found")
    measuring_options.add_measure(parser)


def run(arguments: argparse.Namespace) -> int:
    """Judge, report, and return the verdict's exit status."""
    project = session.project_of(arguments.config)
    if arguments.fail_on is not None:
        project = msgspec.structs.replace(
            project, policy=msgspec.structs.replace(project.policy, fail_on=arguments.fail_on)
        )
    target = session.target_of(arguments.target, project, require=arguments.require)
    fingerprint, interrupted = _read(arguments, project)
    verdict = session.judge_fingerprint(fingerprint, target, project)
    options.write_reports(arguments, lambda name: render(verdict, name, target, project, verbose=arguments.verbose))
    return measuring_options.INTERRUPTED if interrupted else 0 if arguments.exit_zero else verdict.exit_status


def _read(arguments: argparse.Namespace, project: Project) -> tuple[Fingerprint, bool]:
    """Return the machine, measured if that was asked for, and whether measuring was interrupted."""
    measuring_options.refuse_strays(arguments)
    if not arguments.measure:
        return session.fingerprint_of(arguments.fingerprint), False
    wish = measuring_options.wish_of(arguments)
    if arguments.fingerprint is not None:
        saved = session.fingerprint_of(arguments.fingerprint)
        if saved.measured:
            return saved, False
        raise UsageError(
            "the saved fingerprint carries no measurements, and a file cannot be measured",
            where=f"--measure --fingerprint {arguments.fingerprint}",
            mend="take it with `parity capture --measure`, or leave --measure out",
        )
    fingerprint, report = measuring_options.measure_here(session.fingerprint_of(None), wish, project)
    return fingerprint, report.interrupted


def render(verdict: Verdict, name: str, target: Target, project: Project, *, verbose: bool) -> str | None:
    """Return the verdict in the format called ``name``; None where that format has nothing to say of it."""
    if name in _OF_VERDICT:
        text: str = importlib.import_module(f"parity.reports.{_OF_VERDICT[name]}").render(verdict)
        return text
    if name in issue_formats.ISSUE_FORMATS:
        # They all stand on one line: one annotation per level is enough.
        return issue_formats.render(name, _issues(verdict, target, project), per_level=1)
    if name == "html":
        from parity.reports.html import doctor

        return doctor.render(verdict, doctor.facts_of(target))
    from parity.reports import text_report

    width, colour, ascii_only = options.terminal()
    return text_report.render(verdict, verbose=verbose, width=width, colour=colour, ascii_only=ascii_only)


def _issues(verdict: Verdict, target: Target, project: Project) -> IssueReport:
    from parity.cli.places import declared_place
    from parity.reports.doctor_issues import issues_of

    place = declared_place(target, project, os.environ)
    return issues_of(verdict, fail_on=project.policy.fail_on, place=place)
