"""Compares what parity reads of ROCm libraries with what LLVM's tools say of them.

    python compare_llvm.py [--tools FOLDER] PATH...     PATH: a file, a folder, or a wheel

Where each bundle of a library begins is taken from the wrappers that the HIP runtime itself goes by (``.hipFatBinSegment``,
as ``llvm-readobj`` prints its place and relocations), not by walking the section; each piece is then listed by
``clang-offload-bundler --list``. Loose code objects are told by ``llvm-readobj --file-headers``. Compared, per file: how
many entries for each target id there are, features included, and how many bundles. Files that a tool refuses are listed
with its words (older bundlers do not know newer compressed bundles). Exit 1 when a file differs. Needs no GPU.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from parity.binaries.file import read_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

WRAPPER_BYTES = 24  # u32 magic, u32 version, pointer to the bundle, unused pointer
_SECTION = re.compile(
    r"\]\s+(?P<name>\.hip\w+)\s+\w+\s+(?P<address>[0-9a-f]+)\s+(?P<offset>[0-9a-f]+)\s+(?P<size>[0-9a-f]+)"
)
# "place info R_X86_64_RELATIVE addend", or "place info R_X86_64_64 value name + addend"
_RELOCATION = re.compile(
    r"^([0-9a-f]+)\s+[0-9a-f]+\s+R_X86_64_(?:RELATIVE\w*\s+|64\s+(?P<value>[0-9a-f]+) \S+ \+ )(?P<addend>[0-9a-f]+)",
    re.MULTILINE,
)
_FLAG = re.compile(r"EF_AMDGPU_(MACH_AMDGCN|FEATURE_(?:XNACK|SRAMECC))_(\w+)")
_GENERIC = re.compile(r"EF_AMDGPU_GENERIC_VERSION_V(\d+)")
_MACHINE_AMDGPU = (224).to_bytes(2, "little")
STARTS = (b"\x7fELF", b"CCOB", b"__CLANG_OFFLOAD_BUNDLE__")


class RefusedError(Exception):
    """A tool could not read a file; its own words."""


class Tools(NamedTuple):
    """The two programs of LLVM."""

    bundler: str
    readobj: str


class Outcome(NamedTuple):
    """One file compared: entries per target id, and bundles."""

    path: str
    theirs: Counter[str]
    ours: Counter[str]
    error: str


def find_tools(folder: str | None) -> Tools | None:
    """Return the tools of a folder, else of the path, else of the newest LLVM in its usual place; None: not there."""
    versions = sorted(Path("/usr/lib").glob("llvm-*/bin"), key=lambda path: int(path.parent.name[5:] or 0))
    places = [folder] if folder else [None, *(str(path) for path in reversed(versions))]
    for place in places:
        found = [shutil.which(name, path=place) for name in ("clang-offload-bundler", "llvm-readobj")]
        if found[0] and found[1]:
            return Tools(found[0], found[1])
    return None


def told_by(command: list[str]) -> str:
    """Return what a tool prints.

    Raises:
        RefusedError: it fails.
    """
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        words = done.stderr.decode(errors="replace").strip().splitlines()
        raise RefusedError(words[-1] if words else f"{Path(command[0]).name}: exit status {done.returncode}")
    return done.stdout.decode(errors="replace")


def of_library(tools: Tools, path: Path, scratch: Path) -> Counter[str]:
    """Return the entries per target id of a host library's bundles, empty when it has none."""
    sections = {
        found["name"]: tuple(int(found[key], 16) for key in ("address", "offset", "size"))
        for found in _SECTION.finditer(
            told_by([tools.readobj, "--elf-output-style=GNU", "--sections", "--wide", str(path)])
        )
    }
    if ".hip_fatbin" not in sections or ".hipFatBinSegment" not in sections:
        return Counter()
    address, offset, size = sections[".hip_fatbin"]
    starts = sorted({at - address for at in wrapped(tools, path, sections[".hipFatBinSegment"])})
    counts: Counter[str] = Counter({"bundles": len(starts)})
    piece = scratch / "piece"
    with path.open("rb") as stream:
        for first, last in zip(starts, [*starts[1:], size], strict=True):
            if not 0 <= first < last <= size:
                raise RefusedError(f"a wrapper points to byte {first} of a section of {size}")
            stream.seek(offset + first)
            piece.write_bytes(without_padding(stream.read(last - first)))
            counts += listed(tools, piece)
    return counts


def without_padding(raw: bytes) -> bytes:
    """Return a bundle without what follows it in its section; of a compressed one the bundler takes no byte too many."""
    width = {2: 4, 3: 8}.get(int.from_bytes(raw[4:6], "little")) if raw.startswith(b"CCOB") else None
    return raw if width is None else raw[: int.from_bytes(raw[8 : 8 + width], "little")]


def wrapped(tools: Tools, path: Path, segment: tuple[int, ...]) -> Iterator[int]:
    """Yield the address of the bundle that each wrapper points to."""
    address, offset, size = segment
    text = told_by([tools.readobj, "--elf-output-style=GNU", "--relocs", str(path)])
    relocations = {
        int(found[1], 16): int(found["value"] or "0", 16) + int(found["addend"], 16)
        for found in _RELOCATION.finditer(text)
    }
    with path.open("rb") as stream:
        stream.seek(offset)
        raw = stream.read(size)
    for at in range(0, size - WRAPPER_BYTES + 1, WRAPPER_BYTES):
        if raw[at : at + 4] == b"FPIH":  # else it is padding
            in_place = int.from_bytes(raw[at + 8 : at + 16], "little")
            yield relocations.get(address + at + 8, in_place)


def listed(tools: Tools, path: Path) -> Counter[str]:
    """Return the entries per target id of one bundle; the host's is left out."""
    counts: Counter[str] = Counter()
    for line in told_by([tools.bundler, "--list", "--type=o", f"--input={path}"]).splitlines():
        kind, _, rest = line.strip().partition("-")
        if kind and kind != "host":
            counts[canonical(rest.rpartition("amdhsa")[2].lstrip("-"))] += 1
    return counts


def canonical(target: str) -> str:
    """Return a target id with its features in one order.

    >>> canonical("gfx90a:xnack-:sramecc+")
    'gfx90a:sramecc+:xnack-'
    """
    processor, *features = target.split(":")
    return ":".join([processor, *sorted(features)])


def of_code_objects(tools: Tools, paths: list[Path]) -> dict[Path, Counter[str]]:
    """Return the target id of each loose code object."""
    told: dict[Path, Counter[str]] = {}
    for first in range(0, len(paths), 200):
        some = paths[first : first + 200]
        text = told_by([tools.readobj, "--file-headers", *map(str, some)])
        parts = re.split(r"^File: ", text, flags=re.MULTILINE)[1:]
        for path, part in zip(some, parts, strict=True):
            told[path] = Counter([target_of_flags(part)])
    return told


def target_of_flags(text: str) -> str:
    """Return the target id that the names of e_flags tell."""
    flags = dict(_FLAG.findall(text))
    processor = flags.get("MACH_AMDGCN", "unknown").lower().replace("_", "-")
    signs = {"ON_V4": "+", "OFF_V4": "-"}
    features = [
        f"{name.lower()}{signs[flags[f'FEATURE_{name}']]}"
        for name in ("SRAMECC", "XNACK")
        if flags.get(f"FEATURE_{name}") in signs
    ]
    generic = _GENERIC.search(text)
    return ":".join([processor, *features]) + (f" v{generic[1]}" if generic else "")


def ours(path: Path, *, loose: bool) -> Counter[str]:
    """Return what parity reads of a file, in the same words; a library's hidden code is not LLVM's to list."""
    library = read_file(str(path))
    counts: Counter[str] = Counter()
    for tally in library.tallies if library else ():
        if tally.place == "main" and tally.code.kind in ("amd", "other"):
            generic = f" v{tally.code.generic_version}" if loose and tally.code.generic_version else ""
            counts[canonical(tally.code.arch) + generic] += tally.count
    if library and not loose:
        counts["bundles"] = sum(
            group.count for group in library.regions if group.section == ".hip_fatbin" and group.container == "bundle"
        )
    return +counts


def compare(tools: Tools, paths: Iterable[Path], scratch: Path) -> Iterator[Outcome]:
    """Yield the comparison of each file that either side finds code in."""
    loose: list[Path] = []
    for path in paths:
        with path.open("rb") as stream:
            head = stream.read(24)
        if head.startswith(b"\x7fELF") and head[18:20] == _MACHINE_AMDGPU:
            loose.append(path)
            continue
        if not head.startswith(STARTS):
            continue
        bundle = not head.startswith(b"\x7fELF")
        read = ours(path, loose=bundle)
        error = ""
        their: Counter[str] = Counter()
        try:
            their = listed(tools, path) if bundle else of_library(tools, path, scratch)
        except RefusedError as refused:
            error = str(refused)
        if read or their:
            yield Outcome(str(path), their, read, error)
    for path, their in of_code_objects(tools, loose).items():
        yield Outcome(str(path), their, ours(path, loose=True), "")


def files(words: list[str], scratch: Path) -> Iterator[Path]:
    """Yield the files to compare; a wheel's are unpacked one at a time."""
    for word in words:
        path = Path(word)
        if path.is_dir():
            yield from sorted(one for one in path.rglob("*") if one.is_file() and not one.is_symlink())
        elif path.suffix == ".whl":
            with zipfile.ZipFile(path) as archive:
                for name in sorted(archive.namelist()):
                    if re.search(r"\.so(\.[\w.]+)?$|\.(co|hsaco)$", name):
                        taken = Path(archive.extract(name, scratch))
                        yield taken
                        if not taken.name.endswith((".co", ".hsaco")):  # these are told together, at the end
                            taken.unlink()
        else:
            yield path


def report(outcomes: Iterable[Outcome]) -> int:
    """Print the agreement and return the exit status."""
    agreed = differed = refused = entries = 0
    for outcome in outcomes:
        if outcome.theirs == outcome.ours:
            agreed += 1
            entries += sum(count for name, count in outcome.ours.items() if name != "bundles")
        elif outcome.error:
            refused += 1
            print(f"refused  {outcome.path}: {outcome.error}", flush=True)
        else:
            differed += 1
            print(f"DIFFERS  {outcome.path}", flush=True)
            for arch in sorted({*outcome.theirs, *outcome.ours}):
                if outcome.theirs[arch] != outcome.ours[arch]:
                    print(f"    {arch}: LLVM {outcome.theirs[arch]}, parity {outcome.ours[arch]}", flush=True)
    print(f"{agreed} files agree ({entries} entries), {differed} differ, {refused} refused by LLVM's tools")
    return 1 if differed or not agreed else 0


def main() -> int:
    """Compare everything and print the agreement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tools", metavar="FOLDER", help="with clang-offload-bundler and llvm-readobj")
    parser.add_argument("paths", nargs="+")
    arguments = parser.parse_args()
    tools = find_tools(arguments.tools)
    if tools is None:
        sys.exit("clang-offload-bundler and llvm-readobj: not found; give --tools FOLDER")
    with tempfile.TemporaryDirectory() as scratch:
        return report(compare(tools, files(arguments.paths, Path(scratch)), Path(scratch)))


if __name__ == "__main__":
    sys.exit(main())
