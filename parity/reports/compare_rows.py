"""Knows how a comparison's figures are printed: unit of a row, cells with their ratio, which rows are worth a line."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from parity.compare.quantities import figure, times_text
from parity.units import GIB, KIB, MIB

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.model.compare import Comparison, Quantity, Row

# Shown on request: what only some ask for, divided.
_FOR_THE_CURIOUS = ("tflops_fp64_tensor/", "tflops_fp32/", "tops_int8/", "tflops_bf16_measured/power")
_SHORTER = {
    "per watt": "per W", "per SM / CU": "per SM/CU", "per 1e9 transistors": "per 1e9 tr.", "per compute die": "per die",
    "per GiB of memory": "per GiB", "time to read the memory once": "whole memory read",
    "per GB/s of bandwidth": "per bandwidth",
}  # fmt: skip
_SIZES = (("GiB", GIB), ("MiB", MIB), ("KiB", KIB))


class Line(NamedTuple):
    """One printed row.

    Attributes:
        title: with its unit: ``bandwidth, GB/s``.
        values: one per column.
        ratios: over the first column; empty for the first and where there is none.
    """

    title: str
    values: tuple[str, ...]
    ratios: tuple[str, ...]


SECTIONS = (("facts", "raw"), ("normalised", "normalised"), ("ridge points", "ridges"))


def sections(comparison: Comparison, *, every_row: bool) -> Iterator[tuple[str, list[Line]]]:
    """Yield each table's heading and its lines.

    Args:
        comparison: what to tell.
        every_row: also rows that no column knows.
    """
    for heading, name in SECTIONS:
        rows: tuple[Row, ...] = getattr(comparison, name)
        lines = [line(row) for row in _worth(rows, every_row=every_row)]
        if lines:
            yield heading, lines


def _worth(rows: tuple[Row, ...], *, every_row: bool) -> Iterator[Row]:
    by_name = {row.name: row for row in rows}
    for row in rows:
        if every_row:
            yield row
            continue
        if all(cell.state != "known" for cell in row.cells) or row.name.startswith(_FOR_THE_CURIOUS):
            continue
        twin = _twin(row.name, by_name)
        if twin is not None and _figures(twin) == _figures(row):
            if row.name.endswith("bf16"):
                yield _retitled(row)
            elif "bf16" in row.name:
                yield row
            continue
        yield row


def _twin(name: str, rows: dict[str, Row]) -> Row | None:
    """Return the FP16 row of a BF16 row, and the other way round; None where only one of them is there."""
    for one, other in (("bf16", "fp16"), ("fp16", "bf16")):
        if one in name:
            return rows.get(name.replace(one, other))
    return None


def repeats(row: Row, rows: dict[str, Row], about: int) -> bool:
    """Return whether an FP16 row says of one column what its BF16 row says."""
    twin = rows.get(row.name.replace("fp16", "bf16")) if "fp16" in row.name else None
    return twin is not None and twin.over_first[about] == row.over_first[about]


def _figures(row: Row) -> tuple[str, ...]:
    return tuple(figure(cell) for cell in row.cells)


def _retitled(row: Row) -> Row:
    return msgspec.structs.replace(row, title=row.title.replace("BF16", "BF16 and FP16"))


def format_word(dtype: str) -> str:
    """Return a number format as people write it."""
    return "FP64 matrix" if dtype == "fp64_tensor" else dtype.upper()


def line(row: Row) -> Line:
    """Return a row as printed, in the unit that keeps its figures readable."""
    unit, size = _unit(row)
    ratios = ["" if found.value is None else times_text(found) for found in row.over_first]
    short = row.title
    for words, fewer in _SHORTER.items():
        short = short.replace(words, fewer)
    title = f"{short}, {unit}" if unit else short
    return Line(title, tuple(figure(scaled(cell, size)) for cell in row.cells), ("", *ratios[1:]))


def _unit(row: Row) -> tuple[str, float]:
    highest = max((cell.high for cell in row.cells if cell.high is not None), default=0.0)
    if row.unit == "B":
        return next(((name, float(size)) for name, size in _SIZES if highest >= size), ("B", 1.0))
    if row.name == "transistors" or row.title.startswith("transistors"):
        return "1e9", 1e9
    return row.unit.removesuffix("/W").removesuffix("/GiB"), 1.0


def scaled(quantity: Quantity, size: float) -> Quantity:
    """Return a known quantity in units of ``size``; another as it is."""
    if quantity.value is None or quantity.low is None or quantity.high is None:
        return quantity
    value, low, high = quantity.value / size, quantity.low / size, quantity.high / size
    return msgspec.structs.replace(quantity, value=value, low=low, high=high)
