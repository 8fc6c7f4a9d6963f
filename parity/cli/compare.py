"""Knows ``parity compare``: parts, machines and targets side by side, raw and normalised; no GPU needed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec

from parity.catalog import store
from parity.catalog.identified import identified
from parity.cli import options
from parity.cli.no_device import no_device
from parity.compare.column import column_of_target, columns_of_fingerprint
from parity.compare.comparison import compare
from parity.config.project import project_at
from parity.config.targets import resolve_target
from parity.inputs import read_bytes

if TYPE_CHECKING:
    import argparse

    from parity.compare.column import Column
    from parity.config.project import Project
    from parity.model.compare import Comparison
    from parity.model.fingerprint import Fingerprint


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument(
        "words",
        metavar="NAME",
        nargs="+",
        help="a catalog name (h100, a100-sxm4-40gb/1g.5gb), a target of the project file, a fingerprint or a report of "
        "another tool, or `here`; the first is what the others are held against",
    )
    parser.add_argument("--config", metavar="FILE", help="project file (default: parity.yaml or pyproject.toml nearby)")
    parser.add_argument(
        "--plot", metavar="FILE", help="also draw roofline and bars into a .png or .svg (needs gpu-parity[plot])"
    )
    options.add_output(parser, ("text", "json", "markdown", "html"))


def run(arguments: argparse.Namespace) -> int:
    """Compare; 0, or 3 when a file names no device."""
    project = project_at(arguments.config)
    comparison = compare(column for word in arguments.words for column in columns_of(word, project))
    if arguments.plot is not None:
        from parity.reports import compare_plot

        compare_plot.write(comparison, arguments.plot)
    options.write_reports(arguments, lambda name: render(comparison, name, verbose=arguments.verbose))
    return 0


def columns_of(word: str, project: Project) -> list[Column]:
    """Return the columns that a word of the command line means; a machine of several kinds of device gives several.

    Raises:
        UnknownNameError: neither a file, a target nor a catalog name.
        InputFileError: the file is no report a reader knows.
        NothingToJudgeError: the report names no visible device.
    """
    is_file = os.path.isfile(word)  # noqa: PTH113  (never raises, however long the word)
    if word not in project.targets and (word in ("-", "here") or is_file):
        fingerprint = _machine(word)
        if word == "here" and not fingerprint.visible_devices:
            raise no_device(fingerprint, instead="name a part of the catalog: `parity targets`")
        found = [identified(device) for device in fingerprint.visible_devices]
        return columns_of_fingerprint(fingerprint, found, asked=word, spec_of=store.device_spec)
    target = resolve_target(word, project, source="parity compare")
    return [column_of_target(target, asked=word, of_project=bool(target.name))]


def _machine(word: str) -> Fingerprint:
    if word == "here":
        from parity import session

        return session.fingerprint_of(None)
    from parity.readers import read_report

    return read_report(read_bytes(word), where="standard input" if word == "-" else word)


def render(comparison: Comparison, name: str, *, verbose: bool) -> str:
    """Return the comparison in the format called ``name``."""
    if name == "json":
        return msgspec.json.format(msgspec.json.encode(comparison), indent=2).decode() + "\n"
    if name == "markdown":
        from parity.reports import compare_markdown

        return compare_markdown.render(comparison)
    if name == "html":
        from parity.reports.html import compare

        return compare.render(comparison)
    from parity.reports import compare_text

    width, _, ascii_only = options.terminal()
    return compare_text.render(comparison, verbose=verbose, width=width, ascii_only=ascii_only)
