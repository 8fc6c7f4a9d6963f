"""Knows ``parity kernels --backends``: what installed packages choose, after their own source."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from parity import session
from parity.backends.installed import built_cuda, questions
from parity.backends.machine import AskedMachine
from parity.backends.source import SourceTree
from parity.binaries import packages
from parity.cli import options
from parity.errors import NothingToJudgeError, UsageError
from parity.reports import backends_text
from parity.verdict.backends import backends_report

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from parity.model.backends import BackendsReport
    from parity.model.coverage import RunsOn


def run(arguments: argparse.Namespace, target: RunsOn | None, here: Sequence[RunsOn]) -> int:
    """Report; 0 when what is known is alike or one side alone was asked for, 1 when a choice differs, 3 without any.

    Args:
        arguments: of the command; paths are folders that hold packages, as ``site-packages`` does.
        target: the declared device; None: not asked for.
        here: this machine's devices, each kind once; the first is asked about.

    Raises:
        UsageError: neither side was asked for, or a path is no folder.
        NothingToJudgeError: no package that is understood is installed.
    """
    if target is None and not here:
        raise UsageError("nothing to ask about", where="--backends", mend="give --target, --here, or both")
    wrong = [word for word in arguments.what if not Path(word).is_dir()]
    if wrong:
        raise UsageError(f"{wrong[0]} is no folder", where="--backends", mend="give folders that hold packages")
    folders = arguments.what or packages.site_folders()
    tree = SourceTree(folders)
    asked = questions(tree)
    if not asked:
        raise NothingToJudgeError(
            "no package whose choices are understood",
            where=", ".join(folders[:3]) or "installed packages",
            mend="torch, vllm, sglang, flashinfer-python and transformer-engine are; run it where they are installed",
        )
    cuda = built_cuda(tree)
    versions = {packages.folded(one.name): one.version for one in packages.installed(list(folders), keep=_nothing)}
    report = backends_report(
        asked,
        versions=versions,
        target=None if target is None else _machine(target, cuda),
        here=_machine(here[0], cuda) if here else None,
    )
    options.write_reports(arguments, lambda name: _rendered(name, report, verbose=arguments.verbose))
    return report.exit_status


def _nothing(path: str) -> bool:
    del path
    return False


def _machine(device: RunsOn, cuda: str) -> AskedMachine:
    """Return the machine to ask about: the device, with this environment's torch and variables."""
    return AskedMachine(arch=device.arch.partition(":")[0], cuda=cuda, environment=dict(os.environ))


def _rendered(name: str, report: BackendsReport, *, verbose: bool) -> str:
    if name == "json":
        return session.as_json(report).decode()
    width, _, ascii_only = options.terminal()
    text = backends_text.render(report, verbose=verbose, width=width)
    return text.encode("ascii", "replace").decode() if ascii_only else text
