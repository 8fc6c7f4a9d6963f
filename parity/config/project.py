"""Knows a project's declarations: ``parity.yaml``, or the same keys in ``[tool.parity]`` of ``pyproject.toml``."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Literal

import msgspec

from parity.config.declared_rules import lint_of, rules_of, waivers_of
from parity.config.declared_targets import default_target_of, targets_of
from parity.config.model_gates import check_gate
from parity.config.project_file import parsed
from parity.config.sections import converted, part, section
from parity.config.target_entry import TargetEntry
from parity.errors import InputFileError, InvalidConfigError, ParityError
from parity.inputs import MAX_PROBLEMS, Document, near_names, printable, problem_at
from parity.model.finding import Waiver
from parity.model.model_gate import ModelGate
from parity.model.policy import LintSettings, PerfTests, Policy
from parity.units import plural

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


_KEYS = ("version", "default_target", "targets", "perf_tests", "policy", "rules", "waivers", "lint", "models")


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """A project's declarations, validated.

    Attributes:
        where: the file, empty when there is none.
        folder: the folder that paths in the file are relative to.
        targets: name -> entry, with ``extends`` already applied.
        rules: rule id -> settings, of rules for machines and for files.
        waivers, lint_waivers: of rules for machines; of lint rules.
    """

    where: str = ""
    folder: str = "."
    default_target: str | None = None
    targets: dict[str, TargetEntry] = {}
    perf_tests: PerfTests = PerfTests()
    policy: Policy = Policy()
    rules: dict[str, dict[str, float | int | str | bool]] = {}
    waivers: tuple[Waiver, ...] = ()
    lint_waivers: tuple[Waiver, ...] = ()
    lint: LintSettings = LintSettings()
    models: tuple[ModelGate, ...] = ()


def load_project(path: Path | None) -> Project:
    """Return the declarations of a project file, or empty ones without a file.

    Raises:
        InputFileError: the file cannot be read or parsed.
        InvalidConfigError: keys, types or names are wrong; all of them are told.
    """
    if path is None:
        return Project()
    return _validated(parsed(path), path)


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
