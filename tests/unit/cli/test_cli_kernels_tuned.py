"""`parity kernels --tuned`: tuned tables of packages, folders and wheels, for a target and for here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from parity.binaries import packages
from parity.catalog import store
from parity.catalog.as_fingerprint import as_fingerprint
from parity.cli import generate

H100, RTX_4090 = "NVIDIA_H100_80GB_HBM3", "NVIDIA_GeForce_RTX_4090"


def tables(folder: str, shape: str, *devices: str) -> str:
    for device in devices:
        path = Path(folder) / f"{shape},device_name={device}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('{"1": {}}', encoding="utf-8")
    return folder


@pytest.fixture
def site(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = folder / "venv" / "site-packages"
    place.mkdir(parents=True)
    monkeypatch.setattr(packages, "site_folders", lambda: [str(place)])
    return place


def test_what_is_tuned_here_and_not_on_the_target(saved: Any, run: Any) -> None:
    tables("t", "E=8,N=1", H100, RTX_4090)
    tables("t", "E=8,N=2", RTX_4090)
    answer = run("kernels", "--tuned", "t", "--target", "h100", "--fingerprint", saved("rtx-4090"))
    assert answer.status == 1
    assert answer.out.splitlines()[3:6] == [
        "  tuned shapes of  any  target  here  both  neither",
        "  fused-moe          2       1     2     1        0",
        "  fused-moe, here only: E=8,N=2",
    ]
    assert run("kernels", "--tuned", "t", "--target", "rtx-4090", "--fingerprint", saved("h100-sxm5-80gb")).status == 1


def test_json_fits_its_schema(saved: Any, run: Any) -> None:
    tables("t", "E=8,N=1", H100, "NVIDIA_L40s")
    words = ("kernels", "--tuned", "t", "--target", "h100", "--fingerprint", saved("rtx-4090"), "--format", "json")
    told = json.loads(run(*words).out)
    jsonschema.validate(told, generate.schema("tuned-1"))
    assert (told["schema"], told["target"], told["exit_status"]) == ("parity.tuned/1", "h100-sxm5-80gb", 1)
    assert told["packages"][0]["families"][0]["shapes"] == {"E=8,N=1": "target-only"}
    assert told["packages"][0]["misnamed"][0]["never"] is True


def test_a_search_that_finds_nothing_is_no_pass(site: Path, run: Any) -> None:
    Path("empty").mkdir()
    assert run("kernels", "--tuned", "empty", "--target", "h100") == (
        3, "", ("parity: empty: no tuned kernel table\n"
        "  mend: check the path or the package; give the folder of tables that a program is told to use\n"),
    )  # fmt: skip
    assert run("kernels", "--tuned", "--target", "h100").status == 3


def test_installed_packages_are_found_by_name_or_all(site: Path, run: Any) -> None:
    info = site / "vllm-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: vllm\nVersion: 1.0\n", encoding="utf-8")
    file = f"vllm/configs/E=8,N=1,device_name={H100}.json"
    tables(str(site / "vllm" / "configs"), "E=8,N=1", H100)
    (info / "RECORD").write_text(f'"{file}",,\n', encoding="utf-8")
    for words in ((), ("vllm",)):
        answer = run("kernels", "--tuned", *words, "--target", "h100")
        assert (answer.status, answer.out.splitlines()[2]) == (0, "vllm 1.0")
    assert run("kernels", "--tuned", "vlm").err.splitlines()[:2] == [
        "parity: 'vlm' is neither a path nor an installed package",
        "  close: vllm",
    ]


def test_a_slice_does_not_use_the_whole_parts_tables(run: Any) -> None:
    tables("t", "E=8,N=1", "NVIDIA_A100-SXM4-40GB")
    assert run("kernels", "--tuned", "t", "--target", "a100-sxm4-40gb").status == 0
    assert run("kernels", "--tuned", "t", "--target", "a100-sxm4-40gb/1g.5gb").status == 1


def test_an_amd_partition_has_fewer_units(run: Any) -> None:
    Path("a8w8_tuned_gemm.csv").write_text("gfx,cu_num,M\ngfx942,304,1\n", encoding="utf-8")
    assert run("kernels", "--tuned", "a8w8_tuned_gemm.csv", "--target", "mi300x").status == 0
    assert run("kernels", "--tuned", "a8w8_tuned_gemm.csv", "--target", "mi300x/CPX").status == 1


def test_a_captured_target_is_asked_for_by_what_it_printed(saved: Any, run: Any) -> None:
    tables("t", "E=8,N=1", H100)
    captured = saved(as_fingerprint(store.device_spec("h100-sxm5-80gb")), name="prod.json")
    assert run("kernels", "--tuned", "t", "--target", captured).status == 0


def test_a_machine_without_a_device_is_no_pass(saved: Any, run: Any) -> None:
    tables("t", "E=8,N=1", H100)
    empty = saved(as_fingerprint(store.device_spec("h100-sxm5-80gb"), count=0), name="none.json")
    assert run("kernels", "--tuned", "t", "--target", "h100", "--fingerprint", empty).status == 3
