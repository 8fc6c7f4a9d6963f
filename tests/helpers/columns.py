"""Comparisons of catalog parts and machines, for tests of ``parity.compare`` and its reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.catalog import store
from parity.catalog.identify import identify
from parity.compare.column import Column, column_of_target, columns_of_fingerprint
from parity.compare.comparison import compare
from parity.config.project import Project
from parity.config.targets import resolve_target

if TYPE_CHECKING:
    from parity.model.compare import Comparison, Factor, Flip, Inference, Quantity, Ratio, Row
    from parity.model.fingerprint import Fingerprint


def of_part(word: str) -> Column:
    """Return the column of a catalog name."""
    return column_of_target(resolve_target(word, Project(), source="test"), asked=word, of_project=False)


def of_machine(fingerprint: Fingerprint, asked: str = "machine.json") -> list[Column]:
    """Return the columns of a fingerprint."""
    found = [identify(device, store.index()) for device in fingerprint.visible_devices]
    return columns_of_fingerprint(fingerprint, found, asked=asked, spec_of=store.device_spec)


def compared(*words: str) -> Comparison:
    """Return the comparison of catalog names."""
    return compare([of_part(word) for word in words])


def row(comparison: Comparison, name: str) -> Row:
    """Return the row of this name."""
    rows = (*comparison.raw, *comparison.normalised, *comparison.ridges)
    return next(one for one in rows if one.name == name)


def cell(comparison: Comparison, name: str, column: int) -> Quantity:
    """Return one cell."""
    return row(comparison, name).cells[column]


def over(comparison: Comparison, name: str, column: int = 1) -> Ratio:
    """Return a column over the first one."""
    return row(comparison, name).over_first[column]


def inference(comparison: Comparison, workload: str, dtype: str = "", about: int = 1) -> Inference:
    """Return what is said of one class of work."""
    wanted = (workload, dtype, about)
    return next(one for one in comparison.inferences if (one.workload, one.dtype, one.about) == wanted)


def flip(comparison: Comparison, dtype: str, other: int = 1) -> Flip:
    """Return the flip of one format."""
    return next(one for one in comparison.flips if (one.dtype, one.other) == (dtype, other))


def factor(comparison: Comparison, quantity: str, basis: str, other: int = 1) -> Factor:
    """Return one split."""
    wanted = (quantity, basis, other)
    return next(one for one in comparison.factors if (one.quantity, one.basis, one.other) == wanted)
