"""Flags in a list that nobody reads."""

from __future__ import annotations

import pytest

from parity.lint.scanners import scan
from parity.lint.source import Source

FILL = 'flags = []\nflags.append("-gencode")\nflags.append("arch=compute_80,code=sm_80")\n'


@pytest.mark.parametrize(
    ("text", "lists"),
    [
        (FILL + "build(flags)\n", 1),
        (FILL + "build(['-O3'] + flags)\n", 1),
        (FILL, 0),
        (FILL + "# build(flags)\n", 0),
        (FILL + "flags == 1\n", 1),
        ('flags = ["-gencode", "arch=compute_80,code=sm_80"]\n', 1),  # told with what is given at once
        ('flags = ["arch=compute_80,code=sm_80"]\nflags += ["arch=compute_90,code=sm_90"]\nuse(flags)\n', 1),
        ('flags = []\nflags += ["arch=compute_90,code=sm_90"]\n', 0),
        ('self.flags.append("arch=compute_80,code=sm_80")\n', 1),  # anybody may read it
        ('build(extra=["arch=compute_80,code=sm_80"])\n', 1),
        ('def f():\n    flags = ["arch=compute_80,code=sm_80"]\n    return flags\n', 1),
    ],
)
def test_a_list_that_is_never_read_builds_nothing(text: str, lists: int) -> None:
    assert len(scan(Source("csrc/setup.py", text), "python").arch_lists) == lists
    assert len(scan(Source("flags.py", text), "python").arch_lists) == 1  # others may import them
