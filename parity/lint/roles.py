"""Knows what a file is for in its repository: the product, or a trial, an example, one machine's settings, a copy.

The words of a path that say so are data (``rules/lint_data/roles.yaml``); which roles a rule keeps away from stands on
its card. What a file itself says may outweigh its path: a CI job that ships what it builds, or measures, is no trial.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING, NamedTuple

from parity.catalog import store
from parity.lint.python_scope import about_perf
from parity.lint.script import is_perf

if TYPE_CHECKING:
    from parity.lint.facts import Facts
    from parity.model.lint import LintCard

NONE: frozenset[str] = frozenset()
# Files of these kinds try the project wherever they lie.
_CI = frozenset({"github-workflow", "gitlab-ci", "buildkite"})
_WORD = re.compile(r"[a-z0-9]+")
# A test's own name says more than what it uploads.
_TESTS = re.compile(r"(?:^|[-_.])(?:unit)?-?tests?(?:$|[-_.])", re.IGNORECASE)
_FOR_RELEASE = re.compile(r"wheel|whl|release|manylinux|publish|package|dist", re.IGNORECASE)
_SHIPS = re.compile(
    r"bdist_wheel|--wheel|-m build|(?:pip3?|uv) (?:wheel|build) +\S|cibuildwheel|manylinux|docker/build-push|"
    r"docker push|gh-release|upload-release|pypi-publish|twine upload|uv publish|poetry publish",
    re.IGNORECASE,
)


class _Role(NamedTuple):
    """A role with its patterns as one."""

    id: str
    folders: frozenset[str]
    names: frozenset[str]
    pattern: re.Pattern[str] | None
    outweighed_by: frozenset[str]


@cache
def _roles() -> tuple[_Role, ...]:
    return tuple(
        _Role(
            one.id,
            frozenset(one.folders),
            frozenset(one.names),
            re.compile("|".join(f"(?:{pattern})" for pattern in one.patterns)) if one.patterns else None,
            frozenset(one.outweighed_by),
        )
        for one in store.lint_book().data.roles
    )


@lru_cache(maxsize=4096)
def roles_of(path: str) -> frozenset[str]:
    """Return the roles that a path gives its file, below the folder that is linted; of a product's file, none.

    >>> sorted(roles_of("docker/Dockerfile")), sorted(roles_of("cime_config/machines/gnugpu_pm-gpu.cmake"))
    ([], ['fragment', 'machine'])
    >>> sorted(roles_of("tests/gpu-pod.yaml")), sorted(roles_of("tests/perf/gpu-pod.yaml"))
    (['trial'], [])
    """
    lower = path.lower()
    *above, name = lower.split("/")
    folders, words = frozenset(above), frozenset(_WORD.findall(name))
    measures = about_perf(lower)
    return frozenset(
        role.id
        for role in _roles()
        if _holds(role, folders, words, lower) and not (measures and "measures" in role.outweighed_by)
    )


def _holds(role: _Role, folders: frozenset[str], words: frozenset[str], path: str) -> bool:
    by_word = not role.folders.isdisjoint(folders) or not role.names.isdisjoint(words)
    return by_word or (role.pattern is not None and role.pattern.search(path) is not None)


def below(path: str, starts: tuple[str, ...]) -> str:
    """Return a path without what lies above the folder that was given: it says nothing of the project.

    >>> below("/srv/tests/kernels/docs/conf.py", ("/srv/tests/kernels",)), below("docs/conf.py", ("docs",))
    ('docs/conf.py', 'docs/conf.py')
    """
    if not path.startswith(("/", "../")) and path[1:3] != ":/":
        return path
    inside = [path[len(start) + 1 :] for start in starts if path.startswith(f"{start.rstrip('/')}/")]
    return min(inside, key=len, default=path.rpartition("/")[2])


def roles_in(facts: Facts, place: str = "") -> frozenset[str]:
    """Return the roles of a file by its path, its kind and what it says itself.

    Args:
        facts: what the file says.
        place: its path below the folder that is linted, when that is another than the one it is told by.
    """
    held = roles_of(place or facts.path) | ({"trial"} if facts.kind in _CI else NONE)
    against: dict[str, frozenset[str]] = {role.id: role.outweighed_by for role in _roles() if role.id in held}
    if not any(against.values()):
        return held
    said = {name for name, says in (("measures", _measures), ("ships", _ships)) if says(facts)}
    return frozenset(role for role in held if against[role].isdisjoint(said))


def _measures(facts: Facts) -> bool:
    return any(is_perf(command.words) for command in facts.commands)


def _ships(facts: Facts) -> bool:
    if facts.kind == "dockerfile" and not _FOR_RELEASE.search(facts.path):
        return False  # a wheel that an image builds on the way is for that image
    return _TESTS.search(facts.path.rsplit("/", 1)[-1]) is None and _SHIPS.search(facts.source.text) is not None


def heard(card: LintCard, roles: frozenset[str], *, preview: bool) -> bool:
    """Return whether a rule speaks of a file with these roles.

    Args:
        card: the rule.
        roles: of the file.
        preview: what rests is asked for.
    """
    return roles.isdisjoint(card.silent_in) and (preview or roles.isdisjoint(card.rests_in))
