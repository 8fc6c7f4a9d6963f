"""Edges and directions of the checks that ask the stack data, as far as no rule card's example covers them."""

from __future__ import annotations

import importlib
from typing import Any

import machines
import msgspec
import pytest

from parity import session
from parity.catalog import store
from parity.catalog.as_fingerprint import as_fingerprint
from parity.checks.faked_architecture import architecture_named
from parity.checks.subject import Machine, Subject
from parity.model.absent import Absent, Reading
from parity.model.finding import Mismatch
from parity.model.fingerprint import Fingerprint, Host, Library, Stack

replace = msgspec.structs.replace
H100 = "h100-sxm5-80gb"
B200 = "b200-sxm-180gb"


def machine(fingerprint: Fingerprint) -> Machine:
    found = session.identify_all(fingerprint)
    specs = [store.device_spec(item.candidates[0]) if item.candidates else None for item in found]
    subjects = tuple(Subject(item, spec) for item, spec in zip(found, specs, strict=True))
    return Machine(fingerprint, subjects, store.environment_cards(), store.stack_facts())


def having(part: str = H100, *, count: int = 1, architecture: str = "", **components: str) -> Machine:
    """Return a machine with components; names with a ``-`` in place of ``_`` are packages."""
    whole = as_fingerprint(store.device_spec(part), count=count)
    known = {"torch", "torch_cuda", "torch_hip", "triton", "nccl", "cudnn", "rocm", "driver", "cuda_toolkit"}
    readings = {name: Reading(value=value, source="test") for name, value in components.items() if name in known}
    packages = {name.replace("_", "-"): value for name, value in components.items() if name not in known}
    host = Host(machine=Reading(value=architecture, source="test")) if architecture else Host()
    return machine(replace(whole, stack=Stack(components=readings, packages=packages), host=host))


def said(check: str, here: Machine, target: str = B200, **settings: Any) -> list[str]:
    module = importlib.import_module(f"parity.checks.{check}")
    found = module.check(here, machines.target(target), **settings)
    return [item.message if isinstance(item, Mismatch) else f"unknown: {item.detail}" for item in found]


def test_torch_without_code_says_what_it_has() -> None:
    assert said("torch_wheel_lacks_target", having(torch="2.7.1+cu126", torch_cuda="12.6")) == [
        (
            "the torch 2.7.1+cu126 wheel has no code for sm_100: "
            "it has sm_50, sm_60, sm_70, sm_75, sm_80, sm_86, sm_90, and no PTX"
        )
    ]


@pytest.mark.parametrize(
    ("architecture", "told"),
    [("x86_64", 0), ("aarch64", 0), ("", 0), ("riscv64", 1)],
)
def test_a_wheel_of_an_unknown_machine_is_unknown(architecture: str, told: int) -> None:
    here = having(torch="2.12.0+cu130", torch_cuda="13.0", architecture=architecture)
    found = said("torch_wheel_lacks_target", here)
    assert len(found) == told
    assert all(text.startswith("unknown: ") for text in found)


def test_thor_is_in_the_arm_wheel_only() -> None:
    torch = {"torch": "2.12.0+cu130", "torch_cuda": "13.0"}
    assert said("torch_wheel_lacks_target", having(architecture="aarch64", **torch), "agx-thor") == []
    # The x86-64 wheel may have PTX of sm_120 or none: neither runs on sm_110.
    [told] = said("torch_wheel_lacks_target", having(architecture="x86_64", **torch), "agx-thor")
    assert told.startswith("the torch 2.12.0+cu130 wheel has no code for sm_110")
    [told] = said("torch_wheel_lacks_target", having(**torch), "agx-thor")
    assert told == "unknown: torch 2.12.0+cu130 has code for sm_110 on some machines, and which this is was not told"


def test_an_amd_target_is_no_question_of_cuda() -> None:
    here = having(torch="2.6.0+cu124", torch_cuda="12.4", triton="3.2.0", nccl="2.21.5", jax_cuda12_plugin="0.8.0")
    for check in (
        "torch_wheel_lacks_target",
        "framework_jit_only_on_target",
        "triton_ptxas_too_old_for_target",
        "nccl_too_old_for_target",
        "inductor_small_gpu_switch",
        "cuda_too_new_for_target",
    ):
        assert said(check, here, "8xmi300x") == []


@pytest.mark.parametrize(
    ("version", "target", "told"),
    [
        ("0.5.3", "h100", 1),  # compute_90 PTX only
        ("0.5.3", "b200", 1),
        ("0.5.3", "rtx-4090", 0),  # sm_80 code
        ("0.8.0", "b300", 0),
        ("0.8.0", "rtx-5090", 1),
    ],
)
def test_jax_by_version_and_target(version: str, target: str, told: int) -> None:
    assert len(said("framework_jit_only_on_target", having(jax_cuda12_plugin=version), target)) == told


def test_every_installed_library_is_asked() -> None:
    here = having(flash_attn_3="3.0.0", flash_attn="2.7.2", sageattention="2.2.0", numpy="2.0")
    assert sorted(text.split(" does")[0] for text in said("kernel_library_unsupported_on_target", here)) == [
        "FlashAttention 2 2.7.2",
        "FlashAttention 3 3.0.0",
        "SageAttention 2 2.2.0",
    ]


def test_the_cuda_that_decides_is_torchs_or_the_toolkits() -> None:
    assert said("kernel_library_unsupported_on_target", having(bitsandbytes="0.50.1", cuda_toolkit="12.4")) == []
    assert said("kernel_library_unsupported_on_target", having(bitsandbytes="0.50.1", torch_cuda="12.4"))
    assert said("kernel_library_unsupported_on_target", having(deep_gemm="2.5.0", torch_cuda="12.4")) == []
    assert said("kernel_library_unsupported_on_target", having(deep_gemm="2.5.0", cuda_toolkit="12.4"))


def test_formats_differ_where_the_kernels_are_told_alike() -> None:
    here = having("rtx-3090", torchao="0.15.0")
    assert said("kernel_library_differs_on_target", here, H100) == [
        "torchao 0.15.0: no float8-dynamic on sm_86, float8-dynamic on sm_90"
    ]


def test_a_library_that_does_not_run_on_one_of_both_does_not_differ() -> None:
    assert said("kernel_library_differs_on_target", having("rtx-5090", flash_attn_3="3.0.0"), H100) == []


def test_nccl_matters_with_several_devices() -> None:
    assert said("nccl_too_old_for_target", having(nccl="2.21.5", count=2))
    assert said("nccl_too_old_for_target", having(nccl="2.21.5", count=1)) == []
    assert said("nccl_too_old_for_target", having(nccl="99.0", count=2)) == []
    assert said("nccl_too_old_for_target", having(count=2)) == []


@pytest.mark.parametrize("variable", ["TRITON_PTXAS_PATH", "TRITON_PTXAS_BLACKWELL_PATH"])
def test_another_ptxas_leaves_the_question_open(variable: str) -> None:
    here = having(triton="3.2.0")
    here = machine(replace(here.fingerprint, environment={variable: "/usr/local/cuda/bin/ptxas"}))
    assert said("triton_ptxas_too_old_for_target", here) == [
        "unknown: which ptxas Triton 3.2.0 uses for sm_100 is not in the data"
    ]


@pytest.mark.parametrize(
    ("rocm", "driver", "told"),
    [
        ("6.2.4", "30.30", "driver 30.30 was tested with ROCm 6.3, 6.4, 7.0, 7.1, 7.2; 6.2.4 is older"),
        ("7.14.0", "30.30.2", "unknown: ROCm 7.14.0 is not among the releases tested with driver 30.30.2"),
        ("6.3.0", "6.3.6", "unknown: driver 6.3.6 is no release whose tested ROCm versions are in the data"),
        ("6.3.0", "kernel 6.8.0", "unknown: driver kernel 6.8.0 is no release"),
    ],
)
def test_rocm_on_a_driver(rocm: str, driver: str, told: str) -> None:
    [found] = said("rocm_driver_mismatch", having("mi300x", rocm=rocm, driver=driver), "mi300x")
    assert found.startswith(told)


def test_rocm_without_a_driver_is_unknown_and_without_rocm_nothing_is_asked() -> None:
    [found] = said("rocm_driver_mismatch", having("mi300x", rocm="6.3.0"), "mi300x")
    assert found.startswith("unknown: ")
    assert said("rocm_driver_mismatch", having("mi300x", driver="30.30"), "mi300x") == []
    assert said("rocm_driver_mismatch", having(H100, rocm="6.2.0", driver="30.30"), "mi300x") == []


@pytest.mark.parametrize(
    ("torch", "part", "target", "told"),
    [
        ("2.9.0", "l4", "h100", "none here, with 58 and 132"),
        ("2.9.0", "h100", "l4", "none there, with 132 and 58"),
        ("2.9.0", "l4", "t4", ""),
        ("2.9.0", "rtx-3080-10gb", "h100", ""),  # 68 SMs are enough
        ("2.3.1", "rtx-3080-10gb", "h100", "none here, with 68 and 132"),  # 80 then
        ("99.0", "rtx-3080-10gb", "h100", "unknown"),
        ("99.0", "l4", "h100", "unknown"),
        ("99.0", "a100-sxm4-80gb", "h100", ""),
    ],
)
def test_inductors_switch_by_version_and_direction(torch: str, part: str, target: str, told: str) -> None:
    here = having(store.resolve_name(part), torch=torch)
    found = said("inductor_small_gpu_switch", here, target)
    assert len(found) == bool(told)
    assert all(told in text for text in found)


LOADED = Library(name="libnccl", path="/usr/lib/libnccl.so.2", version="2.21.5", found="loaded")
PACKAGED = Library(
    name="libnccl", path="/v/site-packages/nvidia/nccl/lib/libnccl.so.2", version="2.27.3", found="package"
)


@pytest.mark.parametrize(
    ("libraries", "told"),
    [
        ((LOADED, PACKAGED), 1),
        ((LOADED,), 0),  # nothing else to load
        ((PACKAGED,), 0),
        ((replace(PACKAGED, found="loaded"), PACKAGED), 0),
        ((LOADED, replace(PACKAGED, version="3.0.0")), 0),  # another major version is another library
        ((replace(LOADED, version=""), PACKAGED), 1),
        ((replace(LOADED, name="libnvrtc"), replace(PACKAGED, name="libnvrtc")), 0),  # not watched
        ((LOADED, replace(PACKAGED, found="loader")), 0),
    ],
)
def test_a_loaded_copy_from_elsewhere(libraries: tuple[Library, ...], told: int) -> None:
    here = machine(replace(machines.machine(H100), stack=Stack(libraries=libraries)))
    assert len(said("loaded_library_not_packaged", here)) == told


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ("11.0.0", "gfx1100"),
        ("10.3.0", "gfx1030"),
        ("9.0.10", "gfx90a"),
        ("gfx942", "gfx942"),
        ("SM_90A", "sm_90"),
        ("cuda:80", "sm_80"),
        ("12.0", "sm_120"),
        ("132", "sm_132"),
        ("1", None),
        ("", None),
        ("9.0.10.1", None),
        ("native", None),
    ],
)
def test_an_architecture_as_variables_write_it(value: str, named: str | None) -> None:
    assert architecture_named(value) == named


def faked(part: str, **environment: str) -> int:
    here = machine(replace(machines.machine(part), environment=environment))
    return len(said("faked_architecture", here, part))


def test_a_true_architecture_is_no_fake_but_a_number_of_sms_is() -> None:
    assert faked(H100, FLASH_ATTENTION_ARCH="sm_90a") == 0
    assert faked(H100, FLASH_ATTENTION_ARCH="sm_80") == 1
    assert faked(H100, FLASH_ATTENTION_NUM_SMS="90") == 1
    assert faked(H100, NUMBA_FORCE_CUDA_CC="9.0", TRITON_OVERRIDE_ARCH="cuda:80") == 1
    assert faked("mi300x", HSA_OVERRIDE_GFX_VERSION_0="9.4.2") == 0
    assert faked(H100, FLASH_ATTENTION_NUM_SMS="132") == 0
    assert [faked("mi300x", CU_NUM=count) for count in ("304", "80", "all", "0")] == [0, 1, 1, 0]


def test_on_an_unlisted_part_no_value_is_believed() -> None:
    whole = machines.machine("mi300x")
    lost = Absent(why="failed", source="test")
    identity = type(whole.devices[0].identity)(
        vendor=Reading(value="amd", source="test"), gfx_target=Reading(value="gfx1100", source="test"), name=lost
    )
    device = replace(whole.devices[0], identity=identity)
    here = machine(replace(whole, devices=(device,), environment={"HSA_OVERRIDE_GFX_VERSION": "11.0.0"}))
    assert [subject.spec for subject in here.subjects] == [None]
    assert len(said("faked_architecture", here, "mi300x")) == 1


def test_volta_is_gone_from_cuda_13_and_unknown_cuda_says_nothing() -> None:
    assert said("cuda_too_new_for_target", having(torch_cuda="13.5"), "v100-sxm2-16gb") == [
        "CUDA 13.5 generates no code for sm_70: 13.0 dropped it"
    ]
    assert said("cuda_too_new_for_target", having(torch_cuda="13.99"), "v100-sxm2-16gb") == []
    assert said("cuda_too_new_for_target", having(torch_cuda="12.4"), B200) == []  # too old, not too new


@pytest.mark.parametrize(
    ("name", "value", "target", "told"),
    [
        ("TORCH_CUDA_ARCH_LIST", "8.0;8.6", "h100", "lacks"),
        ("TORCH_CUDA_ARCH_LIST", "8.0;8.6+PTX", "h100", ""),
        ("TORCH_CUDA_ARCH_LIST", "9.0a", "h100", ""),
        ("TORCH_CUDA_ARCH_LIST", "9.0a", "b200", "lacks"),
        ("TORCH_CUDA_ARCH_LIST", "9.0a+PTX", "b200", "lacks"),  # the PTX of 9.0a is for 9.0 alone
        ("TORCH_CUDA_ARCH_LIST", "10.0f", "b300", ""),
        ("TORCH_CUDA_ARCH_LIST", "native", "h100", "unknown"),
        ("TORCH_CUDA_ARCH_LIST", "native 9.0", "h100", ""),
        ("TORCH_CUDA_ARCH_LIST", "$ARCHS", "h100", "unknown"),
        ("TORCH_CUDA_ARCH_LIST", "  ", "h100", ""),
        ("TORCH_CUDA_ARCH_LIST", "8.0", "mi300x", ""),
        ("PYTORCH_ROCM_ARCH", "gfx90a;gfx942:sramecc+:xnack-", "mi300x", ""),
        ("PYTORCH_ROCM_ARCH", "gfx90a", "mi300x", "lacks"),
        ("PYTORCH_ROCM_ARCH", "native", "mi300x", "unknown"),
    ],
)
def test_the_list_of_architectures_for_extensions(name: str, value: str, target: str, told: str) -> None:
    here = machine(replace(machines.machine(H100), environment={name: value}))
    found = said("arch_list_omits_target", here, target)
    kind = "" if not found else "unknown" if found[0].startswith("unknown: ") else "lacks"
    assert kind == told


@pytest.mark.parametrize(
    ("torch", "name", "version", "told"),
    [
        ("2.8.0+cu128", "cudnn", "9.10.2.21", 0),
        ("2.8.0+cu128", "cudnn", "9.10.2", 0),  # as far as a file name tells
        ("2.8.0+cu128", "cudnn", "9", 0),
        ("2.8.0+cu128", "cudnn", "9.8.0", 1),
        ("2.8.0+cu128", "triton", "3.5.0", 1),
        ("2.14.0+cu130", "triton", "3.8.4", 0),  # pinned with ~=
        ("2.14.0+cu130", "triton", "3.9.0", 1),
        ("2.9.0+cu126", "nccl", "2.20.0", 0),  # no wheel of the index: no pins known
        ("2.8.0+cu999", "nccl", "2.20.0", 0),
    ],
)
def test_a_pin_of_torch_that_was_replaced(torch: str, name: str, version: str, told: int) -> None:
    cuda = torch.partition("+cu")[2]
    built = {"torch": torch, "torch_cuda": f"{cuda[:2]}.{cuda[2:]}", name: version}
    assert len(said("torch_pin_replaced", having(architecture="x86_64", **built))) == told
    assert said("torch_pin_replaced", having(architecture="riscv64", **built)) == []


def test_a_rocm_release_lists_its_targets_and_an_unknown_one_says_nothing() -> None:
    assert said("rocm_release_omits_target", having("mi300x", rocm="6.3.1"), "mi355x") == [
        "ROCm 6.3 officially lists gfx908, gfx90a, gfx942, gfx1030, gfx1100, not gfx950"
    ]
    assert said("rocm_release_omits_target", having("mi300x", rocm="7.2.0"), "mi355x") == []
    assert said("rocm_release_omits_target", having("mi300x", rocm="6.3.1"), "h100") == []


def variable(name: str, value: str, target: str, severity: str, *, count: int = 1, **components: str) -> list[str]:
    here = having(H100, count=count, **components)
    here = machine(replace(here.fingerprint, environment={name: value}))
    return said("environment_set", here, target, severity=severity)


def test_a_value_that_is_right_on_the_target_is_a_grade_milder() -> None:
    name = "CUDA_DEVICE_MAX_CONNECTIONS"
    assert variable(name, "1", "h100", "warning") == []
    assert len(variable(name, "1", "h100", "note")) == 1
    assert len(variable(name, "1", "b200", "warning")) == 1
    assert len(variable(name, "2", "h100", "warning")) == 1


def test_a_note_that_is_right_on_the_target_is_not_told() -> None:
    assert variable("NCCL_MIN_NCHANNELS", "112", "8xmi300x", "note", count=2) == []
    assert len(variable("NCCL_MIN_NCHANNELS", "112", "8xh100", "note", count=2)) == 1


@pytest.mark.parametrize(
    ("vllm", "severity", "text"),
    [
        ("0.26.0", "warning", "it has no effect: vllm 0.26.0 no longer reads it (0.26 was the first)"),
        ("0.33.0", "warning", "it has no effect: vllm 0.33.0"),
        ("0.14.1", "note", "Names the attention kernels in older versions of vLLM"),
    ],
)
def test_a_dead_variable_misleads_and_a_living_one_is_noted(vllm: str, severity: str, text: str) -> None:
    [found] = variable("VLLM_ATTENTION_BACKEND", "FLASHINFER", "h100", severity, vllm=vllm)
    assert text in found
    others = {"error", "warning", "note"} - {severity}
    assert all(variable("VLLM_ATTENTION_BACKEND", "FLASHINFER", "h100", other, vllm=vllm) == [] for other in others)


@pytest.mark.parametrize("severity", ["error", "warning", "note"])
def test_a_dead_variable_of_a_package_that_is_not_there_concerns_nobody(severity: str) -> None:
    assert variable("VLLM_ATTENTION_BACKEND", "FLASHINFER", "h100", severity) == []


def test_targets_that_cards_call_right_are_architectures() -> None:
    known = {entry.arch for entry in store.index()}
    for card in store.environment_cards():
        assert {arch for listed in card.right_on.values() for arch in listed} <= known


def test_a_cuda_that_the_data_do_not_know_is_a_question() -> None:
    here = having(torch="3.1.0+cu140", torch_cuda="14.0", driver="525.60.13")
    assert said("driver_below_floor", here) == ["unknown: which driver CUDA 14.0 needs is not in the data"]


def test_a_library_outside_the_data_is_a_question() -> None:
    assert said("kernel_library_unsupported_on_target", having(deep_gemm="99.0.0")) == [
        "unknown: whether DeepGEMM 99.0.0 runs on sm_100 is not in the data (2.1.1 to 2.6.1)"
    ]
    assert said("kernel_library_unsupported_on_target", having(flash_attn_3="3.0.0b1"))[0].startswith(
        "FlashAttention 3 3.0.0b1 does not run on sm_100"
    )


def test_a_jax_outside_the_data_is_a_question() -> None:
    here = having(jax_cuda12_plugin="0.99.0")
    assert said("framework_jit_only_on_target", here) == [
        "unknown: which code jax-cuda12-plugin 0.99.0 has is not in the data"
    ]


@pytest.mark.parametrize(
    ("cuda", "target", "found"),
    [
        ("12.8", "b300-sxm-270gb", 0),  # its sm_100 code runs on sm_103
        ("12.6", "b300-sxm-270gb", 1),
        ("12.6", B200, 1),
        ("12.8", B200, 0),
        ("11.1", "rtx-4090", 0),  # sm_86 code runs on sm_89
        ("12.8", "rtx-5090", 0),
        ("11.7", H100, 1),
    ],
)
def test_a_toolkit_is_too_old_when_nothing_it_generates_runs(cuda: str, target: str, found: int) -> None:
    assert len(said("cuda_too_old_for_target", having(cuda_toolkit=cuda), target)) == found


def test_ptx_that_nobody_knows_of_is_of_the_newest_architecture_or_there_is_none() -> None:
    torch = having(torch="2.11.0+cu130", torch_cuda="13.0")
    (told,) = said("torch_wheel_lacks_target", torch, "v100-sxm2-32gb")
    assert told.startswith("the torch 2.11.0+cu130 wheel has no code for sm_70: it has sm_75, ")
