"""What holds for every file: docstrings, and no trace of the machine it was written on."""

from __future__ import annotations

import ast
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = ("parity", "pytest_parity")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
# Folders of one person's machine, and the folder this checkout lies in; made-up persons may stand in tests of redaction.
PRIVATE = re.compile(
    r"/home/(?!user\b|someone\b|me\b|runner\b|alice\b|bob\b|jane\b|jdoe\b|x\b|[<{$*%\[(\\])\w+/"
    r"|/Users/(?!user\b|someone\b|me\b|alice\b|bob\b|jane\b|jdoe\b|[<{$*%\[(\\])\w+/"
    r"|C:\\Users\\\w+\\" + (rf"|(?<![\w./~-]){re.escape(str(ROOT.parent))}/" if len(ROOT.parts) > 2 else "")
)
TEXT = {".py", ".md", ".yaml", ".yml", ".toml", ".json", ".txt", ".xml", ".csv", ".cfg", ".c", ".h", ""}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def is_stub(path: Path) -> bool:
    """Return whether a package's ``__init__`` is empty: it re-exports nothing and says nothing."""
    return path.name == "__init__.py" and not path.read_text(encoding="utf-8").strip()


@pytest.mark.parametrize("path", [path for path in MODULES if not is_stub(path)], ids=name_of)
def test_a_module_opens_with_one_sentence(path: Path) -> None:
    told = ast.get_docstring(tree(path))
    assert told, "no docstring"
    first = told.split("\n\n")[0]
    assert first.rstrip().endswith((".", "PYTEST_DONT_REWRITE")), first


def public(node: ast.Module | ast.ClassDef) -> list[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    found = []
    for child in node.body:
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and not child.name.startswith("_"):
            found.append(child)
            if isinstance(child, ast.ClassDef):
                found += public(child)
    return found


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_public_name_has_a_docstring(path: Path) -> None:
    undocumented = [child.name for child in public(tree(path)) if not ast.get_docstring(child)]
    assert undocumented == []


def test_the_packages_are_there() -> None:
    assert len(MODULES) > 100, "the folders have moved and these tests look at nothing"


@cache
def tracked() -> tuple[Path, ...]:
    """Return every file that is or would be committed; without git, every file of the known folders."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT, capture_output=True, check=False,
    )  # fmt: skip
    if listed.returncode == 0:
        found = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    else:
        found = [path for folder in (*PACKAGES, "rules", "tests", "docs") for path in (ROOT / folder).rglob("*")]
    return tuple(path for path in found if path.suffix in TEXT and path.is_file() and path != Path(__file__).resolve())


def test_no_file_names_a_path_of_somebodys_machine() -> None:
    found = []
    for path in tracked():
        text = path.read_text(encoding="utf-8", errors="replace")
        found += [f"{name_of(path)}: {match.group()}" for match in PRIVATE.finditer(text)]
    assert found == []
    assert len(tracked()) > 300


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("/home/karl/src", True),
        ("/Users/karl/src", True),
        (f"see {ROOT}/parity", True),
        ("/home/user/.cache", False),
        ("~/.cache", False),
        ("/usr/lib/x86_64-linux-gnu", False),
    ],
)
def test_the_pattern_knows_what_it_looks_for(text: str, found: bool) -> None:
    assert bool(PRIVATE.search(text)) is found
