"""Knows how a project file is read: ``parity.yaml``, or the same keys in ``[tool.parity]`` of ``pyproject.toml``."""

from __future__ import annotations

import itertools
import re
import sys
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from parity.config.declared_rules import lint_of, rules_of, waivers_of
from parity.config.declared_targets import default_target_of, targets_of
from parity.config.model_gates import check_gate
from parity.config.project import Project, TargetEntry
from parity.config.sections import converted, part, section
from parity.errors import InputFileError, InvalidConfigError, ParityError
from parity.inputs import (
    MAX_CONFIG_BYTES,
    MAX_DEPTH,
    MAX_PROBLEMS,
    Document,
    decode_text,
    load_yaml,
    near_names,
    printable,
    problem_at,
    read_bytes,
    refuse_extremes,
)
from parity.model.finding import Waiver
from parity.model.model_gate import ModelGate
from parity.model.policy import LintSettings, PerfTests, Policy
from parity.units import plural

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# tomllib takes quadratic time over a key of many dots.
_LONG_TOML_KEY = re.compile(rf"(?:\.[ \t]*[\w\-\"']+[ \t]*){{{MAX_DEPTH}}}")
_KEYS = ("version", "default_target", "targets", "perf_tests", "policy", "rules", "waivers", "lint", "models")


def read_project(path: Path) -> Project:
    """Return the declarations of a project file.

    Raises:
        InputFileError: the file cannot be read or parsed.
        InvalidConfigError: keys, types or names are wrong; all of them are told.
    """
    document = _parse_toml(path) if path.suffix == ".toml" else _parse_yaml(path)
    return _validated(document, path)


def _parse_yaml(path: Path) -> Document:
    where = str(path)
    return load_yaml(decode_text(read_bytes(path, limit=MAX_CONFIG_BYTES), where=where), where=where)


def _parse_toml(path: Path) -> Document:
    where = f"{path}: [tool.parity]"
    section = table_of(path)
    section = {} if section is None else section
    refuse_extremes(section, where=where)
    return Document(section, {}, where)


def table_of(path: Path) -> Any:
    """Return what stands under ``tool.parity``, None when nothing does."""
    where = str(path)
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    text = decode_text(read_bytes(path, limit=MAX_CONFIG_BYTES), where=where)
    if _LONG_TOML_KEY.search(text):
        raise InputFileError("nested too deeply", where=where, mend="flatten the file")
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputFileError(f"not TOML: {error}", where=where, mend="correct the syntax") from error
    tool = data.get("tool", {})
    return tool.get("parity") if isinstance(tool, dict) else None


def _validated(document: Document, path: Path) -> Project:
    """Return the project, or raise with every problem of every section."""
    data = document.data
    if not isinstance(data, dict):
        raise InputFileError("not a mapping of keys", where=document.where, mend="start with `version: 1`")
    problems: list[ParityError] = []
    problems.extend(_check_top(document))
    targets = targets_of(document, problems)
    rules = rules_of(document, problems)
    waivers, lint_waivers = waivers_of(document, problems)
    project = Project(
        where=document.where,
        folder=str(path.parent),
        default_target=default_target_of(document, targets, problems),
        targets=targets,
        perf_tests=section(document, "perf_tests", PerfTests, PerfTests(), problems),
        policy=section(document, "policy", Policy, Policy(), problems),
        rules=rules,
        waivers=waivers,
        lint_waivers=lint_waivers,
        lint=lint_of(document, problems),
        models=_models(document, problems),
    )
    if problems:
        raise InvalidConfigError(_first(problems, document))
    return project


def _first(problems: list[ParityError], document: Document) -> list[ParityError]:
    """Return the problems, all that are worth reading at once."""
    more = len(problems) - MAX_PROBLEMS
    if more <= 0:
        return problems
    return [*problems[:MAX_PROBLEMS], ParityError(plural(more, "more problem"), where=document.where)]


def _check_top(document: Document) -> Iterator[ParityError]:
    for key in itertools.islice((key for key in document.data if key not in _KEYS), MAX_PROBLEMS):
        mend = f"remove it, or use one of: {', '.join(_KEYS)}"
        yield problem_at(document, str(key), "unknown key", close=near_names(str(key), _KEYS), mend=mend)
    version = document.data.get("version", 1)
    if version != 1 or isinstance(version, bool):
        told = printable(repr(version))
        yield problem_at(document, "version", f"{told} is not a version this tool reads", mend="write `version: 1`")


def _models(document: Document, problems: list[ParityError]) -> tuple[ModelGate, ...]:
    gates = []
    for position, data in enumerate(part(document, "models", list, problems)):
        at = f"models[{position}]"
        gate = converted(document, data, ModelGate, at, problems)
        if gate is None:
            continue
        problems.extend(check_gate(document, at, gate))
        gates.append(gate)
    return tuple(gates)


class ProjectFile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The keys of a project file, for its JSON Schema; reading is done part by part, to tell every problem at once."""

    version: Literal[1] = 1
    default_target: str = ""
    targets: dict[str, TargetEntry] = {}
    perf_tests: PerfTests = PerfTests()
    policy: Policy = Policy()
    rules: dict[str, Literal["off"] | dict[str, float | int | str]] = {}
    waivers: tuple[Waiver, ...] = ()
    lint: LintSettings = LintSettings()
    models: tuple[ModelGate, ...] = ()
