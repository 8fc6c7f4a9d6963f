"""Tests the host survey and what its answers mean, on folders that stand for ``/``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parity.model.absent import Absent, value_of
from parity.probes.host_decode import host, host_notes
from parity.probes.supervise import Survey, run_survey

if TYPE_CHECKING:
    from pathlib import Path

    from parity.model.fingerprint import Host

SERVER = {
    "/etc/os-release": 'PRETTY_NAME="Ubuntu 24.04.3 LTS"\nNAME="Ubuntu"\nVERSION_ID="24.04"\n',
    "/proc/sys/kernel/osrelease": "6.8.0-60-generic\n",
    "/proc/cpuinfo": "processor\t: 0\nvendor_id\t: AuthenticAMD\nmodel name\t: AMD EPYC 9654 96-Core Processor\nflags\t\t: fpu sse\n\nprocessor\t: 1\n",
    "/proc/meminfo": "MemTotal:       1584923648 kB\nMemFree: 1 kB\n",
    "/proc/cmdline": "BOOT_IMAGE=/vmlinuz secret=1 iommu=pt quiet\n",
    "/proc/1/cgroup": "0::/init.scope\n",
    "/proc/self/cgroup": "0::/user.slice\n",
    "/proc/self/mounts": "sysfs /sys sysfs rw 0 0\n/dev/nvme0n1p2 / ext4 rw 0 0\n",
    "/proc/sys/kernel/numa_balancing": "1\n",
    "/sys/devices/system/cpu/online": "0-383\n",
    "/sys/devices/system/cpu/smt/active": "1\n",
    "/sys/devices/system/cpu/cpu0/topology/physical_package_id": "0\n",
    "/sys/devices/system/cpu/cpu1/topology/physical_package_id": "1\n",
    "/sys/devices/system/cpu/cpufreq/boost": "1\n",
    "/sys/devices/system/cpu/cpufreq/policy0/scaling_governor": "performance\n",
    "/sys/devices/system/cpu/cpufreq/policy1/scaling_governor": "performance\n",
    "/sys/devices/system/node/has_cpu": "0-1\n",
    "/sys/kernel/iommu_groups/0/type": "identity\n",
    "/sys/class/iommu/ivhd0/uevent": "\n",
    "/sys/class/dmi/id/sys_vendor": "Dell Inc.\n",
    "/sys/class/dmi/id/product_name": "PowerEdge XE9680\n",
}


def tree(root: Path, changes: dict[str, str | None] | None = None) -> Path:
    """Write the server's files with changes; None leaves a file out."""
    for path, content in {**SERVER, **(changes or {})}.items():
        if content is not None:
            file = root / path.lstrip("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content, encoding="utf-8")
    return root


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "KUBERNETES_SERVICE_HOST",
        "container",
        "APPTAINER_CONTAINER",
        "SINGULARITY_CONTAINER",
        "LD_LIBRARY_PATH",
    ):
        monkeypatch.delenv(name, raising=False)


def described(root: Path) -> Host:
    survey = run_survey("host", {"root": str(root), "sys_path": []})
    assert survey.complete, survey.problems
    return host(survey)


def test_a_bare_metal_server(tmp_path: Path) -> None:
    found = described(tree(tmp_path))
    values = {name: value_of(getattr(found, name)) for name in found.__struct_fields__}
    for name in ("hostname", "machine"):  # of the machine the test runs on
        assert values.pop(name)
    assert values == {
        "os": "Ubuntu 24.04.3 LTS",
        "kernel": "6.8.0-60-generic",
        "cpu_model": "AMD EPYC 9654 96-Core Processor",
        "cpu_count": 384,
        "cpu_sockets": 2,
        "numa_nodes": 2,
        "memory_bytes": 1584923648 * 1024,
        "cpu_governor": "performance",
        "cpu_boost": True,
        "numa_balancing": True,
        "iommu": "passthrough",
        "container": "none",
        "wsl": False,
        "virtualization": "none",
        "machine_type": "Dell Inc. PowerEdge XE9680",
    }


def test_the_kernel_command_line_stays_private(tmp_path: Path) -> None:
    survey = run_survey("host", {"root": str(tree(tmp_path)), "sys_path": []})
    assert "secret" not in json.dumps(survey.values)


@pytest.mark.parametrize(
    ("changes", "name", "value"),
    [
        ({"/.dockerenv": ""}, "container", "docker"),
        ({"/run/.containerenv": ""}, "container", "podman"),
        ({"/.dockerenv": "", "/var/run/secrets/kubernetes.io/serviceaccount/token": "x"}, "container", "kubernetes"),
        ({"/proc/1/cgroup": "0::/kubepods.slice/kubepods-burstable.slice/x\n"}, "container", "kubernetes"),
        ({"/proc/self/cgroup": "12:pids:/docker/0123\n"}, "container", "docker"),
        ({"/run/systemd/container": "lxc\n"}, "container", "lxc"),
        ({"/.singularity.d/env": ""}, "container", "apptainer"),
        ({"/proc/sys/kernel/osrelease": "5.15.167.4-microsoft-standard-WSL2\n"}, "wsl", True),
        ({"/dev/dxg": ""}, "wsl", True),
        ({"/dev/dxg": ""}, "virtualization", "microsoft"),
        ({"/proc/cpuinfo": "model name : X\nflags : fpu hypervisor\n"}, "virtualization", "other"),
        ({"/proc/cpuinfo": "flags : hypervisor\n", "/sys/class/dmi/id/sys_vendor": "QEMU\n"}, "virtualization", "kvm"),
        ({"/proc/cpuinfo": "flags : hypervisor\n", "/sys/hypervisor/type": "xen\n"}, "virtualization", "xen"),
        (
            {"/sys/devices/system/cpu/cpufreq/boost": None, "/sys/devices/system/cpu/intel_pstate/no_turbo": "1"},
            "cpu_boost",
            False,
        ),
        (
            {"/sys/devices/system/cpu/cpufreq/policy1/scaling_governor": "powersave"},
            "cpu_governor",
            "performance,powersave",
        ),
        ({"/sys/kernel/iommu_groups/0/type": "DMA-FQ\n"}, "iommu", "on"),
        ({"/sys/kernel/iommu_groups/0/type": None, "/proc/cmdline": "amd_iommu=off"}, "iommu", "off"),
        ({"/sys/kernel/iommu_groups/0/type": None, "/proc/cmdline": ""}, "iommu", "on"),
        ({"/proc/sys/kernel/numa_balancing": "0\n"}, "numa_balancing", False),
        (
            {"/sys/class/dmi/id/sys_vendor": "Amazon EC2\n", "/sys/class/dmi/id/product_name": "p5.48xlarge\n"},
            "machine_type",
            "Amazon EC2 p5.48xlarge",
        ),
        (
            {"/proc/cpuinfo": "processor : 0\nCPU implementer : 0x41\nCPU part : 0xd4f\n"},
            "cpu_model",
            "Arm implementer 0x41 part 0xd4f",
        ),
    ],
)
def test_one_file_decides(tmp_path: Path, changes: dict[str, str | None], name: str, value: object) -> None:
    assert value_of(getattr(described(tree(tmp_path, changes)), name)) == value


@pytest.mark.parametrize(
    ("changes", "name", "why"),
    [
        ({"/proc/self/mounts": "overlay / overlay rw 0 0\n"}, "container", "not_supported"),
        (
            {
                "/sys/devices/system/cpu/cpufreq/policy0/scaling_governor": None,
                "/sys/devices/system/cpu/cpufreq/policy1/scaling_governor": None,
            },
            "cpu_governor",
            "not_supported",
        ),
        ({"/proc/meminfo": "nonsense\n"}, "memory_bytes", "not_supported"),
        ({"/sys/devices/system/node/has_cpu": "x-y"}, "numa_nodes", "failed"),
        (
            {"/proc/cpuinfo": "CPU implementer : 0x41\n", "/sys/class/dmi/id/sys_vendor": None},
            "virtualization",
            "failed",
        ),
    ],
)
def test_what_cannot_be_read_is_absent(tmp_path: Path, changes: dict[str, str | None], name: str, why: str) -> None:
    found = getattr(described(tree(tmp_path, changes)), name)
    assert isinstance(found, Absent)
    assert found.why == why


def test_a_cgroup_limit_is_said(tmp_path: Path) -> None:
    survey = run_survey(
        "host", {"root": str(tree(tmp_path, {"/sys/fs/cgroup/cpu.max": "400000 100000\n"})), "sys_path": []}
    )
    texts = [note.text for note in host_notes(survey)]
    assert "a cgroup limits this process to 4 CPUs" in texts
    assert any(text.startswith("this process may run on ") and text.endswith(" of 384 logical CPUs") for text in texts)


ANSWERS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=40),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["flags", "node", "model name", "name", "path", "version", "cuda", "text", "file"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)
KEYS = st.sampled_from(
    [
        f"host:{name}"
        for name in (
            "cpu",
            "uname",
            "memory",
            "marks",
            "sockets",
            "governors",
            "iommu_type",
            "iommu_units",
            "cpus_online",
            "cpu_quota",
            "os_release",
            "cgroup",
            "dmi_vendor",
            "root_filesystem",
            "usable_cpus",
        )
    ]
    + [
        "stack:torch",
        "stack:toolkits",
        "stack:loaded",
        "stack:0:packages",
        "stack:0:package_libraries",
        "stack:environment",
        "stack:python",
    ]
)


@settings(max_examples=300, deadline=None)
@given(values=st.dictionaries(KEYS, ANSWERS, max_size=8))
def test_no_answer_breaks_the_decoder(values: dict[str, Any]) -> None:
    from parity.probes.host_decode import environment, stack_parts

    survey = Survey(values=values)
    found = host(survey)
    host_notes(survey)
    stack_parts(survey)
    environment(survey)
    for name in ("cpu_count", "memory_bytes", "cpu_sockets"):
        value = value_of(getattr(found, name))
        assert value is None or value > 0
