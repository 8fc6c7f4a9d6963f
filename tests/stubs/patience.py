"""Knows how to tell a driver that hangs from a machine that is slow: deadlines of ours end only what said that it hangs.

A stub that is told to hang leaves a file named after its process in the folder ``STUB_HANGS``. With ``install`` (tests/conftest.py,
and ``patient/sitecustomize.py`` for the programs that tests start), a deadline that passes while the child has left no such file is
waited for again. So a test gives short deadlines, and no pause of any process makes it fail; the time of a real hang is really
waited. What ends each wait for good is ``ENOUGH_S``.

Standard library only: this is imported where a test looks at what is imported.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import types
    from collections.abc import Callable, Sequence

ENOUGH_S = 60.0
PATIENT = Path(__file__).resolve().parent / "patient"  # for PYTHONPATH


def hangs(pid: int) -> bool:
    """Return whether a process said that it hangs."""
    folder = os.environ.get("STUB_HANGS")
    return bool(folder) and Path(f"{folder}/{pid}").exists()


def say_hung() -> None:
    """Say that this process hangs from now on."""
    folder = os.environ.get("STUB_HANGS")
    if folder:
        Path(f"{folder}/{os.getpid()}").touch()


def _soften_children(module: Any) -> None:
    """Have a line of a child be waited for again while the child does not hang; an ``end`` of 0 asks without waiting."""
    read = module.Piped.line

    def line(child: Any, end: float) -> bytes | None:
        enough = time.monotonic() + ENOUGH_S
        while True:
            hung = not end or hangs(child.pid)
            found: bytes | None = read(child, end)
            if found is not None or hung or time.monotonic() > enough:
                return found
            end = max(end, time.monotonic() + 0.05)

    module.Piped.line = line


def _soften_surveys(module: Any) -> None:
    module.run_survey.__kwdefaults__["total_deadline_s"] = 5 * ENOUGH_S


def _soften_budgets(module: Any) -> None:
    module.MAX_OVERRUN = 1000.0


def _soften_engine(module: Any) -> None:
    """Ask again where an engine is late that does not hang; tests take much of what this needs away, so it is kept."""
    error, awaited, clock, stat = module.EngineError, module.Engine._await, time.monotonic, os.stat
    environ, folder = os.environ, os.environ.get("STUB_HANGS", "")

    def is_hung(pid: int) -> bool:
        try:
            stat(f"{environ.get('STUB_HANGS', folder)}/{pid}")
        except OSError:
            return False
        return True

    def _await(engine: Any, request_id: int, timeout_s: float) -> Any:
        end = clock() + ENOUGH_S
        while True:
            hung = is_hung(engine._process.pid) if engine._process is not None else True
            try:
                return awaited(engine, request_id, timeout_s)
            except error as reason:
                if hung or clock() > end or "gave no answer within" not in str(reason):
                    raise

    module.Engine._await = _await


def _soften_deaths(module: Any) -> None:
    module._PATIENCE_S = ENOUGH_S


_SOFTENED: dict[str, Callable[[Any], None]] = {
    "parity.probes.piped": _soften_children,
    "parity.probes.supervise": _soften_surveys,
    "parity.probes.death": _soften_deaths,
    "parity.measure.run": _soften_budgets,
    "pytest_parity.engine_client": _soften_engine,
}


class _Finder(importlib.abc.MetaPathFinder):
    """Softens a module's deadlines right after it was loaded."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return the spec of one of ours, whose loader does both."""
        if name not in _SOFTENED:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is None or spec.loader is None:
            return None
        load, soften = spec.loader.exec_module, _SOFTENED[name]

        def exec_module(module: types.ModuleType) -> None:
            load(module)
            soften(module)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def install() -> None:
    """Soften the deadlines of this process, once."""
    if any(isinstance(finder, _Finder) for finder in sys.meta_path):
        return
    for name, soften in _SOFTENED.items():
        if name in sys.modules:
            soften(sys.modules[name])
    sys.meta_path.insert(0, _Finder())
