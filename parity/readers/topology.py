"""Knows the matrices that say how GPUs are connected: ``nvidia-smi topo -m`` and rocm-smi's link types."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

from parity.model.fingerprint import Link

if TYPE_CHECKING:
    from collections.abc import Callable

_LinkMaker: TypeAlias = "Callable[[int, int, str], Link | None]"

MAX_GPUS = 128
_NVIDIA_CELL = re.compile(r"NV[0-9]{1,3}|PIX|PXB|PHB|NODE|SYS|SOC|NVB|P2P|X")
_AMD_CELL = re.compile(r"XGMI|PCIE|SELF|N/A|UNKNOWN|-|0", re.IGNORECASE)
_FIRST_COLUMN = "GPU0"
_COLUMN = re.compile(r"GPU([0-9]{1,3})")
_AMD_TITLE = re.compile(r"Link Type between two GPUs", re.IGNORECASE)
_AMD_LINES = re.compile(
    r"Link type between DRM devices ([0-9]{1,3}) and ([0-9]{1,3})\"?\s*:\s*\"?(XGMI|PCIE)", re.IGNORECASE
)


def read_nvidia(text: str) -> tuple[int, tuple[Link, ...]]:
    """Return how many GPUs a ``nvidia-smi topo -m`` matrix has, and their links; (0, ()) without one.

    Works on tokens, so a matrix whose line breaks were lost still reads. By hand: ``nvidia-smi topo -m``.
    """
    return _read(text, _NVIDIA_CELL, _nvidia_link)


def read_amd(text: str) -> tuple[int, tuple[Link, ...]]:
    """Return how many GPUs rocm-smi's link type matrix has, and their links; (0, ()) without one.

    By hand: ``rocm-smi --showtopotype``.
    """
    title = _AMD_TITLE.search(text)
    if title:
        return _read(text[title.end() :], _AMD_CELL, _amd_link)
    pairs = {(int(a), int(b)): kind for a, b, kind in _AMD_LINES.findall(text)}
    links = [link for (a, b), kind in sorted(pairs.items()) if a < b and (link := _amd_link(a, b, kind))]
    return (max((link.b for link in links), default=-1) + 1, tuple(links))


def _read(text: str, cell: re.Pattern[str], link: _LinkMaker) -> tuple[int, tuple[Link, ...]]:
    tokens = text[:400_000].split()
    start, count = _header(tokens)
    if count < 2:
        return count, ()
    links: list[Link] = []
    for row, cells in _rows(tokens[start + count :], count, cell).items():
        links.extend(found for b in range(row + 1, count) if (found := link(row, b, cells[b])))
    return count, tuple(links)


def _header(tokens: list[str]) -> tuple[int, int]:
    """Return where the column titles GPU0 GPU1 ... start, and how many there are."""
    for start, token in enumerate(tokens):
        if token != _FIRST_COLUMN:
            continue
        count = 1
        while count < MAX_GPUS and start + count < len(tokens) and tokens[start + count] == f"GPU{count}":
            count += 1
        if count > 1 and len(tokens) < start + count + 2:  # the title row itself may be cut off
            return start, 0
        if count > 1 or tokens[start + 1 : start + 3] == ["CPU", "Affinity"]:
            return start, count
    return 0, 0


def _rows(tokens: list[str], count: int, cell: re.Pattern[str]) -> dict[int, list[str]]:
    """Return the cells of each complete row; a row that was cut off is left out."""
    rows: dict[int, list[str]] = {}
    for at, token in enumerate(tokens):
        title = _COLUMN.fullmatch(token)
        cells = tokens[at + 1 : at + 1 + count]
        if title is None or len(cells) < count or not all(map(cell.fullmatch, cells)):
            continue
        rows.setdefault(int(title.group(1)), cells)
        if len(rows) == count:
            break
    return {row: cells for row, cells in rows.items() if row < count}


def _nvidia_link(a: int, b: int, cell: str) -> Link | None:
    if cell == "X":
        return None
    if cell.startswith("NV") and cell[2:].isdigit():
        return Link(a=a, b=b, kind="nvlink", count=int(cell[2:]), path=cell)
    kind = "system" if cell in {"SYS", "SOC"} else "pcie"
    return Link(a=a, b=b, kind=kind, path=cell)


def _amd_link(a: int, b: int, cell: str) -> Link | None:
    kinds = {"XGMI": "xgmi", "PCIE": "pcie"}
    kind = kinds.get(cell.upper())
    return Link(a=a, b=b, kind=kind, path=cell.upper()) if kind else None
