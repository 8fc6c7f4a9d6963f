"""Writes binaries with device code for tests: ELF, fatbin, cubin, HIP bundle, archive, kpack; synthetic, no toolkit.

Every writer returns bytes whose sizes and offsets are true; tests break them afterwards.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence

import msgspec

PTX, ELF, LTO, TILE, CONCATENATED = 1, 2, 8, 0x80, 0x100
LZ4, ZSTD, SUFFIX_A, SUFFIX_F, COMPAT_COPY = 0x2000, 0x8000, 0x100000, 0x200000, 0x1000000
HOST, CUDA, AMDGPU = 62, 190, 224
OLD_ABI, NEW_ABI, HSA_V4 = (0x33, 7), (0x41, 8), (64, 2)
KERNEL_BYTES, STUB_BYTES = 4096, 1000


def padded(raw: bytes, to: int = 8) -> bytes:
    """Return bytes with zeros up to a multiple."""
    return raw + bytes(-len(raw) % to)


def entry(
    kind: int,
    number: int,
    *,
    flags: int = 0x11,
    size: int = KERNEL_BYTES,
    stored: int = 64,
    isa: tuple[int, int] = (8, 0),
    extension: bytes = b"",
) -> bytes:
    """Return one fatbin entry of ``size`` bytes raw; compressed ones store ``stored`` bytes of filling."""
    packed = bool(flags & (LZ4 | ZSTD))
    payload = padded(b"\xab" * (stored if packed else size))
    tail = padded(struct.pack("<II", 72, len(extension)) + extension) if extension else b""
    head = struct.pack(
        "<HHIQIIHHIIIQQQ",
        kind, 0x0101, 64 + len(tail), len(payload), stored if packed else 0, 64 if tail else 0, isa[1], isa[0],
        number, 0, 0, flags, 0, size if packed else 0,
    )  # fmt: skip
    return head + tail + payload


def concatenated(
    rows: Sequence[tuple[int, int, int]], *, extension: bytes | None = None, codes: Sequence[bytes] = ()
) -> bytes:
    """Return a concatenated entry with a row per (kind, number, flags); rows have an extension when one is given.

    ``codes``: what the rows hold, as a zstd frame; without them the entry holds filling that is no frame.
    """
    table, at = b"", 0
    for position, (kind, number, flags) in enumerate(rows):
        size = len(padded(codes[position])) if codes else KERNEL_BYTES
        table += struct.pack(
            "<HHIQIIHHIIIQQQ",
            kind, 0x0101, at, size, 0, 64 if extension is not None else 0, 0, 9,
            number, 0, 0, flags, 0, 0,
        )  # fmt: skip
        at += size
        if extension is not None:
            table += padded(struct.pack("<II", 72, len(extension)) + extension + b"\0")
    table = struct.pack("<II", len(rows), len(table) + 8) + table
    block = zstd_frame(b"".join(padded(code) for code in codes)) if codes else bytes(60)
    payload = padded(block)
    head = struct.pack(
        "<HHIQIIHHIIIQQQ",
        CONCATENATED, 0x0101, 64 + len(table), len(payload), len(block), 64, 1, 0, 0, 0, 0, 0x11 | ZSTD, 0, at,
    )  # fmt: skip
    return head + table + payload


def fatbin(*entries: bytes) -> bytes:
    """Return a fatbin of entries."""
    body = b"".join(entries)
    return struct.pack("<IHHQ", 0xBA55ED50, 1, 16, len(body)) + body


def sass(number: int, suffix: str = "", **more: int) -> bytes:
    """Return an entry of SASS, lz4-compressed."""
    return entry(ELF, number, flags=0x11 | LZ4 | {"": 0, "a": SUFFIX_A, "f": SUFFIX_F}[suffix], **more)


def ptx(number: int, suffix: str = "", *, isa: tuple[int, int] = (8, 0), size: int = KERNEL_BYTES) -> bytes:
    """Return an entry of PTX."""
    flags = 0x11 | LZ4 | {"": 0, "a": SUFFIX_A, "f": SUFFIX_F}[suffix]
    return entry(PTX, number, flags=flags, isa=isa, size=size)


def elf(
    sections: Mapping[str, bytes] | Iterable[tuple[str, bytes]] = (),
    *,
    machine: int = HOST,
    kind: int = 3,
    flags: int = 0,
    abi: tuple[int, int] = (0, 0),
    types: Mapping[str, int] | None = None,
    executable: Sequence[str] = (".text",),
    stripped: bool = False,
) -> bytes:
    """Return an ELF64 file with these sections, a name table, and the section headers at the end."""
    listed = list(sections.items() if isinstance(sections, Mapping) else sections)
    names, offsets = b"\0", []
    for name, _ in [*listed, (".shstrtab", b"")]:
        offsets.append(len(names))
        names += name.encode() + b"\0"
    body, headers, at = b"", [bytes(64)], 64
    for number, (name, raw) in enumerate([*listed, (".shstrtab", names)]):
        body += bytes(-(at + len(body)) % 16)
        type_ = 3 if name == ".shstrtab" else (types or {}).get(name, 1)
        bits = 0x6 if name in executable else 0x2
        headers.append(
            struct.pack("<IIQQQQIIQQ", offsets[number], type_, bits, 0, at + len(body), len(raw), 0, 0, 16, 0)
        )
        body += raw
    body = padded(body)
    table = 0 if stripped else 64 + len(body)
    ident = b"\x7fELF\x02\x01\x01" + bytes(abi) + bytes(7)
    count = 0 if stripped else len(headers)
    head = struct.pack(
        "<16sHHIQQQIHHHHHH", ident, kind, machine, 1, 0, 0, table, flags, 64, 0, 0, 64, count, max(count - 1, 0)
    )
    return head + body + (b"" if stripped else b"".join(headers))


def cubin(
    number: int, *, suffix: str = "", new: bool = False, told: str = "", size: int = KERNEL_BYTES, compat: bool = False
) -> bytes:
    """Return a cubin.

    Args:
        number: of the capability, 90.
        suffix: ``a`` sets the bit of the ABI in the flags.
        new: the ABI of sm_100 and later toolkits.
        told: the ptxas command line noted in ``.note.nv.tkinfo``.
        size: of its code.
        compat: with a ``.nv.compat`` section that says arch-specific, instead of the bit.
    """
    flags = (number << 8 | (0x8 if suffix == "a" else 0)) if new else (number | (0x800 if suffix == "a" else 0))
    sections = {".text.k": bytes(size)}
    if compat:
        sections[".nv.compat"] = struct.pack("<BBH", 4, 1, 4) + bytes(4) + struct.pack("<BBH", 2, 9, 1)
    if told:
        sections[".note.nv.tkinfo"] = told.encode() + b"\0"
    return elf(sections, machine=CUDA, kind=2, flags=flags, abi=NEW_ABI if new else OLD_ABI)


def amd_code(machine: int = 0x4C, *, xnack: int = 0, sramecc: int = 0, generic: int = 0, abi: int = 2) -> bytes:
    """Return an AMD code object; xnack and sramecc as in code object V4: 0 unsupported, 1 any, 2 off, 3 on."""
    flags = machine | xnack << 8 | sramecc << 10 | generic << 24
    return elf({".text": bytes(256)}, machine=AMDGPU, flags=flags, abi=(64, abi))


def bundle(targets: Sequence[str], code: bytes | None = None) -> bytes:
    """Return a plain offload bundle with an empty host entry and a code object per target id."""
    ids = ["host-x86_64-unknown-linux--", *(f"hipv4-amdgcn-amd-amdhsa--{target}" for target in targets)]
    code = amd_code() if code is None else code
    table = 24 + 8 + sum(24 + len(name) for name in ids)
    rows, body, at = b"", b"", table + (-table % 4096)
    for number, name in enumerate(ids):
        size = len(code) if number else 0
        rows += struct.pack("<QQQ", at + len(body), size, len(name)) + name.encode()
        body += padded(code, 256) if number else b""
    head = b"__CLANG_OFFLOAD_BUNDLE__" + struct.pack("<Q", len(ids)) + rows
    return head + bytes(at - len(head)) + body


def zstd_frame(raw: bytes) -> bytes:
    """Return a zstd frame of raw blocks: valid, and written without a compressor."""
    blocks = [raw[at : at + 100_000] for at in range(0, len(raw), 100_000)] or [b""]
    frame = b"\x28\xb5\x2f\xfd\xa0" + struct.pack("<I", len(raw))
    for number, block in enumerate(blocks):
        frame += (int(number == len(blocks) - 1) | len(block) << 3).to_bytes(3, "little") + block
    return frame


def packed_bundle(plain: bytes, *, version: int = 3, method: int = 1) -> bytes:
    """Return a compressed offload bundle (CCOB)."""
    payload = zlib.compress(plain) if method == 0 else zstd_frame(plain)
    head = b"CCOB" + struct.pack("<HH", version, method)
    if version == 1:
        return head + struct.pack("<IQ", len(plain), 0) + payload
    if version == 2:
        return head + struct.pack("<IIQ", 24 + len(payload), len(plain), 0) + payload
    return head + struct.pack("<QQQ", 32 + len(payload), len(plain), 0) + payload


def archive(members: Sequence[tuple[str, bytes]]) -> bytes:
    """Return a static archive with a symbol table member first."""
    told = b"!<arch>\n"
    for name, raw in [("/", b"\0\0\0\0"), *members]:
        told += f"{name:<16}{0:<12}{0:<6}{0:<6}{644:<8}{len(raw):<10}`\n".encode() + raw + b"\n" * (len(raw) % 2)
    return told


def kpack(table: Mapping[str, Mapping[str, object]]) -> bytes:
    """Return a kpack archive: library name -> architecture -> anything."""
    arches = sorted({arch for held in table.values() for arch in held})
    raw = msgspec.msgpack.encode({"format_version": 1, "gfx_arches": arches, "toc": table})
    return padded(struct.pack("<4sIQ", b"KPAK", 1, 64), 64) + raw


def kpack_marker(name: str, paths: Sequence[str]) -> bytes:
    """Return the section that stands where device code was."""
    return padded(msgspec.msgpack.encode({"kernel_name": name, "kpack_search_paths": list(paths)}), 64)
