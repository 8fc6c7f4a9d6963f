"""Knows ``parity kernels --resources``: what the kernels of a file need, and whether a device can launch them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity import session
from parity.binaries.resources import kernels_of
from parity.binaries.triton_launch import triton_launch
from parity.binaries.triton_source import source_kernels
from parity.catalog import store
from parity.cli import options
from parity.errors import UsageError
from parity.workload.launches import Asked, resources_report

if TYPE_CHECKING:
    import argparse

    from parity.model.coverage import RunsOn
    from parity.model.kernel_resources import ResourcesReport

MAX_THREADS, MAX_SHARED = 1024, 2**24


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that go with ``--resources``."""
    parser.add_argument(
        "--resources",
        action="store_true",
        help="tell what each kernel of one file (cubin, fatbin, hsaco, library, Python with triton.Config) needs: "
        "registers, shared memory, threads, clusters; whether the target can launch it, how many blocks an SM holds",
    )
    parser.add_argument(
        "--threads",
        metavar="N",
        help="with --resources: threads of a block where the file is silent (default: as Triton notes beside it)",
    )
    parser.add_argument(
        "--dynamic-shared",
        metavar="N",
        help="with --resources: bytes of shared memory that the launch adds, 0 for none (default: as Triton notes "
        "beside it, else not known)",
    )


def run(arguments: argparse.Namespace, target: RunsOn | None, here: RunsOn | None) -> int:
    """Report; 0 when what is made for the target fits, 1 when it does not or nothing is, 3 when that is not known."""
    if len(arguments.what) != 1:
        raise UsageError("one file is needed", where="--resources", mend="parity kernels --resources kernel.cubin")
    source = arguments.what[0]
    beside = triton_launch(source)
    threads = _whole(arguments.threads, "--threads", MAX_THREADS)
    dynamic = _whole(arguments.dynamic_shared, "--dynamic-shared", MAX_SHARED, low=0)
    asked = Asked(
        target=target,
        here=here,
        threads=beside.threads if threads is None and beside else threads,
        dynamic_bytes=beside.dynamic_bytes if dynamic is None and beside else dynamic,
    )
    found = source_kernels(source) if source.endswith(".py") else kernels_of(source)
    report = resources_report(found, asked, store.code_facts(), source=source)
    options.write_reports(arguments, lambda name: _rendered(name, report, verbose=arguments.verbose))
    return report.exit_status


def _rendered(name: str, report: ResourcesReport, *, verbose: bool) -> str:
    if name == "json":
        return session.as_json(report).decode()
    from parity.reports import resources_text

    width, _, ascii_only = options.terminal()
    text = resources_text.render(report, verbose=verbose, width=width)
    return text.encode("ascii", "replace").decode() if ascii_only else text


def _whole(text: str | None, where: str, high: int, *, low: int = 1) -> int | None:
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 9 or not low <= int(text) <= high:
        raise UsageError(f"{text[:40]!r} is no whole number within {low} .. {high}", where=where, mend="correct it")
    return int(text)
