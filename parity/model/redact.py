"""Knows what of a fingerprint is private and takes it out: unique ids, serial numbers, host and user names."""

from __future__ import annotations

import contextlib
import getpass
import os
import re
import socket
from typing import TYPE_CHECKING, Any

import msgspec

from parity.model.absent import Absent, Reading
from parity.model.fingerprint import Fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable

MASK = "redacted"
_REDACTED = Absent(why="not_asked", source=MASK)
_UNIQUE_ID = re.compile(r"\b((?:GPU|MIG)-)?[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b")
_VISIBLE_ID = re.compile(r"\b(GPU|MIG)-[0-9a-fA-F]{8}[0-9a-fA-F-]*")
_HOME = re.compile(r"/(home|Users)/[^/\s:;,\"']+|(?<![\w/])/root(?=/|$)")
# Words of this tool and of the makers, under these keys: a user called `nvidia` (as on every Jetson) is not in them.
_NEVER_NAMES = frozenset({"type", "schema", "kind", "why", "found", "reader", "identity_hash"})
MIN_NAME = 3  # shorter host and user names would mask parts of ordinary words


def redacted(fingerprint: Fingerprint, *, private: tuple[str, ...] | None = None) -> Fingerprint:
    """Return the fingerprint without unique ids, serials, host name, user names and home folders.

    Args:
        fingerprint: as captured.
        private: further texts to take out; by default this machine's host and user name.
    """
    names = _local_names() if private is None else private
    hostname = fingerprint.host.hostname
    if isinstance(hostname, Reading):
        names = (*names, hostname.value, hostname.value.split(".")[0])
    plain = msgspec.to_builtins(_without_ids(fingerprint))
    cleaned = _map_text(plain, _cleaner(names))
    return msgspec.convert({**cleaned, "redacted": True}, Fingerprint)


def _without_ids(fingerprint: Fingerprint) -> Fingerprint:
    replace = msgspec.structs.replace
    devices = tuple(
        replace(
            device,
            locator=replace(
                device.locator,
                **{
                    name: _REDACTED
                    for name in ("uuid", "serial", "parent_uuid")
                    if isinstance(getattr(device.locator, name), Reading)
                },
            ),
        )
        for device in fingerprint.devices
    )
    host = fingerprint.host
    if isinstance(host.hostname, Reading):
        host = replace(host, hostname=_REDACTED)
    return replace(fingerprint, devices=devices, host=host)


def _cleaner(names: tuple[str, ...]) -> Callable[[str], str]:
    words = sorted({name for name in names if len(name) >= MIN_NAME}, key=len, reverse=True)
    named = re.compile(r"(?<!\w)(" + "|".join(re.escape(word) for word in words) + r")(?!\w)") if words else None

    def clean(text: str) -> str:
        text = _without_unique(text)
        return named.sub(MASK, text) if named else text

    return clean


def _without_unique(text: str) -> str:
    text = _UNIQUE_ID.sub(lambda found: (found[1] or "") + MASK, text)
    text = _VISIBLE_ID.sub(lambda found: f"{found[1]}-{MASK}", text)
    return _HOME.sub("~", text)


def _local_names() -> tuple[str, ...]:
    names = [socket.gethostname(), socket.gethostname().split(".")[0], os.environ.get("USER", "")]
    with contextlib.suppress(OSError, KeyError, ImportError):
        names.append(getpass.getuser())
    return tuple(name for name in names if name not in ("root", "localhost", ""))


def _map_text(value: Any, clean: Callable[[str], str], key: str = "", *, identity: bool = False) -> Any:
    if isinstance(value, str):
        return value if key in _NEVER_NAMES else clean(value)
    if isinstance(value, (list, tuple)):
        return [_map_text(item, clean, key, identity=identity) for item in value]
    if isinstance(value, dict):
        inside = identity or key == "identity"
        return {
            # What the hardware is holds no name of a person or machine, though one may be called like its maker.
            name: _map_text(item, _without_unique if identity and name == "value" else clean, name, identity=inside)
            for name, item in value.items()
        }
    return value
