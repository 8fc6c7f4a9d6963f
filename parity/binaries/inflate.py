"""Knows how to decompress the first bytes of zstd and zlib data, within bounds, with whatever decoder there is.

zstd comes with Python from 3.14 on; before that the ``zstandard`` package serves, else the system's libzstd, which
package managers and the C libraries of most distributions bring along. Without any the answer is None, and the caller
says that compressed code was not looked into.
"""

from __future__ import annotations

import ctypes
import importlib
import zlib
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
MAX_WINDOW_LOG = 27  # 128 MiB, zstd's own limit for decoders
_LIBRARIES = ("libzstd.so.1",)


class DamagedStreamError(Exception):
    """The data are not what they should be."""


def zlib_head(raw: bytes, limit: int) -> bytes:
    """Return at most ``limit`` decompressed bytes; fewer when the input ends before.

    Raises:
        DamagedStreamError: the data are no zlib stream.
    """
    try:
        return zlib.decompressobj().decompress(raw, limit)
    except zlib.error as error:
        raise DamagedStreamError(str(error)) from error


def zstd_head(raw: bytes, limit: int) -> bytes | None:
    """Return at most ``limit`` decompressed bytes of zstd frames, None when there is no decoder.

    Raises:
        DamagedStreamError: the data are no zstd stream, or want a window of more than 128 MiB.
    """
    decoder = zstd_decoder()
    return None if decoder is None else decoder(raw, limit)


@cache
def zstd_decoder() -> Callable[[bytes, int], bytes] | None:
    """Return the first decoder that is there: (data, limit) -> bytes."""
    for found in (_standard, _package, _system):
        decoder = found()
        if decoder is not None:
            return decoder
    return None


def _standard() -> Callable[[bytes, int], bytes] | None:
    try:
        zstd: Any = importlib.import_module("compression.zstd")
    except ImportError:
        return None

    def head(raw: bytes, limit: int) -> bytes:
        told = b""
        try:
            while raw and len(told) < limit:
                decoder = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: MAX_WINDOW_LOG})
                told += decoder.decompress(raw, limit - len(told))
                raw = decoder.unused_data if decoder.eof else b""
        except zstd.ZstdError as error:
            raise DamagedStreamError(str(error)) from error
        return told

    return head


def _package() -> Callable[[bytes, int], bytes] | None:
    try:
        zstandard: Any = importlib.import_module("zstandard")
    except ImportError:
        return None

    def head(raw: bytes, limit: int) -> bytes:
        decoder = zstandard.ZstdDecompressor(max_window_size=1 << MAX_WINDOW_LOG)
        try:
            with decoder.stream_reader(raw, read_across_frames=True) as stream:
                told: bytes = stream.read(limit)
                return told
        except zstandard.ZstdError as error:
            raise DamagedStreamError(str(error)) from error

    return head


class _Stretch(ctypes.Structure):
    """ZSTD_inBuffer and ZSTD_outBuffer: where the bytes are, how many, how far it got."""

    _fields_ = (("address", ctypes.c_void_p), ("size", ctypes.c_size_t), ("position", ctypes.c_size_t))


def _system() -> Callable[[bytes, int], bytes] | None:
    for name in _LIBRARIES:
        try:
            return _Library(ctypes.CDLL(name)).head
        except (OSError, AttributeError):
            continue
    return None


class _Library:
    """The streaming decoder of the system's libzstd."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self.create, self.free = library.ZSTD_createDStream, library.ZSTD_freeDStream
        self.step, self.is_error = library.ZSTD_decompressStream, library.ZSTD_isError
        self.create.restype, self.create.argtypes = ctypes.c_void_p, []
        self.free.restype, self.free.argtypes = ctypes.c_size_t, [ctypes.c_void_p]
        self.step.restype = ctypes.c_size_t
        self.step.argtypes = [ctypes.c_void_p, ctypes.POINTER(_Stretch), ctypes.POINTER(_Stretch)]
        self.is_error.restype, self.is_error.argtypes = ctypes.c_uint, [ctypes.c_size_t]

    def head(self, raw: bytes, limit: int) -> bytes:
        stream = self.create()
        if not stream:
            raise DamagedStreamError("no memory for the decoder")
        source, target = ctypes.create_string_buffer(raw, len(raw)), ctypes.create_string_buffer(limit)
        given = _Stretch(ctypes.addressof(source), len(raw), 0)
        taken = _Stretch(ctypes.addressof(target), limit, 0)
        try:
            while taken.position < limit and given.position < given.size:
                before = (taken.position, given.position)
                if self.is_error(self.step(stream, ctypes.byref(taken), ctypes.byref(given))):
                    raise DamagedStreamError("not a zstd stream, or one that wants too much memory")
                if (taken.position, given.position) == before:
                    break
            return target.raw[: taken.position]
        finally:
            self.free(stream)
