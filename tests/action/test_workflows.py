"""Workflows, action and hook against the tools of the trade: schemas, zizmor, shellcheck; skipped where they are absent.

``PARITY_CI_TOOLS`` in the environment makes a missing tool a failure; continuous integration sets it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import composite
import pytest
import yaml

from parity.cli.main import main

ROOT = composite.ROOT
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def tool(name: str) -> str:
    """Return a program beside this Python or on the path; skip, or fail where it must be there."""
    found = shutil.which(name, path=os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", ""))))
    if found is None and os.environ.get("PARITY_CI_TOOLS"):
        pytest.fail(f"{name} is not installed; it is in the extra `lint`", pytrace=False)
    return found or pytest.skip(f"{name} is not installed")


def passes(*words: str | Path) -> None:
    """Run a tool, and fail with what it says."""
    done = subprocess.run(
        [str(word) for word in words], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the workflow that ``parity init`` writes."""
    monkeypatch.chdir(tmp_path)
    assert main(["init", "--target", "h100", "--github-actions"]) == 0
    return tmp_path / ".github" / "workflows" / "parity.yml"


def test_the_action_fits_its_schema() -> None:
    passes(tool("check-jsonschema"), "--builtin-schema", "vendor.github-actions", "action.yml")


def test_the_workflows_fit_theirs(written: Path) -> None:
    assert len(WORKFLOWS) == 4
    passes(tool("check-jsonschema"), "--builtin-schema", "vendor.github-workflows", *WORKFLOWS, written)


def test_zizmor_has_nothing_to_say(written: Path) -> None:
    # Its network is left alone; whether a hash belongs to its tag was looked up when it was written.
    passes(
        tool("zizmor"),
        "--offline",
        "--no-progress",
        "--strict-collection",
        "--persona=pedantic",
        "action.yml",
        ".github",
    )
    passes(tool("zizmor"), "--offline", "--no-progress", "--strict-collection", written)


def test_shellcheck_has_nothing_to_say() -> None:
    passes(tool("shellcheck"), "action/setup.sh", ".ci/run")


def test_the_scripts_in_the_action_and_the_workflows_parse(tmp_path: Path, written: Path) -> None:
    program, count = tool("shellcheck"), 0
    for path in (ROOT / "action.yml", *WORKFLOWS, written):
        for step in composite.steps_of(yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)):
            if "run" in step:
                count += 1
                script = tmp_path / f"{count}.sh"
                script.write_text(f"#!/bin/bash\n{step['run']}\n")
                passes(program, script)
    assert count > 10


def test_no_workflow_gives_a_token_more_than_it_needs() -> None:
    for path in WORKFLOWS:
        workflow = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
        assert workflow["permissions"] == {}, path
        assert "pull_request_target" not in workflow["on"], path
        for name, job in workflow["jobs"].items():
            assert "permissions" in job, (path, name)
            assert "timeout-minutes" in job, (path, name)
            writes = [scope for scope, level in dict(job["permissions"]).items() if level == "write"]
            assert writes == (["security-events"] if name == "alerts" else []), (path, name)
            if writes:  # what may write runs nothing of the change
                assert not any("run" in step or step["uses"].startswith("./") for step in job["steps"])
