"""Knows paths from the top of the repository, which is how every system that reads our reports names a file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from parity.config.declared import declared_at, model_declared_at, pipeline_file
from parity.model.place import Place

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from parity.config.declared import Declaration
    from parity.config.project import Project
    from parity.model.target import Target

# Where a CI system says it has put the repository; asked when the checkout is no clone.
_WORKSPACES = ("GITHUB_WORKSPACE", "CI_PROJECT_DIR", "BUILDKITE_BUILD_CHECKOUT_PATH", "WORKSPACE")


def top_of(environment: Mapping[str, str]) -> str:
    """Return the top of the repository around this folder: the nearest clone, else the CI's, else this folder."""
    here = os.path.realpath(".")
    folder = here
    while True:
        if os.path.exists(os.path.join(folder, ".git")):  # noqa: PTH110, PTH118  (false, never an exception)
            return folder
        above = os.path.dirname(folder)  # noqa: PTH120
        if above == folder:
            break
        folder = above
    for name in _WORKSPACES:
        workspace = os.path.realpath(environment[name]) if environment.get(name) else ""
        if workspace and (here + os.sep).startswith(workspace.rstrip(os.sep) + os.sep):
            return workspace
    return here


def placing(environment: Mapping[str, str]) -> Callable[[str], str | None]:
    """Return a function: path as this process opens it -> path from the top, None for what lies outside."""
    top, here = top_of(environment), os.path.realpath(".")

    def placed(path: str) -> str | None:
        whole = os.path.normpath(os.path.join(here, path))  # noqa: PTH118
        inside = os.path.relpath(_real_folder(whole) if os.path.isabs(path) else whole, top)  # noqa: PTH117
        told = inside.replace(os.sep, "/")
        return None if told == ".." or told.startswith("../") else told

    return placed


def _real_folder(path: str) -> str:
    """Return a path whose folder has no links, the file's own name as it is."""
    return os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))  # noqa: PTH118, PTH119, PTH120


def file_place(path: str, environment: Mapping[str, str]) -> Place | None:
    """Return the first line of a file of this repository; None for another one, and for what is no file."""
    placed = placing(environment)(path) if path and os.path.isfile(path) else None  # noqa: PTH113  (never raises)
    return None if placed is None else Place(path=placed)


def model_place(project: Project, position: int, environment: Mapping[str, str]) -> Place | None:
    """Return where the project file names its model number ``position``, None when it is no file of the repository."""
    return _place(model_declared_at(project, position), environment)


def declared_place(target: Target, project: Project, environment: Mapping[str, str]) -> Place | None:
    """Return where a target is declared in this repository, None when it is in no file of it."""
    return _place(declared_at(target, project, pipeline=pipeline_file(environment)), environment)


def _place(found: Declaration | None, environment: Mapping[str, str]) -> Place | None:
    if found is None:
        return None
    path = placing(environment)(str(found.file))
    if path is None:
        return None
    return Place(path=path, line=found.line, column=found.column, end_line=found.line, end_column=found.end_column)
