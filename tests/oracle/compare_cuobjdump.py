"""Compares what parity reads of CUDA libraries with what NVIDIA's cuobjdump prints of them.

    python compare_cuobjdump.py CUOBJDUMP PATH...     PATH: a library, a folder (searched for *.so* and *.a), or a wheel

``cuobjdump -ptx --all-fatbin`` prints the header of every entry with its suffix, PTX or not (its ``--list-elf`` loses the
``f``). Compared, per file: the count of each (kind, architecture) in .nv_fatbin and __nv_relfatbin. Code hidden in data
sections, which cuobjdump does not see, is counted apart. Exit 1 when a file that cuobjdump reads differs; files that it
refuses are listed with its words. Needs no GPU. cuobjdump comes with the package nvidia-cuda-cuobjdump.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from parity.binaries.file import read_file

if TYPE_CHECKING:
    from collections.abc import Iterator

_ENTRY = re.compile(rb"^Fatbin (\w+) code:")
_ARCH = re.compile(rb"^arch = sm_(\w+)")
_KINDS = {b"elf": "sm", b"ptx": "compute", b"lto": "lto", b"ltoir": "lto", b"nvvm": "lto"}


class Outcome(NamedTuple):
    """One file compared."""

    path: str
    theirs: Counter[str]
    ours: Counter[str]
    hidden: int
    error: str


def theirs(cuobjdump: str, path: Path) -> tuple[Counter[str], str]:
    """Return (count per architecture, cuobjdump's last error)."""
    counts: Counter[str] = Counter()
    with tempfile.TemporaryFile() as errors:
        command = [cuobjdump, "-ptx", "--all-fatbin", str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors) as process:
            assert process.stdout is not None
            kind = ""
            for line in process.stdout:
                entry, arch = _ENTRY.match(line), _ARCH.match(line)
                if entry:
                    kind = _KINDS.get(entry[1], entry[1].decode())
                elif arch and kind:
                    counts[f"{kind}_{arch[1].decode()}"] += 1
                    kind = ""
        errors.seek(0)
        told = errors.read().decode(errors="replace").strip().splitlines()
    return counts, told[-1] if told else ""


def compare(cuobjdump: str, path: Path) -> Outcome | None:
    """Return the comparison of one file, None when neither finds code."""
    library = read_file(str(path))
    ours: Counter[str] = Counter()
    hidden = 0
    for tally in library.tallies if library else ():
        if tally.place == "hidden":
            hidden += tally.count
        elif tally.code.kind != "amd":
            ours[tally.code.arch] += tally.count
    their, error = theirs(cuobjdump, path)
    if not ours and not their and not hidden:
        return None
    return Outcome(path.name, their, ours, hidden, error)


def files(words: list[str], scratch: Path) -> Iterator[Path]:
    """Yield the files to compare; a wheel's are unpacked one at a time."""
    for word in words:
        path = Path(word)
        if path.is_dir():
            yield from sorted(one for one in path.rglob("*") if is_library(one.name) and one.is_file())
        elif path.suffix == ".whl":
            with zipfile.ZipFile(path) as archive:
                for name in sorted(filter(is_library, archive.namelist())):
                    taken = Path(archive.extract(name, scratch))
                    yield taken
                    taken.unlink()
        else:
            yield path


def is_library(name: str) -> bool:
    """Return whether a file name is that of a library or archive."""
    return bool(re.search(r"\.so(\.[\w.]+)?$|\.a$", name))


def report(cuobjdump: str, words: list[str], scratch: Path) -> int:
    """Compare everything, print the agreement, and return the exit status."""
    agreed = differed = refused = entries = hidden = blind = 0
    for path in files(words, scratch):
        outcome = compare(cuobjdump, path)
        if outcome is None:
            continue
        hidden += outcome.hidden
        blind += bool(outcome.hidden)
        if outcome.theirs == outcome.ours:
            agreed += 1
            entries += sum(outcome.ours.values())
            continue
        if outcome.error and "does not contain device code" not in outcome.error:
            refused += 1
            print(f"refused  {outcome.path}: {outcome.error}", flush=True)
            continue
        differed += 1
        print(f"DIFFERS  {outcome.path}", flush=True)
        for arch in sorted({*outcome.theirs, *outcome.ours}):
            if outcome.theirs[arch] != outcome.ours[arch]:
                print(f"    {arch}: cuobjdump {outcome.theirs[arch]}, parity {outcome.ours[arch]}", flush=True)
    print(
        f"{agreed} files agree ({entries} entries), {differed} differ, {refused} refused by cuobjdump; "
        f"{hidden} more entries hidden in the data of {blind} files"
    )
    return 1 if differed or not agreed else 0


def main() -> int:
    """Compare what the command line names."""
    cuobjdump, *words = sys.argv[1:]
    with tempfile.TemporaryDirectory() as scratch:
        return report(cuobjdump, words, Path(scratch))


if __name__ == "__main__":
    sys.exit(main())
