"""Knows ``parity model``: what a model asks of a target, from its configuration, with no GPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from parity.cli import issue_formats, model_flags, options
from parity.cli.model_question import DEFAULT_CONTEXT, RANKS, question_of
from parity.config.project import project_at
from parity.config.targets import resolve_target
from parity.errors import InvalidConfigError, ParityError, UsageError
from parity.model.model_gate import ModelGate
from parity.model.policy import Policy
from parity.workload.demands import Demands
from parity.workload.engines import ENGINES
from parity.workload.estimate import estimate
from parity.workload.footprint import MAX_BATCH, MAX_CONTEXT
from parity.workload.number_formats import CACHES, WEIGHTS
from parity.workload.question import MAX_DEVICES

if TYPE_CHECKING:
    import argparse
    import datetime as dt
    from collections.abc import Sequence

    from parity.config.project import Project
    from parity.model.models_report import ModelsReport
    from parity.model.workload import ModelReport

MAX_PARAMETERS = 10**15
FORMATS = ("text", "json", *issue_formats.ISSUE_FORMATS, "markdown", "html")
_AS_ISSUES = (*issue_formats.ISSUE_FORMATS, "markdown")
OF_ONE_MODEL = ("here", "dtype", "kv_dtype", "context", "batch", *RANKS, "engine")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument(
        "model",
        nargs="?",
        metavar="CONFIG",
        help="a config.json, a model's folder, or a safetensors index beside its config.json; without one, the models "
        "of the project file, or a model given by its dimensions",
    )
    options.add_target(parser)
    parser.add_argument("--here", metavar="T", help="also tell it for this device, and what differs: rtx-4090")
    parser.add_argument(
        "--dtype",
        metavar="D",
        help=f"all weights in one format; a narrow one leaves embedding, head and norms wide: {', '.join(WEIGHTS)}",
    )
    parser.add_argument("--kv-dtype", metavar="D", help=f"format of the cache: {', '.join(CACHES)}")
    parser.add_argument(
        "--context",
        metavar="N",
        help=f"tokens of a request (default: {DEFAULT_CONTEXT}, or what the model was made for)",
    )
    parser.add_argument("--batch", metavar="N", help="requests at a time (default: 1)")
    for name, words in zip(RANKS, ("tensor", "pipeline", "expert", "data"), strict=True):
        parser.add_argument(f"--{name}", metavar="N", help=f"{words} parallel ranks")
    parser.add_argument(
        "--engine",
        choices=tuple(ENGINES),
        help="whose default reserve of memory counts (default: usual, a tenth)",
    )
    parser.add_argument("--params", metavar="N", help="parameters, where they cannot be counted: 70b, 70.6e9")
    parser.add_argument("--like", metavar="FAMILY", help="read the layers as those of this family: llama, qwen3, ...")
    model_flags.add_arguments(parser)
    options.add_output(parser, FORMATS)


def run(arguments: argparse.Namespace) -> int:
    """Estimate; 0 fits, 1 does not fit or findings at the fail level, 3 not known whether it fits."""
    # Not through parity.session: it imports what judges a machine, which takes longer than this whole answer.
    project = project_at(arguments.config)
    flags = model_flags.given(arguments)
    if arguments.model is not None and flags:
        raise UsageError(f"{flags[0]} is for a model without a file", where=flags[0], mend="leave one of both out")
    if arguments.model is None and not flags and arguments.params is None and arguments.like is None:
        return _gates(arguments, project)
    gate = _gate(arguments)
    question = question_of(
        gate,
        project,
        shape=model_flags.shape_of(arguments) if arguments.model is None else None,
        parameters=None
        if arguments.params is None
        else model_flags.parameter_count(arguments.params, high=MAX_PARAMETERS),
    )
    report = _judged(estimate(question, source=gate.config, demands=Demands(rules=project.rules)), project)

    def rendered(name: str) -> str | None:
        if name in _AS_ISSUES:
            return _as_issues(name, [report], project, places=[gate.config], status=report.exit_status)
        return render(report, name, verbose=arguments.verbose)

    options.write_reports(arguments, rendered)
    return report.exit_status


def gates_report(project: Project, *, today: dt.date, target: str | None = None) -> ModelsReport:
    """Return the report of every model that the project file names.

    Args:
        project: with its ``models``.
        today: for waivers.
        target: of the command line, in place of every model's own.

    Raises:
        InvalidConfigError: models cannot be read, or names cannot be resolved; all of them at once.
    """
    from pathlib import Path

    from parity.catalog.store import model_cards
    from parity.model.models_report import ModelsReport
    from parity.verdict.model_gate import ended, together

    if target is not None:
        resolve_target(target, project, source="--target")  # one that nothing answers to is told once
    reports: list[ModelReport] = []
    wrong: list[ParityError] = []
    for position, gate in enumerate(project.models):
        path = Path(project.folder) / gate.config
        whole = msgspec.structs.replace(gate, config=str(path), target=target or gate.target)
        where = f"{project.where}: models[{position}]"
        try:
            question = question_of(whole, project, where=where, source="--target" if target else "")
            demands = Demands(fits=gate.fits, min_wave_efficiency=gate.min_wave_efficiency, rules=project.rules)
            reports.append(_judged(estimate(question, source=gate.config, demands=demands), project, today))
        except ParityError as error:
            wrong += [_of_gate(each, where, named=target is not None) for each in getattr(error, "problems", [error])]
    if wrong:
        raise InvalidConfigError(wrong)
    old = ended(project.waivers, tuple(model_cards()), today=today)
    status = together([report.exit_status for report in reports], expired_waivers=bool(old))
    return ModelsReport(models=tuple(reports), expired=old, exit_status=status)


def _of_gate(error: ParityError, where: str, *, named: bool) -> ParityError:
    """Return an error that says which model of which file it is about; ``named``: the command line has the target."""
    place = error.where
    if place.startswith("--") and not (place == "--target" and named):
        place = f"{where}.{place[2:].replace('-', '_')}"  # the key that stands for the option
    elif not place.startswith(where):
        place = f"{where}: {place}" if place else where
    return type(error)(error.what, where=place, mend=error.mend, close=error.close)


def render(report: ModelReport, name: str, *, verbose: bool) -> str:
    """Return the report in the format called ``name``."""
    if name == "json":
        return _json(report)
    if name == "html":
        from parity.reports.html import model

        return model.render(report)
    from parity.reports import model_text

    width, colour, ascii_only = options.terminal()
    return model_text.render(report, verbose=verbose, width=width, colour=colour, ascii_only=ascii_only)


def _render_all(report: ModelsReport, name: str, *, verbose: bool) -> str:
    if name == "json":
        return _json(report)
    if name == "html":
        from parity.reports.html import models

        return models.render(report)
    from parity.reports import models_text

    width, colour, ascii_only = options.terminal()
    return models_text.render(report, verbose=verbose, width=width, colour=colour, ascii_only=ascii_only)


def _json(report: ModelReport | ModelsReport) -> str:
    return msgspec.json.format(msgspec.json.encode(report), indent=2).decode() + "\n"


def _gates(arguments: argparse.Namespace, project: Project) -> int:
    if not project.models:
        raise UsageError(
            "no model was given, and "
            + ("the project file names none" if project.where else "there is no project file"),
            where=project.where,
            mend="give a config.json: `parity model config.json --target h100`; or name it in parity.yaml: "
            "`models: [{config: config.json, target: h100}]`",
        )
    strays = [f"--{name.replace('_', '-')}" for name in OF_ONE_MODEL if getattr(arguments, name) is not None]
    if strays:
        raise UsageError(
            "each model of the project file says this itself",
            where=", ".join(strays),
            mend="write it there, or give one model's config.json",
        )
    report = gates_report(project, today=_today(), target=arguments.target)

    def rendered(name: str) -> str | None:
        if name in _AS_ISSUES:
            return _as_issues(name, report.models, project, expired=report.expired, status=report.exit_status)
        return _render_all(report, name, verbose=arguments.verbose)

    options.write_reports(arguments, rendered)
    return report.exit_status


def _as_issues(
    name: str,
    reports: Sequence[ModelReport],
    project: Project,
    *,
    status: int,
    places: Sequence[str] | None = None,
    expired: Sequence[str] = (),
) -> str | None:
    """Return reports in a format that machines read, None where it has no place for them.

    ``places``: the models' files; None: as the project names them.
    """
    import os

    from parity.cli.places import file_place, model_place
    from parity.reports import models_markdown
    from parity.reports.model_issues import issues_of

    if places is None:
        found = [model_place(project, position, os.environ) for position in range(len(reports))]
    else:
        found = [file_place(path, os.environ) for path in places]
    issues = issues_of(
        reports,
        found,
        fail_on=project.policy.fail_on,
        exit_status=status,
        expired=expired,
        project=file_place(project.where.removesuffix(": [tool.parity]"), os.environ),
    )
    return models_markdown.render(issues) if name == "markdown" else issue_formats.render(name, issues)


def _judged(report: ModelReport, project: Project, today: dt.date | None = None) -> ModelReport:
    if not project.waivers and project.policy == Policy():
        return report  # as the cards have it: what judges machines takes longer to import than this whole answer
    from parity.verdict.model_gate import gated

    return gated(report, project.waivers, project.policy, today=today or _today())


def _today() -> dt.date:
    import datetime as dt

    return dt.datetime.now(dt.timezone.utc).date()


def _gate(arguments: argparse.Namespace) -> ModelGate:
    tp, pp, ep, dp = (_whole(getattr(arguments, name), f"--{name}", MAX_DEVICES) for name in RANKS)
    return ModelGate(
        config=arguments.model or model_flags.WHERE,
        target=arguments.target,
        here=arguments.here,
        context=_whole(arguments.context, "--context", MAX_CONTEXT),
        batch=_whole(arguments.batch, "--batch", MAX_BATCH),
        dtype=arguments.dtype,
        kv_dtype=arguments.kv_dtype,
        engine=arguments.engine or "usual",
        like=arguments.like,
        tp=tp,
        pp=pp,
        ep=ep,
        dp=dp,
    )


def _whole(text: str | None, where: str, high: int) -> int | None:
    """Return a whole number of the command line; ``128k`` (binary), ``1_000`` and ``4e3`` are such."""
    if text is None:
        return None
    word = text.strip().lower().replace("_", "")
    factor = {"k": 1024, "m": 1024**2}.get(word[-1:], 1)
    try:
        value = float(word[:-1] if factor > 1 else word) * factor
    except ValueError:
        value = 0.0
    if not 1 <= value <= high or value != int(value):
        raise UsageError(f"{text[:40]!r} is no whole number within 1 .. {high}", where=where, mend="correct it")
    return int(value)
