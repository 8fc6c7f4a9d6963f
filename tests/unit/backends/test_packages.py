"""The questions that packages answer: made-up sources in the shapes that are understood, and shapes that are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sources import written

from parity.backends.installed import built_cuda, questions
from parity.backends.machine import AskedMachine

if TYPE_CHECKING:
    from pathlib import Path

    from parity.backends.source import SourceTree

VLLM = {
    "vllm/__init__.py": "",
    "vllm/envs.py": "VLLM_SLOW: bool = False\n",
    "vllm/platforms/__init__.py": "def __getattr__(name):\n    return resolve(name)\n",
    "vllm/platforms/interface.py": """
        class DeviceCapability(NamedTuple):
            major: int
            minor: int
        class Platform:
            @classmethod
            def is_family(cls, number):
                return cls.get_device_capability().to_int() // 10 == number // 10
    """,
    "vllm/platforms/cuda.py": """
        from .interface import DeviceCapability, Platform
        from vllm.v1.attention.backends.registry import AttentionBackendEnum
        class CudaPlatformBase(Platform):
            pass
        def _get_backend_priorities(use_mla, device_capability, head_size=None):
            if use_mla:
                return [AttentionBackendEnum.LATENT]
            if device_capability.major == 10:
                return [AttentionBackendEnum.FAST, AttentionBackendEnum.PLAIN]
            return [AttentionBackendEnum.NARROW, AttentionBackendEnum.PLAIN]
    """,
    "vllm/v1/attention/backends/registry.py": """
        class AttentionBackendEnum(Enum):
            FAST = "vllm.v1.attention.fast.Fast"
            PLAIN = "vllm.v1.attention.plain.Plain"
            NARROW = "vllm.v1.attention.plain.Narrow"
            LATENT = "vllm.v1.attention.plain.Latent"
    """,
    "vllm/v1/attention/plain.py": """
        from vllm.platforms.interface import DeviceCapability
        class Plain:
            sizes = [64, 128]
            @classmethod
            def takes(cls, capability):
                return True
            @classmethod
            def validate_configuration(cls, head_size, use_mla, device_capability, later=False):
                reasons = []
                if use_mla != cls.latent():
                    reasons.append("latent")
                if head_size not in cls.sizes:
                    reasons.append("head size")
                if not cls.takes(device_capability):
                    reasons.append("capability")
                return reasons
            @classmethod
            def latent(cls):
                return False
        class Narrow(Plain):
            @classmethod
            def takes(cls, capability):
                return capability >= DeviceCapability(9, 0) and capability.major == 9
        class Latent(Plain):
            sizes = [576]
            @classmethod
            def latent(cls):
                return True
            @classmethod
            def takes(cls, capability):
                return something_else(capability)
    """,
    "vllm/v1/attention/fast.py": """
        from flashinfer import run
        from vllm.v1.attention.plain import Plain
        class Fast(Plain):
            pass
    """,
    "vllm/v1/attention/backends/fa_utils.py": """
        import vllm.envs as envs
        from vllm.platforms import current_platform
        def get_flash_attn_version(head_size=None):
            try:
                from vllm.flash import supported
                version = 3 if current_platform.is_family(90) and supported(3) else 2
                config = get_current_vllm_config_or_none()
                if config is not None:
                    version = config.version
                if envs.VLLM_SLOW:
                    version = 1
                return version
            except ImportError:
                return None
    """,
    "vllm/flash.py": "def supported(version):\n    return version == 3\n",
}
SGLANG_FREE = {
    "sglang/srt/server_args.py": "class ServerArgs:\n    pass\n",
    "sglang/srt/arg_groups/fields/spec.py": "class Spec:\n    topk: Optional[int] = None\n",
    "sglang/srt/context.py": """
        _PROBES = {"is_hopper": "is_hopper"}
        class Context:
            def __init__(self):
                object.__setattr__(self, "held", {})
            def __getattr__(self, name):
                if name in object.__getattribute__(self, "held"):
                    return 1
                from sglang.srt import probes
                return getattr(probes, _PROBES.get(name))()
        _CONTEXT = Context()
        def get_platform():
            return _CONTEXT
    """,
    "sglang/srt/probes.py": "def is_hopper():\n    return torch.cuda.get_device_capability()[0] == 9\n",
    "sglang/srt/arg_groups/model_override_base.py": """
        from sglang.srt.context import get_platform
        def get_default_attn_backend(server_args, use_mla_backend, model_config):
            cfg = resolving_view(server_args)
            if use_mla_backend:
                return "wide" if model_config.get_num_kv_heads(1) == 128 else "thin"
            if get_platform().is_hopper and cfg.topk is None:
                return "fa3"
            return "other"
    """,
}
SGLANG_METHOD = {
    "sglang/srt/server_args.py": """
        class ServerArgs:
            topk: Optional[int] = None
            def _get_default_attn_backend(self, use_mla_backend, model_config):
                return "a" if self.topk is None and not use_mla_backend else "b"
    """
}
FLASHINFER = {
    "flashinfer/__init__.py": "",
    "flashinfer/utils.py": """
        import torch
        class Pos(Enum):
            NONE = 0
        def determine_attention_backend(device, pos_encoding_mode, dtype_q, use_custom_mask):
            if pos_encoding_mode != Pos.NONE.value or use_custom_mask or dtype_q == torch.float16:
                return "fa2"
            return "fa3" if get_compute_capability(device)[0] == 9 else "fa2"
    """,
    "flashinfer/checks.py": "@supported_compute_capability([100, 103])\ndef _far(a):\n    return True\n",
    "flashinfer/gemm.py": """
        from .checks import _far
        @supported_compute_capability([90, 100])
        def _near(a):
            return True
        def _any(a):
            return True
        @supported_compute_capability(LIST)
        def _odd(a):
            return True
        @backend_requirement({"near": _near, "far": _far, "any": _any}, common_check=_any)
        @flashinfer_api
        def mm(a):
            return a
        @backend_requirement({"odd": _odd})
        def odd_mm(a):
            return a
        @supported_compute_capability([120])
        def small(a):
            return a
        @backend_requirement({"gone": _gone})
        def lost_mm(a):
            return a
    """,
}
TRANSFORMER_ENGINE = {
    "transformer_engine/pytorch/quantization.py": """
        from transformer_engine.common.recipe import Delayed, Mx
        _HELD = None
        @torch.compiler.assume_constant_result
        def check_mxfp8_support():
            global _HELD
            if _HELD is None:
                _HELD = _compute()
            return _HELD
        def _compute():
            if get_device_compute_capability() >= (12, 0):
                return False, "not yet"
            return (True, "") if get_device_compute_capability() >= (10, 0) else (False, "too old")
        def check_fp8_support():
            if get_device_compute_capability() >= (9, 0):
                return True, ""
            return tex.cublas() >= 5, ""
        def get_default_fp8_recipe():
            assert not torch.compiler.is_compiling()
            return Mx() if check_mxfp8_support()[0] else Delayed()
    """,
    "transformer_engine/common/recipe.py": "class Mx:\n    pass\nclass Delayed:\n    pass\n",
}
TORCH = {
    "torch/__init__.py": "",
    "torch/version.py": "cuda: str = '13.2'\n",
    "torch/cuda/__init__.py": """
        import torch
        class Span:
            def __init__(self, start):
                self.start = start
            def __contains__(self, x):
                return self.start <= x < self.start // 10 * 10 + 10
        NEEDS = {80: Span(80), 86: Span(86), 90: Span(90)}
        PYTORCH_RELEASES_CODE_CC = {"13.2": {"x86_64": {80, 86, 90}}}
        def _code_compatible_with_device(device_cc, code_cc):
            if torch.version.cuda is None:
                return None
            return device_cc in NEEDS.get(code_cc)
    """,
}


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
