"""Knows where a workflow installs gpu-parity from: the commit that this one was installed from, else one to fill in.

A name that is not on a package index may be taken there by anybody: the line that runs names a repository and a hash.
"""

from __future__ import annotations

import re
from importlib import metadata

import msgspec

UNKNOWN = "git+https://github.com/OWNER/gpu-parity@COMMIT"
_ADDRESS = re.compile(r"https://[A-Za-z0-9.-]+(?::[0-9]+)?/[A-Za-z0-9._~/-]+")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class _Vcs(msgspec.Struct):
    vcs: str
    commit_id: str


class _Direct(msgspec.Struct):
    """What installers write of a distribution that came from no index (PEP 610)."""

    url: str
    vcs_info: _Vcs


def source() -> str:
    """Return what pip installs this very gpu-parity from; ``UNKNOWN`` when it was not installed from a commit."""
    try:
        text = metadata.distribution("gpu-parity").read_text("direct_url.json")
    except (metadata.PackageNotFoundError, OSError, ValueError):
        return UNKNOWN
    return source_in(text or "")


def source_in(text: str) -> str:
    """Return what pip installs from, as ``direct_url.json`` tells it; nothing that is private or no plain address.

    >>> source_in('{"url": "https://example.org/a/b", "vcs_info": {"vcs": "git", "commit_id": "%s"}}' % ("0" * 40))
    'git+https://example.org/a/b@0000000000000000000000000000000000000000'
    """
    try:
        told = msgspec.json.decode(text.encode(), type=_Direct)
    except (msgspec.DecodeError, UnicodeError):
        return UNKNOWN
    known = told.vcs_info.vcs == "git" and _ADDRESS.fullmatch(told.url) and _COMMIT.fullmatch(told.vcs_info.commit_id)
    return f"git+{told.url}@{told.vcs_info.commit_id}" if known else UNKNOWN
