"""Knows YAML with places: documents as nodes, their parts by key, texts and scripts with line and column.

Helm and Jinja templates are read by blanking their braces: a line that only steers the template disappears, an inline
expression becomes a mark that makes its value unsettled.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from parity.errors import InputFileError
from parity.inputs import compose_all
from parity.lint.facts import BrokenFile
from parity.lint.source import Source, Span, Stretch

if TYPE_CHECKING:
    from collections.abc import Iterator

    import yaml

HOLE = "\ue000"  # stands where a template puts something
_BRACES = {"{{": "}}", "{%": "%}", "{#": "#}"}
_OPENING = re.compile(r"\{[{%#]")
_OTHER_BREAKS = re.compile("[\\x85\\u2028\\u2029]")  # they end a line of YAML and no line of an editor
MAX_YAML_CHARS = 1_000_000


def documents(source: Source) -> list[yaml.Node]:
    """Return the documents of a file; of a template that is no YAML before it is filled in, none.

    Raises:
        BrokenFile: it is not YAML, or too large to be read by hand.
    """
    text = without_schemas(source.text)
    if len(text) > MAX_YAML_CHARS:
        return []
    template = is_template(text)
    text = _OTHER_BREAKS.sub(" ", blanked(text) if template else text)
    try:
        return compose_all(text, where="")
    except InputFileError as error:
        if template:
            return []
        told = int(match[1]) if (match := re.search(r":(\d+)$", error.where)) else 1
        line = min(told, len(source.lines))  # what ends too early is told of the line after the last
        raise BrokenFile(error.what, Span(line, 1, line, 1)) from error


_SCHEMA = "\nkind: CustomResourceDefinition\n"


def without_schemas(text: str) -> str:
    r"""Return a text with its lines kept and its custom resource definitions gone: megabytes of schema, and no pod.

    >>> without_schemas("kind: CustomResourceDefinition\nspec: {}\n---\nkind: Pod\n")
    '\n\n---\nkind: Pod\n'
    """
    if _SCHEMA.strip() not in text:
        return text
    pieces = text.split("\n---")
    return "\n---".join("\n" * piece.count("\n") if _SCHEMA in f"\n{piece}\n" else piece for piece in pieces)


def is_template(text: str) -> bool:
    """Return whether a text is a template of YAML; ``${{`` belongs to workflows, which are YAML as they stand."""
    return bool(re.search(r"(?<!\$)\{\{|\{%", text))


def blanked(text: str) -> str:
    """Return a template with every line's length kept and its braces gone."""
    return "\n".join(_blanked_line(line) if "{" in line else line for line in text.split("\n"))


def _blanked_line(line: str) -> str:
    out: list[str] = []
    at = 0
    while match := _OPENING.search(line, at):
        end = line.find(_BRACES[match[0]], match.end())
        if end < 0:  # it goes on on the next line, or is none
            break
        out += [line[at : match.start()], HOLE * (end + 2 - match.start())]
        at = end + 2
    left = "".join([*out, line[at:]])
    # A line that only steers the template says nothing itself.
    return (
        "" if out and not left.partition("#")[0].replace(HOLE, "").strip() and line.lstrip().startswith("{") else left
    )


def get(node: yaml.Node | None, *keys: str) -> yaml.Node | None:
    """Return what stands at a path of keys, None when something on it is missing."""
    import yaml

    for key in keys:
        if not isinstance(node, yaml.MappingNode):
            return None
        for name, value in node.value:
            if name.value == key and isinstance(name, yaml.ScalarNode):
                node = value
                break
        else:
            return None
    return node


def pairs(node: yaml.Node | None) -> list[tuple[str, yaml.Node]]:
    """Return the text keys of a mapping with their nodes; nothing of any other node."""
    import yaml

    if not isinstance(node, yaml.MappingNode):
        return []
    return [(key.value, value) for key, value in node.value if isinstance(key, yaml.ScalarNode)]


def items(node: yaml.Node | None) -> list[yaml.Node]:
    """Return the items of a sequence; a scalar or mapping counts as one item."""
    import yaml

    if node is None:
        return []
    return list(node.value) if isinstance(node, yaml.SequenceNode) else [node]


def text_of(node: yaml.Node | None) -> str | None:
    """Return a scalar's text, None when it is none or a template fills it in."""
    import yaml

    if not isinstance(node, yaml.ScalarNode) or HOLE in node.value:
        return None
    return str(node.value)


def is_scalar(node: yaml.Node | None) -> bool:
    """Return whether a node is a scalar, settled or not."""
    import yaml

    return isinstance(node, yaml.ScalarNode)


def walk(node: yaml.Node) -> Iterator[yaml.Node]:
    """Yield a node and everything below it, each once."""
    import yaml

    stack, seen = [node], set()
    while stack:
        one = stack.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        if isinstance(one, yaml.MappingNode):
            stack.extend(value for _, value in reversed(one.value))
        elif isinstance(one, yaml.SequenceNode):
            stack.extend(reversed(one.value))


def span_of(node: yaml.Node, source: Source) -> Span:
    """Return a node's place; of a scalar without its quotes, of anything longer than a line its first line."""
    start, end = node.start_mark, node.end_mark
    line, column = start.line + 1, start.column + 1
    text = source.lines[start.line] if start.line < len(source.lines) else ""
    if start.line != end.line:
        return Span(line, column, line, max(len(text.rstrip()) + 1, column))
    quoted = getattr(node, "style", None) in ("'", '"')
    return Span(line, column + quoted, line, max(end.column + 1 - quoted, column))


def script_of(node: yaml.Node, source: Source) -> list[Stretch]:
    """Return the lines of a scalar that is a script, as the file has them."""
    start, end = node.start_mark, node.end_mark
    style = getattr(node, "style", None)
    if style in ("|", ">"):
        return _block(source, start.line + 1, end.line + (end.column > 0), folded=style == ">")
    quoted = style in ("'", '"')
    if start.line == end.line:
        text = source.lines[start.line][start.column + quoted : end.column - quoted]
        return [Stretch(start.line + 1, start.column + 1 + quoted, text)]
    found = []
    for number in range(start.line, min(end.line + 1, len(source.lines))):
        line = source.lines[number]
        first = start.column + quoted if number == start.line else len(line) - len(line.lstrip())
        last = end.column - quoted if number == end.line else len(line)
        joint = "\\" if number < end.line else ""  # the lines of a flow scalar are one
        found.append(Stretch(number + 1, first + 1, line[first:last] + joint))
    return found


def _block(source: Source, first: int, last: int, *, folded: bool) -> list[Stretch]:
    lines = source.lines[first:last]
    indent = next((len(line) - len(line.lstrip(" ")) for line in lines if line.strip()), 0)
    found: list[Stretch] = []
    for number, line in enumerate(lines):
        if line.strip() and len(line) - len(line.lstrip(" ")) < indent:
            break
        found.append(Stretch(first + number + 1, indent + 1, line[indent:]))
    if folded:  # consecutive lines of one indentation are one line
        for number, stretch in enumerate(found[:-1]):
            follower = found[number + 1].text
            if stretch.text.strip() and follower.strip() and not follower.startswith((" ", "\t")):
                found[number] = stretch._replace(text=stretch.text + "\\")
    return found
