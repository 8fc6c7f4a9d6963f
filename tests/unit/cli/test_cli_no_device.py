"""Commands that need a device, on a machine without one: each says why and what to do, once."""

from __future__ import annotations

from typing import Any

import pytest

from parity import session
from parity.cli.no_device import no_device
from parity.model.fingerprint import Fingerprint, Note, Origin

EMPTY = Fingerprint(origin=Origin(kind="live"), notes=(Note(source="nvml:init", text="no driver"),))


@pytest.mark.parametrize(
    ("words", "instead"),
    [
        (("explain", "--target", "h100"), ", or give a saved fingerprint: --fingerprint FILE"),
        (("compare", "here", "h100"), ", or name a part of the catalog: `parity targets`"),
        (("diff", "here", "h100"), ""),
    ],
)
def test_this_machine(words: tuple[str, ...], instead: str, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "fingerprint_of", lambda _: EMPTY)
    answer = run(*words)
    assert answer.status == 3
    assert answer.err == (
        "parity: here: no visible GPU: no driver\n  mend: run where a GPU is visible (in a container: `--gpus all`, or "
        f"/dev/kfd and /dev/dri){instead}\n"
    )


def test_a_device_that_is_asked_for_by_number(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "fingerprint_of", lambda _: EMPTY)
    answer = run("measure", "--device", "3")
    told = "parity: --device: no visible GPU 3\n  mend: run where one is visible; here: no driver\n"
    assert (answer.status, answer.err) == (2, told)


def test_a_file_is_to_be_taken_elsewhere() -> None:
    saved = Fingerprint(origin=Origin(kind="live", saved=True))
    assert str(no_device(saved, where="a.json")) == (
        "a.json: no visible GPU: no GPU was found\n  mend: take it with `parity capture -o FILE` where a GPU is visible"
    )
