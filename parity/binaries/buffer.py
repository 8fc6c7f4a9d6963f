"""Knows the one kind of data that readers take: bytes, or a mapped file; slices and searches without copying it all."""

from __future__ import annotations

import mmap
from typing import TypeAlias

Buffer: TypeAlias = bytes | mmap.mmap
