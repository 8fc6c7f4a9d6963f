"""AMD code objects: processor and features of each code-object version."""

from __future__ import annotations

import binary_writer as write
import pytest

from parity.binaries.amd_elf import PROCESSORS, read_amd_elf
from parity.model.arch import parse_arch
from parity.model.code_objects import Code


def code(raw: bytes) -> Code:
    found = read_amd_elf(raw, 0, len(raw))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("raw", "arch"),
    [
        (write.amd_code(0x4C), "gfx942"),
        (write.amd_code(0x4C, xnack=1, sramecc=1), "gfx942"),
        (write.amd_code(0x4C, xnack=2, sramecc=3), "gfx942:sramecc+:xnack-"),
        (write.amd_code(0x3F, xnack=3, sramecc=2), "gfx90a:sramecc-:xnack+"),
        (write.amd_code(0x3F, xnack=1, abi=1), "gfx90a:xnack+"),
        (write.amd_code(0x3F, xnack=2, abi=1), "gfx90a:sramecc+"),
        (write.amd_code(0x41), "gfx1100"),
    ],
)
def test_the_target_id(raw: bytes, arch: str) -> None:
    assert code(raw).arch == arch


def test_generic_code_tells_its_version() -> None:
    assert (code(write.amd_code(0x5F, generic=2)).arch, code(write.amd_code(0x5F, generic=2)).generic_version) == (
        "gfx9-4-generic", 2,
    )  # fmt: skip
    assert code(write.amd_code(0x4C, generic=2)).generic_version == 0


def test_a_machine_nobody_knows_is_code_for_no_device() -> None:
    assert code(write.amd_code(0xEE)) == Code(kind="other", arch="amd-machine-0xee")


def test_every_processor_is_a_name() -> None:
    assert all(str(parse_arch(name)) == name for name in PROCESSORS.values())
    assert len(set(PROCESSORS.values())) == len(PROCESSORS) > 45


def test_another_elf_is_none() -> None:
    raw = write.cubin(90)
    assert read_amd_elf(raw, 0, len(raw)) is None
