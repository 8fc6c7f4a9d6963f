"""Knows the measuring process: says which devices it can use, then makes one measurement per request.

Requests are JSON lines on standard input: ``prepare`` fills buffers and warms up, ``run`` times; in between the parent
reads the driver's counters. It ends when its input does, and with it every context and buffer.
"""

from __future__ import annotations

import contextlib
import json
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

from parity.measure import timing
from parity.measure.driver_calls import WHY
from parity.measure.work import Backend, NotMeasured, Work, rate
from parity.probes.cuda_survey import CudaError

if TYPE_CHECKING:
    from parity.probes.ask import Ask

WARM_PART = 0.3  # of a measurement's time


def survey(ask: Ask, options: dict[str, Any]) -> None:
    """Serve until the input ends."""
    del options
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when it ends
    backend, reasons = _backend()
    if backend is None:
        ask.send({"devices": [], "backend": "", "reasons": reasons})
        return
    try:
        devices = backend.devices()
    except Exception as error:
        ask.send({"devices": [], "backend": backend.name, "reasons": [*reasons, _reason(error)]})
        return
    ask.send({"devices": devices, "backend": backend.name, "reasons": reasons})
    server = Server(backend)
    for line in sys.stdin:
        answer = server.answer(json.loads(line))
        ask.send(answer)
        if answer.get("lost"):
            return


def _backend() -> tuple[Backend | None, list[list[str]]]:
    """Return the best way to measure here, and why better ones are not."""
    from parity.measure.driver_backend import DriverBackend
    from parity.measure.torch_backend import open_torch

    reasons: list[list[str]] = []
    for opened in (open_torch, DriverBackend):
        try:
            return opened(), reasons
        except NotMeasured as error:
            reasons.append([error.why, error.detail])
        except Exception as error:
            reasons.append(_reason(error))
    return None, reasons


class Server:
    """Answers requests about one measurement at a time.

    Args:
        backend: runs things.
    """

    def __init__(self, backend: Backend) -> None:
        """Hold nothing."""
        self._backend = backend
        self._work: Work | None = None
        self._inner = 1
        self._ordinal = 0

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to one request; never raises."""
        try:
            told = self._prepare(request) if request["op"] == "prepare" else self._run(request)
        except NotMeasured as error:
            refused = {"ok": False, "why": error.why, "detail": error.detail}
        except Exception as error:
            why, detail = _reason(error)
            refused = {"ok": False, "why": why, "detail": detail, "lost": True}
        else:
            return {"ok": True, **told}
        # Only here: an exception holds the frames that it went through, and they hold buffers.
        self._drop()
        with contextlib.suppress(Exception):  # a lost context takes its memory with it
            self._backend.release(self._ordinal)
        if refused.get("lost"):
            refused["lost"] = not self._backend.is_usable(self._ordinal)
        return refused

    def _prepare(self, request: dict[str, Any]) -> dict[str, Any]:
        start = time.monotonic()
        self._drop()
        seconds = float(request["seconds"])
        self._ordinal = int(request["ordinal"])
        self._work = self._backend.prepare(
            str(request["name"]), self._ordinal, request["peer"], int(request["cache_bytes"]), seconds
        )
        left = seconds - (time.monotonic() - start)
        self._inner = timing.settle(self._work.sample, max(0.0, WARM_PART * left))
        return {}

    def _run(self, request: dict[str, Any]) -> dict[str, Any]:
        work = self._work
        assert work is not None  # prepared
        values = timing.timings(work.sample, self._inner, float(request["seconds"]))
        results = [rate(value, work) for value in values]
        median, spread = timing.summary(results)
        self._drop()
        return {
            "value": median,
            "spread": round(spread, 6),
            "samples": len(results),
            "unit": work.unit,
            "kernel": work.kernel,
            "bytes": work.bytes,
        }

    def _drop(self) -> None:
        """Give back what the last measurement held."""
        work, self._work = self._work, None
        if work is not None:
            try:
                work.free()
            except Exception:
                return  # a lost context takes its memory with it


def _reason(error: BaseException) -> list[str]:
    """Return why a vendor library or torch gave up, in one line."""
    if isinstance(error, CudaError):
        return [WHY.get(error.code, "failed"), str(error)]
    try:
        text = " ".join(str(error).split())
    except Exception:  # ``str(error)`` calls into the vendor library
        text = ""
    if "out of memory" in text.lower() or "OUT_OF_MEMORY" in text:
        return ["failed", f"out of memory: {text}"[:300]]
    return ["failed", f"{type(error).__name__}: {text}"[:300]]
