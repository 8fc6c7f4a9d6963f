"""Knows what an AMD survey means: devices, links between them, driver and ROCm versions, and what went wrong.

Pure: the same answers give the same fingerprint anywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parity.model.absent import NOT_ASKED, Reading
from parity.model.device import Device, Int, Text
from parity.model.fingerprint import Link, Note
from parity.probes.amd_conditions import conditions
from parity.probes.amd_gpus import Gpu, forbidden_nodes, gpus
from parity.probes.amd_identity import identity, locator
from parity.probes.fields import first, release, take, text, whole

if TYPE_CHECKING:
    from parity.probes.supervise import Survey

_XGMI, _PCIE = 11, 2  # KFD io_link types
_LINK_KINDS = {"XGMI": "xgmi", "PCIE": "pcie"}
_SILENT_CALLS = ("library_missing", "failed", "timed_out", "no_permission", "lost")


def amd_devices(survey: Survey) -> tuple[Device, ...]:
    """Return one device per KFD node with compute units, then those that only DRM or amdsmi shows."""
    return tuple(
        Device(locator=locator(survey, gpu, index), identity=identity(survey, gpu), conditions=conditions(survey, gpu))
        for index, gpu in enumerate(gpus(survey))
    )


def amd_device_count(survey: Survey) -> Int:
    """Return how many AMD GPUs the driver has, those this process may not use included.

    Without any, accelerators that no driver serves count, so that a machine with a broken driver does not look empty;
    an unused display controller (a desktop processor's graphics) and one given to a virtual machine do not.
    By hand: ``ls /sys/class/kfd/kfd/topology/nodes``, ``lspci -d 1002:``.
    """
    found = gpus(survey)
    served = len(found) + len(forbidden_nodes(survey))
    if served:
        source = "kfd:nodes" if any(gpu.node is not None for gpu in found) or not found else "drm:cards"
        return Reading(value=served, source=source)
    listed = survey.values.get("pci:devices")
    if isinstance(listed, list):
        return Reading(value=sum(1 for device in listed if _is_stranded(device)), source="pci:devices")
    return first(take(survey, "pci:devices", len), take(survey, "kfd:nodes", len))


def _is_stranded(device: Any) -> bool:
    """Return whether a PCI function is an accelerator without a driver."""
    if not isinstance(device, dict) or device.get("driver") == "vfio-pci":
        return False
    return not str(device.get("class", "")).startswith("0x0300")


def amd_components(survey: Survey) -> dict[str, Text]:
    """Return the versions of the driver and of ROCm.

    The kernel's own amdgpu has no version file; then the driver's version is the kernel's.
    By hand: ``cat /sys/module/amdgpu/version``, ``cat /opt/rocm/.info/version``.
    """
    driver = take(survey, "amdgpu:version", text)
    if not isinstance(driver, Reading) and survey.values.get("amdgpu:loaded") is True:
        kernel = take(survey, "amdgpu:kernel", text)
        driver = (
            Reading(value=f"kernel {kernel.value}", source="amdgpu:kernel") if isinstance(kernel, Reading) else driver
        )
    found: dict[str, Text] = {
        "driver": driver,
        "rocm": first(take(survey, "rocm:version", release), _rocm_of_amdsmi(survey)),
    }
    missing = ("not_asked", "not_supported", "library_missing")  # no such file: not installed
    return {
        name: observed
        for name, observed in found.items()
        if isinstance(observed, Reading) or observed.why not in missing
    }


def amd_links(survey: Survey) -> tuple[Link, ...]:
    """Return the best path of each pair of devices: KFD links, else amdsmi's topology.

    KFD tells one entry per peer, not per wire, so ``count`` stays unknown. By hand: ``amd-smi topology``.
    """
    found = gpus(survey)
    index_of = {gpu.node: index for index, gpu in enumerate(found) if gpu.node is not None}
    kinds: dict[tuple[int, int], str] = {}
    for gpu in found:
        for link in _io_links(survey, gpu):
            peer = index_of.get(_number(link.get("node_to")))
            a = None if gpu.node is None else index_of.get(gpu.node)
            if a is None or peer is None or a == peer:
                continue
            pair = (min(a, peer), max(a, peer))
            kind = {_XGMI: "xgmi", _PCIE: "pcie"}.get(whole(link.get("type")) or 0)
            if kind and kinds.get(pair) != "xgmi":
                kinds[pair] = kind
    of_amdsmi = {gpu.amdsmi: index for index, gpu in enumerate(found) if gpu.amdsmi is not None}
    for a_smi, a in of_amdsmi.items():
        for b_smi, b in of_amdsmi.items():
            answer = survey.values.get(f"amdsmi:{a_smi}:amdsmi_topo_get_link_type.{b_smi}")
            named = str(answer.get("type", "")).removeprefix("AMDSMI_LINK_TYPE_") if isinstance(answer, dict) else ""
            if named in _LINK_KINDS and a != b:
                kinds.setdefault((min(a, b), max(a, b)), _LINK_KINDS[named])
    paths = {"xgmi": "XGMI", "pcie": "PCIE"}
    return tuple(Link(a=a, b=b, kind=kind, path=paths[kind]) for (a, b), kind in sorted(kinds.items()))


def amd_notes(survey: Survey) -> tuple[Note, ...]:
    """Return what the reader of the fingerprint should know about how the AMD devices were read."""
    found = gpus(survey)
    notes = [
        Note(source="kfd:properties", text=f"KFD node {node} is a GPU this process may not use", why="no_permission")
        for node in forbidden_nodes(survey)
    ]
    notes.extend(_without_driver(survey, found))
    notes.extend(note for gpu in found if (note := _no_access(survey, gpu)))
    kfd_file = survey.values.get("kfd:device_file")
    if found and isinstance(kfd_file, dict) and not kfd_file.get("permitted"):
        word = "may not be opened by this user (group render or video)" if kfd_file.get("exists") else "is not there"
        notes.append(
            Note(source="kfd:device_file", text=f"/dev/kfd {word}: ROCm programs see no GPU", why="no_permission")
        )
    notes.extend(_amdsmi_notes(survey, found))
    return tuple(notes)


def _number(raw: Any) -> int:
    number = whole(raw)
    return -1 if number is None else number


def _io_links(survey: Survey, gpu: Gpu) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for kind in ("io_links", "p2p_links"):
        raw = survey.values.get(f"kfd:{gpu.node}:{kind}")
        found.extend(link for link in (raw if isinstance(raw, list) else ()) if isinstance(link, dict))
    return found


def _rocm_of_amdsmi(survey: Survey) -> Text:
    def version(answer: Any) -> str | None:
        return release(answer[1]) if answer[0] is True else None

    key = "amdsmi:amdsmi_get_rocm_version"
    observed = take(survey, key, version)
    return observed if isinstance(observed, Reading) or key in survey.reasons else NOT_ASKED


def _without_driver(survey: Survey, found: tuple[Gpu, ...]) -> list[Note]:
    listed = survey.values.get("pci:devices")
    shown = [gpu.bdf for gpu in found]  # a list: what a device answers need not be hashable
    notes = []
    for device in listed if isinstance(listed, list) else ():
        if not isinstance(device, dict) or device.get("bdf") in shown:
            continue
        driver = device.get("driver")
        why = f"is bound to {driver}" if driver else "has no driver"
        told = f"PCI device {device.get('bdf')} (1002:{str(device.get('device'))[2:]}) {why} and no GPU is shown for it"
        notes.append(Note(source="pci:devices", text=told, why="not_supported"))
    return notes


def _no_access(survey: Survey, gpu: Gpu) -> Note | None:
    access = survey.values.get(f"kfd:{gpu.node}:render_node")
    if not isinstance(access, dict) or access.get("permitted"):
        return None
    minor = gpu.properties.get("drm_render_minor")
    word = (
        "may not be opened by this user" if access.get("exists") else "is not there (a container without the device?)"
    )
    return Note(
        source="kfd:render_node", text=f"{gpu.bdf or 'GPU'}: /dev/dri/renderD{minor} {word}", why="no_permission"
    )


def _amdsmi_notes(survey: Survey, found: tuple[Gpu, ...]) -> list[Note]:
    notes = []
    for key in ("import", "amdsmi_get_lib_version", "match", "amdsmi_init", "amdsmi_get_processor_handles"):
        told = survey.reasons.get(f"amdsmi:{key}")
        if told and told[0] in _SILENT_CALLS:
            notes.append(Note(source=f"amdsmi:{key}", text=f"amdsmi was not used: {told[1]}", why=told[0]))
    if found and survey.values.get("amdsmi:amdsmi_get_processor_handles") == 0:
        seen = "KFD" if any(gpu.node is not None for gpu in found) else "the kernel"
        said = (
            f"amdsmi lists no GPU although {seen} shows {len(found)}: two copies of its library in one process do that"
        )
        notes.append(Note(source="amdsmi:amdsmi_get_processor_handles", text=said, why="failed"))
    return notes
