"""Knows the measuring process from its parent's side: started once, asked line by line, each answer with a deadline."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any

import msgspec

from parity.probes.piped import ChildLost, Piped

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME = "the measuring process"
# What is set to find bugs or to trace (each call waits, is written down or goes through a tool), to emulate,
# or to tune: PyTorch's TunableOp tries hundreds of kernels per shape and leaves a file of what it found.
NOT_PASSED_ON = frozenset(
    {
        "AMD_LOG_LEVEL",
        "AMD_SERIALIZE_COPY",
        "AMD_SERIALIZE_KERNEL",
        "CUBLAS_LOGDEST_DBG",
        "CUBLAS_LOGINFO_DBG",
        "CUBLAS_WORKSPACE_CONFIG",
        "CUDA_INJECTION64_PATH",
        "CUDA_LAUNCH_BLOCKING",
        "HIP_LAUNCH_BLOCKING",
        "HIP_TRACE_API",
        "HSA_TOOLS_LIB",
        "PYTHONWARNINGS",
        "PYTORCH_NO_CUDA_MEMORY_CACHING",
        "PYTORCH_NO_HIP_MEMORY_CACHING",
        "ROCBLAS_LAYER",
    }
)
NOT_PASSED_ON_FROM = (
    "CUBLASLT_LOG_",
    "CUBLAS_EMULAT",
    "CUBLAS_FIXEDPOINT_EMULATION",
    "HIPBLASLT_LOG_",
    "PYTORCH_TUNABLEOP_",
)


def passed_on(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that the measuring process gets."""
    return {
        name: value
        for name, value in environment.items()
        if name not in NOT_PASSED_ON and not name.startswith(NOT_PASSED_ON_FROM)
    }


class Worker:
    """One measuring process; in a session of its own, so that the terminal's Ctrl-C reaches the parent alone."""

    def __init__(self) -> None:
        """Start it.

        Raises:
            OSError: it cannot be started.
        """
        self._child = Piped(
            "measure",
            "{}",
            told_as=_NAME,
            takes_input=True,
            own_session=True,
            env=passed_on(os.environ),
        )

    def hello(self, deadline_s: float) -> dict[str, Any]:
        """Return what the process says first: ``devices``, ``backend`` and ``reasons``.

        Raises:
            ChildLost: it says nothing of the kind in time.
        """
        return self._answer(deadline_s, "devices")

    def request(self, request: dict[str, Any], deadline_s: float) -> dict[str, Any]:
        """Return the answer to a request.

        Raises:
            ChildLost: there is none in time.
        """
        self._child.write(json.dumps(request).encode())
        return self._answer(deadline_s, "ok")

    def close(self) -> None:
        """End the process, in good order if it does so at once."""
        self._child.end(grace_s=0.5)

    def kill(self) -> None:
        """End the process now; its memory on the devices goes with it."""
        self._child.end()

    def _answer(self, deadline_s: float, key: str) -> dict[str, Any]:
        line = self._line(time.monotonic() + deadline_s)
        if line is None:
            raise ChildLost("timed_out", f"{_NAME} gave no answer within {deadline_s:.0f} s")
        try:
            answer = msgspec.json.decode(line)
        except msgspec.DecodeError:
            answer = None
        if not isinstance(answer, dict) or key not in answer:
            shown = line[:60].decode("utf-8", errors="replace")
            raise ChildLost("failed", f"{_NAME} wrote something else than an answer: {shown!r}")
        return answer

    def _line(self, end: float) -> bytes | None:
        """Return the next line that is not empty, None when there is none at ``end``."""
        while (line := self._child.line(end)) is not None:
            if line.strip():
                return line
        return None
