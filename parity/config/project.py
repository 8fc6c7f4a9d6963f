"""Knows what a project declares, and which file near a folder declares it; reading one is ``project_file``'s."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import msgspec

from parity.errors import ParityError
from parity.inputs import MAX_CONFIG_BYTES
from parity.model.finding import Waiver
from parity.model.model_gate import ModelGate
from parity.model.policy import LintSettings, PerfTests, Policy
from parity.model.rule import Level

if TYPE_CHECKING:
    from pathlib import Path

FILE_NAMES = ("parity.yaml", "parity.yml")
# Any spelling of the table tool.parity (lines of a file); what it really is, parsing decides.
PYPROJECT_SECTION = (
    rb"^[ \t]*(?:\[{1,2}[ \t]*[\"']?tool[\"']?[ \t]*\.[ \t]*[\"']?parity[\"']?[ \t]*[.\]]"
    rb"|[\"']?tool[\"']?[ \t]*(?:\.[ \t]*[\"']?parity[\"']?[ \t]*[.=]|=[ \t]*\{[^\n]*parity)"
    rb"|[\"']?parity[\"']?[ \t]*(?:\.|=[ \t]*\{))"
)


class TargetEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One target as a project file declares it; absent keys come from ``extends``.

    Attributes:
        device: catalog name, or path of a captured fingerprint.
        partition: MIG profile or AMD compute partition that production uses.
        stack: component or package -> version specifier.
        conditions: condition -> value or comparison.
    """

    device: str | None = None
    count: int | None = None
    require: Level | None = None
    partition: str | None = None
    stack: dict[str, str] = {}
    conditions: dict[str, str | float | int | bool] = {}
    extends: str | None = None


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


def project_at(config: str | None, *, start: str = ".") -> Project:
    """Return the project's declarations: of the file named, else of the nearest one at or above ``start``.

    Raises:
        InputFileError, InvalidConfigError: the file is missing or wrong.
    """
    path = config if config is not None else _nearest(start)
    return Project() if path is None else load_project(_path(path))


def find_project(start: Path) -> Path | None:
    """Return the nearest project file at or above ``start``, not leaving the repository.

    A ``pyproject.toml`` counts only when it has a ``[tool.parity`` section.
    """
    found = _nearest(str(start))
    return None if found is None else _path(found)


def _path(name: str) -> Path:
    from pathlib import Path  # takes longer to import than it takes to see that there is no project file

    return Path(name)


def _nearest(start: str) -> str | None:
    try:
        folder = os.path.realpath(start)
    except OSError:  # the current directory was deleted
        return None
    while True:
        for name in FILE_NAMES:
            path = os.path.join(folder, name)
            if os.path.isfile(path):  # false, not an exception, without permission
                return path
        pyproject = os.path.join(folder, "pyproject.toml")
        if os.path.isfile(pyproject) and _mentions_us(pyproject):
            return pyproject
        above = os.path.dirname(folder)
        if above == folder or os.path.exists(os.path.join(folder, ".git")):
            return None
        folder = above


def _mentions_us(path: str) -> bool:
    """Return whether a pyproject.toml has our section; one that cannot be parsed counts, so that its error is told."""
    try:
        with open(path, "rb") as stream:
            if re.search(PYPROJECT_SECTION, stream.read(MAX_CONFIG_BYTES), re.MULTILINE) is None:
                return False
    except OSError:
        return False
    from parity.config.project_file import table_of

    try:
        return table_of(_path(path)) is not None
    except ParityError:
        return True


def load_project(path: Path | None) -> Project:
    """Return the declarations of a project file, or empty ones without a file.

    Raises:
        InputFileError: the file cannot be read or parsed.
        InvalidConfigError: keys, types or names are wrong; all of them are told.
    """
    if path is None:
        return Project()
    from parity.config.project_file import read_project

    return read_project(path)
