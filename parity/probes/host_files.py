"""Knows where Linux tells about the machine around the GPUs; every answer is the file's own text.

Runs in the probe child. ``host_decode`` gives the texts a meaning. By hand: ``lscpu``, ``numactl -H``, ``hostnamectl``.
"""

# pathlib takes 9 ms to import; the whole child takes 40.
# ruff: noqa: PTH123
from __future__ import annotations

import os
from typing import TYPE_CHECKING

from parity.probes.small_files import Tree, reason

if TYPE_CHECKING:
    from parity.probes.ask import Ask

_CPU = "/sys/devices/system/cpu"
MAX_CPUS = 2048

# key -> file
_FILES = {
    "os_release": "/etc/os-release",
    "kernel": "/proc/sys/kernel/osrelease",
    "cpus_online": f"{_CPU}/online",
    "smt": f"{_CPU}/smt/active",
    "nodes_with_cpus": "/sys/devices/system/node/has_cpu",
    "boost": f"{_CPU}/cpufreq/boost",
    "no_turbo": f"{_CPU}/intel_pstate/no_turbo",
    "numa_balancing": "/proc/sys/kernel/numa_balancing",
    "iommu_type": "/sys/kernel/iommu_groups/0/type",
    "dmi_vendor": "/sys/class/dmi/id/sys_vendor",
    "dmi_product": "/sys/class/dmi/id/product_name",
    "device_tree_model": "/proc/device-tree/model",
    "hypervisor": "/sys/hypervisor/type",
    "systemd_container": "/run/systemd/container",
    "cgroup": "/proc/1/cgroup",
    "own_cgroup": "/proc/self/cgroup",
    "cpu_quota": "/sys/fs/cgroup/cpu.max",
}
# Marks a container runtime leaves: file -> what it means.
MARKS = {
    "/.dockerenv": "docker",
    "/run/.containerenv": "podman",
    "/var/run/secrets/kubernetes.io/serviceaccount": "kubernetes",
    "/.singularity.d": "apptainer",
    "/dev/dxg": "wsl",
    "/proc/sys/fs/binfmt_misc/WSLInterop": "wsl",
}
# Variables a container runtime sets; only whether they are set is told.
_RUNTIME_VARIABLES = ("KUBERNETES_SERVICE_HOST", "APPTAINER_CONTAINER", "SINGULARITY_CONTAINER", "container")


def survey(ask: Ask, tree: Tree) -> None:
    """Ask about CPUs, memory, kernel, firmware, container and virtual machine."""
    for name, path in _FILES.items():
        ask(f"host:{name}", tree.text, path, classify=reason)
    ask("host:uname", lambda: dict(zip(("system", "node", "release", "version", "machine"), os.uname(), strict=True)))
    ask("host:cpu", _first_cpu, tree, classify=reason)
    ask("host:sockets", _sockets, tree, classify=reason)
    ask("host:governors", _governors, tree, classify=reason)
    ask("host:memory", _memory_line, tree, classify=reason)
    ask("host:iommu_arguments", _iommu_arguments, tree, classify=reason)
    ask("host:iommu_units", tree.names, "/sys/class/iommu", classify=reason)
    ask("host:root_filesystem", _root_filesystem, tree, classify=reason)
    ask("host:marks", lambda: [path for path in MARKS if tree.exists(path)])
    ask("host:runtime_variables", lambda: [name for name in _RUNTIME_VARIABLES if name in os.environ])
    ask("host:usable_cpus", lambda: len(os.sched_getaffinity(0)))


def _first_cpu(tree: Tree) -> dict[str, str]:
    """Return the first processor's lines of ``/proc/cpuinfo``; on a big host the whole file takes long to make."""
    with open(tree.at("/proc/cpuinfo"), "rb", buffering=0) as stream:
        block = stream.read(16384).decode("utf-8", errors="replace").partition("\n\n")[0]
    lines = (line.partition(":") for line in block.splitlines())
    return {name.strip(): value.strip()[:4000] for name, _, value in lines if value.strip()}


def _sockets(tree: Tree) -> int:
    """Return how many processor packages there are."""
    cpus = [name for name in tree.names(_CPU) if name.startswith("cpu") and name[3:].isdecimal()][:MAX_CPUS]
    packages = {tree.text_or_none(f"{_CPU}/{cpu}/topology/physical_package_id") for cpu in cpus} - {None, "-1"}
    if not packages:
        raise FileNotFoundError(2, "no package id", f"{_CPU}/cpu*/topology")
    return len(packages)


def _governors(tree: Tree) -> list[str]:
    """Return the distinct governors of all frequency policies. By hand: ``cpupower frequency-info``."""
    folder = f"{_CPU}/cpufreq"
    policies = [name for name in tree.names(folder) if name.startswith("policy")][:MAX_CPUS]
    found = {text for name in policies if (text := tree.text_or_none(f"{folder}/{name}/scaling_governor"))}
    if not found:
        raise FileNotFoundError(2, "no policy", f"{folder}/policy*")
    return sorted(found)


def _memory_line(tree: Tree) -> str:
    for line in tree.text("/proc/meminfo").splitlines():
        if line.startswith("MemTotal:"):
            return line
    raise FileNotFoundError(2, "no MemTotal", "/proc/meminfo")


def _root_filesystem(tree: Tree) -> str:
    """Return the type of the file system mounted at ``/``."""
    found = ""
    for line in tree.text("/proc/self/mounts").splitlines():
        parts = line.split(" ")
        if len(parts) > 2 and parts[1] == "/":
            found = parts[2]
    return found


def _iommu_arguments(tree: Tree) -> list[str]:
    """Return the kernel arguments about the IOMMU; the others are nobody's business."""
    return [word for word in tree.text("/proc/cmdline").split() if "iommu" in word.partition("=")[0]]
