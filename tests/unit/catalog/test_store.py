"""The catalog is compiled when it changed, overlaid by the user's own folder, and tells every broken file."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from parity.catalog import store
from parity.errors import CatalogError, UnknownNameError

if TYPE_CHECKING:
    from pathlib import Path

PART = """\
id: my-gpu
name: My GPU
vendor: nvidia
family: hopper
compute_capability: "9.0"
facts:
  sm_count: {value: 99, source: me}
sources:
  me: {title: "own measurement", where: "lab", read: "2026-11-22"}
"""


LIBRARY = """\
id: our-kernels
name: Ours
packages: [our-kernels]
ranges:
  - first: "1.0"
    last: "1.2"
    rows:
      - {architectures: [sm_90], support: supported, kernel: "wgmma", source: me}
sources:
  me: {title: "own build", where: "setup.py", read: "2026-11-22"}
"""


@pytest.fixture(autouse=True)
def _forget() -> None:
    store.compiled.cache_clear()
    store.device_spec.cache_clear()


@pytest.fixture
def overlay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "devices").mkdir()
    monkeypatch.setenv("PARITY_RULES", str(tmp_path))
    return tmp_path / "devices"


def teardown_module() -> None:
    store.compiled.cache_clear()
    store.device_spec.cache_clear()


def test_at_least_ninety_parts_of_both_vendors() -> None:
    vendors = [entry.vendor for entry in store.index()]
    assert len(vendors) >= 90
    assert set(vendors) == {"nvidia", "amd"}


def test_an_overlay_adds_a_part_that_shares_its_architectures_facts(overlay: Path) -> None:
    (overlay / "my-gpu.yaml").write_text(PART)
    spec = store.device_spec("my-gpu")
    assert spec.value("sm_count") == 99
    assert spec.value("warp_size") == 32


def test_an_overlay_replaces_a_shipped_part(overlay: Path) -> None:
    (overlay / "h100-sxm5-80gb.yaml").write_text(PART.replace("id: my-gpu", "id: h100-sxm5-80gb"))
    assert store.device_spec("h100-sxm5-80gb").value("sm_count") == 99
    assert [entry.id for entry in store.index()].count("h100-sxm5-80gb") == 1


def test_an_overlay_adds_and_replaces_kernel_libraries(overlay: Path) -> None:
    shipped = len(store.stack_facts().libraries)
    folder = overlay.parent / "kernels"
    folder.mkdir()
    for name in ("nccl", "our-kernels"):
        (folder / f"{name}.yaml").write_text(LIBRARY.replace("our-kernels", name))
    store.compiled.cache_clear()
    libraries = store.stack_facts().libraries
    assert len(libraries) == shipped + 1
    assert [item.name for item in libraries if item.id in ("nccl", "our-kernels")] == ["Ours", "Ours"]
    assert store.stack_facts().toolkits  # the shipped tables stay


def test_every_broken_file_of_an_overlay_is_told_at_once(overlay: Path) -> None:
    (overlay / "a.yaml").write_text("id: a\nname: [")
    (overlay / "b.yaml").write_text(PART.replace("vendor:", "maker:"))
    (overlay / "c.yaml").write_text(PART)
    with pytest.raises(CatalogError) as raised:
        store.index()
    text = str(raised.value)
    assert "a.yaml" in text
    assert "b.yaml:3: maker: unknown key" in text
    assert "c.yaml: id 'my-gpu' differs from the file name" in text


def test_a_missing_overlay_folder_is_an_error_not_an_empty_overlay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARITY_RULES", "/nowhere/at/all")
    with pytest.raises(CatalogError, match="no such folder"):
        store.index()


def test_names_are_found_by_alias_and_case_and_near_names_are_offered() -> None:
    assert store.resolve_name(" H100 ") == "h100-sxm5-80gb"
    with pytest.raises(UnknownNameError) as raised:
        store.resolve_name("h100-sxm4")
    assert raised.value.close.startswith("h100-sxm")


def test_a_changed_file_is_compiled_again(tmp_path: Path) -> None:
    folder = tmp_path / "rules"
    shutil.copytree(store.rules_folder(), folder, ignore=None)
    before = store._shipped(folder)
    assert (tmp_path / ".parity-compiled.jsonl").is_file()
    (folder / "devices" / "my-gpu.yaml").write_text(PART)
    assert "my-gpu" in store._shipped(folder).devices
    assert "my-gpu" not in before.devices


def test_a_damaged_cache_is_ignored(tmp_path: Path) -> None:
    folder = tmp_path / "rules"
    shutil.copytree(store.rules_folder(), folder, ignore=None)
    (tmp_path / ".parity-compiled.jsonl").write_bytes(b"{not json")
    assert len(store._shipped(folder).devices) >= 90


def test_one_verdict_decodes_only_the_parts_it_needs() -> None:
    store.device_spec("h100")
    assert store.device_spec.cache_info().currsize == 1


def test_what_a_driver_prints_of_one_part_alone_is_its_name() -> None:
    assert store.resolve_name("NVIDIA H100 80GB HBM3") == "h100-sxm5-80gb"
    assert store.resolve_name("nvidia h100 pcie") == "h100-pcie-80gb"
    printed: dict[str, list[str]] = {}
    for entry in store.index():
        for name in entry.reported_names:
            printed.setdefault(name.lower(), []).append(entry.id)
    own = {*store.compiled().aliases, *store.compiled().devices}
    shared = next(name for name, parts in printed.items() if len(parts) > 1 and name not in own)
    with pytest.raises(UnknownNameError, match="several parts print") as raised:
        store.resolve_name(shared)
    assert raised.value.close == ", ".join(printed[shared])


def test_a_count_stands_first() -> None:
    for name in ("h100x8", "H100*8", "h100:8"):
        with pytest.raises(UnknownNameError) as raised:
            store.resolve_name(name)
        assert raised.value.mend == "write 8xh100"
