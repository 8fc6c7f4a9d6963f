"""Knows where a target is declared: the line of a project file, of a captured fingerprint or of a pipeline's file.

A machine has no file, and code scanning refuses a result without one: what is wrong with a machine is told where
somebody wrote what the machine should be.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from parity.errors import ParityError
from parity.inputs import MAX_CONFIG_BYTES, compose_all, decode_text, read_bytes
from parity.lint.yaml_positions import get, items, pairs, walk

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import yaml

    from parity.config.project import Project
    from parity.model.target import Target


class Declaration(msgspec.Struct, frozen=True, kw_only=True):
    """Where a target is declared; lines and columns from 1, the end not included.

    Attributes:
        file: path as this process opens it.
    """

    file: Path
    line: int = 1
    column: int = 1
    end_column: int = 1


def declared_at(target: Target, project: Project, *, pipeline: Path | None = None) -> Declaration | None:
    """Return where a target is declared; None when no file says.

    The first of: its entry in the project file; the captured fingerprint that it is; the pipeline's file that names
    it; the project file. A line that cannot be found is the first one.

    Args:
        target: what was asked for.
        project: the declarations that it was resolved with.
        pipeline: the file of the CI system that runs this process, if one does.
    """
    file = Path(project.where.removesuffix(": [tool.parity]")) if project.where else None
    if file is not None and target.name in project.targets:
        return _entry(file, target.name)
    captured = _captured(target)
    if captured is not None:
        return Declaration(file=captured)
    if pipeline is not None:
        return _named_in(pipeline, target)
    if file is not None:
        return _default(file)
    return None


def model_declared_at(project: Project, position: int) -> Declaration | None:
    """Return where the project file names its model number ``position``, counted from 0; None when there is no file."""
    if not project.where:
        return None
    file = Path(project.where.removesuffix(": [tool.parity]"))
    if file.suffix == ".toml":
        return _toml_entry(file, position) or Declaration(file=file)
    for root in _roots(file):
        entries = items(get(root, "models"))
        if position < len(entries):
            named = get(entries[position], "config")
            return _at(file, named if named is not None else entries[position])
    return Declaration(file=file)


def pipeline_file(environment: Mapping[str, str]) -> Path | None:
    """Return the file of the pipeline that runs this process, None when there is none here.

    ``GITHUB_WORKFLOW_REF`` is ``owner/name/path@ref``; the path counts in a checkout of that very repository.
    """
    found: Path | None = None
    workflow, repository = environment.get("GITHUB_WORKFLOW_REF", ""), environment.get("GITHUB_REPOSITORY", "")
    if workflow and repository and workflow.startswith(f"{repository}/"):
        name = workflow.removeprefix(f"{repository}/").partition("@")[0]
        found = Path(environment.get("GITHUB_WORKSPACE") or ".") / name
    elif environment.get("GITLAB_CI"):
        name = environment.get("CI_CONFIG_PATH") or ".gitlab-ci.yml"
        found = Path(environment.get("CI_PROJECT_DIR") or ".") / name
    try:
        return found if found is not None and found.is_file() else None
    except (OSError, ValueError):
        return None


def _captured(target: Target) -> Path | None:
    """Return the file of a target that is a captured machine: its source ends with the path."""
    path = Path(target.source.rpartition(": ")[2])
    try:
        return path if target.reference is not None and path.is_file() else None
    except (OSError, ValueError):
        return None


def _entry(file: Path, name: str) -> Declaration:
    """Return the line of a target's device, else of the target itself."""
    for path in (("targets", name, "device"), ("targets", name)):
        found = _toml_line(file, ("tool", "parity", *path)) if file.suffix == ".toml" else _yaml_line(file, path)
        if found is not None:
            return found
    return Declaration(file=file)


def _default(file: Path) -> Declaration:
    path = ("default_target",)
    found = _toml_line(file, ("tool", "parity", *path)) if file.suffix == ".toml" else _yaml_line(file, path)
    return found or Declaration(file=file)


def _named_in(file: Path, target: Target) -> Declaration:
    """Return the first value of a pipeline's file that is a name of the target; else the file."""
    names = {name.lower() for name in (target.spec.id, *target.spec.aliases)}
    wanted = re.compile(rf"(?:\d+x)?(?:{'|'.join(re.escape(name) for name in sorted(names))})(?:/\S+)?", re.IGNORECASE)
    return next(
        (_at(file, node) for node in _scalars(file) if wanted.fullmatch(node.value.strip())), Declaration(file=file)
    )


def _scalars(file: Path) -> Iterator[Any]:
    import yaml

    for root in _roots(file):
        for node in walk(root):
            if isinstance(node, yaml.ScalarNode):
                yield node


def _roots(file: Path) -> list[yaml.Node]:
    try:
        return compose_all(_text(file), where=str(file))
    except ParityError:
        return []


def _text(file: Path) -> str:
    return decode_text(read_bytes(file, limit=MAX_CONFIG_BYTES), where=str(file))


def _yaml_line(file: Path, path: tuple[str, ...]) -> Declaration | None:
    """Return the key at a path, with its value when that is on the same line."""
    for root in _roots(file):
        above = get(root, *path[:-1])
        for key, value in _keys(above):
            if key.value == path[-1]:
                end = value.end_mark if value.end_mark.line == key.start_mark.line else key.end_mark
                return Declaration(
                    file=file, line=key.start_mark.line + 1, column=key.start_mark.column + 1, end_column=end.column + 1
                )
    return None


def _keys(node: yaml.Node | None) -> list[tuple[Any, Any]]:
    return list(getattr(node, "value", ())) if pairs(node) else []


def _at(file: Path, node: Any) -> Declaration:
    start, end = node.start_mark, node.end_mark
    last = end.column if end.line == start.line else start.column
    return Declaration(file=file, line=start.line + 1, column=start.column + 1, end_column=last + 1)


_KEY = r"""(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')"""
_KEYS = rf"{_KEY}(?:[ \t]*\.[ \t]*{_KEY})*"
_STATEMENT = re.compile(rf"^[ \t]*(?:\[[ \t]*(?P<table>{_KEYS})[ \t]*\]|(?P<key>{_KEYS})[ \t]*=)")
_MODELS = re.compile(r"\[\[[ \t]*tool[ \t]*\.[ \t]*parity[ \t]*\.[ \t]*models[ \t]*\]\]")
MAX_TOML_LINES = 20_000


def _toml_line(file: Path, path: tuple[str, ...]) -> Declaration | None:
    """Return the statement that makes a path; of an inline table the line that opens it."""
    try:
        lines = _text(file).split("\n")
    except ParityError:
        return None
    table: tuple[str, ...] = ()
    for number, line in enumerate(lines[:MAX_TOML_LINES]):
        match = _STATEMENT.match(line)
        if match is None:
            continue
        here = _parts(match["table"]) if match["table"] else (*table, *_parts(match["key"]))
        inline = match["table"] is None and here == path[: len(here)] and path[-1] in line[match.end() :]
        if (here[: len(path)] == path or (inline and len(here) >= len(path) - 1)) and _is_statement(lines, number):
            column = len(line) - len(line.lstrip()) + 1
            return Declaration(file=file, line=number + 1, column=column, end_column=len(line.rstrip()) + 1)
        if match["table"]:
            table = here
    return None


def _toml_entry(file: Path, position: int) -> Declaration | None:
    """Return the head of an entry of a list of tables; None where the list is written otherwise."""
    try:
        lines = _text(file).split("\n")[:MAX_TOML_LINES]
    except ParityError:
        return None
    heads = [number for number, line in enumerate(lines) if _MODELS.match(line) and _is_statement(lines, number)]
    if position >= len(heads):
        return None
    line = lines[heads[position]].rstrip()
    return Declaration(file=file, line=heads[position] + 1, column=1, end_column=len(line) + 1)


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in re.findall(_KEY, text))


def _is_statement(lines: list[str], number: int) -> bool:
    """Return whether a line starts a statement: what stands above it is a document of its own, no open text or list."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        tomllib.loads("\n".join(lines[:number]) + "\n")
    except (ValueError, RecursionError):
        return False
    return True
