"""Detection by content, pastes with several reports, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from parity.errors import InputFileError
from parity.model.absent import Absent, Reading, value_of
from parity.model.fingerprint import Fingerprint
from parity.readers import read_report

Read = Callable[[str], Fingerprint]
REPORTS = Path(__file__).parents[2] / "fixtures" / "reports"
INDEX = yaml.safe_load((REPORTS / "INDEX.yaml").read_text(encoding="utf-8"))["reports"]


@pytest.mark.parametrize("entry", INDEX, ids=lambda entry: str(entry["file"]))
def test_every_fixture_is_recognised_by_content(read: Read, entry: dict[str, object]) -> None:
    fingerprint = read(str(entry["file"]))
    dialect = str(entry["dialect"])
    assert dialect == "parity" or fingerprint.origin.reader.split("+")[0] == dialect
    assert fingerprint.identity_hash.startswith("sha256:")
    assert all(device.locator.visible for device in fingerprint.devices)


def test_every_fixture_has_its_provenance() -> None:
    listed = {entry["file"] for entry in INDEX}
    assert listed == {path.name for path in REPORTS.iterdir()} - {"INDEX.yaml"}
    assert all(entry["synthetic"] is True for entry in INDEX)


def test_no_vendor_neutral_junk_is_accepted() -> None:
    with pytest.raises(InputFileError) as caught:
        read_report(b"hello, my GPU is slow\n", where="note.txt")
    assert caught.value.where == "note.txt"
    assert "nvidia-smi" in caught.value.mend
    assert "rocminfo" in caught.value.mend


@pytest.mark.parametrize("raw", [b"{}", b"[]", b"[1, 2]", b'{"gpu": 1}', b'{"items": []}', b"{"])
def test_unknown_json_is_refused(raw: bytes) -> None:
    with pytest.raises(InputFileError):
        read_report(raw, where="x.json")


def test_binary_is_refused() -> None:
    with pytest.raises(InputFileError, match="binary"):
        read_report(b"\x7fELF\0\0\0", where="a.out")


def test_utf16_of_powershell(text_of: Callable[[str], str]) -> None:
    raw = text_of("nvidia-smi-table-610.txt").encode("utf-16")
    assert value_of(read_report(raw, where="t").device_count) == 1


def test_two_machines_read_the_first_and_say_so(read: Read) -> None:
    fingerprint = read("two-machines.txt")
    assert [value_of(device.identity.name) for device in fingerprint.devices] == ["NVIDIA A100-SXM4-80GB"]
    assert any("second report" in note.text for note in fingerprint.notes)


def test_complementary_reports_add_up(read: Read) -> None:
    fingerprint = read("table-and-collect-env.txt")
    assert fingerprint.origin.reader == "collect-env+nvidia-smi-table"
    device = fingerprint.devices[0]
    assert value_of(device.identity.name) == "Tesla V100-SXM2-16GB"
    assert value_of(device.identity.memory_bytes) == 16160 * 1024**2
    assert value_of(fingerprint.stack.components["torch"]) == "2.8.0+cu128"
    assert value_of(fingerprint.stack.components["cuda_driver"]) == "11.4"


def test_the_full_name_wins_whichever_comes_first(text_of: Callable[[str], str]) -> None:
    both = text_of("table-and-collect-env.txt")
    table = text_of("nvidia-smi-table-r470.txt")
    fingerprint = read_report((table + both.replace(table, "")).encode(), where="paste")
    assert value_of(fingerprint.devices[0].identity.name) == "Tesla V100-SXM2-16GB"


def test_another_driver_is_another_machine(text_of: Callable[[str], str]) -> None:
    text = text_of("table-and-collect-env.txt").replace("Driver Version: 470.82.01", "Driver Version: 535.54.03")
    fingerprint = read_report(text.encode(), where="paste")
    assert fingerprint.origin.reader == "collect-env"
    assert isinstance(fingerprint.devices[0].identity.memory_bytes, Absent)


def test_json_after_a_warning_line(text_of: Callable[[str], str]) -> None:
    text = "WARNING: AMD GPU device(s) is/are in a low-power state\n" + text_of("rocm-smi.json")
    assert value_of(read_report(text.encode(), where="paste").device_count) == 2


def test_list_and_table_of_one_mig_machine_join_profile_and_size(text_of: Callable[[str], str]) -> None:
    listed = (
        "GPU 0: NVIDIA H200 (UUID: GPU-5c89852c-d268-c3f3-1b07-005d5ae1dc3f)\n"
        "  MIG 2g.35gb     Device  0: (UUID: MIG-7089d0f3-293f-58c9-8f8c-5ea666eedbde)\n"
        "  MIG 1g.18gb     Device  1: (UUID: MIG-56c30729-347f-5dd6-8da0-c3cc59e969e0)\n\n"
    )
    fingerprint = read_report((listed + text_of("nvidia-smi-table-mig.txt")).encode(), where="paste")
    first = fingerprint.devices[0]
    partition = value_of(first.identity.partition)
    assert partition is not None
    assert (partition.profile, value_of(first.identity.sm_count)) == ("2g.35gb", 32)


def test_reading_the_same_bytes_twice_gives_the_same(read: Read) -> None:
    assert read("collect-env-h100x2.txt") == read("collect-env-h100x2.txt")
    assert isinstance(read("collect-env-h100x2.txt").device_count, Reading)
    assert read("nvidia-smi-x.xml").links == ()
