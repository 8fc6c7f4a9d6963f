"""Knows how to read a file somebody else wrote: bounded in size, depth and expansion, with positions."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
import sys
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

import msgspec

from parity.errors import InputFileError, InvalidConfigError, ParityError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import yaml

MAX_BYTES = 16 * 1024 * 1024
MAX_CONFIG_BYTES = 1024 * 1024
MAX_NODES = 200_000
MAX_DEPTH = 64
_AS_SQUARE = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
MAX_PROBLEMS = 50
_MAX_LEAD = 200  # further right nothing is looked at by halves
MAX_DIRECTIVES = 16  # libyaml compares each %TAG line with all before it
MAX_NUMBER_CHARS = 100  # 1:0:0:... is one number in base 60, and takes quadratic time
MAX_PATH_CHARS = 200  # of a key path kept for its line number, and of anything quoted from a file

_GIVEN = ("/dev/stdin", "/dev/fd/", "/proc/self/fd/")

T = TypeVar("T")
_Path = list["str | int"]
_TAG = "tag:yaml.org,2002:"
# What stands before the first key or value of a line; libyaml ends lines at these too.
_LEAD = re.compile("(?:^|[\r\x85\u2028\u2029])\ufeff?([ \t?:-]*)", re.MULTILINE)


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
        InputFileError: the file is missing, unreadable, a directory, a pipe by name, empty or larger than ``limit``.
    """
    if not str(path):
        raise InputFileError("an empty file name", mend="is a variable unset?")
    where = "standard input" if str(path) == "-" else str(path)
    try:
        if str(path) == "-":
            raw = sys.stdin.buffer.read(limit + 1)
        else:
            with opened(path) as stream:
                raw = stream.read(limit + 1)
    except FileNotFoundError:
        raise InputFileError("no such file", where=where, mend="check the path") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        mend = "check the path and its permissions"
        raise InputFileError(f"cannot be read: {reason}", where=where, mend=mend) from error
    if len(raw) > limit:
        raise InputFileError(
            f"larger than {limit // 1024 // 1024} MiB", where=where, mend="is this the file you meant?"
        )
    if not raw.strip():
        raise InputFileError("empty", where=where, mend="is this the file you meant?")
    return raw


def opened(path: str | Path) -> BinaryIO:
    """Open a file for reading; a named pipe is refused, for whoever writes to it may never come.

    A pipe that this process was given (``/dev/stdin``, ``/dev/fd/63`` of a shell's ``<(...)``) is read as it comes.

    Raises:
        OSError: it cannot be opened, or is a directory.
        InputFileError: it is a named pipe.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        _must_end(os.fstat(descriptor).st_mode, str(path))
        if hasattr(os, "O_NONBLOCK"):
            os.set_blocking(descriptor, True)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def _must_end(mode: int, path: str) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if stat.S_ISFIFO(mode) and not path.startswith(_GIVEN):
        raise InputFileError("a named pipe, not a file", where=path, mend="give a file, or `-` and a pipe")


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

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        _refuse_hostile(text, loader, where)
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
        raise InputFileError(f"not YAML: {printable(problem)}", where=at, mend="correct the syntax") from error
    except (ValueError, ArithmeticError, RecursionError, TypeError, LookupError, AttributeError) as error:
        raise InputFileError(f"not usable YAML: {error}", where=where, mend="correct the value") from error
    return Document(data, lines, where)


def _plainly_harmless(text: str) -> bool:
    """Return whether a text is too short and too flat to be hostile, whatever its events are; most are.

    A block collection starts further right than those around it, behind nothing but blanks and ``-``, ``?`` or ``:``,
    except a sequence, which may start below its key: two of them per column. A flow collection takes a bracket, and
    may hold a pair that is a mapping without one: two per bracket. An alias takes an anchor.
    """
    if len(text) > MAX_NODES or ("*" in text and "&" in text) or text.count("\n%") > MAX_DIRECTIVES:
        return False
    brackets = text.count("[") + text.count("{")
    if 2 * brackets > MAX_DEPTH:
        return False
    leads = set(_LEAD.findall(text))
    if any(len(lead) > _MAX_LEAD for lead in leads):
        return False
    columns = {at for lead in leads for at in range(len(lead) + 1) if not lead.startswith(" ", at)}
    return 2 * (len(columns) + brackets) < MAX_DEPTH


def _refuse_hostile(text: str, loader: Any, where: str) -> None:
    """Refuse deep nesting and alias bombs from the parser's events: composing recurses in C, without a limit."""
    import yaml

    if text.count("\n%") > MAX_DIRECTIVES:
        raise InputFileError(f"more than {MAX_DIRECTIVES} directives", where=where, mend="remove them")
    extent = _Extent()
    for event in yaml.parse(text, Loader=loader):
        at = f"{where}:{event.start_mark.line + 1}" if event.start_mark is not None else where
        depth = extent.after(event, at)
        if depth > MAX_DEPTH:
            raise InputFileError("nested too deeply", where=at, mend="flatten the file")
        if extent.values > MAX_NODES:
            raise InputFileError(f"expands to more than {MAX_NODES} values", where=at, mend="remove the nested aliases")


class _Extent:
    """Counts how many values a document expands to, and how deep, without expanding it.

    Attributes:
        values: so far, aliases counted as what they stand for.
        anchors: name -> (values, depth) of what it names; None while that is not closed yet.
        unclosed: anchor, values before it and depth below it, of each open collection.
    """

    def __init__(self) -> None:
        self.values = 0
        self.anchors: dict[str, tuple[int, int] | None] = {}
        self.unclosed: list[tuple[str | None, int, int]] = []

    def after(self, event: yaml.Event, at: str) -> int:
        """Return the depth that the document has reached with this event."""
        import yaml

        below = 0
        if isinstance(event, yaml.CollectionStartEvent):
            self.unclosed.append((event.anchor, self.values, 0))
            self.values += 1
            if event.anchor:
                self.anchors[event.anchor] = None
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before, below = self.unclosed.pop()
            below += 1
            self._name(anchor, self.values - before, below)
        elif isinstance(event, yaml.AliasEvent):
            below = self._alias(str(event.anchor), at)
        elif isinstance(event, yaml.ScalarEvent):
            self.values += 1
            self._name(event.anchor, 1, 0)
        if self.unclosed:
            anchor, before, depth = self.unclosed[-1]
            self.unclosed[-1] = (anchor, before, max(depth, below))
        return len(self.unclosed) + below

    def _name(self, anchor: str | None, values: int, depth: int) -> None:
        if anchor:
            self.anchors[anchor] = (values, depth)

    def _alias(self, name: str, at: str) -> int:
        held = self.anchors.get(name, (1, 0))  # an alias of nothing is the composer's to refuse
        if held is None:
            what = f"alias *{printable(name)} inside the value it stands for"
            raise InputFileError(what, where=at, mend="remove the alias")
        self.values += held[0]
        return held[1]


def _inspect(root: yaml.Node, where: str) -> dict[str, int]:
    """Return the line of every key path; refuse keys given twice, keys that are not text, and impossible scalars."""
    import yaml

    lines: dict[str, int] = {}
    constructor = yaml.SafeLoader("")
    for path, node in _walk(root):
        lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            _check_keys(node, path, where)
        elif isinstance(node, yaml.ScalarNode) and not node.tag.endswith(":str"):
            _check_scalar(node, path, where, constructor)
    return lines


def _walk(root: yaml.Node) -> Iterator[tuple[str, yaml.Node]]:
    import yaml

    stack: list[tuple[str, yaml.Node]] = [("", root)]
    while stack:
        path, node = stack.pop()
        yield path, node
        if isinstance(node, yaml.MappingNode):
            stack.extend(
                (f"{path}.{key.value}"[:MAX_PATH_CHARS] if path else str(key.value)[:MAX_PATH_CHARS], value)
                for key, value in node.value
            )
        elif isinstance(node, yaml.SequenceNode):
            stack.extend((f"{path}[{n}]"[:MAX_PATH_CHARS], item) for n, item in enumerate(node.value))


def _check_keys(node: yaml.MappingNode, path: str, where: str) -> None:
    import yaml

    seen: dict[str, int] = {}
    for key, _ in node.value:
        at = f"{where}:{key.start_mark.line + 1}"
        if not isinstance(key, yaml.ScalarNode):
            raise InputFileError("a key that is not plain text", where=at, mend="use text keys")
        full = printable(f"{path}.{key.value}" if path else key.value)
        kind = key.tag.removeprefix(_TAG)
        if kind not in ("str", "merge"):
            what = f"{full}: YAML reads this key as {kind}, not as text"
            raise InputFileError(what, where=at, mend="put it in quotes")
        if key.value in seen:
            raise InputFileError(
                f"{full}: the key is given twice, first on line {seen[key.value]}", where=at, mend="keep one of them"
            )
        seen[key.value] = key.start_mark.line + 1


def _check_scalar(node: yaml.ScalarNode, path: str, where: str, constructor: yaml.SafeLoader) -> None:
    """Refuse a date, number or tagged scalar that cannot be one; PyYAML would raise without saying where."""
    kind = node.tag.removeprefix(_TAG).replace("timestamp", "date")
    if node.tag not in constructor.yaml_constructors:
        return  # an unknown tag: the loader refuses it, and says where
    at = f"{where}:{node.start_mark.line + 1}"
    if len(node.value) > MAX_NUMBER_CHARS and kind in ("int", "float", "date"):
        what = f"{printable(path)}: {len(node.value)} characters are no {kind}"
        raise InputFileError(what, where=at, mend="correct it")
    try:
        constructor.construct_object(node)
    except Exception as error:
        what = f"{printable(node.value)!r} is no {kind}"
        raise InputFileError(f"{printable(path)}: {what}", where=at, mend="correct it, or put it in quotes") from error


def refuse_extremes(data: Any, *, where: str) -> None:
    """Refuse data nested too deeply to walk, and numbers too long to print.

    Raises:
        InputFileError: there is one.
    """
    stack: list[tuple[Any, int]] = [(data, 0)]
    while stack:
        value, depth = stack.pop()
        if depth > MAX_DEPTH:
            raise InputFileError("nested too deeply", where=where, mend="flatten the file")
        if isinstance(value, int) and value.bit_length() > 4 * MAX_NUMBER_CHARS:
            raise InputFileError("a number of too many digits", where=where, mend="correct it")
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        stack.extend((item, depth + 1) for item in inner)


def printable(text: str) -> str:
    r"""Return text from a file as a message may quote it: short, on one line, without control characters.

    >>> print(printable("a\x1b[31m\nb"))
    a\x1b[31m\nb
    """
    return escaped(text if len(text) <= MAX_PATH_CHARS else text[: MAX_PATH_CHARS - 3] + "...")


def escaped(text: str) -> str:
    r"""Return text on one line, whole and without control characters.

    >>> print(escaped("a\tb"))
    a\tb
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )


def load_json(raw: bytes, *, where: str) -> Any:
    """Return a JSON value.

    Raises:
        InputFileError: the bytes are not JSON, or nested too deeply.
    """
    try:
        value = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputFileError(f"not JSON: {error}", where=where, mend="correct the syntax") from error
    except RecursionError as error:
        raise InputFileError("nested too deeply", where=where, mend="flatten the file") from error
    if may_be_deep(raw):  # Python 3.14 and newer have the stack for it; what walks it afterwards has not
        refuse_extremes(value, where=where)
    return value


def may_be_deep(raw: bytes) -> bool:
    """Return whether JSON may be nested deeper than ``MAX_DEPTH``; brackets inside strings count as if they were not.

    >>> may_be_deep(b'{"a": [1, {"b": 2}]}'), may_be_deep(b"[" * 65 + b"]" * 65)
    (False, True)
    """
    brackets = raw.translate(_AS_SQUARE, _NO_BRACKETS)
    for _ in range(MAX_DEPTH):
        brackets = brackets.replace(b"[]", b"")
        if not brackets:
            return False
    return True


def convert_all(data: Any, kind: type[T], *, document: Document, at: str = "") -> T:
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
    removed: list[_Path] = []
    while len(problems) < MAX_PROBLEMS:
        try:
            converted = msgspec.convert(rest, kind)
        except msgspec.ValidationError as error:
            what, path = _parts(str(error), rest, kind)
            for place, told, mend, close in _told(what, path, rest, kind, removed):
                problems.append(problem_at(document, _dotted(at, place), told, mend=mend, close=close))
            removed.append(path)
            if not path or not _remove(rest, path):
                break
        else:
            if problems:
                break
            return converted
    raise InvalidConfigError(problems)


def problem_at(document: Document, path: str, what: str, *, mend: str = "", close: str = "") -> ParityError:
    """Return an error that names the file, line and key path of ``path``."""
    line = document.lines.get(path[:MAX_PATH_CHARS])
    where = f"{document.where}:{line}" if line else document.where
    told = what if len(what) <= 2 * MAX_PATH_CHARS else what[: 2 * MAX_PATH_CHARS] + "..."
    return ParityError(f"{printable(path)}: {told}" if path else told, where=where, mend=mend, close=close)


_MESSAGE = r"(.*?)(?: - at `(?:key` in `)?\$([^`]*)`)?"
_WRONG_TYPE = r"Expected `([^`]*)`, got `([^`]*)`"
_WORDS = {
    "str": "text", "int": "a whole number", "float": "a number", "bool": "true or false", "object": "a mapping",
    "array": "a list", "date": "a date",
}  # fmt: skip
_QUOTES = {
    "bool": "put the value in quotes: unquoted on, off, yes and no mean true or false",
    **dict.fromkeys(("int", "float"), "put the value in quotes: an unquoted 2.10 is the number 2.1, 65:00 may be 3900"),
    **dict.fromkeys(("date", "datetime"), "put the value in quotes"),
}


def _parts(message: str, rest: Any, kind: type) -> tuple[str, _Path]:
    """Return what msgspec says, and the whole path of the value it says it of."""
    match = re.fullmatch(_MESSAGE, message, re.DOTALL)
    assert match is not None
    what, path = match[1], _parse_path(match[2] or "")
    if what.startswith("Object contains unknown field"):
        path.append(what[what.index("`") + 1 : -1])
    return what, _with_keys(path, rest, kind, message)


def _with_keys(path: _Path, rest: Any, kind: type, message: str) -> _Path:
    """Return the path with each ``...`` replaced: msgspec does not say which key of a dict is bad, halving it does."""
    if "..." not in path:
        return path
    import copy

    path, trial = path.copy(), copy.deepcopy(rest)
    for position, part in enumerate(path):
        mapping = _value_at(trial, path[:position])
        if part != "..." or not isinstance(mapping, dict):
            continue
        while len(mapping) > 1:
            items = list(mapping.items())
            for half in (items[: len(items) // 2], items[len(items) // 2 :]):
                mapping.clear()
                mapping.update(half)
                if _says(trial, kind, message):
                    break
        path[position] = next(iter(mapping))
    return path


def _says(data: Any, kind: type, message: str) -> bool:
    try:
        msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        return str(error) == message
    return False


def _told(what: str, path: _Path, rest: Any, kind: type, removed: list[_Path]) -> Iterator[tuple[_Path, str, str, str]]:
    """Yield (path, problem, mend, near names) in our own words; every missing key of the struct at once."""
    close, mend = "", "correct the value"
    wrong_type = re.fullmatch(_WRONG_TYPE, what)
    if what.startswith("Object missing required field"):
        names = [name for name in _required(kind) if name not in rest] if not path else [what.split("`")[1]]
        for name in names:
            if [*path, name] not in removed:
                yield path, f"the key {name!r} is missing", "add it", ""
        return
    if what.startswith("Object contains unknown field"):
        known = _field_names(kind) if len(path) == 1 else []
        what, close = "unknown key", near_names(str(path[-1]), known)
        mend = "remove it" + (f", or use one of: {', '.join(known)}" if known else "")
    elif what.startswith("Invalid enum value"):
        choices = _choices(kind, path)
        given = printable(str(_value_at(rest, path)))
        what, close = f"{given!r} is not known here", near_names(given, choices)
        mend = f"use one of: {', '.join(choices)}" if choices else mend
    elif what.startswith("Invalid RFC3339"):
        what, mend = "no date", "write it as 2027-03-31"
    elif wrong_type:
        wanted = [word for word in wrong_type[1].split(" | ") if word != "null"]
        got = wrong_type[2]
        what = f"{' or '.join(_WORDS.get(word, word) for word in wanted)} is needed, not {_WORDS.get(got, got)}"
        if "str" in wanted:
            mend = _QUOTES.get(got, mend)
    yield path, what, mend, close


def _required(kind: type) -> list[str]:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return [field.encode_name for field in msgspec.structs.fields(kind) if field.required]
    return []


def _choices(kind: type, path: _Path) -> list[str]:
    """Return the words a field takes, when its type lists them."""
    import msgspec.inspect

    info: Any = msgspec.inspect.type_info(kind)
    for part in path:
        info = next((field.type for field in getattr(info, "fields", ()) if field.encode_name == part), None)
    return [str(word) for option in getattr(info, "types", (info,)) for word in getattr(option, "values", ())]


def _field_names(kind: type) -> list[str]:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return [field.encode_name for field in msgspec.structs.fields(kind)]
    return []


def _parse_path(text: str) -> _Path:
    """Return the parts of msgspec's ``.conditions.mig``, ``.waivers[3].rule`` or ``.stack[...]`` notation."""
    parts = [name or inner for name, inner in re.findall(r"\.([^.\[]+)|\[([^\]]*)\]", text)]
    return [int(part) if part.isdigit() else part for part in parts]


def _value_at(data: Any, path: _Path) -> Any:
    for part in path:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return "..."
    return data


def _remove(data: Any, path: _Path) -> bool:
    parent = _value_at(data, path[:-1])
    try:
        del parent[path[-1]]
    except (KeyError, IndexError, TypeError):
        return False
    return True


def _dotted(at: str, path: _Path) -> str:
    text = at
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else (f".{part}" if text else part)
    return text


def near_names(name: str, known: list[str] | tuple[str, ...], *, count: int = 3) -> str:
    """Return up to ``count`` names close to ``name``, comma separated."""
    import difflib

    if len(name) > MAX_PATH_CHARS:
        return ""
    return ", ".join(difflib.get_close_matches(name, known, n=count, cutoff=0.6))


def compose_all(text: str, *, where: str) -> list[yaml.Node]:
    """Return the node of each YAML document, positions included; nothing is constructed, so any tag may stand there.

    Raises:
        InputFileError: the text is not YAML, or is hostile; its ``where`` ends with the line, if one is known.
    """
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        if _plainly_harmless(text):
            with contextlib.suppress(yaml.YAMLError):  # what the closer look says of it comes first
                return [node for node in yaml.compose_all(text, Loader=loader) if node is not None]
        _refuse_hostile(text, loader, where)
        return [node for node in yaml.compose_all(text, Loader=loader) if node is not None]
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        at = f"{where}:{mark.line + 1}" if mark is not None else where
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise InputFileError(f"not YAML: {printable(problem)}", where=at, mend="correct the syntax") from error
    except (ValueError, RecursionError, TypeError, LookupError, AttributeError) as error:
        raise InputFileError(f"not usable YAML: {error}", where=where, mend="correct the value") from error
