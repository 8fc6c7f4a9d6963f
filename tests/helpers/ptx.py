"""Runs a kernel of PTX thread by thread, as far as the kernels of this project go, and says what memory it touched."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_KERNEL = re.compile(r"\.entry (\w+)\(([^)]*)\)\s*\{(.*?)^\}", re.DOTALL | re.MULTILINE)
_VECTOR = re.compile(r"\{([^}]*)\}")
_WORD = 4
_BITS = 64
_MASK = (1 << _BITS) - 1


@dataclass
class Touched:
    """What a grid of threads did to global memory: (address, bytes) of each load and store."""

    loads: list[tuple[int, int]] = field(default_factory=list)
    stores: list[tuple[int, int]] = field(default_factory=list)


def run(
    text: str, name: str, *, blocks: int, threads: int, arguments: Mapping[str, int], word: Callable[[int], int]
) -> Touched:
    """Run every thread of a kernel.

    Args:
        text: a PTX module.
        name: of the kernel.
        blocks: of the grid, in one dimension.
        threads: of each block.
        arguments: value of each parameter.
        word: 32 bits at an address.

    Raises:
        ValueError: an instruction that this does not know.
    """
    body = {found[1]: (found[2], found[3]) for found in _KERNEL.finditer(text)}[name]
    assert {part.split()[-1] for part in body[0].split(",") if part.strip()} == set(arguments)
    lines = [line.split("//")[0].strip().rstrip(";") for line in body[1].splitlines()]
    code = [line for line in lines if line and not line.startswith(".reg")]
    labels = {line[:-1]: at for at, line in enumerate(code) if line.endswith(":")}
    touched = Touched()
    for block in range(blocks):
        for thread in range(threads):
            special = {"%tid.x": thread, "%ctaid.x": block, "%nctaid.x": blocks}
            _thread(code, labels, {**arguments, **special}, word, touched)
    return touched


def _thread(
    code: list[str], labels: dict[str, int], values: dict[str, int], word: Callable[[int], int], touched: Touched
) -> None:
    at = 0
    while at < len(code):
        line = code[at]
        at += 1
        if line.startswith("@"):
            guard, line = line[1:].split(maxsplit=1)
            if bool(values[guard.lstrip("!")]) == guard.startswith("!"):
                continue
        operation, _, rest = line.partition(" ")
        if operation == "ret":
            return
        if operation == "bra":
            at = labels[rest.strip()]
        elif not line.endswith(":"):
            _step(operation, rest, values, word, touched)


def _step(operation: str, rest: str, values: dict[str, int], word: Callable[[int], int], touched: Touched) -> None:
    """Carry out one instruction that does not branch."""

    def of(text: str) -> int:
        return int(text) if text.lstrip("-").isdigit() else values[text]

    def address(text: str) -> int:
        base, _, offset = text.strip("[]").partition("+")
        return values[base] + int(offset or 0)

    vector = _VECTOR.search(rest)
    to, *parts = (part.strip() for part in _VECTOR.sub("VECTOR", rest).split(","))
    kind = operation.split(".")
    if operation.startswith("ld.param"):
        values[to] = values[parts[0].strip("[]")]
    elif operation == "ld.global.v4.u32" and vector:
        start = address(parts[0])
        touched.loads.append((start, 4 * _WORD))
        for n, register in enumerate(vector[1].split(",")):
            values[register.strip()] = word(start + n * _WORD)
    elif operation == "st.global.u32":
        touched.stores.append((address(to), _WORD))
    elif kind[0] in ("mov", "cvt", "cvta"):
        values[to] = of(parts[0])
    elif kind[0] == "setp":
        a, b = map(of, parts)
        values[to] = {"lt": a < b, "eq": a == b}[kind[1]]
    elif kind[0] in ("add", "mul", "xor", "shl"):
        a, b = map(of, parts)
        values[to] = {"add": a + b, "mul": a * b, "xor": a ^ b, "shl": a << b if b < _BITS else 0}[kind[0]] & _MASK
    else:
        message = f"not known here: {operation} {rest}"
        raise ValueError(message)
