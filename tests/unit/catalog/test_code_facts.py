"""The facts about where code runs: loaded from their folder, each with a source, and no file without a reader."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from parity.catalog import store
from parity.catalog.compiled import read
from parity.catalog.compiling import compile_folder
from parity.errors import CatalogError
from parity.model.arch import AmdArch, parse_arch
from parity.model.stack_facts import StackFacts

if TYPE_CHECKING:
    from pathlib import Path


def test_the_shipped_facts_are_there() -> None:
    facts = store.code_facts()
    assert {row.capability for row in facts.nvidia.islands} == {"5.3", "6.2", "7.2", "8.7"}
    assert facts.nvidia.present((10, 1)) == (11, 0)
    assert facts.nvidia.present((9, 0)) == (9, 0)
    generic = facts.amd.generic("gfx9-4-generic")
    assert generic is not None
    assert set(generic.processors) == {"gfx940", "gfx941", "gfx942", "gfx950"}
    assert facts.amd.generic("gfx942") is None


def test_generic_targets_name_processors_of_their_own_alone() -> None:
    seen: set[str] = set()
    for row in store.code_facts().amd.generic_targets:
        assert all(isinstance(parse_arch(name), AmdArch) for name in (row.name, *row.processors))
        assert not seen & set(row.processors)
        seen |= set(row.processors)


def test_newer_cuda_never_compiles_older_ptx_alone() -> None:
    rows = [tuple(map(int, row.ptx.split("."))) for row in store.code_facts().ptx_versions]
    assert rows == sorted(rows)


def test_a_file_that_nothing_reads_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "stack" / "code").mkdir(parents=True)
    (tmp_path / "stack" / "code" / "intel.yaml").write_text("rows: []\n", encoding="utf-8")
    with pytest.raises(CatalogError, match="nothing reads a file of this name"):
        compile_folder(tmp_path)


def test_an_unknown_key_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "stack" / "code").mkdir(parents=True)
    (tmp_path / "stack" / "code" / "amd.yaml").write_text("generic_tragets: []\n", encoding="utf-8")
    with pytest.raises(CatalogError, match="generic_tragets"):
        compile_folder(tmp_path)


def test_a_folder_without_facts_compiles_to_none(tmp_path: Path) -> None:
    compiled = read(compile_folder(tmp_path))
    assert compiled is not None
    assert msgspec.json.decode(compiled.stack, type=StackFacts).code.nvidia.islands == ()


@pytest.mark.parametrize(
    ("driver", "cuda"),
    [
        ("535.54.03", "12.2"),
        ("535.54", "12.2"),
        ("530.30.02", "12.1"),
        ("580.95.05", "13.0"),
        ("450.80", ""),  # older than the table
        ("9999.1", ""),  # a branch that the table does not know
        ("", ""),
        ("N/A", ""),
    ],
)
def test_the_cuda_that_a_driver_serves(driver: str, cuda: str) -> None:
    assert store.stack_facts().cuda_served(driver) == cuda


def test_a_driver_serves_nothing_where_the_table_is_empty() -> None:
    assert StackFacts().cuda_served("580.95.05") == ""
    assert StackFacts().zstd_driver() == ""
    assert store.code_facts().zstd_driver == "550.54.14"
