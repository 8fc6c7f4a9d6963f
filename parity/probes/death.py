"""Knows how a child's end is told: by a signal or with a status, and its last words."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from typing import IO

TAIL_BYTES = 4096
MAX_WORDS = 200
_PATIENCE_S = 1.0


def told_end(process: subprocess.Popen[bytes], noise: IO[bytes]) -> str:
    """Return ``was killed by SIGSEGV: last line it printed``, or ``ended with status 3: ...``.

    Args:
        process: a child whose channel is at its end; it is reaped here if it is not yet.
        noise: the file that took what it printed.
    """
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_PATIENCE_S)
    noise.seek(max(0, noise.seek(0, os.SEEK_END) - TAIL_BYTES))
    words = noise.read(TAIL_BYTES).decode("utf-8", errors="replace").strip().splitlines()
    said = f": {words[-1][:MAX_WORDS]}" if words else ""
    status = process.returncode
    if status is None or status >= 0:
        return f"ended with status {status}{said}"
    try:
        return f"was killed by {signal.Signals(-status).name}{said}"
    except ValueError:
        return f"was killed by signal {-status}{said}"
