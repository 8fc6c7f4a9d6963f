"""Knows how a live fingerprint is put together: three surveys side by side, joined, nothing left behind."""

from __future__ import annotations

import datetime as dt
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import msgspec

from parity.model.absent import NOT_ASKED, Absent, Reading, value_of
from parity.model.fingerprint import Fingerprint, Note, Origin, Stack, sealed
from parity.probes import amd_decode, host_decode, nvml_decode
from parity.probes.cuda_decode import cuda_order, shown_indices
from parity.probes.supervise import run_survey
from parity.probes.visible import mark_visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parity.model.device import Device, Int
    from parity.model.fingerprint import Link
    from parity.probes.supervise import Survey


def capture(*, environment_names: Sequence[str], version: str, root: str = "/") -> Fingerprint:
    """Return the fingerprint of this machine.

    Each vendor library is asked in a child process with a deadline; whatever it does costs readings, never the run.
    No CUDA context is made, no setting changed, no network used.

    Args:
        environment_names: variables to keep, ``*`` at the end for a prefix; no other value is kept.
        version: of this tool, recorded in the fingerprint.
        root: path prefix of /proc and /sys, for tests.
    """
    options = {"root": root, "environment": list(environment_names), "pid": os.getpid()}
    with ThreadPoolExecutor(3) as pool:
        surveys = list(pool.map(lambda name: run_survey(name, options), ("nvidia", "amd", "host")))
    return assembled(*surveys, version=version, environment=dict(os.environ))


def assembled(nvidia: Survey, amd: Survey, host: Survey, *, version: str, environment: dict[str, str]) -> Fingerprint:
    """Return the fingerprint that three surveys add up to; pure but for the clock."""
    own, hidden = _visible_nvidia(nvidia, environment)
    others, hidden_amd = mark_visible(amd_decode.amd_devices(amd), environment, None)
    devices, links = _renumbered(own, nvml_decode.nvidia_links(nvidia), others, amd_decode.amd_links(amd))
    devices, passed_over = _without_integrated(devices)
    components, packages, libraries = host_decode.stack_parts(host)
    found = {**amd_decode.amd_components(amd), **nvml_decode.nvidia_components(nvidia)}
    for name, reading in found.items():
        if isinstance(reading, Reading) or not isinstance(components.get(name), Reading):
            components[name] = reading
    notes = [
        *nvml_decode.nvidia_notes(nvidia),
        *amd_decode.amd_notes(amd),
        *(_nothing_of("AMD", amd_decode.amd_device_count(amd)) if not devices else ()),
        *host_decode.host_notes(host),
        *hidden,
        *hidden_amd,
        *passed_over,
        *(Note(source="probe", text=problem) for survey in (nvidia, amd, host) for problem in survey.problems),
    ]
    return sealed(
        Fingerprint(
            origin=Origin(
                kind="live",
                captured_at=dt.datetime.now(dt.timezone.utc).isoformat(timespec="seconds"),
                tool_version=version,
            ),
            device_count=_count(nvml_decode.nvidia_device_count(nvidia), amd_decode.amd_device_count(amd), devices),
            devices=devices,
            host=host_decode.host(host),
            stack=Stack(components=components, packages=packages, libraries=libraries),
            environment=host_decode.environment(host),
            links=links,
            notes=tuple(notes),
        )
    )


def _without_integrated(devices: tuple[Device, ...]) -> tuple[tuple[Device, ...], tuple[Note, ...]]:
    """Return the devices with a processor's own graphics hidden where a discrete GPU is there too."""
    integrated = [device for device in devices if value_of(device.identity.integrated)]
    if not integrated or len(integrated) == len(devices):
        return devices, ()
    replace = msgspec.structs.replace
    shown = tuple(
        replace(device, locator=replace(device.locator, visible=False)) if device in integrated else device
        for device in devices
    )
    notes = tuple(
        Note(source="probe", text=f"{device.label}: integrated graphics, not judged") for device in integrated
    )
    return shown, notes


def _visible_nvidia(survey: Survey, environment: dict[str, str]) -> tuple[tuple[Device, ...], tuple[Note, ...]]:
    """Return NVIDIA's devices with ``visible`` set: as libcuda itself sees them where it could be asked."""
    devices = nvml_decode.nvidia_devices(survey)
    if "CUDA_VISIBLE_DEVICES" in environment and shown_indices(survey):
        return devices, ()
    return mark_visible(devices, environment, cuda_order(survey))


def _renumbered(
    first: tuple[Device, ...], first_links: tuple[Link, ...], then: tuple[Device, ...], then_links: tuple[Link, ...]
) -> tuple[tuple[Device, ...], tuple[Link, ...]]:
    """Return both vendors' devices and links, the second's indices moved on past the first's."""
    if not first or not then:
        return (*first, *then), (*first_links, *then_links)
    shift = max(device.locator.index for device in first) + 1
    replace = msgspec.structs.replace
    moved = tuple(
        replace(device, locator=replace(device.locator, index=device.locator.index + shift)) for device in then
    )
    return (*first, *moved), (*first_links, *(replace(link, a=link.a + shift, b=link.b + shift) for link in then_links))


def _count(nvidia: Int, amd: Int, devices: tuple[Device, ...]) -> Int:
    """Return how many GPUs there are; unknown when one vendor could not be asked and the other has none."""
    counts = [count.value for count in (nvidia, amd) if isinstance(count, Reading)]
    told = [count for count in (nvidia, amd) if isinstance(count, Absent) and count.why != "not_asked"]
    if counts and (sum(counts) or not told):
        return Reading(value=max(sum(counts), len(devices)) if len(counts) > 1 else counts[0], source="nvml, kfd")
    return told[0] if told else NOT_ASKED


def _nothing_of(vendor: str, count: Int) -> tuple[Note, ...]:
    """Return a note when a vendor's devices were looked for and none is there."""
    if isinstance(count, Reading) and count.value == 0:
        return (Note(source=count.source, text=f"no {vendor} GPU"),)
    return ()
