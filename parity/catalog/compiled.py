"""Knows the compiled catalog: the index, read whole, and parts that are decoded when a question needs them."""

import msgspec

from parity.model.spec import PartitionSpec, PciId

FORMAT = 11
FOLDERS = ("architectures", "devices", "checks", "environment", "stack", "kernels", "lint", "lint_data", "models")
CODE_FOLDER = "stack/code"


class IndexEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What identification needs to know of one part."""

    id: str
    name: str
    vendor: str
    family: str
    arch: str
    aliases: tuple[str, ...] = ()
    reported_names: tuple[str, ...] = ()
    folded_names: tuple[str, ...] = ()  # as names are compared
    pci_ids: tuple[PciId, ...] = ()
    units: int | None = None  # SMs or CUs
    memory_bytes: int | None = None
    memory_bus_width_bits: int | None = None
    memory_clock_mhz: int | None = None
    power_default_w: tuple[float, ...] = ()  # the preferred value and the disputed ones
    partitions: tuple[PartitionSpec, ...] = ()
    modified_memory_bytes: tuple[int, ...] = ()


class Compiled(msgspec.Struct, frozen=True, kw_only=True):
    """The compiled catalog."""

    format: int
    signature: str
    index: tuple[IndexEntry, ...]
    devices: dict[str, msgspec.Raw]
    cards: msgspec.Raw  # each of these is decoded when a question needs it
    environment: msgspec.Raw
    stack: msgspec.Raw
    models: msgspec.Raw  # cards of rules about models, decoded when a model is judged
    limits: msgspec.Raw  # of architectures, decoded when kernels are judged
    architectures: msgspec.Raw  # what parts of one architecture share, decoded for an overlay's parts
    lint: msgspec.Raw  # rule cards and facts of the linter, decoded when it runs
