"""Names of tuned tables: what is one, and what its name tells."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity.binaries import tuned_names

MOE = "vllm/model_executor/layers/fused_moe/configs"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (f"{MOE}/E=8,N=1792,device_name=NVIDIA_L40S.json", "device-json"),
        (f"{MOE}/E=8,N=1792,device_name=,dtype=int8_w8a16.json", "device-json"),
        ("csgmv_configs/triton_3_5_1/lora_expand,K=1024,R=64,S=1,device=NVIDIA_H200.json", "device-json"),
        ("aiter/ops/triton/configs/gemm/MI350X-GEMM-A16W16-N=256-K=7168.json", "arch-json"),
        ("aiter/ops/triton/configs/gemm/gfx950-GEMM-A16W16.json", "arch-json"),
        ("aiter/ops/triton/configs/gemm/aot/MI350X-GEMM.json", None),
        ("data/MI350X-GEMM.json", None),
        ("aiter/configs/a8w8_tuned_gemm.csv", "csv"),
        ("aiter/configs/tuned_fmoe.csv", "csv"),
        ("tunableop_results0.csv", "csv"),
        ("aiter/configs/untuned_fmoe.csv", None),
        ("data/prices.csv", None),
        ("rocblas/library/TensileLibrary_Type_HH_Contraction_l_Ailk_gfx942.dat", "tensile"),
        ("rocblas/library/TensileLibrary_Type_HH_fallback.dat", None),
        ("package.json", None),
        ("device_name=" + "x" * 500 + ".json", None),
    ],
)
def test_which_files_are_tables(path: str, kind: str | None) -> None:
    assert tuned_names.kind_of(path) == kind


@pytest.mark.parametrize(
    ("file", "told"),
    [
        (
            "E=256,N=128,device_name=NVIDIA_H100_80GB_HBM3,dtype=fp8_w8a8,block_shape=[128,128].json",
            ("fused-moe", "NVIDIA_H100_80GB_HBM3", "E=256,N=128,dtype=fp8_w8a8,block_shape=[128,128]"),
        ),
        ("N=512,K=7168,device_name=NVIDIA_H20.json", ("block-gemm", "NVIDIA_H20", "N=512,K=7168")),
        (
            "headdim=64,dstate=128,device_name=NVIDIA_B200,cache_dtype=float16.json",
            ("mamba", "NVIDIA_B200", "headdim=64,dstate=128,cache_dtype=float16"),
        ),
        ("lora_shrink,K=1024,R=64,S=2,device=NVIDIA_H200.json", ("lora", "NVIDIA_H200", "lora_shrink,K=1024,R=64,S=2")),
        ("epilogue,E=896,topk=16,device_name=NVIDIA_GB300.json", ("c", "NVIDIA_GB300", "epilogue,E=896,topk=16")),
        ("E=8,N=2,device_name=NVIDIA_H200_down.json", ("fused-moe", "NVIDIA_H200", "E=8,N=2_down")),
        ("E=8,N=2,device_name=,dtype=int4.json", ("fused-moe", "", "E=8,N=2,dtype=int4")),
    ],
)
def test_what_a_name_tells(file: str, told: tuple[str, str, str]) -> None:
    entry = tuned_names.device_entry(f"c/{file}")
    assert (entry.family, entry.name, entry.shape) == told


def test_the_space_in_a_block_shape_makes_no_other_shape() -> None:
    with_space = tuned_names.device_entry("c/E=8,N=2,device_name=A,block_shape=[128, 128].json")
    without = tuned_names.device_entry("c/E=8,N=2,device_name=B,block_shape=[128,128].json")
    assert with_space.shape == without.shape


@pytest.mark.parametrize(
    ("program", "block", "misspelled"),
    [
        ("vllm", "[128,128]", ""),
        ("vllm", "[128, 128]", "vllm writes no space after the comma in block_shape"),
        ("sglang", "[128, 128]", ""),
        ("sglang", "[128,128]", "sglang writes a space after the comma in block_shape"),
        ("mine", "[128,128]", ""),
        ("vllm", "[128", ""),
    ],
)
def test_a_block_shape_no_program_writes(program: str, block: str, misspelled: str) -> None:
    path = f"{program}/configs/E=8,N=2,device_name=NVIDIA_H20,block_shape={block}.json"
    assert tuned_names.device_entry(path).misspelled == misspelled


def test_the_triton_version_is_the_folders() -> None:
    name = "E=8,N=2,device_name=NVIDIA_H20.json"
    assert tuned_names.device_entry(f"configs/triton_3_5_1/{name}").triton == "3.5.1"
    assert tuned_names.device_entry(f"configs/triton_x/{name}").triton == ""


def test_names_with_an_architecture() -> None:
    word = tuned_names.arch_entry("triton/configs/gemm/MI300X-GEMM-A16W16.json")
    plain = tuned_names.arch_entry("triton/configs/gemm/gfx942-GEMM-A16W16.json")
    assert (word.arch_name, word.gfx, plain.arch_name, plain.gfx) == ("MI300X", "", "", "gfx942")
    assert word.shape == plain.shape == "GEMM-A16W16"


def test_tensile_names() -> None:
    entry = tuned_names.tensile_entry("lib/hipblaslt/library/TensileLibrary_HH_Ailk_gfx90a-xnack+.dat")
    assert (entry.family, entry.shape, entry.gfx) == ("hipblaslt-tensile", "HH_Ailk", "gfx90a:xnack+")
    assert tuned_names.tensile_entry("rocblas/library/TensileLibrary_gfx942.dat").shape == "all"


@given(st.text(alphabet="E=N,K[]1 _device_namjso./", max_size=80))
def test_any_name_is_read(text: str) -> None:
    path = f"configs/{text}device_name=X.json"
    if tuned_names.kind_of(path) == "device-json":
        assert tuned_names.device_entry(path).path == path
