"""Knows ``parity init``: write a project file to start from, and a workflow that gates on it."""

from __future__ import annotations

import itertools
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from parity import __version__
from parity.cli.folding import tell
from parity.cli.init_source import UNKNOWN, source
from parity.config.project import Project, find_project, load_project
from parity.config.targets import resolve_target, target_or_default
from parity.errors import UsageError
from parity.model.partition import WHOLE

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator

    from parity.model.spec import DeviceSpec
    from parity.model.target import Target

CONFIG = """\
# What production runs on. `parity doctor` and `pytest` judge this machine against it.
version: 1
default_target: prod
targets:
  prod:
    device: {device:<24} # {name}; others: parity targets
    {count:<32} # devices per machine; leave out when any number will do
{partition}    # require: equivalent            # identical | equivalent | same-arch | same-vendor
    # stack: {{driver: ">=570", torch: "==2.9.*"}}
    # conditions: {{power_limit_w: ">=700", ecc: true}}
# Perf tests are those marked perf, performance, benchmark or codspeed_benchmark, those that use the fixture
# benchmark or codspeed_benchmark, and all tests here:
{perf_tests}
policy:
  mode: fail                         # fail | skip | xfail | annotate | off: perf tests on other hardware
  unknown: fail                      # fail | strict | report: what could not be read
# waivers:
#   - {{rule: ecc-differs, reason: "dev pool runs without ECC", owner: perf-team, until: 2027-03-31}}
"""
WORKFLOW = """\
# Written by `parity init`, yours to edit. What production runs on stands in parity.yaml.
name: parity
on:
  push:
    branches: [main]
  pull_request:
  merge_group:  # a merge queue waits for its checks: without this line for ever
permissions: {{}}
jobs:
  lint:
    name: parity lint
    # Any runner will do. Nothing of the change is run and the token can only read: safe for pull requests from forks.
    runs-on: ubuntu-24.04
    timeout-minutes: 10
    permissions:
      contents: read
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
        with:
          persist-credentials: false
      - uses: actions/setup-python@5fda3b95a4ea91299a34e894583c3862153e4b97 # v7.0.0
        with:
          python-version: "3.12"
      # From its repository, at a full commit hash: a name that is not on your package index may be taken there by
      # anybody. Where your index has it: pip install gpu-parity=={version}
      # `pip`, not `python -m pip`: the latter looks for modules in the checkout first.
      - run: pip install "{source}"
      # The first format goes to the job summary, the others to the log, where `github` becomes annotations.
      - run: parity lint --format markdown -o "$GITHUB_STEP_SUMMARY" --format text --format github

  perf:
    name: perf on {label}
    # A label is a promise; `parity doctor` holds the runner to it before anything is measured.
    runs-on: [self-hosted, gpu, "{label}"]
    # Such a runner runs what it is given: a fork's pull request must not reach it. Its merge group will, once approved.
    if: github.event_name != 'pull_request' || github.event.pull_request.head.repo.full_name == github.repository
    timeout-minutes: 60
    permissions:
      contents: read
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
        with:
          persist-credentials: false
      # `python` is the one with your torch: its packages are judged. Name another if it is not first on the path.
      - run: python -m pip install "{source}"
      - run: parity doctor --format markdown -o "$GITHUB_STEP_SUMMARY" --format text --format github
      # --parity-require-measured: a green run that skipped everything is no measurement.
      # Perf tests by path or fixture have no mark: for `-m` they are not there, so name their folders.
      - run: python -m pytest {chosen} --parity-require-measured --parity-report=parity-run.json

  parity:
    name: parity
    # The one check to require: a job that was skipped would count as passed.
    if: always()
    needs: [lint, perf]
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    permissions: {{}}
    steps:
      - env:
          LINT: ${{{{ needs.lint.result }}}}
          PERF: ${{{{ needs.perf.result }}}}
          # Only a fork's pull request may go without: its merge group will not.
          FORK: >-
            ${{{{ github.event_name == 'pull_request' &&
            github.event.pull_request.head.repo.full_name != github.repository }}}}
        run: |
          echo "lint: $LINT, perf: $PERF, fork: $FORK"
          [ "$LINT" = success ]
          [ "$PERF" = success ] || {{ [ "$PERF" = skipped ] && [ "$FORK" = true ]; }}
"""
WORKFLOW_NAME = ".github/workflows/parity.yml"
DEFAULT = "h100"
MARKS = (
    "perf",
    "performance",
    "benchmark",
    "codspeed_benchmark",
)  # the plugin's, which imports nothing of this package
PERF_FOLDERS = ("benchmark", "benchmarks", "bench", "perf", "performance")
TEST_FOLDERS = ("tests", "test")
MAX_ENTRIES = 10_000  # looked at in a folder
_TEST_FILE = re.compile(r"test_.*\.py|.*_test\.py")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument(
        "--target",
        metavar="T",
        help="h100, 8xh100, a100-sxm4-40gb/1g.5gb (default: the project file's here, else h100)",
    )
    parser.add_argument("--github-actions", action="store_true", help=f"write {WORKFLOW_NAME} too")


def run(arguments: argparse.Namespace) -> int:
    """Write the files that are not there yet; what is there stays as it is.

    Raises:
        UsageError: all of them are there, or one cannot be written.
    """
    declared = find_project(Path())
    here = declared if declared is not None and declared.parent == Path.cwd() else None
    target = _target(arguments.target, here)
    folders, guesses = perf_folders(Path())
    files = {
        here.name if here is not None else "parity.yaml": _config(target, folders or guesses, is_sure=bool(folders))
    }
    if arguments.github_actions:
        files[WORKFLOW_NAME] = WORKFLOW.format(
            label=_label(arguments.target, target.spec),
            version=__version__,
            source=source(),
            chosen=" ".join(folders) or f'-m "{" or ".join(MARKS)}"',
        )
    _make_folders(files)
    written = [name for name, text in files.items() if _create(name, text)]
    for name in files:
        tell(f"parity: {'wrote' if name in written else 'already there, kept as it is:'} {name}")
    _tell_more(written, folders, guesses)
    if not written:
        raise UsageError("nothing to write", where=", ".join(files), mend="edit what is there, or move it away")
    return 0


def _tell_more(written: list[str], folders: list[str], guesses: list[str]) -> None:
    """Say what was concluded from names alone, and what is left to fill in."""
    if "parity.yaml" in written and folders:
        tell(f"parity: every test below {', '.join(folders)} is a perf test now: perf_tests in parity.yaml")
    if "parity.yaml" in written and guesses:
        tell(
            f"parity: not declared: {', '.join(guesses)}; if those are perf tests, say so in perf_tests of parity.yaml"
        )
    if WORKFLOW_NAME in written and source() == UNKNOWN:
        tell(f"parity: fill in OWNER and COMMIT in {WORKFLOW_NAME}: where gpu-parity is installed from")


def perf_folders(root: Path) -> tuple[list[str], list[str]]:
    """Return the folders of perf tests by their name that hold files which pytest collects, in a fixed order.

    Returns:
        Those at the top, and those that may as well be functional tests of a module or tool of that name: below a
        folder of tests, or with a folder of tests inside.
    """
    top = [name for name in PERF_FOLDERS if _holds_tests(root / name, inner=False)]
    names = (f"{parent}{name}" for parent in ("", "tests/", "test/") for name in PERF_FOLDERS)
    return top, [name for name in names if name not in top and _holds_tests(root / name, inner=True)]


def _holds_tests(folder: Path, *, inner: bool) -> bool:
    """Return whether a folder holds test files; with ``inner``, in folders of tests inside it, too."""
    return any(_TEST_FILE.fullmatch(name) for name in itertools.islice(_files(folder, inner=inner), MAX_ENTRIES))


def _files(folder: Path, *, inner: bool) -> Iterator[str]:
    for _, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if inner or name not in TEST_FOLDERS]
        yield from names


def _config(target: Target, folders: list[str], *, is_sure: bool) -> str:
    paths = ", ".join(f'"{folder}/**"' for folder in folders)
    return CONFIG.format(
        device=target.spec.id,
        name=target.spec.name,
        count=f"count: {target.count}" if target.count else "# count: 8",
        partition=_partition(target),
        perf_tests=f"{'' if is_sure else '# '}perf_tests: {{paths: [{paths}]}}"
        if folders
        else '# perf_tests: {paths: ["benchmarks/**"]}',
    )


def _partition(target: Target) -> str:
    if target.partition == WHOLE:
        return ""
    mode = f"+{target.partition.memory_mode}" if target.partition.memory_mode else ""
    return f"    partition: {target.partition.profile}{mode}\n"


def _target(expression: str | None, project_file: Path | None) -> Target:
    """Return the target asked for, else the one that the project file here declares, else the default.

    Raises:
        UsageError: it is a file.
        UnknownNameError: it is not in the catalog.
    """
    if expression is None and project_file is not None:
        declared = target_or_default(None, load_project(project_file), source="parity init")
        if declared is not None:
            return declared
    if expression is not None and Path(expression).is_file():
        mend = "name a part, as `parity init --target h100`, then write the file's path as `device`"
        raise UsageError("a file is no part of the catalog", where=f"--target {expression}", mend=mend)
    return resolve_target(expression or DEFAULT, Project(), source="--target")


def _label(expression: str | None, spec: DeviceSpec) -> str:
    """Return what the runner's label is guessed to be: the name as it was given, else the part's shortest."""
    found = re.fullmatch(r"(?:[0-9]+\s*x\s*)?([A-Za-z0-9][A-Za-z0-9._-]*)", expression or "", re.IGNORECASE)
    if found is not None:
        return found[1].lower()
    return min((spec.id, *spec.aliases), key=lambda one: (len(one), one))


def _make_folders(names: Iterable[str]) -> None:
    name = ""
    try:
        for name in names:
            Path(name).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        what = f"its folder cannot be made: {error.strerror}"
        raise UsageError(what, where=name, mend="check what is there") from error


def _create(name: str, text: str) -> bool:
    """Write a file that is not there; return whether it was not. Nothing is ever replaced, not even a broken link."""
    try:
        with Path(name).open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        return False
    except OSError as error:
        mend = "check the folder and permissions"
        raise UsageError(f"cannot be written: {error.strerror}", where=name, mend=mend) from error
    return True
