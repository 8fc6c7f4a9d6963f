"""Compares what parity reads of the kernels in CUDA libraries with what NVIDIA's cuobjdump prints of them.

    python compare_resources.py CUOBJDUMP LIBRARY...

``cuobjdump -res-usage`` prints registers, stack and shared memory of each kernel. Compared, per file: the count of each
(architecture, kernel, registers, stack), and shared memory, of which cuobjdump counts the reserved KiB of sm_90 and later
when a kernel has any. Exit 1 when a file differs. Needs no GPU. cuobjdump comes with the package nvidia-cuda-cuobjdump.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from typing import TypeAlias

from parity.binaries.resources import kernels_of

_ARCH, _NAME = re.compile(r"arch = (sm_\d+)"), re.compile(r" Function (.*):$")
_NEEDS = re.compile(r"\s+REG:(\d+) STACK:(\d+) SHARED:(\d+)")
RESERVED = 1024
Row: TypeAlias = tuple[str, str, int | None, int | None, int]


def printed(tool: str, path: str) -> Counter[Row]:
    """Return what cuobjdump says, the reserved KiB taken away."""
    text = subprocess.run([tool, "-res-usage", path], check=True, capture_output=True, text=True).stdout
    told: Counter[Row] = Counter()
    arch = name = ""
    for line in text.splitlines():
        if found := _ARCH.match(line):
            arch = found[1]
        elif found := _NAME.match(line):
            name = found[1]
        elif found := _NEEDS.match(line):
            registers, stack, shared = map(int, found.groups())
            taken = RESERVED if shared and int(arch[3:]) >= 90 else 0
            told[arch, name, registers, stack, max(0, shared - taken)] += 1
    return told


def main() -> int:
    """Compare every library named; 1 when one differs."""
    tool, *paths = sys.argv[1:]
    differing = 0
    for path in paths:
        found = kernels_of(path)
        mine = Counter(
            (one.arch.rstrip("af"), one.name, one.registers, one.stack_bytes, one.shared_memory_bytes)
            for one in found.kernels
        )
        theirs = printed(tool, path)
        same = mine == theirs and not found.left_out
        differing += not same
        print(f"{'same' if same else 'DIFFERS'} {sum(mine.values())} of {sum(theirs.values())} kernels: {path}")
        for row in [*(mine - theirs), *(theirs - mine)][:6]:
            print("  ", row)
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
