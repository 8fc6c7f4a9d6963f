"""Connection matrices on their own."""

from __future__ import annotations

from collections.abc import Callable

from parity.model.absent import Reading, value_of
from parity.model.fingerprint import Fingerprint, Link
from parity.readers import read_report

Read = Callable[[str], Fingerprint]


def test_nvidia_matrix(read: Read) -> None:
    fingerprint = read("nvidia-smi-topo.txt")
    assert value_of(fingerprint.device_count) == 4
    assert fingerprint.devices == ()
    assert [(link.a, link.b, link.kind, link.count, link.path) for link in fingerprint.links] == [
        (0, 1, "nvlink", 12, "NV12"),
        (0, 2, "system", None, "SYS"),
        (0, 3, "pcie", None, "PIX"),
        (1, 2, "system", None, "SYS"),
        (1, 3, "pcie", None, "NODE"),
        (2, 3, "nvlink", 12, "NV12"),
    ]


def test_a_cut_row_is_left_out() -> None:
    raw = b"\tGPU0\tGPU1\tGPU2\tCPU Affinity\nGPU0\t X \tNV4\tNV4\t0-1\nGPU1\tNV4\t X "
    fingerprint = read_report(raw, where="topo")
    assert [(link.a, link.b) for link in fingerprint.links] == [(0, 1), (0, 2)]
    assert fingerprint.links[0] == Link(a=0, b=1, kind="nvlink", count=4, path="NV4")
    assert isinstance(fingerprint.device_count, Reading)
