"""Knows PTX as text: the target and the language version its first directives name."""

from __future__ import annotations

import re

from parity.model.arch import nvidia_name
from parity.model.code_objects import Code

_VERSION = re.compile(rb"^\s*\.version\s+(\d{1,2}\.\d{1,2})\s", re.MULTILINE)
_TARGET = re.compile(rb"^\s*\.target\s+sm_(\d{2,4})([af]?)\b", re.MULTILINE)
LOOKED_AT = 64 * 1024


def read_ptx(raw: bytes) -> Code | None:
    r"""Return what PTX text is for, None when it is no PTX.

    >>> read_ptx(b"// comment\n.version 8.8\n.target sm_90a, debug\n").arch
    'compute_90a'
    """
    head = raw[:LOOKED_AT]
    version, target = _VERSION.search(head), _TARGET.search(head)
    if version is None or target is None:
        return None
    return Code(kind="ptx", arch=nvidia_name("compute", int(target[1]), target[2].decode()), isa=version[1].decode())
