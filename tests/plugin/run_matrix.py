"""Runs the tests of the plugin on every pytest it promises to work with, each in a virtual environment of its own.

``python tests/plugin/run_matrix.py [--build-only] [VERSION ...] [-- PYTEST_ARGUMENT ...]``; environments are kept in
``build/matrix``, with the newest of each other plugin that fits. Other plugins load only where a test asks for them.
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / "build" / "matrix"
VERSIONS = ("8.0.2", "8.4.2", "9.0.3", "9.2.0")
PLUGINS = (
    "pytest-asyncio",
    "pytest-benchmark",
    "pytest-codspeed",
    "pytest-randomly",
    "pytest-rerunfailures",
    "pytest-subtests",
    "pytest-timeout",
    "pytest-xdist",
)
CORE_HAS_SUBTESTS = (9, 0)
DEFAULT = ("-q", "-p", "no:cacheprovider", "-m", "not network", "tests/plugin")


def main(arguments: list[str]) -> int:
    """Build what is missing, run the tests on each version, and return 1 if any run failed."""
    place = arguments.index("--") if "--" in arguments else len(arguments)
    given, words = arguments[:place], arguments[place + 1 :]
    build_only = "--build-only" in given
    versions = [one for one in given if not one.startswith("-")] or list(VERSIONS)
    states = {}
    for version in versions:
        python = build(version)
        if not build_only:
            print(f"== pytest {version}", flush=True)
            states[version] = run(python, words or list(DEFAULT))
    for version, state in states.items():
        print(f"pytest {version}: {'passed' if state == 0 else f'exit status {state}'}")
    return int(any(states.values()))


def build(version: str) -> Path:
    """Return the interpreter of the environment for this pytest, built if it is missing or was left half done."""
    folder = HOME / version
    python = folder / "bin" / "python"
    done = folder / "complete"
    if not done.exists():
        venv.create(folder, clear=True, with_pip=True)
        plugins = [one for one in PLUGINS if one != "pytest-subtests" or _parsed(version) < CORE_HAS_SUBTESTS]
        words = ["install", "-q", "-e", f"{ROOT}[test]", f"pytest=={version}", *plugins]
        subprocess.run([python, "-m", "pip", *words], check=True)
        done.touch()
    return python


def run(python: Path, words: list[str]) -> int:
    """Run pytest from the root of the checkout and return its exit status."""
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run([python, "-m", "pytest", *words], cwd=ROOT, env=environment, check=False).returncode


def _parsed(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
