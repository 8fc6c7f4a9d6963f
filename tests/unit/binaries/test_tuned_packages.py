"""Where tuned tables are found: installed packages, folders, wheels, files."""

from __future__ import annotations

import os
import zipfile
from typing import TYPE_CHECKING

import pytest

from parity.binaries import tuned_packages
from parity.binaries.tuned_packages import installed_tables, tables_at

if TYPE_CHECKING:
    from pathlib import Path

MOE = "vllm/model_executor/layers/fused_moe/configs/E=8,N=2,device_name={}.json"
CONFIG = b'{"1": {}}'


def put(root: Path, files: dict[str, bytes]) -> Path:
    for name, raw in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(raw)
    return root


def install(root: Path, name: str, files: dict[str, bytes]) -> None:
    put(root, files)
    record = "\n".join(f'"{inner}",,' for inner in files)
    put(
        root,
        {
            f"{name}-1.0.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode(),
            f"{name}-1.0.dist-info/RECORD": record.encode(),
        },
    )


def test_an_installed_package(tmp_path: Path) -> None:
    rocm = b'import torch\n_ROCM_DEVICE_ID_NAME_MAP: dict[str, str] = {"0x74A1": "AMD_Instinct_MI300X"}\n'
    install(tmp_path, "vllm", {MOE.format("NVIDIA_L40S"): CONFIG, "vllm/platforms/rocm.py": rocm, "vllm/x.json": b"{"})
    install(tmp_path, "plain", {"plain/a.py": b""})
    (found,) = installed_tables([str(tmp_path)])
    assert (found.name, found.version, found.problems) == ("vllm", "1.0", ())
    assert [entry.name for entry in found.entries] == ["NVIDIA_L40S"]
    assert found.pci_names == {"74a1": "AMD_Instinct_MI300X"}
    assert installed_tables([str(tmp_path)], only="plain")[0].entries == ()
    assert installed_tables([str(tmp_path)], only="absent") == []


def test_a_table_that_somebody_added_is_found(tmp_path: Path) -> None:
    sglang = "sglang/configs/triton_{}/E=8,N=2,device_name={}.json"
    install(tmp_path, "sglang", {sglang.format("3_5_1", "NVIDIA_H20"): CONFIG})
    put(tmp_path, {sglang.format("3_5_1", "NVIDIA_L40S"): CONFIG, sglang.format("3_9_0", "NVIDIA_L4"): CONFIG})
    (found,) = installed_tables([str(tmp_path)])
    assert sorted((entry.name or "", entry.triton) for entry in found.entries) == [
        ("NVIDIA_H20", "3.5.1"), ("NVIDIA_L4", "3.9.0"), ("NVIDIA_L40S", "3.5.1"),
    ]  # fmt: skip


def test_a_recorded_table_that_is_gone_is_a_problem(tmp_path: Path) -> None:
    install(tmp_path, "vllm", {MOE.format("NVIDIA_L40S"): CONFIG})
    (tmp_path / MOE.format("NVIDIA_L40S")).unlink()
    (found,) = installed_tables([str(tmp_path)])
    assert found.entries == ()
    assert found.problems[0].endswith("cannot be read: No such file or directory")


def test_a_folder_a_site_packages_and_a_file(tmp_path: Path) -> None:
    put(tmp_path / "tables", {"E=8,N=2,device_name=NVIDIA_L40S.json": CONFIG})
    (folder,) = tables_at(str(tmp_path / "tables"))
    (file,) = tables_at(str(tmp_path / "tables" / "E=8,N=2,device_name=NVIDIA_L40S.json"))
    assert [entry.name for entry in (*folder.entries, *file.entries)] == ["NVIDIA_L40S", "NVIDIA_L40S"]
    install(tmp_path / "site", "vllm", {MOE.format("NVIDIA_H20"): CONFIG})
    assert [package.name for package in tables_at(str(tmp_path / "site"))] == ["vllm"]


def test_a_file_that_is_no_table_has_nothing(tmp_path: Path) -> None:
    put(tmp_path, {"setup.json": CONFIG, "mine.csv": b"cu_num,M\n304,1\n"})
    assert tables_at(str(tmp_path / "setup.json"))[0].entries == ()
    assert len(tables_at(str(tmp_path / "mine.csv"))[0].entries) == 1


def test_a_wheel_is_read_in_place(tmp_path: Path) -> None:
    wheel = tmp_path / "amd_aiter-0.1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("aiter/ops/triton/configs/gemm/MI300X-GEMM-A16W16.json", CONFIG)
        archive.writestr("aiter/ops/triton/utils/_triton/arch_info.py", "_ARCH_TO_DEVICE = {'gfx942': 'MI300X'}\n")
        archive.writestr("aiter/configs/tuned_fmoe.csv", "cu_num,token\n304,1\n")
        archive.writestr("aiter/configs/a_tuned_gemm.csv", "cu_num,M\n" + "0" * 5_000_000)
    (found,) = tables_at(str(wheel))
    assert (found.name, found.version, found.arch_names) == ("amd_aiter", "0.1", {"gfx942": "MI300X"})
    assert sorted(entry.shape for entry in found.entries) == ["GEMM-A16W16", "token=1"]
    assert len(found.problems) == 1
    assert "bytes to 5000009: not read" in found.problems[0]


def test_a_broken_wheel_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "a.whl").write_bytes(b"PK\x03\x04" + b"x" * 100)
    (found,) = tables_at(str(tmp_path / "a.whl"))
    assert found.problems[0].endswith("not a zip archive that can be read: File is not a zip file")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "tuned_fmoe.csv")
    assert tables_at(str(tmp_path))[0].entries == ()


def test_very_many_tables_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuned_packages, "MAX_TABLES", 1)
    put(tmp_path, {f"E={number},N=2,device_name=X.json": CONFIG for number in range(5)})
    (found,) = tables_at(str(tmp_path))
    assert (len(found.entries), found.problems) == (1, ("more tables than are read",))
