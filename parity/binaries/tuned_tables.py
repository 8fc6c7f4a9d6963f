"""Knows how a tuned table is read: JSON that must hold something, AITER's CSV by its columns, TunableOp's validators.

Whatever a file holds, the answer is its entries and at most a few problems in words; nothing is imported or run.
"""

from __future__ import annotations

import ast
import csv
import re
from typing import NamedTuple

import msgspec

from parity.binaries import tuned_names
from parity.inputs import printable
from parity.model.tuned import TunedEntry

MAX_TABLE_BYTES = 16 * 1024 * 1024  # the largest seen is 0.3 MB
MAX_ROWS = 200_000  # per file; the largest seen has 923
MAX_SOURCE_BYTES = 2 * 1024 * 1024

# What AITER looks a row up by besides gfx and cu_num (aiter 0.1.7: tuned_gemm.py, fused_moe.py, ops/gemm_op_a8w8.py);
# the other columns are results.
_LOOKED_UP = (
    "B", "M", "N", "K", "bias", "dtype", "outdtype", "scaleAB", "token", "model_dim", "inter_dim", "expert", "topk",
    "act_type", "q_dtype_a", "q_dtype_w", "q_type", "use_g1u1", "doweight_stage1", "bpreshuffle",
)  # fmt: skip
_GFX = re.compile(r"gfx[0-9a-f]{3,4}(?::(?:sramecc|xnack)[+-])*")


class Table(NamedTuple):
    """What one file holds; ``problem``: why it is not all of it, empty when it is."""

    entries: list[TunedEntry]
    problem: str = ""


def read_table(path: str, raw: bytes) -> Table:
    """Return the entries of a table; a file that is none has neither entries nor a problem.

    Args:
        path: told in the entries; its last parts say what kind of table it is (any ``.csv`` may be one).
        raw: the file, or its first ``MAX_TABLE_BYTES + 1`` bytes.
    """
    kind = tuned_names.kind_of(path) or ("csv" if path.endswith(".csv") else None)
    if kind is None:
        return Table([])
    if kind == "tensile":
        return Table([tuned_names.tensile_entry(path)]) if raw else Table([], "empty")
    if len(raw) > MAX_TABLE_BYTES:
        return Table([], f"larger than {MAX_TABLE_BYTES // 1024 // 1024} MiB: not read")
    if kind == "csv":
        return _csv(path, raw)
    entry = tuned_names.device_entry(path) if kind == "device-json" else tuned_names.arch_entry(path)
    problem = _json_problem(raw)
    return Table([], problem) if problem else Table([entry])


def _json_problem(raw: bytes) -> str:
    """Return why a JSON table holds no configuration; a program that finds such a file fails or ignores it."""
    try:
        held = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return f"not JSON: {printable(str(error))}"
    return "" if isinstance(held, dict) and held else "holds no configuration"


def _csv(path: str, raw: bytes) -> Table:
    text = raw.decode("utf-8-sig", errors="replace").replace("\0", "\ufffd")
    lines = text.splitlines()
    if not lines:
        return Table([], "empty")
    if len(lines) > MAX_ROWS:
        return Table([], f"more than {MAX_ROWS} rows: not read")
    if any(line.startswith("Validator,") for line in lines[:20]):
        return _tunableop(path, lines)
    head = [name.strip() for name in lines[0].split(",")]
    if "cu_num" in head or "gfx" in head:
        return _aiter(path, head, lines[1:])
    if "tunableop" in path.rpartition("/")[2].lower():
        return Table([], "no Validator lines: torch does not load it")
    return Table([])  # a table, but not by device


def _aiter(path: str, head: list[str], lines: list[str]) -> Table:
    family = tuned_names.csv_family(path)
    entries: list[TunedEntry] = []
    wrong = 0
    try:
        for row in csv.reader(lines):
            if not any(cell.strip() for cell in row):
                continue
            cells = dict(zip(head, (cell.strip() for cell in row), strict=False))
            gfx, units = cells.get("gfx", ""), cells.get("cu_num", "")
            if (
                len(row) < len(head)
                or ("gfx" in head and not _GFX.fullmatch(gfx))
                or ("cu_num" in head and not re.fullmatch(r"[0-9]{1,5}", units))
            ):
                wrong += 1
                continue
            shape = ",".join(f"{name}={cells[name]}" for name in _LOOKED_UP if name in cells)
            count = int(units) if units else None
            entries.append(TunedEntry(family=family, shape=shape, path=path, gfx=gfx, cu_count=count))
    except csv.Error as error:
        return Table(entries, f"not CSV after {len(entries)} rows: {printable(str(error))}")
    return Table(entries, f"{wrong} of {wrong + len(entries)} rows are cut or malformed" if wrong else "")


def _tunableop(path: str, lines: list[str]) -> Table:
    """Read a result file of torch's TunableOp.

    Fields are separated by plain commas, and a file whose GCN_ARCH_NAME differs from the device's is refused as a
    whole (pytorch: aten/src/ATen/cuda/tunable/Tunable.cpp, ReadFile and ValidateAll).
    """
    rows = [line.split(",") for line in lines if line.strip()]
    validators = {row[1]: row[2].strip() for row in rows if row[0] == "Validator" and len(row) >= 3}
    gfx = validators.get("GCN_ARCH_NAME", "")
    if not _GFX.fullmatch(gfx):
        return Table([], "its Validator lines name no device")
    results = [row for row in rows if row[0] != "Validator"]
    entries = [
        TunedEntry(family="tunableop", shape=f"{row[0]} {row[1]}", path=path, gfx=gfx)
        for row in results
        if len(row) >= 3
    ]
    wrong = len(results) - len(entries)
    return Table(entries, f"{wrong} of {len(results)} rows are cut" if wrong else "")


def literal_dict(raw: bytes, name: str) -> dict[str, str]:
    """Return a dict of texts that Python source assigns to ``name`` at top level; empty when it cannot be read.

    >>> literal_dict(b'_NAMES: dict[str, str] = {"0x74a1": "AMD_Instinct_MI300X"}', "_NAMES")
    {'0x74a1': 'AMD_Instinct_MI300X'}
    """
    if len(raw) > MAX_SOURCE_BYTES:
        return {}
    try:
        tree = ast.parse(raw)
        for node in tree.body:
            if not isinstance(node, (ast.Assign, ast.AnnAssign)) or node.value is None:
                continue
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(target, ast.Name) and target.id == name for target in targets):
                held = ast.literal_eval(node.value)
                return {str(key): str(value) for key, value in held.items()} if isinstance(held, dict) else {}
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        pass
    return {}
