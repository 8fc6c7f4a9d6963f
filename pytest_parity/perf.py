"""Knows which tests are perf tests: by mark, fixture or configured path, never by a name or a folder's name.

PYTEST_DONT_REWRITE
"""

from __future__ import annotations

import re
from functools import cache
from os.path import realpath
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pytest

MARKERS = frozenset({"perf", "performance", "benchmark", "codspeed_benchmark"})
FIXTURES = frozenset({"benchmark", "codspeed_benchmark"})
LINTERS = frozenset({"black", "flake8", "isort", "mypy", "pycodestyle", "pydocstyle", "pylint", "ruff"})
"""Marks that pytest-black, -flake8 and so on put on their items: a look at a file of perf tests measures nothing."""

_GLOB_PARTS = re.compile(r"(\*\*/|\*\*|\*|\?|\[!?[^\]/]+\])")
_GLOBS = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}


class PerfRules(NamedTuple):
    """What makes a test a perf test in this run.

    Attributes:
        markers: mark names, on the test, class, module or parameter.
        fixtures: fixture names.
        paths: globs over the test file's path relative to ``rootdir``, compiled.
        rootdir: folder of the project file, else pytest's rootdir.
        classify: says whether an item is a perf test, None to leave it to the rest; the hook, where anybody has one.
    """

    markers: frozenset[str]
    fixtures: frozenset[str]
    paths: tuple[re.Pattern[str], ...]
    rootdir: Path
    classify: Callable[[pytest.Item], bool | None] | None = None

    @classmethod
    def of(
        cls,
        configured: Mapping[str, tuple[str, ...]],
        rootdir: Path,
        classify: Callable[[pytest.Item], bool | None] | None = None,
    ) -> PerfRules:
        """Return the defaults plus what the project file adds."""
        return cls(
            markers=MARKERS.union(configured.get("markers", ())),
            fixtures=FIXTURES.union(configured.get("fixtures", ())),
            paths=tuple(compile_glob(pattern) for pattern in configured.get("paths", ())),
            rootdir=rootdir,
            classify=classify,
        )

    def covers(self, item: pytest.Item) -> bool:
        """Tell whether the item is a perf test, apart from its ``parity`` markers."""
        told = None if self.classify is None else self.classify(item)
        if told is not None:
            return told
        if not self.fixtures.isdisjoint(getattr(item, "fixturenames", ())):  # some doctest items have none
            return True
        if any(mark.name in self.markers for mark in item.iter_markers()):
            return True
        return any(
            pattern.fullmatch(path) and not _is_of_a_linter(item)
            for pattern in self.paths
            for path in _below(self.rootdir, item.path)
        )


def _is_of_a_linter(item: pytest.Item) -> bool:
    return not hasattr(item, "obj") and any(mark.name in LINTERS for mark in item.own_markers)


@cache
def _below(rootdir: Path, path: Path) -> tuple[str, ...]:
    """Return a file's path relative to a folder, with slashes, as it is called and as it is without links."""
    found = dict.fromkeys(((rootdir, path), (Path(realpath(rootdir)), Path(realpath(path)))))
    return tuple(file.relative_to(folder).as_posix() for folder, file in found if file.is_relative_to(folder))


def classify_by_hook(item: pytest.Item) -> bool | None:
    """Return what plugins and conftest files say through ``pytest_parity_classify``."""
    told = item.ihook.pytest_parity_classify(config=item.config, item=item)
    return None if told is None else bool(told)


def compile_glob(pattern: str) -> re.Pattern[str]:
    """Return the pattern as an expression: ``*`` stays in one folder, ``**`` crosses folders.

    >>> bool(compile_glob("benchmarks/**").fullmatch("benchmarks/kernels/test_gemm.py"))
    True
    >>> bool(compile_glob("**/bench_*.py").fullmatch("bench_gemm.py"))
    True
    >>> bool(compile_glob("benchmarks/*").fullmatch("benchmarks/kernels/test_gemm.py"))
    False
    """
    plain = pattern.removeprefix("./")
    try:
        return re.compile("".join(_translate(part) for part in _GLOB_PARTS.split(plain)))
    except re.error:  # such as [z-a]
        return re.compile(re.escape(plain))


def _translate(part: str) -> str:
    if part in _GLOBS:
        return _GLOBS[part]
    if part.startswith("[") and part.endswith("]"):
        body = part[1:-1].replace("\\", "\\\\")
        return f"[^/{body[1:]}]" if body.startswith("!") else f"[{body}]"
    return re.escape(part)
