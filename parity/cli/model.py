"""Knows ``parity model``: what a model asks of a target, from its configuration, with no GPU."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from parity.cli import options
from parity.config.project import find_project, load_project
from parity.config.targets import resolve_target, target_or_default
from parity.errors import InputFileError, UnknownNameError, UsageError
from parity.inputs import MAX_BYTES, near_names, read_bytes
from parity.model.workload import Parallelism
from parity.workload.estimate import estimate
from parity.workload.families import FAMILIES
from parity.workload.footprint import MAX_BATCH, MAX_CONTEXT
from parity.workload.model_config import read_model_config
from parity.workload.number_formats import CACHES, WEIGHTS, format_named
from parity.workload.question import MAX_DEVICES, Question
from parity.workload.safetensors_headers import stored_bytes

if TYPE_CHECKING:
    import argparse

    from parity.model.workload import ModelReport
    from parity.workload.safetensors_headers import Stored

DEFAULT_CONTEXT = 8192
MAX_PARAMETERS = 10**15


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument(
        "model", metavar="CONFIG", help="a config.json, a model's folder, or a safetensors index beside its config.json"
    )
    options.add_target(parser)
    parser.add_argument("--here", metavar="T", help="also tell it for this device, and what differs: rtx-4090")
    parser.add_argument("--dtype", metavar="D", help=f"all weights in one format: {', '.join(WEIGHTS)}")
    parser.add_argument("--kv-dtype", metavar="D", help=f"format of the cache: {', '.join(CACHES)}")
    parser.add_argument(
        "--context",
        metavar="N",
        help=f"tokens of a request (default: {DEFAULT_CONTEXT}, or what the model was made for)",
    )
    parser.add_argument("--batch", metavar="N", default="1", help="requests at a time (default: 1)")
    for name, words in (("tp", "tensor"), ("pp", "pipeline"), ("ep", "expert"), ("dp", "data")):
        parser.add_argument(f"--{name}", metavar="N", help=f"{words} parallel ranks")
    parser.add_argument("--params", metavar="N", help="parameters, where they cannot be counted: 70.6e9")
    parser.add_argument("--like", metavar="FAMILY", help="read the layers as those of this family: llama, qwen3, ...")
    options.add_output(parser, ("text", "json", "html"))


def run(arguments: argparse.Namespace) -> int:
    """Estimate; 0 fits, 1 does not fit or findings at the fail level, 3 not known whether it fits."""
    question, source = _question(arguments)
    report = estimate(question, source=source)
    options.write_reports(arguments, lambda name: render(report, name, verbose=arguments.verbose))
    return report.exit_status


def render(report: ModelReport, name: str, *, verbose: bool) -> str:
    """Return the report in the format called ``name``."""
    if name == "json":
        return msgspec.json.format(msgspec.json.encode(report), indent=2).decode() + "\n"
    if name == "html":
        from parity.reports.html import model

        return model.render(report)
    from parity.reports import model_text

    width, colour, ascii_only = options.terminal()
    return model_text.render(report, verbose=verbose, width=width, colour=colour, ascii_only=ascii_only)


def _question(arguments: argparse.Namespace) -> tuple[Question, str]:
    # Not through parity.session: it imports what judges a machine, which takes longer than this whole answer.
    project = load_project(Path(arguments.config) if arguments.config is not None else find_project(Path()))
    target = target_or_default(arguments.target, project, source="--target")
    if target is None:
        raise UsageError("no target", where="--target", mend="give one: `--target 2xh100`")
    here = resolve_target(arguments.here, project, source="--here") if arguments.here is not None else None
    if arguments.like is not None and arguments.like not in FAMILIES:
        close = near_names(arguments.like, list(FAMILIES))
        mend = f"use one of: {', '.join(FAMILIES)}"
        raise UnknownNameError(f"no family {arguments.like!r}", where="--like", close=close, mend=mend)
    config, stored = _files(arguments.model)
    shape = read_model_config(read_bytes(config, limit=MAX_BYTES), where=str(config), like=arguments.like or "")
    positions = shape.positions or DEFAULT_CONTEXT
    question = Question(
        shape=shape,
        target=target,
        here=here,
        context=_whole(arguments.context, "--context", MAX_CONTEXT) or min(DEFAULT_CONTEXT, positions),
        batch=_whole(arguments.batch, "--batch", MAX_BATCH) or 1,
        dtype=None if arguments.dtype is None else format_named(arguments.dtype, where="--dtype").name,
        kv_dtype=None
        if arguments.kv_dtype is None
        else format_named(arguments.kv_dtype, where="--kv-dtype", known=CACHES).name,
        stored_bytes=stored.total_bytes if stored else None,
        stored_source=stored.source if stored else "",
        parameters=_whole(arguments.params, "--params", MAX_PARAMETERS),
        spread=_spread(arguments),
    )
    return question, str(config)


def _files(name: str) -> tuple[Path | str, Stored | None]:
    """Return (the configuration, what the weight files beside it hold).

    A configuration alone is just that; a folder or an index asks for the real bytes.
    """
    path = Path(name)
    if name != "-" and path.is_dir():
        return path / "config.json", stored_bytes(path)
    if name.endswith(".index.json"):
        config = path.parent / "config.json"
        if not config.is_file():
            raise InputFileError(
                "no config.json beside the index", where=name, mend="put the model's config.json there"
            )
        return config, stored_bytes(path.parent, path)
    return name, None


def _spread(arguments: argparse.Namespace) -> Parallelism | None:
    names = ("tp", "pp", "ep", "dp")
    given = {name: _whole(getattr(arguments, name), f"--{name}", MAX_DEVICES) for name in names}
    told = {name: value for name, value in given.items() if value is not None}
    return msgspec.convert(told, Parallelism) if told else None


def _whole(text: str | None, where: str, high: int) -> int | None:
    """Return a whole number of the command line; ``70.6e9``, ``128k`` and ``1_000`` are such."""
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
