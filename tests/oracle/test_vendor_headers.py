"""What we call through ctypes, against NVIDIA's own headers: names, prototypes, layouts, codes, field and metric ids.

The headers come in wheels (12 MB in all) and stay in the build folder. No GPU is needed: a compiler says what they say.
"""

from __future__ import annotations

import ctypes
import re
import subprocess
import zipfile
from typing import TYPE_CHECKING

import pynvml
import pytest

from parity.measure import driver_calls
from parity.probes import cuda_survey, gpm, gpm_names, nvidia_convert, nvml_questions, nvml_survey, watch_nvml
from tests.oracle import fetch, headers
from tests.stubs.build import SOURCES

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.network,
    pytest.mark.skipif(headers.compilers() is None, reason="no gcc and g++ to read headers with"),
]
CUDA = ("nvidia-cuda-runtime-cu11==11.8.89", "nvidia-cuda-runtime-cu12==12.9.79", "nvidia-cuda-runtime==13.5.37")
NVML = ("nvidia-nvml-dev-cu12==12.9.79", "nvidia-nvml-dev==13.5.37")
CODES = {"i": "i", "I": "u", "L": "u", "Q": "u", "f": "f", "d": "f"}  # of ctypes' types
# What the other calls of the survey are declared with, where they are called; the binding's own are NVIDIA's.
CONTEXT_FREE = {"cuDeviceTotalMem_v2": ["*8", "i4"], "cuGetErrorName": ["u4", "*8"], "cuDeviceGetUuid_v2": ["*8", "i4"]}


def include_of(wheel: str, header: str) -> Path:
    """Return a folder with the header of a wheel."""
    folder = fetch.CACHE / "headers" / wheel.replace("==", "-")
    if not (folder / header).exists():
        try:
            path = fetch.wheel(wheel, fetch.CACHE / "wheels", timeout_s=240)
        except fetch.UnavailableError as error:
            pytest.skip(f"{wheel}: {error}")
        folder.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(path) as archive:
            (name,) = [one for one in archive.namelist() if one.endswith(f"include/{header}")]
            (folder / header).write_bytes(archive.read(name))
    return folder


@pytest.fixture(params=CUDA)
def cuda(request: pytest.FixtureRequest) -> Path:
    return include_of(request.param, "cuda.h")


@pytest.fixture(params=NVML)
def nvml(request: pytest.FixtureRequest) -> Path:
    return include_of(request.param, "nvml.h")


def newest() -> Path:
    return include_of(NVML[-1], "nvml.h")


def loosely(kinds: list[str]) -> list[str]:
    """Signedness is the same register."""
    return [kind.replace("u", "i") for kind in kinds]


def test_the_driver_is_called_as_it_is_declared(cuda: Path, tmp_path: Path) -> None:
    ours = {name: headers.kinds_of(types, CODES) for name, types in driver_calls.SIGNATURES.items()} | CONTEXT_FREE
    if "11.8" in str(cuda):
        ours.pop("cuDeviceGetUuid_v2")  # exported from 11.4 on, declared under this name, too
    real = headers.signatures(cuda, "cuda.h", ours, tmp_path)
    assert {name: loosely(kinds) for name, kinds in ours.items()} == {name: loosely(real[name][1:]) for name in ours}
    assert {kinds[0] for kinds in real.values()} == {"u4"}  # CUresult


def test_versions_of_calls_are_those_that_the_header_means(cuda: Path) -> None:
    text = (cuda / "cuda.h").read_text()
    means = dict(re.findall(r"#\s*define\s+(cu\w+)\s+(?:__CUDA_API_PT[SD]Z\()?(cu\w+)\)?\s*$", text, re.MULTILINE))
    later = {"cuEventElapsedTime", "cuDeviceGetUuid"}  # the older ones are still exported, and do the same
    for name in driver_calls.SIGNATURES:
        plain = name.removesuffix("_v2")
        if plain not in later:
            assert means.get(plain, plain) == name, name


def test_the_stub_driver_has_the_prototypes_of_the_real_one(cuda: Path) -> None:
    command = ["gcc", "-std=gnu11", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-Wno-enum-conversion"]
    subprocess.run([*command, "-DSTUB_REAL_CUDA_H", f"-I{cuda}", str(SOURCES / "cuda.c")], check=True)


def test_attributes_and_codes_of_the_driver(tmp_path: Path) -> None:
    include = include_of(CUDA[-1], "cuda.h")
    wanted = {f"CU_DEVICE_ATTRIBUTE_{name}": number for name, number in cuda_survey.ATTRIBUTES.items()}
    wanted |= {
        "CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE": driver_calls.L2_CACHE_SIZE,
        "CU_DEVICE_ATTRIBUTE_INTEGRATED": driver_calls.INTEGRATED,
        "CU_STREAM_NON_BLOCKING": driver_calls.STREAM_NON_BLOCKING,
        "CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED": driver_calls.PEER_ACCESS_ALREADY_ENABLED,
        "CUDA_ERROR_INVALID_VALUE": 1,
        "CUDA_ERROR_OUT_OF_MEMORY": 2,
        "CUDA_ERROR_STUB_LIBRARY": 34,
        "CUDA_ERROR_DEVICE_UNAVAILABLE": 46,
        "CUDA_ERROR_NO_DEVICE": 100,
        "CUDA_ERROR_ECC_UNCORRECTABLE": 214,
        "CUDA_ERROR_NVLINK_UNCORRECTABLE": 220,
        "CUDA_ERROR_JIT_COMPILER_NOT_FOUND": 221,
        "CUDA_ERROR_JIT_COMPILATION_DISABLED": 223,
        "CUDA_ERROR_NOT_PERMITTED": 800,
        "CUDA_ERROR_NOT_SUPPORTED": 801,
        "CUDA_ERROR_SYSTEM_NOT_READY": 802,
        "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH": 803,
        "CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE": 804,
        "CUDA_ERROR_MPS_CONNECTION_FAILED": 805,
        "CUDA_ERROR_MPS_SERVER_NOT_READY": 807,
        "CUDA_ERROR_MPS_MAX_CLIENTS_REACHED": 808,
        "CUDA_ERROR_MPS_MAX_CONNECTIONS_REACHED": 809,
        "CUDA_ERROR_TIMEOUT": 909,
    }
    assert headers.numbers(include, "cuda.h", wanted, tmp_path) == wanted
    named = {number for name, number in wanted.items() if name.startswith("CUDA_ERROR_")}
    assert {*cuda_survey._WHY, *driver_calls.WHY, *driver_calls._MEANS} <= named


def test_our_own_structs_lie_as_the_header_lays_them(nvml: Path, tmp_path: Path) -> None:
    request, metric = gpm._Request, gpm._METRIC.size
    field, text = watch_nvml._FIELD.size, (nvml / "nvml.h").read_text()
    wanted = {
        "sizeof(nvmlFieldValue_t)": field,
        "offsetof(nvmlFieldValue_t, scopeId)": 4,
        "offsetof(nvmlFieldValue_t, valueType)": 24,
        "offsetof(nvmlFieldValue_t, nvmlReturn)": 28,
        "offsetof(nvmlFieldValue_t, value)": 32,
        "sizeof(nvmlGpmMetric_t)": metric,
        "offsetof(nvmlGpmMetric_t, metricId)": 0,
        "offsetof(nvmlGpmMetric_t, nvmlReturn)": 4,
        "offsetof(nvmlGpmMetric_t, value)": 8,
        "offsetof(nvmlGpmMetricsGet_t, numMetrics)": request.count.offset,
        "offsetof(nvmlGpmMetricsGet_t, sample1)": request.first.offset,
        "offsetof(nvmlGpmMetricsGet_t, sample2)": request.last.offset,
        "offsetof(nvmlGpmMetricsGet_t, metrics)": request.metrics.offset,
        "NVML_GPM_METRICS_GET_VERSION": gpm._VERSION,
        "nvmlMemory_v2": 0x02000028,
        "nvmlClockOffset_v1": 0x1000018,
        "nvmlPciInfoExt_v1": 0x1000040,
        "nvmlGpuFabricInfo_v2": nvml_survey._FABRIC_VERSIONS[1],
        "sizeof(nvmlGpuFabricInfo_v2_t)": 36,
    }
    if "nvmlGpuFabricInfo_v3_t" in text:
        fabric = nvml_survey._FabricInfo
        wanted |= {
            "nvmlGpuFabricInfo_v3": nvml_survey._FABRIC_VERSIONS[0],
            "sizeof(nvmlGpuFabricInfo_v3_t)": ctypes.sizeof(fabric),
            **{
                f"offsetof(nvmlGpuFabricInfo_v3_t, {name})": getattr(fabric, name).offset for name, _ in fabric._fields_
            },
        }
    assert headers.numbers(nvml, "nvml.h", wanted, tmp_path) == wanted
    room = headers.numbers(nvml, "nvml.h", {"sizeof(nvmlGpmMetricsGet_t)": 0}, tmp_path)
    assert room["sizeof(nvmlGpmMetricsGet_t)"] <= ctypes.sizeof(request)
    values = (
        "double",
        "unsigned int",
        "unsigned long",
        "unsigned long long",
        "signed long long",
        "signed int",
        "unsigned short",
    )
    sizes = headers.numbers(nvml, "nvml.h", [f"sizeof({name})" for name in values], tmp_path)
    assert [kind.size for kind in watch_nvml._VALUES] == list(sizes.values())


def test_structs_of_the_binding_that_we_use_are_those_of_the_header(tmp_path: Path) -> None:
    used = {
        "nvmlMemory_t": pynvml.c_nvmlMemory_t,
        "nvmlMemory_v2_t": pynvml.c_nvmlMemory_v2_t,
        "nvmlBAR1Memory_t": pynvml.c_nvmlBAR1Memory_t,
        "nvmlUtilization_t": pynvml.c_nvmlUtilization_t,
        "nvmlPciInfo_t": pynvml.nvmlPciInfo_t,
        "nvmlPciInfoExt_v1_t": pynvml.nvmlPciInfoExt_v1_t,
        "nvmlViolationTime_t": pynvml.c_nvmlViolationTime_t,
        "nvmlClockOffset_v1_t": pynvml.c_nvmlClockOffset_t,
        "nvmlEccSramErrorStatus_v1_t": pynvml.c_nvmlEccSramErrorStatus_v1_t,
        "nvmlWorkloadPowerProfileCurrentProfiles_v1_t": pynvml.c_nvmlWorkloadPowerProfileCurrentProfiles_v1_t,
        "nvmlGpmSupport_t": pynvml.c_nvmlGpmSupport_t,
        "nvmlProcessInfo_v2_t": pynvml.c_nvmlProcessInfo_v3_t,
    }
    real = headers.numbers(newest(), "nvml.h", [f"sizeof({name})" for name in used], tmp_path)
    assert real == {f"sizeof({name})": ctypes.sizeof(kind) for name, kind in used.items()}


def test_fields_and_metrics_mean_what_they_are_taken_for(tmp_path: Path) -> None:
    text = (newest() / "nvml.h").read_text()
    names = [*re.findall(r"#define\s+(NVML_FI_\w+)\s", text), *re.findall(r"\b(NVML_GPM_METRIC_\w+)\s*=", text)]
    told = headers.numbers(newest(), "nvml.h", names, tmp_path)

    def is_a(prefix: str, number: int, *words: str) -> bool:
        found = [name for name, value in told.items() if value == number and name.startswith(prefix)]
        return any(all(word in name.split("_") for word in words) for name in found)

    taken = {
        3: ("ECC", "SBE", "VOL", "TOTAL"), 4: ("ECC", "DBE", "VOL", "TOTAL"), 74: ("SW", "POWER", "CAP"),
        75: ("POLICY", "THERMAL"), 76: ("SYNC", "BOOST"), 77: ("BOARD", "LIMIT"), 79: ("RELIABILITY",),
        82: ("MEMORY", "TEMP"), 83: ("TOTAL", "ENERGY"), 94: ("PCIE", "REPLAY", "COUNTER"),
        269: ("SW", "THERM"), 270: ("HW", "THERM"), 271: ("POWER", "BRAKE"),
    }  # fmt: skip
    assert set(taken) == set(watch_nvml.FIELDS)
    assert [number for number, words in taken.items() if not is_a("NVML_FI", number, *words)] == []
    assert {*nvml_questions.FIELDS, *nvml_questions.LINK_FIELDS} <= set(told.values())
    words = {"graphics": "GRAPHICS", "sm": "SM", "integer": "INTEGER", "tensor": "TENSOR", "dram": "DRAM", "c2c": "C2C",
             "fp64": "FP64", "fp32": "FP32", "fp16": "FP16", "pcie": "PCIE", "nvdec": "NVDEC", "nvjpg": "NVJPG",
             "nvofa": "NVOFA", "nvenc": "NVENC", "nvlink": "NVLINK", "host": "HOSTMEM", "peer": "PEERMEM",
             "context": "CTXSW"}  # fmt: skip
    wrong = [
        (number, name)
        for number, (name, factor) in gpm_names.METRICS.items()
        if not is_a("NVML_GPM", number, words[name.partition("_")[0]])
        or (name.endswith("_mib_s") and not is_a("NVML_GPM", number, "PER", "SEC", name.split("_")[-3].upper()))
        or (factor == 1.0 and name.endswith("_active"))
    ]
    assert wrong == []


def test_codes_that_we_give_names_to(tmp_path: Path) -> None:
    include = newest()
    names = {
        "NVML_ERROR_NOT_SUPPORTED": 3, "NVML_ERROR_NO_PERMISSION": 4, "NVML_ERROR_NOT_FOUND": 6,
        "NVML_ERROR_DRIVER_NOT_LOADED": 9, "NVML_ERROR_TIMEOUT": 10, "NVML_ERROR_LIBRARY_NOT_FOUND": 12,
        "NVML_ERROR_FUNCTION_NOT_FOUND": 13, "NVML_ERROR_GPU_IS_LOST": 15, "NVML_ERROR_RESET_REQUIRED": 16,
        "NVML_ERROR_OPERATING_SYSTEM": 17, "NVML_ERROR_NO_DATA": 21, "NVML_ERROR_VGPU_ECC_NOT_SUPPORTED": 22,
        "NVML_ERROR_ARGUMENT_VERSION_MISMATCH": 25, "NVML_ERROR_DEPRECATED": 26,
    }  # fmt: skip
    assert set(names.values()) == set(nvml_survey.WHY)
    names |= {"NVML_CLOCK_SM": watch_nvml._SM, "NVML_CLOCK_MEM": watch_nvml._MEMORY, "NVML_TEMPERATURE_GPU": 0}
    names |= {"NVML_MEMORY_ERROR_TYPE_CORRECTED": 0, "NVML_MEMORY_ERROR_TYPE_UNCORRECTED": 1, "NVML_VOLATILE_ECC": 0}
    for number, cause in watch_nvml.POLICIES.items():
        word = {"sw-power-cap": "POWER"}.get(cause, cause.upper().replace("-", "_"))
        names[f"NVML_PERF_POLICY_{word}"] = number
    for bit, words in {
        1: "EventReasonGpuIdle", 2: "EventReasonApplicationsClocksSetting", 4: "EventReasonSwPowerCap",
        8: "ThrottleReasonHwSlowdown", 0x10: "EventReasonSyncBoost", 0x20: "EventReasonSwThermalSlowdown",
        0x40: "ThrottleReasonHwThermalSlowdown", 0x80: "ThrottleReasonHwPowerBrakeSlowdown",
        0x100: "EventReasonDisplayClockSetting",
    }.items():  # fmt: skip
        assert bit in nvidia_convert.THROTTLE_REASONS
        names[f"nvmlClocks{words}"] = bit
    for number, action in nvidia_convert.RECOVERY_ACTIONS.items():
        names[f"NVML_GPU_RECOVERY_ACTION_{action.upper().replace('-', '_')}"] = number
    for number, state in nvidia_convert.FABRIC_STATES.items():
        names[f"NVML_GPU_FABRIC_STATE_{state.upper().replace('-', '_')}"] = number
    for bit, profile in enumerate(nvidia_convert.POWER_PROFILES):
        names[f"NVML_POWER_PROFILE_{profile.upper().replace('-', '_')}"] = bit
    assert headers.numbers(include, "nvml.h", names, tmp_path) == names


def test_the_stub_nvml_takes_what_the_real_one_takes(nvml: Path, tmp_path: Path) -> None:
    text = (nvml / "nvml.h").read_text()
    stub = {
        name: kinds for name, kinds in headers.stub_signatures(SOURCES / "nvml.c", tmp_path).items() if name in text
    }
    assert len(stub) > 90
    real = headers.signatures(nvml, "nvml.h", stub, tmp_path)
    differ = {
        name: (kinds, real[name][1:])
        for name, kinds in stub.items()
        if kinds != ["*" if kind == "*8" else "i" for kind in real[name][1:]]
    }
    assert differ == {}
