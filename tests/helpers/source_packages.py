"""Packages made up for tests, in the shapes that real ones have: path -> source."""

from __future__ import annotations

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
