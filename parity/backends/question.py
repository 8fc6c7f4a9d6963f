"""Knows what is asked of a package: one topic, evaluated for a machine, with the source that answers it."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from parity.backends.evaluate import explore
from parity.backends.values import ClassValue, GiveUpError, Instance, Unknown, shown
from parity.model.backends import BackendAnswer, BackendOutcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from parity.backends.evaluate import Evaluator, Outcome
    from parity.backends.machine import AskedMachine
    from parity.backends.source import SourceTree
    from parity.backends.values import Value

Bound: TypeAlias = "dict[str, Value]"


class Question(NamedTuple):
    """One topic of one package.

    Attributes:
        package: name of the distribution.
        topic: what is chosen.
        asked: the question in words, with what is taken for granted.
        source: of the function that answers: ``vllm/platforms/cuda.py: _get_backend_priorities``.
        answer: evaluates it for a machine.
    """

    package: str
    topic: str
    asked: str
    source: str
    answer: Callable[[AskedMachine], BackendAnswer]


def answered(
    tree: SourceTree, machine: AskedMachine, start: Callable[[Evaluator], Value], bound: Mapping[str, Value]
) -> BackendAnswer:
    """Return the outcomes of evaluating ``start``; unknown when any of them is."""
    outcomes = explore(tree, machine, start, bound=bound)
    untold = next((one.value.text for one in outcomes if isinstance(one.value, Unknown)), None)
    if untold is not None:
        return unknown(machine, f"the source does not tell {untold}")
    return BackendAnswer(arch=machine.arch, outcomes=_merged(outcomes))


def unknown(machine: AskedMachine, why: str) -> BackendAnswer:
    """Return an answer that says why there is none."""
    return BackendAnswer(arch=machine.arch, unknown=why)


def _merged(outcomes: list[Outcome]) -> tuple[BackendOutcome, ...]:
    """Return the outcomes; conditions that all the ways of one choice leave open are dropped."""
    told: dict[tuple[str, tuple[tuple[str, bool], ...]], None] = {}
    for one in outcomes:
        told[(_choice(one.value), one.taken)] = None
    rows = list(told)
    if len({choice for choice, _ in rows}) == 1:
        return (BackendOutcome(choice=rows[0][0]),)
    changed = True
    while changed:
        changed = False
        for choice, taken in rows:
            twin = next(
                (place for place in range(len(taken)) if _with_flipped(taken, place) in _of(rows, choice)), None
            )
            if twin is not None:
                both = (_with_flipped(taken, twin), taken)
                rows = [row for row in rows if row[0] != choice or row[1] not in both]
                rows.append((choice, taken[:twin] + taken[twin + 1 :]))
                changed = True
                break
    rows.sort(key=lambda row: (len(row[1]), row))
    return tuple(BackendOutcome(choice=choice, when=tuple(_condition(*one) for one in taken)) for choice, taken in rows)


def _of(rows: list[tuple[str, tuple[tuple[str, bool], ...]]], choice: str) -> set[tuple[tuple[str, bool], ...]]:
    return {taken for told, taken in rows if told == choice}


def _with_flipped(taken: tuple[tuple[str, bool], ...], place: int) -> tuple[tuple[str, bool], ...]:
    text, way = taken[place]
    return (*taken[:place], (text, not way), *taken[place + 1 :])


def _condition(text: str, way: bool) -> str:  # noqa: FBT001 - a pair of an outcome
    return text if way else f"not ({text})"


def _choice(value: Value) -> str:
    if value is None:
        return "none"
    return shown(value)


def class_of(tree: SourceTree, module: str, name: str) -> ClassValue:
    """Return a class by its name.

    Raises:
        GiveUpError: the module has none of that name.
    """
    for binding in tree.module(module).names.get(name, []):
        if isinstance(binding.node, ast.ClassDef):
            return ClassValue(module, binding.node)
    raise GiveUpError(f"{tree.label(module)} has no class {name}")


def plain_object(kind: str, **attributes: Value) -> Instance:
    """Return an object of which only these attributes are known."""
    node = ast.ClassDef(name=kind, bases=[], keywords=[], body=[], decorator_list=[])
    return Instance(ClassValue("", node), attributes)
