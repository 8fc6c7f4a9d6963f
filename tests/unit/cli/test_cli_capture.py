"""`parity capture`: the machine as a file that judges elsewhere, without what is private."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from parity import session
from parity.catalog import store
from parity.catalog.as_fingerprint import as_fingerprint
from parity.model.absent import Reading
from parity.model.fingerprint import Fingerprint, Host, Note

UUID = "GPU-8932f937-d72c-4106-c12f-20bd9faed9f6"
READ = session.fingerprint_of
replace = msgspec.structs.replace


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Fingerprint:
    """Stand in for this machine: two H100 with ids and a host name."""
    plain = as_fingerprint(store.device_spec("h100"), count=2)
    devices = tuple(
        replace(device, locator=replace(device.locator, uuid=Reading(value=UUID, source="nvml")))
        for device in plain.devices
    )
    host = Host(hostname=Reading(value="secret-host", source="os"))
    note = Note(source="nvml", text="half of it was slow")
    fingerprint = replace(plain, devices=devices, host=host, notes=(note,))
    monkeypatch.setattr(session, "fingerprint_of", lambda _: fingerprint)
    return fingerprint


@pytest.mark.usefixtures("machine")
def test_a_capture_is_written_redacted_and_told(run: Any) -> None:
    answer = run("capture", "-o", "prod.json")
    text = Path("prod.json").read_text()
    assert (answer.status, answer.out) == (0, "")
    assert answer.err == "parity: 2 visible devices captured to prod.json\nparity: nvml: half of it was slow\n"
    assert next(iter(json.loads(text).items())) == ("schema", "parity.fingerprint/1")
    assert json.loads(text)["redacted"] is True
    assert "8932f937" not in text
    assert "secret-host" not in text


@pytest.mark.usefixtures("machine")
def test_standard_output_carries_the_file_alone(run: Any) -> None:
    answer = run("capture")
    assert json.loads(answer.out)["schema"] == "parity.fingerprint/1"
    assert answer.err.startswith("parity: 2 visible devices captured to standard output\n")


@pytest.mark.usefixtures("machine")
def test_everything_is_kept_on_request(run: Any) -> None:
    captured = json.loads(run("capture", "--no-redact").out)
    assert captured["devices"][0]["locator"]["uuid"]["value"] == UUID
    assert captured["host"]["hostname"]["value"] == "secret-host"
    assert not captured.get("redacted")


@pytest.mark.usefixtures("machine")
def test_a_capture_judges_and_serves_as_target(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("capture", "-o", "prod.json").status == 0
    monkeypatch.setattr(session, "fingerprint_of", READ)
    assert run("doctor", "--target", "2xh100", "--fingerprint", "prod.json").status == 0
    assert run("doctor", "--target", "prod.json", "--fingerprint", "prod.json").status == 0
    assert run("doctor", "--target", "h200", "--fingerprint", "prod.json").status == 1


@pytest.mark.parametrize("visible", [0, 1])
def test_without_a_visible_device_the_file_is_written_and_the_status_is_3(
    visible: int, run: Any, machine: Fingerprint, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = machine.devices[0]
    device = replace(device, locator=replace(device.locator, visible=bool(visible)))
    monkeypatch.setattr(session, "fingerprint_of", lambda _: replace(machine, devices=(device,), notes=()))
    answer = run("capture", "-o", "prod.json")
    told = f"parity: {visible} visible device{'' if visible else 's'} captured to prod.json\n"
    assert (answer.status, answer.err) == (0 if visible else 3, told)
    assert len(json.loads(Path("prod.json").read_text())["devices"]) == 1


@pytest.mark.usefixtures("machine")
def test_a_capture_that_cannot_be_written_is_misuse(run: Any) -> None:
    answer = run("capture", "-o", "/dev/null/gone/prod.json")
    assert (answer.status, answer.err.splitlines()[0]) == (
        2, "parity: /dev/null/gone/prod.json: cannot be written: Not a directory"
    )  # fmt: skip
