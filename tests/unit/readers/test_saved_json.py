"""This tool's own fingerprints and verdicts."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from parity.errors import InputFileError
from parity.model.absent import Absent, Reading, value_of
from parity.model.fingerprint import Fingerprint
from parity.readers import read_report

Read = Callable[[str], Fingerprint]


@pytest.mark.parametrize("name", ["parity-fingerprint.json", "parity-verdict.json"])
def test_saved_fingerprint_comes_back(read: Read, name: str) -> None:
    fingerprint = read(name)
    assert value_of(fingerprint.devices[0].identity.sm_count) == 132
    assert (fingerprint.origin.kind, fingerprint.origin.synthetic) == ("live", True)
    assert isinstance(fingerprint.devices[0].locator.uuid, Absent)
    assert isinstance(fingerprint.device_count, Reading)


def test_another_version_is_refused() -> None:
    with pytest.raises(InputFileError, match=r"parity\.fingerprint/1"):
        read_report(b'{"schema": "parity.fingerprint/9"}', where="f.json")


def test_a_bad_value_names_its_place() -> None:
    with pytest.raises(InputFileError, match="links"):
        read_report(b'{"schema": "parity.fingerprint/1", "links": 3}', where="f.json")
