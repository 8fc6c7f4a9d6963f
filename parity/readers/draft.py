"""Knows how to collect the readings of one report until they are a fingerprint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parity.model.absent import NOT_ASKED, Absent, Reading
from parity.model.device import Device, DeviceConditions, DeviceIdentity, Int, Locator, Text
from parity.model.fingerprint import Fingerprint, Host, Library, Link, Note, Origin, Stack
from parity.model.partition import Partition

if TYPE_CHECKING:
    from collections.abc import Sequence


class DeviceDraft:
    """The readings of one device so far; the first reading of a field stays, an absence gives way."""

    def __init__(self, *, vendor: str, source: str) -> None:
        """Start with the vendor, which the dialect itself tells.

        Args:
            vendor: ``nvidia`` or ``amd``.
            source: what tells it.
        """
        self.locator: dict[str, Any] = {}
        self.identity: dict[str, Any] = {"vendor": Reading(value=vendor, source=source)}
        self.conditions: dict[str, Any] = {}

    def locate(self, field: str, observed: Reading[Any] | Absent) -> None:
        """Keep a reading of ``Locator``."""
        _keep(self.locator, field, observed)

    def identify(self, field: str, observed: Reading[Any] | Absent) -> None:
        """Keep a reading of ``DeviceIdentity``."""
        _keep(self.identity, field, observed)

    def condition(self, field: str, observed: Reading[Any] | Absent) -> None:
        """Keep a reading of ``DeviceConditions``."""
        _keep(self.conditions, field, observed)

    def partition(self, kind: str, source: str, *, profile: str = "", memory_mode: str = "") -> None:
        """Keep what the report says about slicing."""
        self.identify(
            "partition",
            Reading(value=Partition(kind=kind, profile=profile, memory_mode=memory_mode), source=source),
        )

    def build(self, index: int) -> Device:
        """Return the device at ``index`` of the report's enumeration."""
        return Device(
            locator=Locator(index=index, **self.locator),
            identity=DeviceIdentity(**self.identity),
            conditions=DeviceConditions(**self.conditions),
        )


class ReportDraft:
    """The readings of one report so far."""

    def __init__(self, reader: str) -> None:
        """Start empty; ``reader`` is the dialect's name."""
        self.reader = reader
        self.devices: list[DeviceDraft] = []
        self.indices: list[int] = []
        self.device_count: Int = NOT_ASKED
        self.host: dict[str, Any] = {}
        self.components: dict[str, Text] = {}
        self.packages: dict[str, str] = {}
        self.libraries: list[Library] = []
        self.environment: dict[str, str] = {}
        self.links: Sequence[Link] = ()
        self.notes: list[Note] = []
        self.printed_time = ""

    def add(self, device: DeviceDraft, index: int | None = None) -> None:
        """Append a device; its index is its position unless the report prints one of its own."""
        self.devices.append(device)
        self.indices.append(len(self.indices) if index is None else index)

    def component(self, name: str, observed: Text) -> None:
        """Keep a version; what the report does not mention is left out."""
        if observed != NOT_ASKED:
            _keep(self.components, name, observed)

    def machine(self, field: str, observed: Reading[Any] | Absent) -> None:
        """Keep a reading of ``Host``."""
        _keep(self.host, field, observed)

    def note(self, text: str, *, why: str = "") -> None:
        """Add a remark for the reader of the fingerprint, once."""
        remark = Note(source=self.reader, text=text, why=why)
        if remark not in self.notes:
            self.notes.append(remark)

    def count_listed(self, count: int, source: str) -> None:
        """Keep how many GPUs the report lists, unless it printed a count itself."""
        if isinstance(self.device_count, Absent):
            self.device_count = Reading(value=count, source=source)

    def count_unknown(self, why: str, detail: str) -> None:
        """Say why there is no count; zero would be a claim."""
        if isinstance(self.device_count, Absent):
            reason: Any = why
            self.device_count = Absent(why=reason, source=self.reader, detail=detail)

    def build(self) -> Fingerprint:
        """Return the fingerprint, not yet sealed."""
        printed = f"time printed by the tool, zone unknown: {self.printed_time}" if self.printed_time else ""
        return Fingerprint(
            origin=Origin(kind="report", reader=self.reader, note=printed),
            device_count=self.device_count,
            devices=tuple(draft.build(index) for draft, index in zip(self.devices, self.indices, strict=True)),
            host=Host(**self.host),
            stack=Stack(components=self.components, packages=self.packages, libraries=tuple(self.libraries)),
            environment=self.environment,
            links=tuple(self.links),
            notes=tuple(self.notes),
        )


def _keep(fields: dict[str, Any], field: str, observed: Reading[Any] | Absent) -> None:
    if observed == NOT_ASKED or isinstance(fields.get(field), Reading):
        return
    if field not in fields or isinstance(observed, Reading):
        fields[field] = observed
