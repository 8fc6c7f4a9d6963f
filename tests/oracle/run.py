"""Compares parity with NVIDIA's cuobjdump and LLVM's offload tools on real packages, downloads included.

    python tests/oracle/run.py small        under 60 MB of downloads; CI does the same as a test
    python tests/oracle/run.py full         some 9 GB of wheels, and 2 GB of packages of a Debian that has ROCm

Packages are kept in build/oracle (``--cache``). ROCm needs clang-offload-bundler and llvm-readobj: of ``--tools FOLDER``,
the path, or /usr/lib/llvm-*; packages that apt or pip do not have here are named and left out. Exit 0: everything that was
compared agrees; 1: a file differs; 3: nothing could be compared.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from tests.oracle import compare_cuobjdump, compare_llvm, fetch  # noqa: E402 - from this checkout


def main() -> int:
    """Fetch, compare, and print the agreement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", choices=("small", "full"))
    parser.add_argument("--cache", type=Path, default=fetch.CACHE, metavar="FOLDER")
    parser.add_argument("--tools", metavar="FOLDER")
    arguments = parser.parse_args()
    wanted = fetch.wanted(arguments.set)
    wheels = available(wanted.pip, arguments.cache / "wheels", fetch.wheel)
    debian = available(wanted.apt, arguments.cache / "debian", fetch.unpacked)
    told = [nvidia(wanted.cuobjdump, wheels, arguments.cache), amd(arguments.tools, [*wheels, *debian])]
    compared = [status for status in told if status is not None]
    return max(compared) if compared else 3


def available(names: list[str], folder: Path, getter: object) -> list[Path]:
    """Return what could be fetched; the rest is named."""
    assert callable(getter)
    found = []
    for name in names:
        try:
            found.append(getter(name, folder))
        except fetch.UnavailableError as error:
            print(f"left out  {name}: {error}", flush=True)
    return found


def nvidia(requirement: str, wheels: list[Path], cache: Path) -> int | None:
    """Compare with cuobjdump; None when it or every wheel is missing."""
    if not wheels:
        return None
    try:
        program = fetch.cuobjdump(requirement, cache / "wheels")
    except fetch.UnavailableError as error:
        print(f"left out  cuobjdump: {error}")
        return None
    print(f"== {requirement}", flush=True)
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        return compare_cuobjdump.report(str(program), list(map(str, wheels)), Path(scratch))


def amd(folder: str | None, paths: list[Path]) -> int | None:
    """Compare with LLVM's tools; None when they or every package is missing."""
    tools = compare_llvm.find_tools(folder)
    if tools is None or not paths:
        print("left out  LLVM: clang-offload-bundler and llvm-readobj are not here" if paths else "nothing for LLVM")
        return None
    print(f"== {tools.bundler}", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        found = compare_llvm.files(list(map(str, paths)), Path(scratch))
        return compare_llvm.report(compare_llvm.compare(tools, found, Path(scratch)))


if __name__ == "__main__":
    sys.exit(main())
