"""Knows how a store becomes one Parquet file: a row for each value that a reading tells, so that any schema fits.

Columns: ``node``, ``at`` (UTC), ``telling`` (digest), ``subject`` (``machine``, ``GPU 0``), ``name``, ``value``
(text) and ``number`` (where the value is one). Rows are written in groups: memory does not grow with the store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parity.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from parity.fleet.past import Fact

GROUP = 100_000
_MEND = "install it: python -m pip install 'gpu-parity[parquet]'"


def write(path: str, facts: Iterable[Fact]) -> int:
    """Write the facts of a store; return how many rows.

    Raises:
        UsageError: pyarrow is not installed, or the file cannot be written.
    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise UsageError(f"pyarrow cannot be imported: {error}", where="--export", mend=_MEND) from error
    words = pa.dictionary(pa.int32(), pa.string())
    schema = pa.schema(
        [
            ("node", words), ("at", pa.timestamp("s", tz="UTC")), ("telling", words), ("subject", words),
            ("name", words), ("value", words), ("number", pa.float64()),
        ]
    )  # fmt: skip
    count = 0
    try:
        with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
            for group in _groups(facts):
                columns = list(zip(*group, strict=True))
                arrays = [pa.array(column, type=field.type) for column, field in zip(columns, schema, strict=True)]
                writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
                count += len(group)
    except (OSError, pa.ArrowException) as error:
        raise UsageError(f"cannot be written: {error}", where=path, mend="check the folder and the disk") from error
    return count


def _groups(facts: Iterable[Fact]) -> Iterator[list[tuple[Any, ...]]]:
    group: list[tuple[Any, ...]] = []
    for one in facts:
        group.append((one.node, one.at, one.telling, one.subject, one.name, one.value, one.number))
        if len(group) >= GROUP:
            yield group
            group = []
    if group:
        yield group
