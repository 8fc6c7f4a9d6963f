"""Knows how to read a file somebody else wrote: bounded in size, depth and expansion, with positions."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from parity.errors import InputFileError, InvalidConfigError, ParityError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import yaml

MAX_BYTES = 16 * 1024 * 1024
MAX_CONFIG_BYTES = 1024 * 1024
MAX_NODES = 200_000
MAX_DEPTH = 64
MAX_PROBLEMS = 50

T = TypeVar("T")


class Document(msgspec.Struct, frozen=True):
    """A parsed YAML or JSON file.

    Attributes:
        data: plain dicts, lists and scalars.
        lines: key path (``targets.prod.device``) -> line number, from 1.
        where: name of the file for messages.
    """

    data: Any
    lines: dict[str, int]
    where: str


def read_bytes(path: str | Path, *, limit: int = MAX_BYTES) -> bytes:
    """Return a file's bytes (``-`` is standard input), at most ``limit``.

    Raises:
        InputFileError: the file is missing, unreadable, a directory, empty or larger than ``limit``.
    """
    where = "standard input" if str(path) == "-" else str(path)
    try:
        if str(path) == "-":
            raw = sys.stdin.buffer.read(limit + 1)
        else:
            with Path(path).open("rb") as stream:
                raw = stream.read(limit + 1)
    except FileNotFoundError:
        raise InputFileError("no such file", where=where, mend="check the path") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputFileError(f"cannot be read: {reason}", where=where, mend="check the path and its permissions") from error
    if len(raw) > limit:
        raise InputFileError(
            f"larger than {limit // 1024 // 1024} MiB", where=where, mend="is this the file you meant?"
        )
    if not raw.strip():
        raise InputFileError("empty", where=where, mend="write the report into the file first")
    return raw


def decode_text(raw: bytes, *, where: str) -> str:
    """Return text from UTF-8 or UTF-16 bytes (PowerShell redirections write the latter).

    Raises:
        InputFileError: the bytes are binary.
    """
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        try:
            return raw.decode("utf-16")
        except UnicodeDecodeError:
            pass
    if b"\0" in raw[:8192]:
        raise InputFileError("binary data, not text", where=where, mend="give a text report, YAML or JSON")
    return raw.decode("utf-8-sig", errors="replace")


def load_yaml(text: str, *, where: str) -> Document:
    """Return a YAML document; duplicate keys, deep nesting and alias bombs are errors.

    Raises:
        InputFileError: the text is not YAML, or is hostile.
    """
    import yaml

    _check_flow_depth(text, where)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        instance = loader(text)
        try:
            node = instance.get_single_node()
            if node is None:
                raise InputFileError("empty", where=where, mend="write at least one key")
            lines = _inspect(node, where)
            data = instance.construct_document(node)
        finally:
            instance.dispose()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        at = f"{where}:{mark.line + 1}" if mark is not None else where
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise InputFileError(f"not YAML: {problem}", where=at, mend="correct the syntax") from error
    except (ValueError, OverflowError, RecursionError, TypeError) as error:
        raise InputFileError(f"not usable YAML: {error}", where=where, mend="correct the value") from error
    return Document(data, lines, where)


def _check_flow_depth(text: str, where: str) -> None:
    """Refuse text whose brackets nest deeper than any real file's, before the parser recurses on it."""
    depth = 0
    for character in text:
        if character in "[{":
            depth += 1
            if depth > 4 * MAX_DEPTH:
                raise InputFileError("nested too deeply", where=where, mend="flatten the file")
        elif character in "]}":
            depth -= 1


def _inspect(root: yaml.Node, where: str) -> dict[str, int]:
    """Return the line of every key path; refuse duplicate keys and expansion beyond ``MAX_NODES``."""
    import yaml

    lines: dict[str, int] = {}
    visited = 0
    for path, node, depth in _walk(root):
        visited += 1
        if visited > MAX_NODES:
            raise InputFileError(
                f"expands to more than {MAX_NODES} values", where=where, mend="remove the nested aliases"
            )
        if depth > MAX_DEPTH:
            raise InputFileError("nested too deeply", where=where, mend="flatten the file")
        lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            _refuse_duplicates(node, path, where)
    return lines


def _walk(root: yaml.Node) -> Iterator[tuple[str, yaml.Node, int]]:
    import yaml

    stack: list[tuple[str, yaml.Node, int]] = [("", root, 0)]
    while stack:
        path, node, depth = stack.pop()
        yield path, node, depth
        if depth > MAX_DEPTH:
            continue
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                stack.append((f"{path}.{key.value}" if path else str(key.value), value, depth + 1))
        elif isinstance(node, yaml.SequenceNode):
            stack.extend((f"{path}[{n}]", item, depth + 1) for n, item in enumerate(node.value))


def _refuse_duplicates(node: yaml.MappingNode, path: str, where: str) -> None:
    import yaml

    seen: dict[str, int] = {}
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise InputFileError(
                "a key that is not plain text", where=f"{where}:{key.start_mark.line + 1}", mend="use text keys"
            )
        if key.value in seen:
            full = f"{path}.{key.value}" if path else key.value
            raise InputFileError(
                f"{full}: the key is given twice, first on line {seen[key.value]}",
                where=f"{where}:{key.start_mark.line + 1}",
                mend="keep one of them",
            )
        seen[key.value] = key.start_mark.line + 1


def load_json(raw: bytes, *, where: str) -> Any:  # noqa: ANN401  (any JSON value)
    """Return a JSON value.

    Raises:
        InputFileError: the bytes are not JSON.
    """
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputFileError(f"not JSON: {error}", where=where, mend="correct the syntax") from error


def convert_all(data: Any, kind: type[T], *, document: Document, at: str = "") -> T:  # noqa: ANN401
    """Return ``data`` (the part of ``document`` at key path ``at``) as ``kind``; every problem is reported at once.

    Args:
        data: plain data as read.
        kind: a msgspec type without nested dicts of structs (msgspec does not say which key of a dict is bad).
        document: for line numbers and the file name.
        at: key path of ``data`` in the document: ``targets.prod``.

    Raises:
        InvalidConfigError: with one problem per unknown key, wrong type or missing key.
    """
    import copy

    rest = copy.deepcopy(data)
    problems: list[ParityError] = []
    while len(problems) < MAX_PROBLEMS:
        try:
            converted = msgspec.convert(rest, kind)
        except msgspec.ValidationError as error:
            path = _problem(str(error), rest, kind, document, at, problems)
            if not path or not _remove(rest, path):
                break
        else:
            if problems:
                break
            return converted
    raise InvalidConfigError(problems)


def problem_at(document: Document, path: str, what: str, *, mend: str = "", close: str = "") -> ParityError:
    """Return an error that names the file, line and key path of ``path``."""
    line = document.lines.get(path)
    where = f"{document.where}:{line}" if line else document.where
    return ParityError(f"{path}: {what}" if path else what, where=where, mend=mend, close=close)


def _problem(  # noqa: PLR0913  (one private caller)
    message: str, rest: Any, kind: type, document: Document, at: str, problems: list[ParityError]  # noqa: ANN401
) -> list[str | int]:
    what, _, tail = message.partition(" - at `$")
    path = _parse_path(tail.rstrip("`"))
    close, mend = "", "correct the value"
    if what.startswith("Object contains unknown field"):
        name = what.split("`")[1]
        known = _field_names(kind) if not path else []
        path = [*path, name]
        what, close = "unknown key", near_names(name, known)
        mend = "remove it" + (f", or use one of: {', '.join(known)}" if known else "")
    elif what.startswith(("Expected `str`, got `float`", "Expected `str`, got `int`")):
        what += " (YAML reads an unquoted 2.10 as the number 2.1)"
        mend = f'put the value in quotes: "{_value_at(rest, path)}"'
    elif "missing required field" in what:
        mend = "add it"
    dotted = _dotted(at, path)
    problems.append(problem_at(document, dotted, what, mend=mend, close=close))
    return path


def _field_names(kind: type) -> list[str]:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return [field.encode_name for field in msgspec.structs.fields(kind)]
    return []


def _parse_path(text: str) -> list[str | int]:
    """Return the parts of msgspec's ``.conditions.mig`` or ``.waivers[3].rule`` notation."""
    parts: list[str | int] = []
    for chunk in text.replace("[", ".[").split("."):
        if chunk.startswith("["):
            parts.append(int(chunk[1:-1]) if chunk[1:-1].isdigit() else chunk[1:-1])
        elif chunk:
            parts.append(chunk)
    return parts


def _value_at(data: Any, path: list[str | int]) -> Any:  # noqa: ANN401
    for part in path:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return "..."
    return data


def _remove(data: Any, path: list[str | int]) -> bool:  # noqa: ANN401
    parent = _value_at(data, path[:-1])
    try:
        del parent[path[-1]]
    except (KeyError, IndexError, TypeError):
        return False
    return True


def _dotted(at: str, path: list[str | int]) -> str:
    text = at
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else (f".{part}" if text else part)
    return text


def near_names(name: str, known: list[str] | tuple[str, ...], *, count: int = 3) -> str:
    """Return up to ``count`` names close to ``name``, comma separated."""
    import difflib

    return ", ".join(difflib.get_close_matches(name, known, n=count, cutoff=0.5))
