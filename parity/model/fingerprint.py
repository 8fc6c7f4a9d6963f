"""Knows a fingerprint: everything one run read from one machine, each value with its source."""

from typing import Literal

import msgspec

from parity.model.absent import NOT_ASKED, Reading
from parity.model.device import Device, Flag, Int, Text
from parity.model.measurement import Measurement
from parity.units import plural

SCHEMA: Literal["parity.fingerprint/1"] = "parity.fingerprint/1"


class Origin(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a fingerprint comes from.

    Attributes:
        kind: ``live``, ``report`` (another tool's output) or ``catalog``.
        reader: the reader that understood the report: ``nvidia-smi-q``, ``collect-env``, ...
        captured_at: ISO 8601 UTC time; empty when the report carries none.
        tool_version: the version of this tool that read it.
        synthetic: true for a fingerprint written by hand (fixtures).
        saved: true when the run that tells it read it from a file or standard input, and never saw the machine.
        note: a provenance remark.
    """

    kind: Literal["live", "report", "catalog"]
    reader: str = ""
    captured_at: str = ""
    tool_version: str = ""
    synthetic: bool = False
    saved: bool = False
    note: str = ""


class Host(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The machine around the GPUs."""

    hostname: Text = NOT_ASKED  # private; removed by redaction
    os: Text = NOT_ASKED
    kernel: Text = NOT_ASKED
    machine: Text = NOT_ASKED  # x86_64, aarch64
    cpu_model: Text = NOT_ASKED
    cpu_count: Int = NOT_ASKED  # logical
    cpu_sockets: Int = NOT_ASKED
    numa_nodes: Int = NOT_ASKED
    memory_bytes: Int = NOT_ASKED
    cpu_governor: Text = NOT_ASKED
    cpu_boost: Flag = NOT_ASKED
    numa_balancing: Flag = NOT_ASKED
    iommu: Text = NOT_ASKED
    container: Text = NOT_ASKED  # docker, podman, kubernetes, none, ...
    wsl: Flag = NOT_ASKED
    virtualization: Text = NOT_ASKED  # kvm, microsoft, none, ...
    machine_type: Text = NOT_ASKED  # DMI product name or a cloud's instance label


class Library(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One copy of a CUDA or ROCm library that this environment can load.

    Attributes:
        name: ``libcudart``, without version and suffix.
        path: where it lies; the home folder is shortened by redaction.
        version: from the file name or package metadata; empty when neither says.
        found: ``loaded`` (mapped by a process), ``package`` (inside a Python package), ``loader`` (on the
            loader path).
    """

    name: str
    path: str
    version: str = ""
    found: Literal["loaded", "package", "loader"] = "loader"


class Stack(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Software that decides which code runs.

    Attributes:
        components: component name -> version. Names: ``driver``, ``cuda_driver`` (the newest CUDA the driver
            serves), ``cuda_runtime``, ``cuda_toolkit`` (nvcc), ``torch``, ``torch_cuda``, ``torch_hip``,
            ``rocm``, ``hip``, ``cudnn``, ``cublas``, ``nccl``, ``rccl``, ``triton``, ``jax``, ``python``, ``libc``.
        packages: distribution name, normalised -> version, for kernel libraries and frameworks.
        libraries: tuple[Library], every copy found, duplicates included.
    """

    components: dict[str, Text] = {}
    packages: dict[str, str] = {}
    libraries: tuple[Library, ...] = ()


class Link(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The best path between two devices.

    Attributes:
        a, b: device indices, a < b.
        kind: ``nvlink``, ``xgmi``, ``pcie`` or ``system``.
        count: bonded links (the 18 of ``NV18``); None when the source does not say.
        path: the source's own word: ``NV18``, ``PIX``, ``XGMI``.
    """

    a: int
    b: int
    kind: str
    count: int | None = None
    path: str = ""


SECOND_REPORT = "second_report"


class Note(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something the reader of this fingerprint should know: a probe that failed, a line not understood.

    Attributes:
        why: as of an ``Absent``; ``SECOND_REPORT``: of a paste that holds another machine, only the first was read.
    """

    source: str
    text: str
    why: str = ""


class Fingerprint(msgspec.Struct, frozen=True, kw_only=True):
    """What one run read from one machine.

    Attributes:
        device_count: how many devices the source says there are; may exceed ``devices``.
        devices: tuple[Device, ...], one per device read, in the source's order.
        environment: variables that select devices or change a number, as set; values of others are never kept.
        links: tuple[Link, ...], at most one per pair.
        measured: what was measured when the fingerprint was taken; empty when nobody asked for it.
    """

    schema: Literal["parity.fingerprint/1"] = SCHEMA
    identity_hash: str = ""
    origin: Origin = Origin(kind="live")
    device_count: Int = NOT_ASKED
    devices: tuple[Device, ...] = ()
    host: Host = Host()
    stack: Stack = Stack()
    environment: dict[str, str] = {}
    links: tuple[Link, ...] = ()
    measured: tuple[Measurement, ...] = ()
    notes: tuple[Note, ...] = ()
    redacted: bool = False

    @property
    def visible_devices(self) -> tuple[Device, ...]:
        """Return the devices this process may use."""
        return tuple(device for device in self.devices if device.locator.visible)


# Variables that say which devices a process may use, and in which order it counts them.
SELECTING = ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")


def why_no_device(fingerprint: Fingerprint) -> str:
    """Return why no device of a fingerprint is visible: what hides them all, else what the probes said."""
    if fingerprint.devices:
        hiding = [f"{name}={fingerprint.environment[name]}" for name in SELECTING if name in fingerprint.environment]
        told = ", ".join(hiding) or "this process may use none"
        return f"{plural(len(fingerprint.devices), 'GPU')} here, none visible: {told}"
    return "; ".join(dict.fromkeys(note.text for note in fingerprint.notes)) or "no GPU was found"


# Identity fields that a driver, VBIOS or link-training change may alter on the same board.
_NOT_HASHED = frozenset({"vbios_version", "firmware_version", "inforom_version", "addressing_mode"})


def identity_hash(fingerprint: Fingerprint) -> str:
    """Return a digest of what the visible hardware is, and of nothing volatile.

    Covers each visible device's identity values (without sources, absences, firmware versions) as a sorted
    multiset; leaves out index, UUID, serial, bus id, clocks in use and every condition. Two machines with
    equal hardware, read by the same source, hash alike whatever their order of enumeration.
    """
    described = sorted(described_identity(device) for device in fingerprint.visible_devices)
    return "sha256:" + _sha256(b"\n".join(described))[:32]


def described_identity(device: Device) -> bytes:
    """Return what one device is as canonical JSON: its identity values without sources, absences and firmware."""
    values = {
        name: _comparable(observed.value)
        for name in device.identity.__struct_fields__
        if name not in _NOT_HASHED and isinstance(observed := getattr(device.identity, name), Reading)
    }
    return msgspec.json.encode(values, order="deterministic")


def _comparable(value: object) -> object:
    """Return a number the same way whether it came as 700 or 700.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _sha256(data: bytes) -> str:
    """Return the hex digest; CPython's own module, where there is one: loading OpenSSL costs 3 ms of every start."""
    import importlib

    for name in ("_sha2", "_sha256", "hashlib"):
        try:
            digest: str = importlib.import_module(name).sha256(data).hexdigest()
        except (ImportError, AttributeError):
            continue
        return digest
    raise ImportError("hashlib has no sha256")


def sealed(fingerprint: Fingerprint) -> Fingerprint:
    """Return the fingerprint with its identity hash filled in."""
    return msgspec.structs.replace(fingerprint, identity_hash=identity_hash(fingerprint))
