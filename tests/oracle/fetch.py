"""Downloads what the comparisons read, with pip and apt, into a folder; what is there already is not fetched again."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path
from typing import NamedTuple

import yaml

HERE = Path(__file__).resolve().parent
CACHE = HERE.parent.parent / "build" / "oracle"
PYTHON = "3.11"  # of the wheels: the same ones wherever this runs


class UnavailableError(Exception):
    """A package cannot be had here; the downloader's own words."""


class Set(NamedTuple):
    """What one comparison reads."""

    cuobjdump: str
    pip: list[str]
    apt: list[str]


def wanted(name: str) -> Set:
    """Return the set of this name: ``small`` or ``full``."""
    told = yaml.safe_load((HERE / "packages.yaml").read_text(encoding="utf-8"))
    return Set(told["cuobjdump"], told[name]["pip"], told[name]["apt"])


def wheel(requirement: str, folder: Path, *, timeout_s: int = 900) -> Path:
    """Return a wheel, downloaded where it is not there yet.

    Raises:
        UnavailableError: pip cannot get it.
    """
    name, _, version = requirement.partition("==")
    pattern = f"{name.replace('-', '_')}-{version}-*.whl"
    folder.mkdir(parents=True, exist_ok=True)
    if not any(folder.glob(pattern)):
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        command += [f"--python-version={PYTHON}", "--retries=1", "--timeout=20", "--dest", str(folder), requirement]
        run(command, folder, timeout_s)
    found = sorted(folder.glob(pattern))
    if not found:
        raise UnavailableError(f"pip downloaded no {pattern}")
    return found[0]


def unpacked(package: str, folder: Path, *, timeout_s: int = 900) -> Path:
    """Return the folder of an unpacked Debian package, downloaded where it is not there yet.

    Raises:
        UnavailableError: apt does not know it, or is not here.
    """
    place = folder / package
    if not place.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        run(["apt-get", "download", "-q", package], folder, timeout_s)
        for archive in folder.glob(f"{package}_*.deb"):
            run(["dpkg-deb", "-x", str(archive), str(place)], folder, timeout_s)
            archive.unlink()
    return place


def cuobjdump(requirement: str, folder: Path) -> Path:
    """Return NVIDIA's cuobjdump, taken out of its wheel.

    Raises:
        UnavailableError: pip cannot get it.
    """
    with zipfile.ZipFile(wheel(requirement, folder)) as archive:
        (name,) = [one for one in archive.namelist() if one.endswith("bin/cuobjdump")]
        program = Path(archive.extract(name, folder / "cuobjdump"))
    program.chmod(0o755)
    return program


def run(command: list[str], folder: Path, timeout_s: int) -> None:
    """Run a downloader.

    Raises:
        UnavailableError: it is not here, fails, or takes too long.
    """
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, timeout=timeout_s, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnavailableError(f"{command[0]}: {error}") from error
    if done.returncode:
        words = done.stderr.decode(errors="replace").strip().splitlines()
        raise UnavailableError(
            next((line for line in words if line.startswith(("ERROR", "E:"))), f"{command[0]} failed")
        )
