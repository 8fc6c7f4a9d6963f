"""Knows ``parity doctor``: is this machine the target, what differs, what may still be concluded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity import session
from parity.cli import options

if TYPE_CHECKING:
    import argparse

    from parity.model.target import Target
    from parity.model.verdict import Verdict


FORMATS = (*options.FORMATS, "html")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    options.add_target(parser)
    options.add_fingerprint(parser)
    options.add_require(parser)
    options.add_output(parser, FORMATS)
    parser.add_argument("--exit-zero", action="store_true", help="report, and exit 0 whatever was found")


def run(arguments: argparse.Namespace) -> int:
    """Judge, report, and return the verdict's exit status."""
    project = session.project_of(arguments.config)
    target = session.target_of(arguments.target, project, require=arguments.require)
    fingerprint = session.fingerprint_of(arguments.fingerprint)
    verdict = session.judge_fingerprint(fingerprint, target, project)
    options.write_reports(arguments, lambda name: render(verdict, name, target, verbose=arguments.verbose))
    return 0 if arguments.exit_zero else verdict.exit_status


def render(verdict: Verdict, name: str, target: Target, *, verbose: bool) -> str:
    """Return the verdict in the format called ``name``."""
    if name == "json":
        from parity.reports import json_report

        return json_report.render(verdict)
    if name == "markdown":
        from parity.reports import markdown_report

        return markdown_report.render(verdict)
    if name == "html":
        from parity.reports.html import doctor

        return doctor.render(verdict, doctor.facts_of(target))
    from parity.reports import text_report

    width, colour, ascii_only = options.terminal()
    return text_report.render(verdict, verbose=verbose, width=width, colour=colour, ascii_only=ascii_only)
