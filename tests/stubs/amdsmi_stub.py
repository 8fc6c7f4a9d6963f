"""Knows how to stand a small C library in for ``libamd_smi.so`` under the real, installed amdsmi binding.

Every symbol the binding resolves is there and answers NOT_SUPPORTED, unless the text file named by ``STUB_AMDSMI`` says
otherwise. Lines: ``gpus N``, ``version A B C``, ``CALL status N``, ``CALL hang``, ``CALL segv``, ``CALL exit``, and
``CALL DEVICE ARGUMENT HEX``: bytes to write through a pointer argument (DEVICE is ``*`` or a number). The bytes are made
from the installed binding's own structs by ``encode``.
"""

from __future__ import annotations

import ctypes
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

# call -> argument, type in amdsmi_wrapper, values. Published MI300X figures; ids and serials invented.
MI300X: dict[str, tuple[int, str, Any]] = {
    "amdsmi_get_gpu_asic_info": (
        1,
        "amdsmi_asic_info_t",
        {
            "market_name": "AMD Instinct MI300X",
            "vendor_id": 0x1002,
            "vendor_name": "Advanced Micro Devices Inc. [AMD/ATI]",
            "subvendor_id": 0x1002,
            "device_id": 0x74A1,
            "rev_id": 0,
            "asic_serial": "0xD4FF74A1",
            "oam_id": 0,
            "num_of_compute_units": 304,
            "target_graphics_version": 0x942,
            "subsystem_id": 0x74A1,
        },
    ),
    "amdsmi_get_gpu_vram_info": (
        1,
        "amdsmi_vram_info_t",
        {
            "vram_type": 4,
            "vram_vendor": "HYNIX",
            "vram_size": 196592,
            "vram_bit_width": 8192,
            "vram_max_bandwidth": 5300,
        },
    ),
    "amdsmi_get_gpu_board_info": (
        1,
        "amdsmi_board_info_t",
        {"model_number": "102-G30211-0C", "product_serial": "PRIVATE1", "product_name": "AMD Instinct MI300X OAM"},
    ),
    "amdsmi_get_gpu_driver_info": (
        1,
        "amdsmi_driver_info_t",
        {"driver_version": "6.14.14", "driver_name": "amdgpu", "driver_date": "2015/01/01 00:00"},
    ),
    "amdsmi_get_power_cap_info": (
        2,
        "amdsmi_power_cap_info_t",
        {"power_cap": 750_000_000, "default_power_cap": 750_000_000, "min_power_cap": 0, "max_power_cap": 750_000_000},
    ),
    "amdsmi_get_power_info": (
        1,
        "amdsmi_power_info_t",
        {"socket_power": 139, "current_socket_power": 139, "average_socket_power": 0xFFFF, "power_limit": 750},
    ),
    "amdsmi_get_clock_info": (
        2,
        "amdsmi_clk_info_t",
        {"clk": 133, "min_clk": 132, "max_clk": 2100, "clk_locked": 0, "clk_deep_sleep": 1},
    ),
    "amdsmi_get_gpu_activity": (
        1,
        "amdsmi_engine_usage_t",
        {"gfx_activity": 0, "umc_activity": 0, "mm_activity": 0xFFFF},
    ),
    "amdsmi_get_temp_metric": (3, "int64", 41),
    "amdsmi_get_pcie_info": (
        1,
        "amdsmi_pcie_info_t",
        {
            "pcie_static": {"max_pcie_width": 16, "max_pcie_speed": 32000, "pcie_interface_version": 5},
            "pcie_metric": {"pcie_width": 16, "pcie_speed": 32000, "pcie_replay_count": 2},
        },
    ),
    "amdsmi_get_gpu_compute_partition": (1, "text", "SPX"),
    "amdsmi_get_gpu_memory_partition": (1, "text", "NPS1"),
    "amdsmi_get_gpu_total_ecc_count": (
        1,
        "amdsmi_error_count_t",
        {"correctable_count": 3, "uncorrectable_count": 0, "deferred_count": 0},
    ),
    "amdsmi_get_gpu_ecc_enabled": (1, "uint64", 0x1FFF),
    "amdsmi_get_gpu_vbios_info": (
        1,
        "amdsmi_vbios_info_t",
        {"name": "AMD MI300X_HW_SRIOV_CVS", "version": "022.040.003"},
    ),
    "amdsmi_get_violation_status": (1, "amdsmi_violation_status_t", {"active_ppt_pwr": 1, "active_hbm_thrm": 0xFF}),
    "amdsmi_get_gpu_xgmi_link_status": (
        1,
        "amdsmi_xgmi_link_status_t",
        {"total_links": 8, "status": [2, 1, 1, 1, 1, 1, 1, 0]},
    ),
    "amdsmi_get_gpu_virtualization_mode": (1, "uint32", 1),
    "amdsmi_topo_get_numa_node_number": (1, "uint32", 0),
    "amdsmi_get_gpu_perf_level": (1, "uint32", 0),
}

_C = r"""
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void hang(void) {
    char path[1024];
    const char *folder = getenv("STUB_HANGS");
    snprintf(path, sizeof path, "%s/%d", folder ? folder : "", (int)getpid());
    FILE *file = folder ? fopen(path, "w") : NULL;
    if (file) fclose(file);
    for (;;) pause();
}

/* A byte more in STUB_AMDSMI.asked at each reading of the metrics, so that a test can wait for one. */
static void count_metrics(const char *name, const char *answers) {
    char path[1024];
    if (!answers || strcmp(name, "amdsmi_get_gpu_metrics_info")) return;
    snprintf(path, sizeof path, "%s.asked", answers);
    FILE *file = fopen(path, "a");
    if (file) fputc('.', file), fclose(file);
}

static int answer(const char *name, void **a) {
    const char *path = getenv("STUB_AMDSMI");
    count_metrics(name, path);
    FILE *file = path ? fopen(path, "r") : NULL;
    static char line[65536];
    int status = 2;
    long device = (long)(uintptr_t)a[0] - 0x1000;
    if (!file) return status;
    while (fgets(line, sizeof line, file)) {
        char *call = strtok(line, " \n"), *verb = strtok(NULL, " \n"), *more = strtok(NULL, " \n"), *hex = strtok(NULL, " \n");
        if (!call || !verb || strcmp(call, name)) continue;
        if (!strcmp(verb, "status")) { status = atoi(more); continue; }
        if (!strcmp(verb, "hang")) hang();
        if (!strcmp(verb, "segv")) raise(SIGSEGV);
        if (!strcmp(verb, "exit")) _exit(7);
        if (strcmp(verb, "*") && atol(verb) != device) continue;
        if (!hex) continue;
        unsigned char *out = a[atoi(more)];
        for (size_t i = 0; hex[2 * i] && hex[2 * i + 1]; i++) {
            char pair[3] = {hex[2 * i], hex[2 * i + 1], 0};
            out[i] = (unsigned char)strtol(pair, NULL, 16);
        }
        status = 0;
    }
    fclose(file);
    return status;
}

static long number(const char *name, int which, long otherwise) {
    const char *path = getenv("STUB_AMDSMI");
    FILE *file = path ? fopen(path, "r") : NULL;
    static char line[65536];
    long found = otherwise, v[3];
    if (!file) return otherwise;
    while (fgets(line, sizeof line, file)) {
        size_t n = strlen(name);
        if (strncmp(line, name, n) || line[n] != ' ') continue;
        v[0] = v[1] = v[2] = 0;
        if (sscanf(line + n, "%ld %ld %ld", &v[0], &v[1], &v[2]) > which) found = v[which];
    }
    fclose(file);
    return found;
}

int amdsmi_get_lib_version(uint32_t *v) {
    void *a[6] = {v};
    int status = answer("amdsmi_get_lib_version", a);
    if (status != 2) return status;
    for (int i = 0; i < 3; i++) v[i] = (uint32_t)number("version", i, i == 0 ? 26 : 0);
    return 0;
}
int amdsmi_init(uint64_t flags) {
    void *a[6] = {0};
    (void)flags;
    puts("stub: noise on standard output");
    fflush(stdout);
    int status = answer("amdsmi_init", a);
    return status == 2 ? 0 : status;
}
int amdsmi_get_socket_handles(uint32_t *count, void **handles) {
    long n = number("gpus", 0, 0);
    if (handles) for (uint32_t i = 0; i < *count && i < n; i++) handles[i] = (void *)(uintptr_t)(0x100 + i);
    *count = (uint32_t)n;
    return 0;
}
int amdsmi_get_processor_handles(void *socket, uint32_t *count, void **handles) {
    if (handles && *count) handles[0] = (void *)((uintptr_t)socket - 0x100 + 0x1000);
    *count = 1;
    return 0;
}
int amdsmi_get_gpu_process_list(void *h, uint32_t *count, void *list) {
    void *a[6] = {h, count, list};
    int status = answer("amdsmi_get_gpu_process_list", a);
    if (status != 2) return status;
    *count = 0;
    return 0;
}
"""
_WRITTEN = frozenset(re.findall(r"^int (amdsmi_\w+)", _C, re.MULTILINE))


def binding_folder() -> Path | None:
    """Return the installed amdsmi package's folder; None when it is not installed."""
    spec = importlib.util.find_spec("amdsmi")
    return Path(spec.origin).parent if spec and spec.origin else None


def compiler() -> str | None:
    """Return the C compiler's path, None without one."""
    return shutil.which("cc") or shutil.which("gcc")


def symbols() -> list[str]:
    """Return every symbol that the installed binding resolves on import."""
    folder = binding_folder()
    assert folder is not None
    text = (folder / "amdsmi_wrapper.py").read_text(encoding="utf-8")
    return sorted(set(re.findall(r"_libraries\['libamd_smi\.so'\]\.(\w+)", text)))


def build(folder: Path, *, without: tuple[str, ...] = ()) -> Path:
    """Compile the library to ``folder/lib/libamd_smi.so``; return ``folder``, to be used as ``ROCM_PATH``."""
    source = folder / "stub.c"
    library = folder / "lib" / "libamd_smi.so"
    library.parent.mkdir(parents=True, exist_ok=True)
    simple = [
        f"int {name}(void *a0, void *a1, void *a2, void *a3, void *a4, void *a5) "
        f'{{ void *a[6] = {{a0, a1, a2, a3, a4, a5}}; return answer("{name}", a); }}'
        for name in symbols()
        if name not in _WRITTEN and name not in without
    ]
    source.write_text(_C + "\n".join(simple) + "\n", encoding="utf-8")
    cc = compiler()
    assert cc is not None
    subprocess.run([cc, "-O0", "-w", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    return folder


def encode(rocm: Path, recording: dict[str, tuple[int, str, Any]]) -> list[str]:
    """Return answer lines for every device, made from the installed binding's structs in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__],
        input=json.dumps(recording),
        env={**os.environ, "ROCM_PATH": str(rocm)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def bus_id(device: int, bus: int) -> str:
    """Return the answer line of a device's PCI address: function, device, bus and domain in one 64-bit field."""
    return f"amdsmi_get_gpu_device_bdf {device} 1 {(bus << 8).to_bytes(8, 'little').hex()}"


def _fill(struct: Any, values: dict[str, Any]) -> None:
    for name, value in values.items():
        if isinstance(value, dict):
            _fill(getattr(struct, name), value)
        elif isinstance(value, list):
            for position, item in enumerate(value):
                getattr(struct, name)[position] = item
        else:
            setattr(struct, name, value.encode() if isinstance(value, str) else value)


def _main() -> None:
    """Read a recording from standard input, write answer lines to standard output."""
    sys.path.pop(0)
    from amdsmi import amdsmi_wrapper

    for call, (argument, kind, value) in json.load(sys.stdin).items():
        if kind == "text":
            data = value.encode() + b"\0"
        elif kind in {"int64", "uint64", "uint32"}:
            data = value.to_bytes(4 if kind == "uint32" else 8, "little")
        else:
            struct = getattr(amdsmi_wrapper, kind)()
            _fill(struct, value)
            data = bytes(ctypes.string_at(ctypes.byref(struct), ctypes.sizeof(struct)))
        print(f"{call} * {argument} {data.hex()}")


if __name__ == "__main__":
    _main()
