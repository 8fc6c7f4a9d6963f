"""Knows ``parity measure``: what the devices of this machine deliver, beside what they promise."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from parity import session
from parity.cli import measuring_options, options
from parity.cli.folding import for_terminal

if TYPE_CHECKING:
    import argparse

    from parity.model.measurement import MeasureReport

FORMATS = ("text", "json", "markdown")
EXAMPLES = """\
examples:
  parity measure                                    everything, ten seconds
  parity measure --only dram --device 0 --budget 3s memory bandwidth of GPU 0
  parity doctor --target h100 --measure             judge what was measured
Runs kernels on idle GPUs, in a process of its own that frees everything;
clocks and settings are left alone.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.epilog = EXAMPLES + "\n" + (parser.epilog or "")
    measuring_options.add_wish(parser)
    parser.add_argument("--config", metavar="FILE", help="project file (default: parity.yaml or pyproject.toml nearby)")
    options.add_output(parser, FORMATS)


def run(arguments: argparse.Namespace) -> int:
    """Measure and report: 0; 2 when interrupted, 3 when nothing could be measured. What is slow, doctor judges."""
    wish = measuring_options.wish_of(arguments)
    project = session.project_of(arguments.config)
    fingerprint = session.fingerprint_of(None)
    # A report for people that goes to standard output says itself how it ended.
    shown = (arguments.format or ["text"])[len(arguments.output or ()) :]
    quiet = "text" in shown or "markdown" in shown
    _, report = measuring_options.measure_here(fingerprint, wish, project, quiet=quiet)
    options.write_reports(arguments, lambda name: render(report, name), shown=for_terminal)
    if report.interrupted:
        return measuring_options.INTERRUPTED
    return 0 if report.measured else 3


def render(report: MeasureReport, name: str) -> str:
    """Return the report in the format called ``name``."""
    if name == "json":
        return session.as_json(report).decode()
    text: str = importlib.import_module(f"parity.reports.measure_{name}").render(report)
    return text
