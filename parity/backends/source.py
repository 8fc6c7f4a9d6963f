"""Knows the Python source of installed packages: parsed, never imported, with what each module binds to its names."""

from __future__ import annotations

import ast
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from parity.backends.values import GiveUpError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_SOURCE_BYTES = 4 * 1024 * 1024
MAX_STEPS_UP = 8  # of ``from ....x import y``
_EXTENSIONS = (".so", ".pyd")


class Binding(NamedTuple):
    """What a module binds to a name: a definition, an import, or an assignment; ``under`` is what it depends on."""

    node: ast.stmt
    under: ast.If | ast.Try | None = None


class Module(NamedTuple):
    """One parsed module."""

    name: str
    path: Path
    names: dict[str, list[Binding]]
    is_package: bool


class SourceTree:
    """The modules under some folders of the module path."""

    def __init__(self, roots: Sequence[str | Path]) -> None:
        """Take the folders in the order of the module path."""
        self._roots = [Path(root) for root in roots]
        self._held: dict[str, Module | str] = {}

    def module(self, name: str) -> Module:
        """Return a module.

        Raises:
            GiveUpError: there is none, or it cannot be read or parsed.
        """
        held = self._held.get(name)
        if held is None:
            held = self._held[name] = self._read(name)
        if isinstance(held, str):
            raise GiveUpError(held)
        return held

    def has(self, name: str) -> bool:
        """Return whether a module, package or extension of this name is there."""
        if self._file(name) is not None:
            return True
        folder, _, last = name.rpartition(".")
        for root in self._roots:
            if name.isascii() and root.joinpath(*name.split(".")).is_dir():
                return True
            place = root.joinpath(*folder.split(".")) if folder else root
            try:
                if any(file.name.startswith(f"{last}.") and file.suffix in _EXTENSIONS for file in place.iterdir()):
                    return True
            except OSError:
                continue
        return False

    def inside(self, name: str) -> list[str]:
        """Return the modules directly in a package's folder, by their full names."""
        found: dict[str, None] = {}
        for root in self._roots:
            folder = root.joinpath(*name.split("."))
            if folder.is_dir():
                found.update(dict.fromkeys(f"{name}.{path.stem}" for path in sorted(folder.glob("*.py"))))
        return list(found)

    def folder(self, name: str) -> Path | None:
        """Return the folder that a module's file lies in, None when there is none."""
        found = self._file(name)
        return None if found is None else found[1].parent

    def label(self, name: str) -> str:
        """Return ``vllm/platforms/cuda.py``."""
        found = self._file(name)
        return name if found is None else found[1].relative_to(found[0]).as_posix()

    def _file(self, name: str) -> tuple[Path, Path] | None:
        parts = name.split(".")
        if not all(part.isidentifier() for part in parts):
            return None
        for root in self._roots:
            for path in (root.joinpath(*parts, "__init__.py"), root.joinpath(*parts).with_suffix(".py")):
                if path.is_file():
                    return root, path
        return None

    def _read(self, name: str) -> Module | str:
        found = self._file(name)
        if found is None:
            return f"{name} is not installed as Python source"
        path = found[1]
        try:
            with path.open("rb") as stream:
                raw = stream.read(MAX_SOURCE_BYTES + 1)
            if len(raw) > MAX_SOURCE_BYTES:
                return f"{self.label(name)} is larger than {MAX_SOURCE_BYTES} bytes"
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of somebody else's source
                tree = ast.parse(raw)
        except (OSError, SyntaxError, ValueError, RecursionError, MemoryError) as error:
            return f"{self.label(name)} is not read: {type(error).__name__}"
        names: dict[str, list[Binding]] = {}
        for bound, binding in _bindings(tree.body, None):
            names.setdefault(bound, []).append(binding)
        return Module(name, path, names, path.name == "__init__.py")


def _bindings(body: Sequence[ast.stmt], under: ast.If | ast.Try | None) -> Iterator[tuple[str, Binding]]:
    """Yield each name that statements bind, in order; those in ``if`` and ``try`` with the outermost of them."""
    for node in body:
        if isinstance(node, ast.If):
            yield from _bindings([*node.body, *node.orelse], under or node)
        elif isinstance(node, ast.Try):
            handled = [statement for handler in node.handlers for statement in handler.body]
            yield from _bindings([*node.body, *handled, *node.orelse, *node.finalbody], under or node)
        else:
            for name in bound_names(node):
                yield name, Binding(node, under)


def bound_names(node: ast.stmt) -> list[str]:
    """Return the names that one statement binds."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [node.name]
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return [alias.asname or alias.name.partition(".")[0] for alias in node.names]
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    if isinstance(node, (ast.AnnAssign, ast.AugAssign)) and isinstance(node.target, ast.Name):
        return [node.target.id] if node.value is not None else []
    return []


def imported_from(module: Module, node: ast.ImportFrom) -> str:
    """Return the absolute name of the module that ``from ... import`` names.

    Raises:
        GiveUpError: it leaves the package.
    """
    if not node.level:
        return node.module or ""
    parts = module.name.split(".")
    up = node.level - (1 if module.is_package else 0)
    if up >= len(parts) or node.level > MAX_STEPS_UP:
        raise GiveUpError(f"an import leaves {module.name}")
    base = parts[: len(parts) - up] if up else parts
    return ".".join([*base, *([node.module] if node.module else [])])
