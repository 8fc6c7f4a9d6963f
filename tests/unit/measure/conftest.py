"""A torch that is played by a stub, and a driver that is, in the real measuring process."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
from parity.measure.plan import Place
from tests.stubs.build import SOURCES, Machine

if TYPE_CHECKING:
    from collections.abc import Callable

FAKE = SOURCES.parent / "fake_torch"
NO_TORCH = SOURCES.parent / "no_torch"
UUIDS = [f"5a1d0000-0000-4000-8000-00000000000{n}" for n in range(8)]


@pytest.fixture
def places() -> tuple[Place, ...]:
    """Two devices, named as NVML names them; the cache is an H100's."""
    return tuple(Place(position=n, uuid=f"GPU-{UUIDS[n]}", cache_bytes=50 << 20) for n in range(2))


@pytest.fixture
def torch(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Put a torch in the measuring process's way: ``torch(gbps=3000, fail={"sum": "oom"})``."""

    def put(**told: Any) -> None:
        settings = {"devices": 2, "gbps": 3000.0, "tflops": 700.0, "uuids": UUIDS, **told}
        monkeypatch.setenv("FAKE_TORCH", json.dumps(settings))
        monkeypatch.setenv("PYTHONPATH", str(FAKE))

    return put


@pytest.fixture
def driver(stub_libraries: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Machine]:
    """Put a recorded machine's driver, and no torch, in the measuring process's way."""

    def put(change: str = "", *, recording: str = "h100-sxm5-80gb-x8", libraries: bool = True) -> Machine:
        machine = Machine(tmp_path / "machine", stub_libraries if libraries else None, recording, change=change)
        for variable, value in machine.environment.items():
            monkeypatch.setenv(variable, value)
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        monkeypatch.setenv("PYTHONPATH", str(NO_TORCH))
        monkeypatch.setenv("STUB_CUDA_LOG", str(tmp_path / "held.txt"))
        return machine

    return put
