"""How a child's end is told: by signal or status, with its last words, however many it had."""

from __future__ import annotations

import subprocess
import sys
import tempfile

import pytest

from parity.probes.death import TAIL_BYTES, told_end


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("pass", "ended with status 0"),
        ("import sys; sys.stderr.write('one\\ntwo\\n'); sys.exit(3)", "ended with status 3: two"),
        ("import os; os.kill(os.getpid(), 11)", "was killed by SIGSEGV"),
        ("import os; os.kill(os.getpid(), 41)", "was killed by signal 41"),
        (f"import sys; sys.stderr.write('x' * {3 * TAIL_BYTES}); sys.exit(1)", f"ended with status 1: {'x' * 200}"),
        (
            "import sys; sys.stderr.buffer.write(b'\\xff!\\n'); sys.exit(1)",
            "ended with status 1: \N{REPLACEMENT CHARACTER}!",
        ),
        ("import sys; sys.stdin.read()", "ended with status None"),
    ],
)
def test_the_end(code: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if told.endswith("None"):
        monkeypatch.setattr("parity.probes.death._PATIENCE_S", 0.5)
    with tempfile.TemporaryFile() as noise:
        process = subprocess.Popen([sys.executable, "-c", code], stderr=noise, stdin=subprocess.PIPE)
        try:
            assert told_end(process, noise) == told
        finally:
            process.communicate(timeout=120)
