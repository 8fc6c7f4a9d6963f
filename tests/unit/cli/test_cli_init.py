"""`parity init`: files to start from, which this tool and GitHub can read."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from parity.catalog import store
from parity.config.project import load_project
from parity.config.targets import target_or_default
from parity.model.policy import Policy

WORKFLOW = ".github/workflows/parity.yml"


@pytest.mark.parametrize("name", ["h100", "mi300x", "4090", "rtx-pro-6000", "gb10", "MI355X"])
def test_the_project_file_is_read_back(name: str, run: Any, folder: Path) -> None:
    assert run("init", "--target", name) == (0, "", "parity: wrote parity.yaml\n")
    project = load_project(folder / "parity.yaml")
    target = target_or_default(None, project, source="--target")
    assert target is not None
    assert (target.id, target.name, target.count) == (store.resolve_name(name), "prod", None)
    assert project.policy == Policy()
    assert [path.name for path in folder.iterdir()] == ["parity.yaml"]


def test_the_commented_lines_are_good_examples(run: Any, folder: Path) -> None:
    run("init", "--target", "h100")
    text = (folder / "parity.yaml").read_text().splitlines()
    lines = [re.sub(r"^( *)# (?=count|require|stack|conditions|perf_tests|waivers|  - )", r"\1", line) for line in text]
    assert sum(line != before for line, before in zip(lines, text, strict=True)) == 7
    (folder / "parity.yaml").write_text("\n".join(lines))
    project = load_project(folder / "parity.yaml")
    assert project.targets["prod"].count == 8
    assert project.targets["prod"].require == "equivalent"
    assert set(project.targets["prod"].conditions) == {"power_limit_w", "ecc"}
    assert project.perf_tests.paths == ("benchmarks/**",)
    assert project.waivers[0].rule == "ecc-differs"


def test_every_part_of_the_catalog_makes_readable_files(run: Any, folder: Path) -> None:
    for entry in store.index():
        assert run("init", "--target", entry.id, "--github-actions", "--force").status == 0
        assert load_project(folder / "parity.yaml").targets["prod"].device == entry.id
        workflow = yaml.safe_load((folder / WORKFLOW).read_text())
        assert all(isinstance(label, str) for label in workflow["jobs"]["perf"]["runs-on"]), entry.id


def test_the_workflow_is_pinned_and_gates(run: Any, folder: Path) -> None:
    answer = run("init", "--target", "h100", "--github-actions")
    assert answer == (0, "", f"parity: wrote parity.yaml\nparity: wrote {WORKFLOW}\n")
    text = (folder / WORKFLOW).read_text()
    workflow = yaml.safe_load(text)
    job = workflow["jobs"]["perf"]
    assert workflow["permissions"] == {}
    assert job["permissions"] == {"contents": "read"}
    assert job["runs-on"][:2] == ["self-hosted", "gpu"]
    assert store.resolve_name(job["runs-on"][2]) == "h100-sxm5-80gb"
    uses = [step["uses"] for step in job["steps"] if "uses" in step]
    assert uses
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", name) for name in uses)
    commands = [step["run"] for step in job["steps"] if "run" in step]
    assert any(command.startswith("parity doctor ") for command in commands)
    assert not any("--exit-zero" in command for command in commands)


def test_the_workflows_commands_are_ones_this_tool_takes(run: Any, saved: Any, folder: Path) -> None:
    run("init", "--target", "h100", "--github-actions")
    steps = yaml.safe_load((folder / WORKFLOW).read_text())["jobs"]["perf"]["steps"]
    command = next(step["run"] for step in steps if step.get("run", "").startswith("parity doctor"))
    answer = run(*command.split()[1:], "--fingerprint", saved("h100"))
    assert (answer.status, answer.err) == (0, "")
    assert Path("parity.md").is_file()


@pytest.mark.parametrize("present", ["parity.yaml", WORKFLOW])
def test_nothing_is_written_when_a_file_is_there(present: str, run: Any, folder: Path) -> None:
    path = folder / present
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("mine\n")
    assert run("init", "--github-actions") == (
        2, "", f"parity: {present}: already there\n  mend: edit it, or replace it with --force\n"
    )  # fmt: skip
    assert path.read_text() == "mine\n"
    assert [each for each in folder.rglob("*") if each.is_file()] == [path]


def test_force_replaces(run: Any, folder: Path) -> None:
    (folder / "parity.yaml").write_text("mine\n")
    assert run("init", "--target", "h200", "--force").status == 0
    assert "device: h200-sxm-141gb" in (folder / "parity.yaml").read_text()


def test_a_workflow_there_does_not_hinder_the_project_file_alone(run: Any, folder: Path) -> None:
    (folder / ".github/workflows").mkdir(parents=True)
    (folder / WORKFLOW).write_text("mine\n")
    assert run("init").status == 0
    assert (folder / WORKFLOW).read_text() == "mine\n"


def test_an_unknown_target_writes_nothing(run: Any, folder: Path) -> None:
    answer = run("init", "--target", "h100-sxm4")
    assert (answer.status, answer.err.splitlines()[0]) == (2, "parity: no catalog entry named 'h100-sxm4'")
    assert list(folder.iterdir()) == []


def test_a_file_where_the_folder_should_be_is_told_and_nothing_written(run: Any, folder: Path) -> None:
    (folder / ".github").write_text("")
    answer = run("init", "--github-actions")
    assert (answer.status, answer.err) == (
        2, f"parity: {WORKFLOW}: its folder cannot be made: Not a directory\n  mend: check what is there\n"
    )  # fmt: skip
    assert not (folder / "parity.yaml").exists()
