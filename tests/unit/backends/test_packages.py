"""The questions that packages answer: made-up sources in the shapes that are understood, and shapes that are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from source_packages import FLASHINFER, SGLANG_FREE, SGLANG_METHOD, TORCH, TRANSFORMER_ENGINE, VLLM
from sources import written

from parity.backends.installed import built_cuda, questions
from parity.backends.machine import AskedMachine

if TYPE_CHECKING:
    from pathlib import Path

    from parity.backends.source import SourceTree


def asked(
    tree: SourceTree, package: str, topic: str, arch: str, **more: object
) -> list[tuple[str, tuple[str, ...]]] | str:
    found = [one for one in questions(tree) if (one.package, one.topic) == (package, topic)]
    assert len(found) == 1
    answer = found[0].answer(AskedMachine(arch=arch, cuda="13.2", **more))  # type: ignore[arg-type]
    return answer.unknown or [(one.choice, one.when) for one in answer.outcomes]


@pytest.mark.parametrize(
    ("files", "package", "topic", "arch", "expected"),
    [
        ({**VLLM, **FLASHINFER}, "vllm", "attention", "sm_100", [("FAST", ())]),
        (VLLM, "vllm", "attention", "sm_100", [("PLAIN", ())]),  # without flashinfer it cannot be imported
        (VLLM, "vllm", "attention", "sm_90", [("NARROW", ())]),
        (VLLM, "vllm", "attention", "sm_89", [("PLAIN", ())]),
        (VLLM, "vllm", "FlashAttention version", "sm_90", [("3", ())]),
        (VLLM, "vllm", "FlashAttention version", "sm_120", [("2", ())]),
        (SGLANG_FREE, "sglang", "attention", "sm_90", [("fa3", ())]),
        (SGLANG_FREE, "sglang", "attention", "sm_89", [("other", ())]),
        (SGLANG_METHOD, "sglang", "attention", "sm_90", [("a", ())]),
        (SGLANG_METHOD, "sglang", "MLA attention", "sm_90", [("b", ())]),
        (FLASHINFER, "flashinfer-python", "attention", "sm_90", [("fa3", ())]),
        (FLASHINFER, "flashinfer-python", "attention", "sm_100", [("fa2", ())]),
        (FLASHINFER, "flashinfer-python", "mm", "sm_90", [("near, any", ())]),
        (FLASHINFER, "flashinfer-python", "mm", "sm_103", [("far, any", ())]),
        (FLASHINFER, "flashinfer-python", "small", "sm_120", [("yes", ())]),
        (FLASHINFER, "flashinfer-python", "small", "sm_121", [("no", ())]),
        (TRANSFORMER_ENGINE, "transformer-engine", "default FP8 recipe", "sm_100", [("Mx", ())]),
        (TRANSFORMER_ENGINE, "transformer-engine", "default FP8 recipe", "sm_120", [("Delayed", ())]),
        (TRANSFORMER_ENGINE, "transformer-engine", "MXFP8", "sm_90", [("no", ())]),
        (TORCH, "torch", "release's own code", "sm_89", [("sm_86", ())]),
        (TORCH, "torch", "release's own code", "sm_100", [("none", ())]),
    ],
)  # fmt: skip
def test_what_is_chosen(
    tmp_path: Path, files: dict[str, str], package: str, topic: str, arch: str, expected: list[object]
) -> None:
    assert asked(written(tmp_path, files), package, topic, arch) == expected


def test_open_conditions_are_told(tmp_path: Path) -> None:
    tree = written(tmp_path, {**SGLANG_FREE, **TRANSFORMER_ENGINE, **VLLM})
    assert asked(tree, "sglang", "MLA attention", "sm_90") == [
        ("thin", ("not (model_config.get_num_kv_heads(1) == 128)",)),
        ("wide", ("model_config.get_num_kv_heads(1) == 128",)),
    ]
    assert asked(tree, "transformer-engine", "FP8", "sm_89") == [
        ("no", ("not (tex.cublas() >= 5)",)),
        ("yes", ("tex.cublas() >= 5",)),
    ]
    assert asked(tree, "vllm", "MLA attention", "sm_90") == [
        ("LATENT", ("something_else(capability)",)),
        ("refused", ("not (something_else(capability))",)),
    ]


def test_a_variable_that_is_set_leaves_its_flag_open(tmp_path: Path) -> None:
    tree = written(tmp_path, VLLM)
    assert asked(tree, "vllm", "FlashAttention version", "sm_90", environment={"VLLM_SLOW": "1"}) == [
        ("1", ("VLLM_SLOW",)),
        ("3", ("not (VLLM_SLOW)",)),
    ]


@pytest.mark.parametrize(
    ("files", "package", "topic", "arch", "why"),
    [
        ({**VLLM, "vllm/platforms/cuda.py": "class CudaPlatformBase:\n    pass\n"}, "vllm", "attention", "sm_90",
         "the source does not tell the order of backends: vllm/platforms/cuda.py has no _get_backend_priorities"),
        ({**VLLM, "vllm/platforms/cuda.py": ""}, "vllm", "attention", "sm_90",
         "vllm/platforms/cuda.py has no class CudaPlatformBase"),
        (VLLM, "vllm", "attention", "gfx942", "what vLLM chooses on AMD devices is not evaluated"),
        ({"sglang/srt/server_args.py": "class ServerArgs:\n    pass\n"}, "sglang", "attention", "sm_90",
         "the source does not tell the backend: there is no _get_default_attn_backend or get_default_attn_backend"),
        (FLASHINFER, "flashinfer-python", "odd_mm", "sm_90", "the capabilities of _odd are no plain list"),
        (FLASHINFER, "flashinfer-python", "lost_mm", "sm_90", "the check of gone is not in its module"),
        (TRANSFORMER_ENGINE, "transformer-engine", "NVFP4", "sm_90", "the source does not tell check_nvfp4_support"),
        (TORCH, "torch", "scaled_dot_product_attention", "sm_90",
         "torch chooses in its C++ library (sdp_utils), which its Python source does not show"),
        ({**TORCH, "torch/cuda/__init__.py": ""}, "torch", "release's own code", "sm_90",
         "the source does not tell PYTORCH_RELEASES_CODE_CC"),
    ],
)  # fmt: skip
def test_another_shape_is_unknown_with_the_reason(
    tmp_path: Path, files: dict[str, str], package: str, topic: str, arch: str, why: str
) -> None:
    assert asked(written(tmp_path, files), package, topic, arch) == why


def test_checks_of_backends_are_no_functions_of_their_own(tmp_path: Path) -> None:
    topics = [one.topic for one in questions(written(tmp_path, FLASHINFER))]
    assert topics == ["attention", "lost_mm", "mm", "odd_mm", "small"]


def test_the_cuda_of_torch_is_read_from_its_version_file(tmp_path: Path) -> None:
    assert built_cuda(written(tmp_path, TORCH)) == "13.2"
    assert built_cuda(written(tmp_path / "none", {"torch/version.py": "cuda = None\n"})) == ""
    assert built_cuda(written(tmp_path / "empty", {"x.py": ""})) == ""


def test_an_empty_folder_has_no_questions(tmp_path: Path) -> None:
    assert questions(written(tmp_path, {})) == []
