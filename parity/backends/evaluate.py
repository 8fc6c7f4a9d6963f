"""Knows how to evaluate a package's function for a machine that need not be there, from its source alone.

Nothing of the package is run. Constants, comparisons, calls of its own functions and classes, and what the machine is
asked are evaluated; everything else is unknown. A condition that is unknown is taken both ways, one run each, so that
an answer says under which conditions it holds. A shape that is not understood ends the run: the answer is unknown.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

from parity.backends import expressions, names, statements
from parity.backends.frame import Frame, RaisedError
from parity.backends.machine import NOT_ASKED
from parity.backends.source import bound_names
from parity.backends.values import (
    Capability,
    ClassValue,
    FunctionValue,
    GiveUpError,
    Instance,
    SuperValue,
    Symbol,
    Unknown,
    quoted,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from parity.backends.machine import AskedMachine
    from parity.backends.source import SourceTree
    from parity.backends.values import Value

MAX_RUNS = 128
MAX_STEPS = 20_000
MAX_DEPTH = 24
_PLAIN_ENUMS = ("StrEnum", "IntEnum", "enum.StrEnum", "enum.IntEnum")
# Decorators that leave what a function returns alone.
_TRANSPARENT = frozenset({
    "cache", "lru_cache", "staticmethod", "classmethod", "property", "cached_property", "assume_constant_result",
    "with_nvml_context", "flashinfer_api", "no_grad", "override",
})  # fmt: skip


class Outcome(NamedTuple):
    """What one run of a function came to, and the conditions it took to be so.

    Attributes:
        value: returned; ``Unknown`` when the source does not tell.
        taken: text of each unknown condition -> the way that was taken.
    """

    value: Value
    taken: tuple[tuple[str, bool], ...] = ()


def explore(
    tree: SourceTree,
    machine: AskedMachine,
    start: Callable[[Evaluator], Value],
    *,
    bound: Mapping[str, Value] | None = None,
) -> list[Outcome]:
    """Return every outcome of evaluating ``start``, each unknown condition taken both ways.

    Args:
        tree: the source.
        machine: what is asked.
        start: evaluates what is wanted, with the evaluator it is given.
        bound: dotted expressions or function names -> what they are, known beforehand.
    """
    outcomes: list[Outcome] = []
    waiting: list[tuple[bool, ...]] = [()]
    while waiting:
        if len(outcomes) >= MAX_RUNS:
            return [Outcome(Unknown(f"more than {MAX_RUNS} ways through the source"))]
        ahead = waiting.pop()
        run = Evaluator(tree, machine, ahead, bound or {})
        try:
            value = start(run)
        except RaisedError as error:
            value = Unknown(f"an answer; it raises on the way, {error}")
        except GiveUpError as error:
            value = Unknown(str(error))
        except RecursionError:
            value = Unknown("the source nests too deeply")
        taken = list(run.taken.items())
        outcomes.append(Outcome(value, tuple((known.text, way) for known, way in taken)))
        ways = [way for _, way in taken]
        waiting.extend((*ways[:place], not ways[place]) for place in range(len(ahead), len(ways)))
    return outcomes


class Evaluator:
    """One run."""

    def __init__(
        self, tree: SourceTree, machine: AskedMachine, ahead: tuple[bool, ...], bound: Mapping[str, Value]
    ) -> None:
        """Start a run that takes its first unknown conditions as ``ahead`` says, and the others as true."""
        self.tree = tree
        self.machine = machine
        self.bound = bound
        self.taken: dict[Unknown, bool] = {}
        self._ahead = ahead
        self._steps = 0
        self._depth = 0
        self._frames = 0
        self._modules: dict[str, int] = {}

    # -- choices and limits

    def is_true(self, value: Value) -> bool:
        """Return a value's truth; of an unknown one, the way that this run takes."""
        if not isinstance(value, Unknown):
            return expressions.truth(value)
        if value not in self.taken:
            place = len(self.taken)
            self.taken[value] = self._ahead[place] if place < len(self._ahead) else True
        return self.taken[value]

    def module_number(self, name: str) -> int:
        """Return a module's own number among the frames, which are positive."""
        return -1 - self._modules.setdefault(name, len(self._modules))

    def step(self) -> None:
        """Count one step.

        Raises:
            GiveUpError: there were too many.
        """
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise GiveUpError("the source takes too many steps")

    # -- calls

    def call(self, callee: Value, positional: list[Value], keywords: dict[str, Value], text: str) -> Value:
        """Return what a call comes to."""
        if isinstance(callee, ClassValue):
            return self._instantiate(callee, positional, keywords)
        if not isinstance(callee, FunctionValue):
            return Unknown(text)
        if isinstance(callee.node, ast.Lambda):
            frame = self._frame(callee, positional, keywords)
            return self.nested(lambda: self.value(callee.node.body, frame))  # type: ignore[arg-type]
        for decorator in callee.node.decorator_list:
            told = decorator.func if isinstance(decorator, ast.Call) else decorator
            if quoted(told).rpartition(".")[2] not in _TRANSPARENT:
                return Unknown(text)
        frame = self._frame(callee, positional, keywords)
        if callee.home is not None and callee.bound:
            frame.local["super()"] = SuperValue(callee.home, callee.bound[0])
        return self.nested(lambda: statements.body(self, callee.node.body, frame))  # type: ignore[arg-type]

    def _frame(self, callee: FunctionValue, positional: list[Value], keywords: dict[str, Value]) -> Frame:
        self._frames += 1
        local = self.arguments(callee, positional, keywords)
        numbered = {
            name: Unknown(value.text, self._frames) if isinstance(value, Unknown) and not value.frame else value
            for name, value in local.items()
        }
        return Frame(callee.module, numbered, self._frames)

    def nested(self, evaluated: Callable[[], Value]) -> Value:
        """Return what an inner evaluation comes to.

        Raises:
            GiveUpError: there are too many within each other.
        """
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self._depth -= 1
            raise GiveUpError("the source calls too deeply")
        try:
            return evaluated()
        finally:
            self._depth -= 1

    def arguments(self, callee: FunctionValue, positional: list[Value], keywords: dict[str, Value]) -> dict[str, Value]:
        """Return parameter -> value; parameters that nobody gives have their default, or are unknown."""
        spec = callee.node.args
        given = [*callee.bound, *positional]
        named = {**dict(callee.fixed), **keywords}
        local: dict[str, Value] = {}
        parameters = [*spec.posonlyargs, *spec.args]
        defaults: list[ast.expr | None] = [None] * (len(parameters) - len(spec.defaults)) + list(spec.defaults)
        for place, (parameter, default) in enumerate(zip(parameters, defaults, strict=True)):
            if place < len(given):
                local[parameter.arg] = given[place]
            else:
                local[parameter.arg] = self._parameter(callee.module, parameter.arg, default, named)
        for parameter, default in zip(spec.kwonlyargs, spec.kw_defaults, strict=True):
            local[parameter.arg] = self._parameter(callee.module, parameter.arg, default, named)
        for star in (spec.vararg, spec.kwarg):
            if star is not None:
                local[star.arg] = Unknown(star.arg)
        return local

    def _parameter(self, module: str, name: str, default: ast.expr | None, named: dict[str, Value]) -> Value:
        if name in named:
            return named[name]
        return Unknown(name) if default is None else self.value(default, Frame(module, {}))

    def _instantiate(self, kind: ClassValue, positional: list[Value], keywords: dict[str, Value]) -> Value:
        if [quoted(base) for base in kind.node.bases] == ["NamedTuple"] and len(positional) == 2:
            fields = [
                node.target.id
                for node in kind.node.body
                if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
            ]
            if fields == ["major", "minor"] and all(type(item) is int for item in positional):
                return Capability(positional)
        made = Instance(kind, keywords)
        start = self.class_member(kind, "__init__")
        if isinstance(start, FunctionValue):
            made.attributes = {}
            bound = FunctionValue(start.module, start.node, (made,), home=start.home)
            self.call(bound, positional, keywords, kind.node.name)
        return made

    def class_member(self, kind: ClassValue, name: str) -> Value:
        """Return what a class or its bases bind to a name; ``NOT_ASKED`` when none does."""
        self.step()
        for node in reversed(kind.node.body):
            if name not in bound_names(node):
                continue
            if isinstance(node, ast.FunctionDef):
                return FunctionValue(kind.module, node, home=kind)
            if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
                if any(quoted(base).endswith("Enum") for base in kind.node.bases):
                    held = node.value.value if isinstance(node.value, ast.Constant) else None
                    if (held is not None and len(kind.node.bases) > 1) or quoted(kind.node.bases[0]) in _PLAIN_ENUMS:
                        return held  # a text or a number in all that it is compared with
                    return Symbol(f"{kind.node.name}.{name}", held if isinstance(held, (str, int)) else None)
                return self.value(node.value, Frame(kind.module, {}))
            return Unknown(name)
        return self.member_of_bases(kind, name)

    def member_of_bases(self, kind: ClassValue, name: str) -> Value:
        """Return what the bases of a class bind to a name; ``NOT_ASKED`` when none does."""
        for base in kind.node.bases:
            found = self.nested(lambda base=base: self.value(base, Frame(kind.module, {})))  # type: ignore[misc]
            if isinstance(found, ClassValue):
                member = self.nested(lambda found=found: self.class_member(found, name))  # type: ignore[misc]
                if member is not NOT_ASKED:
                    return member
        return NOT_ASKED

    # -- expressions

    def name(self, name: str, frame: Frame) -> Value:
        """Return what a name is in a frame."""
        if name in frame.local:
            return frame.local[name]
        found = names.lookup(self, frame.module, name)
        return expressions.BUILTINS.get(name, Unknown(name)) if found is NOT_ASKED else found

    def value(self, node: ast.expr, frame: Frame) -> Value:
        """Return what an expression comes to."""
        self.step()
        found = self.nested(lambda: expressions.evaluate(self, node, frame))
        return Unknown(found.text, frame.number) if isinstance(found, Unknown) and not found.frame else found
