"""Knows what was compiled on this machine, or came from no package index: it has code for the GPUs of its builder.

torch's extension builder compiles for the visible GPUs unless TORCH_CUDA_ARCH_LIST says otherwise. Three things tell
such a build: a distribution installed from a folder or a repository, a wheel whose tag no package index takes, and
the folder where torch keeps extensions that it compiled on the fly. Triton's cache is none of them: it is keyed by the
architecture, and another GPU compiles anew.
"""

from __future__ import annotations

import json
import os
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_TEXT = 64 * 1024


class Built(NamedTuple):
    """One thing that was built here.

    Attributes:
        name, version: of the distribution; of a cache its folder's name, and nothing.
        why: what tells it.
        folder: where its code lies, when not among the distribution's own files.
    """

    name: str
    version: str
    why: str
    folder: str = ""


def built_here(folders: list[str], environment: Mapping[str, str]) -> list[Built]:
    """Return the distributions in some folders that were built here, and torch's caches of extensions.

    Args:
        folders: ``site-packages`` and the like.
        environment: names the caches: ``TORCH_EXTENSIONS_DIR``, ``XDG_CACHE_HOME``, ``HOME``.
    """
    found: dict[str, Built] = {}
    for distribution in metadata.distributions(path=folders):
        try:
            told = _of(distribution)
        except Exception:  # noqa: S112 - metadata of somebody's broken package
            continue
        if told is not None:
            found.setdefault(told.name.lower(), told)
    return [*(found[key] for key in sorted(found)), *_caches(environment)]


def _of(distribution: metadata.Distribution) -> Built | None:
    name, version = distribution.metadata["Name"] or "", distribution.version or ""
    if not name:
        return None
    direct = _direct(distribution)
    folder = direct.get("dir_info")
    if isinstance(folder, dict):
        url = direct.get("url")
        source = _local(url) if isinstance(url, str) else ""
        editable = folder.get("editable") is True
        how = "an editable install" if editable else "installed from a folder"
        return Built(name, version, how, source if editable else "")
    if isinstance(direct.get("vcs_info"), dict):
        return Built(name, version, "built from a repository")
    tags = [line.partition(":")[2].strip() for line in _lines(distribution, "WHEEL") if line.startswith("Tag:")]
    platforms = {tag.rpartition("-")[2] for tag in tags}
    if platforms and all(platform.startswith("linux_") for platform in platforms):
        return Built(name, version, f"a wheel for {min(platforms)}: built here, or of no package index")
    return None


def _direct(distribution: metadata.Distribution) -> dict[str, Any]:
    try:
        read = json.loads("".join(_lines(distribution, "direct_url.json")) or "{}")
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def _lines(distribution: metadata.Distribution, name: str) -> list[str]:
    return (distribution.read_text(name) or "")[:MAX_TEXT].splitlines()


def _local(url: str) -> str:
    """Return the folder of a ``file://`` address, empty for another one."""
    parts = urlsplit(url)
    return unquote(parts.path) if parts.scheme == "file" and parts.netloc in ("", "localhost") else ""


def _caches(environment: Mapping[str, str]) -> list[Built]:
    """Return torch's folder of extensions, when it is there."""
    named = environment.get("TORCH_EXTENSIONS_DIR")
    base = environment.get("XDG_CACHE_HOME") or os.path.join(environment.get("HOME", "~"), ".cache")  # noqa: PTH118
    folder = Path(named or base, "" if named else "torch_extensions").expanduser()
    if not folder.is_dir():
        return []
    return [Built(folder.name, "", "extensions that torch compiled on the fly", str(folder))]
