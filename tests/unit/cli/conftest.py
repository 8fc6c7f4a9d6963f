"""Knows how the tests of the command line run it: in an empty folder, on saved fingerprints."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeAlias

import pytest

import parity
from parity.catalog import store
from parity.catalog.as_fingerprint import as_fingerprint
from parity.cli.main import main
from parity.model.fingerprint import Fingerprint
from parity.session import as_json


class Answer(NamedTuple):
    """What one run of the program gave."""

    status: int
    out: str
    err: str


Run: TypeAlias = Callable[..., Answer]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the empty current folder; nothing of the caller's environment shows."""
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "PARITY_RULES", "PARITY_DEBUG", "PYTHONIOENCODING"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def saved(folder: Path) -> Callable[..., str]:
    """Return a writer of fingerprints: a part's name, or a fingerprint -> file name."""

    def write(machine: str | Fingerprint, *, count: int = 1, name: str = "") -> str:
        if isinstance(machine, str):
            name = name or f"{machine}.json"
            machine = as_fingerprint(store.device_spec(machine), count=count)
        name = name or "machine.json"
        (folder / name).write_bytes(as_json(machine))
        return name

    return write


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs the program inside this process."""

    def call(*words: str) -> Answer:
        status = main(list(words))
        return Answer(status, *capsys.readouterr())

    return call


@pytest.fixture
def program() -> Run:
    """Return a function that runs the program as users do: a process of its own; keywords are environment variables."""

    def call(*words: str, shell: str = "", **environment: str) -> Answer:
        command = [sys.executable, "-m", "parity.cli.main", *words]
        done = subprocess.run(
            ["bash", "-c", shell, "bash", *command] if shell else command,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=300,
            check=False,
            env={**os.environ, "PYTHONPATH": str(Path(parity.__file__).parents[1]), **environment},
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    return call
