"""Knows whether a path lies on a file system that several machines share, where memory cannot be mapped together."""

from __future__ import annotations

import os
import re
from pathlib import Path

# Linux, fs/*/ and the modules of their makers: the names that /proc/self/mountinfo gives.
_SHARED = frozenset(
    {
        "9p", "afs", "beegfs", "ceph", "cifs", "gfs2", "gpfs", "lustre", "nfs", "nfs4", "ocfs2", "orangefs",
        "panfs", "smb3", "virtiofs", "wekafs",
    }
)  # fmt: skip
_ESCAPE = re.compile(r"\\([0-7]{3})")
MOUNTS = "/proc/self/mountinfo"


def is_shared(path: str) -> bool:
    """Return whether a file would lie on a network file system; False where nobody says.

    Source: ``/proc/self/mountinfo`` (proc(5)). By hand: ``stat -f -c %T FOLDER``
    """
    try:
        lines = Path(MOUNTS).read_text(encoding="utf-8", errors="surrogateescape").splitlines()
        real = os.path.realpath(path)
    except (OSError, ValueError):
        return False
    kind, longest = "", -1
    for line in lines:
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        if len(fields) < 5 or not after:
            continue
        point = _ESCAPE.sub(lambda code: chr(int(code[1], 8)), fields[4])
        inside = real == point or real.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= longest:  # of mounts over each other, the last is seen
            kind, longest = after.split(" ")[0], len(point)
    return kind in _SHARED or kind.startswith("fuse.")
