"""Knows how a GPU is cut: the slice that a device is, or that it is whole."""

import msgspec

SLICES = ("mig", "compute")  # kinds of partition that have a share of the whole GPU's units and memory


class Partition(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A slice of a GPU, or the statement that the device is whole.

    Attributes:
        kind: ``none`` (whole), ``mig``, ``vgpu``, ``compute`` (AMD DPX/QPX/CPX...).
        profile: ``1g.10gb``, ``CPX``, a vGPU type name; empty when unknown.
        memory_mode: AMD memory partition, ``NPS1`` or ``NPS4``; empty elsewhere.
    """

    kind: str
    profile: str = ""
    memory_mode: str = ""


WHOLE = Partition(kind="none")
