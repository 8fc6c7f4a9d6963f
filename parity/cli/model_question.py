"""Knows how a model of a project file, or of the command line, becomes a question: files read, names resolved."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec

from parity.config.targets import resolve_target, target_or_default
from parity.errors import InputFileError, UnknownNameError, UsageError
from parity.inputs import MAX_BYTES, near_names, read_bytes
from parity.model.footprint import Parallelism
from parity.workload.family_rows import FAMILIES
from parity.workload.model_config import read_model_config
from parity.workload.number_formats import CACHES, format_named
from parity.workload.question import MAX_DEVICES, Question

if TYPE_CHECKING:
    from pathlib import Path

    from parity.config.project import Project
    from parity.model.model_gate import ModelGate
    from parity.workload.model_shape import ModelShape
    from parity.workload.safetensors_headers import Stored

DEFAULT_CONTEXT = 8192
RANKS = ("tp", "pp", "ep", "dp")


def question_of(
    gate: ModelGate,
    project: Project,
    *,
    where: str = "",
    source: str = "",
    shape: ModelShape | None = None,
    parameters: int | None = None,
) -> Question:
    """Return the question that a model asks.

    Args:
        gate: model, target and how it is run; its path is taken as it is.
        project: for targets.
        where: where the gate stands, for messages; empty: the command line.
        source: where its target is from, if from somewhere else.
        shape: of a model without a file.
        parameters: where they cannot be counted.

    Raises:
        UsageError, UnknownNameError: a name or a number cannot be.
        InputFileError, InvalidConfigError: the file cannot be read.
    """
    target = target_or_default(gate.target, project, source=source or _at(where, "target"))
    if target is None:
        raise UsageError("no target", where=_at(where, "target"), mend="give one: `--target 2xh100`")
    if (target.count or 1) > MAX_DEVICES:
        what = f"{target.count} devices are more than {MAX_DEVICES}"
        raise UsageError(what, where=_at(where, "target"), mend="ask for one replica of the model: fewer devices")
    here = resolve_target(gate.here, project, source=_at(where, "here")) if gate.here is not None else None
    if gate.like is not None and gate.like not in FAMILIES:
        close = near_names(gate.like, list(FAMILIES))
        mend = f"use one of: {', '.join(FAMILIES)}"
        raise UnknownNameError(f"no family {gate.like!r}", where=_at(where, "like"), close=close, mend=mend)
    stored = None
    if shape is None:
        config, stored = _files(gate.config)
        shape = read_model_config(read_bytes(config, limit=MAX_BYTES), where=str(config), like=gate.like or "")
    positions = shape.positions or DEFAULT_CONTEXT
    ranks = {name: value for name in RANKS if (value := getattr(gate, name)) is not None}
    return Question(
        shape=shape,
        target=target,
        here=here,
        context=gate.context or min(DEFAULT_CONTEXT, positions),
        batch=gate.batch or 1,
        dtype=None if gate.dtype is None else format_named(gate.dtype, where=_at(where, "dtype")).name,
        kv_dtype=None
        if gate.kv_dtype is None
        else format_named(gate.kv_dtype, where=_at(where, "kv_dtype"), known=CACHES).name,
        stored_bytes=stored.total_bytes if stored else None,
        stored_source=stored.source if stored else "",
        parameters=parameters,
        engine=gate.engine,
        spread=msgspec.convert(ranks, Parallelism) if ranks else None,
    )


def _at(where: str, name: str) -> str:
    return f"{where}.{name}" if where else f"--{name.replace('_', '-')}"


def _files(name: str) -> tuple[Path | str, Stored | None]:
    """Return (the configuration, what the weight files beside it hold).

    A configuration alone is just that; a folder or an index asks for the real bytes.
    """
    if not name.endswith(".index.json") and (name == "-" or not os.path.isdir(name)):
        return name, None
    from pathlib import Path

    from parity.workload.safetensors_headers import stored_bytes

    path = Path(name)
    if path.is_dir():
        return path / "config.json", stored_bytes(path)
    config = path.parent / "config.json"
    if not config.is_file():
        raise InputFileError("no config.json beside the index", where=name, mend="put the model's config.json there")
    return config, stored_bytes(path.parent, path)
