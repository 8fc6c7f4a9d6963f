"""Knows ``parity init``: write a project file to start from, and a workflow that gates on it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from parity.catalog import store
from parity.errors import UsageError
from parity.outputs import write_file

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

CONFIG = """\
# What production runs on. `parity doctor` and `pytest` judge this machine against it.
version: 1
default_target: prod
targets:
  prod:
    device: {device:<24} # {name}; others: parity targets
    # count: 8                       # devices per machine; leave out when any number will do
    # require: equivalent            # identical | equivalent | same-arch | same-vendor
    # stack: {{driver: ">=570", torch: "==2.9.*"}}
    # conditions: {{power_limit_w: ">=700", ecc: true}}
# perf_tests: {{paths: ["benchmarks/**"]}}   # beside the marks perf, performance, benchmark and the fixture benchmark
policy:
  mode: fail                         # fail | skip | xfail | annotate | off: perf tests on other hardware
  unknown: fail                      # fail | strict | report: what could not be read
# waivers:
#   - {{rule: ecc-differs, reason: "dev pool runs without ECC", owner: perf-team, until: 2027-03-31}}
"""
WORKFLOW = """\
name: parity
on: [push, pull_request]
permissions: {{}}
jobs:
  perf:
    # A label is a promise; the first step checks it.
    runs-on: [self-hosted, gpu, "{label}"]
    permissions:
      contents: read
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
        with:
          persist-credentials: false
      - run: python -m pip install gpu-parity
      - run: parity doctor --format markdown -o parity.md --format text
      - if: always()
        run: if [ -f parity.md ]; then cat parity.md >> "$GITHUB_STEP_SUMMARY"; fi
      - run: python -m pytest -m "perf or benchmark"
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("--target", metavar="T", default="h100", help="catalog name or alias (default: h100)")
    parser.add_argument("--github-actions", action="store_true", help="write .github/workflows/parity.yml too")
    parser.add_argument("--force", action="store_true", help="replace files that are there")


def run(arguments: argparse.Namespace) -> int:
    """Write the files; refuses to replace any unless told."""
    spec = store.device_spec(arguments.target)
    files = {"parity.yaml": CONFIG.format(device=spec.id, name=spec.name)}
    if arguments.github_actions:
        files[".github/workflows/parity.yml"] = WORKFLOW.format(label=spec.aliases[0] if spec.aliases else spec.id)
    present = [name for name in files if Path(name).exists()]
    if present and not arguments.force:
        raise UsageError("already there", where=", ".join(present), mend="edit it, or replace it with --force")
    _make_folders(files)
    for name, text in files.items():
        write_file(name, text)
        print(f"parity: wrote {name}", file=sys.stderr)
    return 0


def _make_folders(names: Iterable[str]) -> None:
    name = ""
    try:
        for name in names:
            Path(name).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        what = f"its folder cannot be made: {error.strerror}"
        raise UsageError(what, where=name, mend="check what is there") from error
