"""Recorded NVIDIA machines on stub driver libraries, surveyed through the real ``pynvml`` in the real child process."""

from __future__ import annotations

import copy
import sys
from pathlib import Path

import pytest

from parity.probes.supervise import Survey, run_survey

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
from typing import TYPE_CHECKING

from tests.stubs.build import NOT_IN_450, Machine, build

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RECORDINGS = (
    "h100-sxm5-80gb-x8",
    "rtx-4090",
    "a100-mig",
    "l40s-capped",
    "gb10",
    "t4-old-driver",
    "h100-half-lost",
    "vgpu",
)


@pytest.fixture(scope="session")
def old_libraries(stub_libraries: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same without the symbols that driver 450 lacks."""
    del stub_libraries  # there is a compiler
    return build(tmp_path_factory.mktemp("old-stubs"), without=NOT_IN_450)


@pytest.fixture(scope="session")
def recorded(stub_libraries: Path, old_libraries: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Survey]:
    """One survey of each recording as it is."""
    surveys = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        for name in RECORDINGS:
            libraries = old_libraries if "old" in name else stub_libraries
            machine = Machine(tmp_path_factory.mktemp(name), libraries, name)
            for variable, value in machine.environment.items():
                patch.setenv(variable, value)
            surveys[name] = run_survey("nvidia", machine.options)
    return surveys


@pytest.fixture
def recording(recorded: dict[str, Survey]) -> Callable[[str], Survey]:
    """A copy of a recording's survey, to be edited."""
    return lambda name: copy.deepcopy(recorded[name])


@pytest.fixture
def surveyed(stub_libraries: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Survey]]:
    """Survey a changed recording: ``surveyed("rtx-4090", "0.nvmlDeviceGetPowerUsage = hang", call_deadline_s=0.3)``."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    def survey(
        name: str = "", change: str = "", *, drop: tuple[str, ...] = (), libraries: bool = True, **deadlines: float
    ) -> Survey:
        machine = Machine(tmp_path, stub_libraries if libraries else None, name, change=change, drop=drop)
        for variable, value in machine.environment.items():
            monkeypatch.setenv(variable, value)
        return run_survey("nvidia", machine.options, **deadlines)

    return survey
