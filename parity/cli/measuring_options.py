"""Knows the options of measuring that commands share, the progress bar, and what an interruption means."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

from parity.errors import UsageError
from parity.measure.plan import DEFAULT_BUDGET_S, GROUPS, budget_s, names_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from parity.config.project import Project
    from parity.measure.plan import Job
    from parity.measuring import Wish
    from parity.model.fingerprint import Fingerprint
    from parity.model.measurement import MeasureReport

INTERRUPTED = 2
_OPTIONS = ("budget", "device", "only", "busy")


def add_wish(parser: argparse.ArgumentParser) -> None:
    """Add ``--budget``, ``--device``, ``--only`` and ``--busy``."""
    parser.add_argument(
        "--budget",
        metavar="TIME",
        help=f"time to spend on measuring (default: {DEFAULT_BUDGET_S:g}s), over all devices",
    )
    parser.add_argument(
        "--device",
        metavar="N",
        type=int,
        action="append",
        help="measure this GPU only; the driver's number; repeatable",
    )
    parser.add_argument(
        "--only", metavar="WHAT", help=f"comma separated: {', '.join(GROUPS)}, or single measurements (dram_copy, ...)"
    )
    parser.add_argument(
        "--busy", action="store_true", help="measure a GPU that somebody else is using, too (default: leave it alone)"
    )


def add_measure(parser: argparse.ArgumentParser) -> None:
    """Add ``--measure`` and the options that go with it."""
    group = parser.add_argument_group("measuring")
    group.add_argument(
        "--measure", action="store_true", help="measure what the devices deliver (runs kernels; see `parity measure`)"
    )
    add_wish(group)  # type: ignore[arg-type]  # a group takes arguments as a parser does


def refuse_strays(arguments: argparse.Namespace) -> None:
    """Refuse options of measuring where nothing is measured.

    Raises:
        UsageError: some are given without ``--measure``.
    """
    strays = [f"--{name}" for name in _OPTIONS if getattr(arguments, name)]
    if strays and not arguments.measure:
        raise UsageError("nothing is measured", where=", ".join(strays), mend="add --measure")


def wish_of(arguments: argparse.Namespace) -> Wish:
    """Return what the options ask for.

    Raises:
        UsageError: an option cannot be meant.
    """
    from parity.measuring import Wish  # the rest of measuring costs a run nothing that does not measure

    return Wish(
        names=names_of(arguments.only),
        budget_s=DEFAULT_BUDGET_S if arguments.budget is None else budget_s(arguments.budget),
        devices=tuple(arguments.device or ()),
        busy=arguments.busy,
    )


def measure_here(
    fingerprint: Fingerprint, wish: Wish, project: Project, *, quiet: bool = False
) -> tuple[Fingerprint, MeasureReport]:
    """Measure with a progress bar, if somebody is there to see it; say on standard error how it ended, unless quiet."""
    from parity.measuring import measured
    from parity.reports.measure_rows import summary

    with _progress() as told:
        noted, report = measured(fingerprint, wish, project, told)
    if not quiet:
        print(f"parity: {summary(report)}", file=sys.stderr)
    return noted, report


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[int, int, Job | None], None] | None]:
    """Yield what moves a progress bar on standard error; None where that is no terminal."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("measuring"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=None)

        def told(done: int, total: int, job: Job | None) -> None:
            bar.update(task, completed=done, total=total, description="" if job is None else job.name)

        yield told
