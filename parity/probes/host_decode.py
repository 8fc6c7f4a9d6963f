"""Knows what the answers about the host mean: CPUs, memory, governor, IOMMU, container, virtual machine.

Pure: the same answers give the same host anywhere. The software stack is in ``stack_decode``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from parity.model.absent import Absent, Reading
from parity.model.fingerprint import Host, Note
from parity.probes.fields import convert_one, first, positive, take, text, whole
from parity.probes.host_files import MARKS
from parity.probes.stack_decode import environment, stack_notes, stack_parts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.model.device import Flag, Text
    from parity.probes.supervise import Survey

__all__ = ["environment", "host", "host_notes", "stack_parts"]

# DMI system vendor -> hypervisor, as systemd-detect-virt reads it.
_VENDORS = {
    "QEMU": "kvm",
    "KVM": "kvm",
    "OpenStack Foundation": "kvm",
    "Amazon EC2": "kvm",
    "Google": "kvm",
    "VMware, Inc.": "vmware",
    "innotek GmbH": "virtualbox",
    "Oracle Corporation": "virtualbox",
    "Xen": "xen",
    "Parallels Software International Inc.": "parallels",
    "BHYVE": "bhyve",
    "Microsoft Corporation": "microsoft",
    "Apple Virtualization": "apple",
}
# What a container runtime writes into cgroup paths, the more telling first.
_CGROUPS = (
    ("kubepods", "kubernetes"),
    ("docker", "docker"),
    ("libpod", "podman"),
    ("containerd", "containerd"),
    ("lxc", "lxc"),
    ("garden", "garden"),
)


def host(survey: Survey) -> Host:
    """Return the machine around the GPUs."""
    return Host(
        hostname=take(survey, "host:uname", text, "node"),
        os=take(survey, "host:os_release", _pretty_name),
        kernel=first(take(survey, "host:kernel", text), take(survey, "host:uname", text, "release")),
        machine=take(survey, "host:uname", text, "machine"),
        cpu_model=_cpu_model(survey),
        cpu_count=first(take(survey, "host:cpus_online", count_of_ranges), take(survey, "host:usable_cpus", positive)),
        cpu_sockets=take(survey, "host:sockets", positive),
        numa_nodes=take(survey, "host:nodes_with_cpus", count_of_ranges),
        memory_bytes=take(survey, "host:memory", _memory),
        cpu_governor=take(survey, "host:governors", _joined),
        cpu_boost=first(take(survey, "host:boost", _flag), take(survey, "host:no_turbo", _not_flag)),
        numa_balancing=take(survey, "host:numa_balancing", _switch),
        iommu=_iommu(survey),
        container=_container(survey),
        wsl=_wsl(survey),
        virtualization=_virtualization(survey),
        machine_type=_machine_type(survey),
    )


def host_notes(survey: Survey) -> tuple[Note, ...]:
    """Return what the reader should know: CPUs withheld from this process, several torch or CUDA copies."""
    found: list[Note] = []
    online, usable = take(survey, "host:cpus_online", count_of_ranges), take(survey, "host:usable_cpus", positive)
    if isinstance(online, Reading) and isinstance(usable, Reading) and usable.value < online.value:
        text_ = f"this process may run on {usable.value} of {online.value} logical CPUs"
        found.append(Note(source="host:usable_cpus", text=text_))
    quota = take(survey, "host:cpu_quota", _quota)
    if (
        isinstance(quota, Reading)
        and quota.value > 0
        and (not isinstance(online, Reading) or quota.value < online.value)
    ):
        found.append(Note(source="host:cpu_quota", text=f"a cgroup limits this process to {quota.value:g} CPUs"))
    return (*found, *stack_notes(survey))


def count_of_ranges(raw: Any) -> int | None:
    """Return how many numbers a kernel list names.

    >>> count_of_ranges("0-3,8"), count_of_ranges("x")
    (5, None)
    """
    total = 0
    for part in raw.strip().split(","):
        match = re.fullmatch(r"(\d{1,6})(?:-(\d{1,6}))?", part)
        if match is None:
            return None
        low, high = int(match[1]), int(match[2] or match[1])
        if high < low:
            return None
        total += high - low + 1
    return total


def _pretty_name(raw: Any) -> str | None:
    fields = dict(re.findall(r"^(PRETTY_NAME|NAME|VERSION_ID)=\"?([^\"\n]*)\"?$", raw, re.MULTILINE))
    return text(fields.get("PRETTY_NAME") or f"{fields.get('NAME', '')} {fields.get('VERSION_ID', '')}")


def _cpu_model(survey: Survey) -> Text:
    """Return the processor's name; on Arm the kernel has numbers only: ``Arm implementer 0x41 part 0xd4f``."""

    def arm(raw: Any) -> str:
        return f"Arm implementer {raw['CPU implementer']} part {raw['CPU part']}"

    return first(take(survey, "host:cpu", text, "model name"), take(survey, "host:cpu", arm))


def _memory(raw: Any) -> int | None:
    match = re.search(r"MemTotal:\s+(\d{1,15}) kB", raw)
    return int(match[1]) * 1024 or None if match else None


def _joined(raw: Any) -> str | None:
    return ",".join(raw) or None


def _flag(raw: Any) -> bool | None:
    return {"0": False, "1": True}.get(raw)


def _not_flag(raw: Any) -> bool | None:
    return {"0": True, "1": False}.get(raw)


def _switch(raw: Any) -> bool | None:
    """Return whether a switch with several levels is on: ``numa_balancing`` is 0, 1 or 2."""
    number = whole(raw)
    return None if number is None else number > 0


def _quota(raw: Any) -> float | None:
    """Return the CPUs of a ``cpu.max`` line, 0 for no limit.

    >>> _quota("400000 100000"), _quota("max 100000")
    (4.0, 0.0)
    """
    quota, _, period = raw.partition(" ")
    if quota == "max":
        return 0.0
    return int(quota) / int(period) if int(period) > 0 else None


def _iommu(survey: Survey) -> Text:
    """Return ``off``, ``passthrough`` or ``on``. AMD asks for pass-through (``iommu=pt``) on MI300X hosts.

    By hand: ``cat /sys/kernel/iommu_groups/0/type``, ``cat /proc/cmdline``.
    """
    kind = take(
        survey,
        "host:iommu_type",
        lambda raw: "passthrough" if raw == "identity" else "on" if raw.startswith("DMA") else None,
    )
    if isinstance(kind, Reading):
        return kind
    arguments = survey.values.get("host:iommu_arguments")
    words = [word for word in arguments if isinstance(word, str)] if isinstance(arguments, list) else []
    if "iommu=pt" in words or "iommu.passthrough=1" in words:
        return Reading(value="passthrough", source="host:iommu_arguments")
    if {"iommu=off", "amd_iommu=off", "intel_iommu=off"} & set(words):
        return Reading(value="off", source="host:iommu_arguments")
    units = survey.values.get("host:iommu_units")
    if isinstance(units, list):
        return Reading(value="on" if units else "off", source="host:iommu_units")
    return first(kind, take(survey, "host:iommu_units", lambda _: None))


def _container(survey: Survey) -> Text:
    """Return the container runtime, ``none``, or an absence when the root is a container's and nothing says whose."""
    marked = next(_container_marks(survey), None)
    if marked is not None:
        return marked
    root = survey.values.get("host:root_filesystem")
    if root == "overlay":
        why = "the root file system is an overlay, and no runtime left a mark"
        return Absent(why="not_supported", source="host:root_filesystem", detail=why)
    if isinstance(root, str) and root and "host:marks" in survey.values:
        return Reading(value="none", source="host:root_filesystem")
    return first(take(survey, "host:root_filesystem", lambda _: None), take(survey, "host:marks", lambda _: None))


def _container_marks(survey: Survey) -> Iterator[Reading[str]]:
    """Yield what names a runtime, the most telling first: an orchestrator, then its runtime, then cgroup paths."""
    marks = [MARKS[path] for path in _list(survey, "host:marks") if MARKS.get(path) not in {None, "wsl"}]
    variables = _list(survey, "host:runtime_variables")
    if "kubernetes" in marks:
        yield Reading(value="kubernetes", source="host:marks")
    if "KUBERNETES_SERVICE_HOST" in variables:
        yield Reading(value="kubernetes", source="host:runtime_variables")
    for mark in marks:
        yield Reading(value=mark, source="host:marks")
    if {"APPTAINER_CONTAINER", "SINGULARITY_CONTAINER"} & set(variables):
        yield Reading(value="apptainer", source="host:runtime_variables")
    systemd = take(survey, "host:systemd_container", text)
    if isinstance(systemd, Reading):
        yield systemd
    for key in ("host:cgroup", "host:own_cgroup"):
        told = survey.values.get(key)
        for mark, name in _CGROUPS:
            if isinstance(told, str) and re.search(rf"(?:/|-|:){mark}", told):
                yield Reading(value=name, source=key)
    if "container" in variables:
        yield Reading(value="other", source="host:runtime_variables")


def _list(survey: Survey, key: str) -> list[str]:
    raw = survey.values.get(key)
    return [item for item in raw if isinstance(item, str)] if isinstance(raw, list) else []


def _wsl(survey: Survey) -> Flag:
    """Return whether this is the Windows Subsystem for Linux: its kernel says Microsoft, or its GPU device is there."""
    kernel = first(take(survey, "host:kernel", text), take(survey, "host:uname", text, "release"))
    if any(MARKS.get(path) == "wsl" for path in _list(survey, "host:marks")):
        return Reading(value=True, source="host:marks")
    if isinstance(kernel, Reading):
        return Reading(value="microsoft" in kernel.value.lower(), source=kernel.source)
    return kernel


def _virtualization(survey: Survey) -> Text:
    """Return the hypervisor, or ``none`` on bare metal.

    x86 processors under a hypervisor carry the flag ``hypervisor``; that it is absent proves bare metal. Arm has no
    such flag. By hand: ``systemd-detect-virt``.
    """
    flags = take(survey, "host:cpu", lambda raw: raw["flags"].split())
    wsl = _wsl(survey)
    if isinstance(wsl, Reading) and wsl.value:
        return Reading(value="microsoft", source=wsl.source)
    if isinstance(flags, Reading):
        if "hypervisor" not in flags.value:
            return Reading(value="none", source="host:cpu.flags")
        named = first(take(survey, "host:hypervisor", text), take(survey, "host:dmi_vendor", _VENDORS.get))
        return named if isinstance(named, Reading) else Reading(value="other", source="host:cpu.flags")
    metal = take(survey, "host:dmi_product", lambda raw: "none" if raw.endswith(".metal") else None)
    # Microsoft makes machines as well as a hypervisor: on Arm its name alone decides nothing.
    named = take(survey, "host:dmi_vendor", lambda raw: None if raw == "Microsoft Corporation" else _VENDORS.get(raw))
    return first(metal, named, flags)


def _machine_type(survey: Survey) -> Text:
    """Return ``Dell Inc. PowerEdge XE9680``, ``Amazon EC2 p5.48xlarge``, or the device tree's model."""
    product = take(survey, "host:dmi_product", text)
    vendor = take(survey, "host:dmi_vendor", text)
    if isinstance(product, Reading):
        maker = vendor.value if isinstance(vendor, Reading) else ""
        joined = product.value if product.value.startswith(maker) else f"{maker} {product.value}"
        return convert_one(joined, product.source, text)
    return first(take(survey, "host:device_tree_model", text), product)
