"""Redaction: what is private is gone wherever it stands, and what the hardware is stays."""

import getpass
import socket
from typing import Any

import msgspec
import pytest

from parity.catalog import store
from parity.catalog.as_fingerprint import as_fingerprint
from parity.model.absent import Absent, Reading, value_of
from parity.model.device import Process
from parity.model.fingerprint import Fingerprint, Host, Library, Note, Stack, identity_hash
from parity.model.redact import redacted

replace = msgspec.structs.replace
UUID = "GPU-8932f937-d72c-4106-c12f-20bd9faed9f6"
SERIAL = "1650522003820"


def read(value: Any) -> Any:
    return Reading(value=value, source="test")


@pytest.fixture
def machine() -> Fingerprint:
    plain = msgspec.json.decode(msgspec.json.encode(as_fingerprint(store.device_spec("h100"))), type=Fingerprint)
    device = plain.devices[0]
    device = replace(
        device,
        locator=replace(device.locator, uuid=read(UUID), serial=read(SERIAL), parent_uuid=read(UUID)),
        conditions=replace(
            device.conditions, processes=read((Process(pid=7, kind="compute", name="/home/alice/bin/python"),))
        ),
    )
    return replace(
        plain,
        devices=(device,),
        host=Host(hostname=read("node1.example.org"), kernel=read("6.8.0")),
        stack=Stack(
            components={"driver": Absent(why="failed", source="file", detail="/home/alice/x: no such file")},
            libraries=(Library(name="libcudart", path="/home/alice/env/lib/libcudart.so.12"),),
        ),
        environment={"CUDA_VISIBLE_DEVICES": UUID, "LD_LIBRARY_PATH": "/root/lib:/Users/alice/lib"},
        notes=(Note(source="nvml", text=f"alice on node1 lost {UUID} below /data/alice"),),
    )


def text_of(fingerprint: Fingerprint) -> str:
    return msgspec.json.encode(fingerprint).decode()


@pytest.mark.parametrize("private", ["8932f937", SERIAL, "node1", "alice", "/root", "example.org"])
def test_nothing_private_is_left_anywhere(machine: Fingerprint, private: str) -> None:
    assert private in text_of(machine)
    assert private not in text_of(redacted(machine, private=("alice",)))


def test_a_redacted_fingerprint_says_so(machine: Fingerprint) -> None:
    assert not machine.redacted
    assert redacted(machine, private=()).redacted


def test_an_absent_id_keeps_its_reason(machine: Fingerprint) -> None:
    absent = Absent(why="no_permission", source="nvml:nvmlDeviceGetSerial")
    device = replace(machine.devices[0], locator=replace(machine.devices[0].locator, serial=absent))
    told = redacted(replace(machine, devices=(device,)), private=()).devices[0].locator
    assert told.serial == absent
    assert told.uuid == Absent(why="not_asked", source="redacted")


def test_what_selects_a_device_keeps_its_form(machine: Fingerprint) -> None:
    for given, told in (
        (UUID, "GPU-redacted"),
        (f"{UUID},0", "GPU-redacted,0"),
        ("GPU-8932f937", "GPU-redacted"),
        (f"MIG-{UUID}/1/2", "MIG-GPU-redacted/1/2"),
        ("MIG-8932f937-d72c-4106-c12f-20bd9faed9f6", "MIG-redacted"),
        ("0,1", "0,1"),
    ):
        fingerprint = redacted(replace(machine, environment={"CUDA_VISIBLE_DEVICES": given}), private=())
        assert fingerprint.environment["CUDA_VISIBLE_DEVICES"] == told


def test_a_home_folder_becomes_a_tilde(machine: Fingerprint) -> None:
    told = redacted(machine, private=())
    assert told.stack.libraries[0].path == "~/env/lib/libcudart.so.12"
    assert told.environment["LD_LIBRARY_PATH"] == "~/lib:~/lib"


def test_a_folder_that_only_sounds_like_a_home_stays(machine: Fingerprint) -> None:
    told = redacted(replace(machine, environment={"X": "/opt/root/lib:/rootfs"}), private=())
    assert told.environment["X"] == "/opt/root/lib:/rootfs"


def test_a_name_inside_a_longer_word_stays(machine: Fingerprint) -> None:
    told = redacted(replace(machine, notes=(Note(source="x", text="malice, alice's"),)), private=("alice",))
    assert told.notes[0].text == "malice, redacted's"


def test_a_name_of_two_letters_is_left_alone(machine: Fingerprint) -> None:
    told = redacted(replace(machine, notes=(Note(source="x", text="a GPU of al"),)), private=("al",))
    assert told.notes[0].text == "a GPU of al"


@pytest.mark.parametrize(
    "user", ["nvidia", "none", "reading", "absent", "live", "catalog", "report", "parity", "compute", "SXM", "package"]
)
def test_a_user_named_like_a_word_of_the_file_costs_nothing_but_text(machine: Fingerprint, user: str) -> None:
    told = redacted(machine, private=(user,))
    assert identity_hash(told) == identity_hash(machine)
    assert value_of(told.devices[0].identity.vendor) == "nvidia"
    assert told.origin.kind == "catalog"


def test_this_machines_own_names_are_taken_out(machine: Fingerprint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "builder7.corp")
    monkeypatch.setattr(getpass, "getuser", lambda: "bobby")
    monkeypatch.setenv("USER", "carol")
    note = Note(source="x", text="bobby, carol on builder7 (builder7.corp)")
    told = redacted(replace(machine, notes=(note,)))
    assert told.notes[0].text == "redacted, redacted on redacted (redacted)"


def test_a_machine_without_a_user_database_is_redacted_too(
    machine: Fingerprint, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown() -> str:
        raise KeyError("getpwuid(): uid not found: 1001")

    monkeypatch.setattr(getpass, "getuser", unknown)
    assert redacted(machine).redacted


def test_redacting_twice_changes_nothing_more(machine: Fingerprint) -> None:
    once = redacted(machine, private=("alice",))
    assert redacted(once, private=("alice",)) == once
