"""Knows the names of tuned tables: which files are tables, and which device and shape a file's name tells.

Names are those that the programs build when they look for a table: vLLM 0.33.0 (``fused_moe/fused_moe.py``,
``quantization/utils/fp8_utils.py``, ``mamba/ops/mamba_ssm.py``), SGLang 0.5.23 (``fused_moe_triton_config.py``,
``lora_tuning_config.py``, ``fp8_kernel.py``), AITER 0.1.7 (``ops/triton``).
"""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

from parity.model.tuned import TunedEntry

Kind: TypeAlias = Literal["device-json", "arch-json", "csv", "tensile"]

MAX_NAME = 400  # a file system's limit is 255 bytes; a wheel has none
_DEVICE_KEYS = ("device_name", "device")
_FAMILIES = {("E", "N"): "fused-moe", ("N", "K"): "block-gemm", ("headdim", "dstate"): "mamba"}
_KEYED = re.compile(r"(?:^|,)device(?:_name)?=")
_PART = re.compile(r"(?:[^,\[]|\[[^\]]*\]?)+")  # between commas, those in brackets aside
_ARCH = re.compile(r"((?:MI\d{3}[A-Z]?)|(?:gfx[0-9a-f]{3,4}))-(.+)\.json")
_TENSILE = re.compile(r"TensileLibrary(.*?)_(gfx[0-9a-f]{3,4}(?:-xnack[+-])?)\.dat")
_TRITON = re.compile(r"triton_(\d+(?:_\d+)+)")
_CSV = re.compile(r"(?:^|[_.\-])(?:tuned|tunableop|fmoe)", re.IGNORECASE)


def kind_of(path: str) -> Kind | None:
    """Return what kind of table a file's name says it is, None when it is none.

    >>> kind_of("configs/E=8,N=1792,device_name=NVIDIA_L40S.json"), kind_of("configs/a8w8_tuned_gemm.csv")
    ('device-json', 'csv')
    >>> kind_of("aiter/ops/triton/configs/MI300X-GMM.json"), kind_of("untuned_fmoe.csv"), kind_of("config.json")
    ('arch-json', None, None)
    """
    folder, _, name = path.rpartition("/")
    if len(name) > MAX_NAME:
        return None
    if name.endswith(".json"):
        if _KEYED.search(name):
            return "device-json"
        inside = f"/{folder}/"
        return "arch-json" if "/triton/configs/" in inside and "/aot/" not in inside and _ARCH.fullmatch(name) else None
    if name.endswith(".csv"):
        return "csv" if _CSV.search(name) and "untuned" not in name else None
    return "tensile" if name.endswith(".dat") and _TENSILE.fullmatch(name) else None


def program_of(path: str) -> str:
    """Return ``vllm`` or ``sglang`` when the path tells whose table it is, else nothing.

    >>> program_of("site-packages/vllm/model_executor/configs/x.json"), program_of("tables/x.json")
    ('vllm', '')
    """
    for folder in reversed(path.split("/")[:-1]):
        if folder in ("vllm", "sglang"):
            return folder
    return ""


def device_entry(path: str) -> TunedEntry:
    """Return the entry of a file keyed by device name; its path is one that ``kind_of`` calls ``device-json``.

    >>> entry = device_entry("c/triton_3_5_1/E=8,N=512,device_name=NVIDIA_H200,block_shape=[128, 128]_down.json")
    >>> entry.family, entry.name, entry.shape, entry.triton
    ('fused-moe', 'NVIDIA_H200', 'E=8,N=512,block_shape=[128,128]_down', '3.5.1')
    """
    folder, _, file = path.rpartition("/")
    stem = file.removesuffix(".json")
    down = stem.endswith("_down")  # SGLang's table of the second projection, whatever key comes last
    pairs = [part.partition("=") for part in _PART.findall(stem.removesuffix("_down") if down else stem)]
    name = next((value for key, _, value in pairs if key in _DEVICE_KEYS), "")
    kept = [(key, equals, value) for key, equals, value in pairs if key not in _DEVICE_KEYS]
    shape = ",".join(key + equals + value.replace(", ", ",") for key, equals, value in kept)
    keys = tuple(key for key, equals, _ in kept if equals)
    last = folder.rpartition("/")[2]
    triton = _TRITON.fullmatch(last)
    family = _FAMILIES.get(keys[:2]) or ("lora" if stem.startswith("lora_") else last or "tables")
    return TunedEntry(
        family=family,
        shape=shape + ("_down" if down else ""),
        path=path,
        name=name,
        triton=triton[1].replace("_", ".") if triton else "",
        misspelled=_misspelled(path, stem),
    )


def _misspelled(path: str, stem: str) -> str:
    """Return how the block shape differs from what the program writes: vLLM without a space, SGLang with one."""
    block = re.search(r"block_shape=\[([^\]]*)\]", stem)
    program = program_of(path)
    if block is None or not program or "," not in block[1]:
        return ""
    spaced = ", " in block[1]
    if spaced == (program == "sglang"):
        return ""
    wanted = "a space" if program == "sglang" else "no space"
    return f"{program} writes {wanted} after the comma in block_shape"


def arch_entry(path: str) -> TunedEntry:
    """Return the entry of an AITER Triton configuration, keyed by gfx target or AITER's word for one."""
    found = _ARCH.fullmatch(path.rpartition("/")[2])
    assert found is not None
    word, shape = found[1], found[2]
    if word.startswith("gfx"):
        return TunedEntry(family="triton-configs", shape=shape, path=path, gfx=word)
    return TunedEntry(family="triton-configs", shape=shape, path=path, arch_name=word)


def tensile_entry(path: str) -> TunedEntry:
    """Return the entry of a Tensile solution index (rocBLAS, hipBLASLt), keyed by gfx target."""
    found = _TENSILE.fullmatch(path.rpartition("/")[2])
    assert found is not None
    library = "hipblaslt" if "hipblaslt" in path.lower() else "rocblas"
    gfx = re.sub(r"-(xnack[+-])", r":\1", found[2])
    return TunedEntry(family=f"{library}-tensile", shape=found[1].strip("_") or "all", path=path, gfx=gfx)


def csv_family(path: str) -> str:
    """Return the kernel an AITER table is for; tables of some models join the general one (``jit/core.py``).

    >>> csv_family("model_configs/a8w8_blockscale_tuned_gemm_ds_v3.csv"), csv_family("tuned_fmoe.csv")
    ('a8w8_blockscale_tuned_gemm', 'tuned_fmoe')
    """
    stem = path.rpartition("/")[2].rpartition(".")[0]
    found = re.match(r".*?tuned_(?:batched_)?(?:gemm|fmoe)", stem)
    return found[0] if found else stem
