"""Knows where a project's declarations lie and how they are parsed: YAML, or a table of `pyproject.toml`."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, Any

from parity.errors import InputFileError, ParityError
from parity.inputs import (
    MAX_CONFIG_BYTES,
    MAX_DEPTH,
    Document,
    decode_text,
    load_yaml,
    read_bytes,
    refuse_extremes,
)

if TYPE_CHECKING:
    from pathlib import Path


FILE_NAMES = ("parity.yaml", "parity.yml")
# Any spelling of the table tool.parity; what it really is, parsing decides.
PYPROJECT_SECTION = re.compile(
    rb"^[ \t]*(?:\[{1,2}[ \t]*[\"']?tool[\"']?[ \t]*\.[ \t]*[\"']?parity[\"']?[ \t]*[.\]]"
    rb"|[\"']?tool[\"']?[ \t]*(?:\.[ \t]*[\"']?parity[\"']?[ \t]*[.=]|=[ \t]*\{[^\n]*parity)"
    rb"|[\"']?parity[\"']?[ \t]*(?:\.|=[ \t]*\{))",
    re.MULTILINE,
)
# tomllib takes quadratic time over a key of many dots.
_LONG_TOML_KEY = re.compile(rf"(?:\.[ \t]*[\w\-\"']+[ \t]*){{{MAX_DEPTH}}}")


def find_project(start: Path) -> Path | None:
    """Return the nearest project file at or above ``start``, not leaving the repository.

    A ``pyproject.toml`` counts only when it has a ``[tool.parity`` section.
    """
    try:
        nearest = start.resolve()
    except OSError:  # the current directory was deleted
        return None
    for folder in (nearest, *nearest.parents):
        for name in FILE_NAMES:
            if os.path.isfile(folder / name):  # noqa: PTH113  (false, not an exception, without permission)
                return folder / name
        pyproject = folder / "pyproject.toml"
        if os.path.isfile(pyproject) and _mentions_us(pyproject):  # noqa: PTH113
            return pyproject
        if os.path.exists(folder / ".git"):  # noqa: PTH110
            return None
    return None


def _mentions_us(path: Path) -> bool:
    """Return whether a pyproject.toml has our section; one that cannot be parsed counts, so that its error is told."""
    try:
        with path.open("rb") as stream:
            if PYPROJECT_SECTION.search(stream.read(MAX_CONFIG_BYTES)) is None:
                return False
    except OSError:
        return False
    try:
        return _table_of(path) is not None
    except ParityError:
        return True


def parsed(path: Path) -> Document:
    """Return what a project file declares, not yet validated.

    Raises:
        InputFileError: it cannot be read or parsed.
    """
    return _parse_toml(path) if path.suffix == ".toml" else _parse_yaml(path)


def _parse_yaml(path: Path) -> Document:
    where = str(path)
    return load_yaml(decode_text(read_bytes(path, limit=MAX_CONFIG_BYTES), where=where), where=where)


def _parse_toml(path: Path) -> Document:
    where = f"{path}: [tool.parity]"
    section = _table_of(path)
    section = {} if section is None else section
    refuse_extremes(section, where=where)
    return Document(section, {}, where)


def _table_of(path: Path) -> Any:
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
