"""Where a target is declared: project file, captured fingerprint, pipeline; never an exception."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from parity.config.declared import declared_at, pipeline_file
from parity.config.project import Project, load_project
from parity.config.targets import resolve_target

if TYPE_CHECKING:
    from parity.config.declared import Declaration
    from parity.model.target import Target

ROOT = Path(__file__).resolve().parents[3]
YAML = """\
# a comment
version: 1
default_target: prod
targets:
  prod:
    count: 8
    device: h100
  dev: {extends: prod, count: 1}
  one-line: {device: b200, count: 2}
"""


def of(project: Project, name: str, pipeline: Path | None = None) -> tuple[Declaration | None, Target]:
    target = resolve_target(name, project, source="--target")
    return declared_at(target, project, pipeline=pipeline), target


def stretch(found: Declaration | None) -> str:
    """Return the text that a declaration points at."""
    assert found is not None
    line = found.file.read_text().split("\n")[found.line - 1]
    return line[found.column - 1 : found.end_column - 1]


@pytest.mark.parametrize(
    ("name", "line", "text"),
    [
        ("prod", 7, "device: h100"),
        ("2xprod", 7, "device: h100"),
        ("dev", 8, "dev: {extends: prod, count: 1}"),
        ("one-line", 9, "device: b200"),
        ("mi300x", 3, "default_target: prod"),
    ],
)
def test_a_project_file(name: str, line: int, text: str, tmp_path: Path) -> None:
    (tmp_path / "parity.yaml").write_text(YAML)
    found, _ = of(load_project(tmp_path / "parity.yaml"), name)
    assert found is not None
    assert (found.line, stretch(found)) == (line, text)


# What looks like the table inside a text is none.
INSIDE_A_TEXT = """\
[tool.x]
y = '''
[tool.parity.targets.prod]
device = "no"
'''
[tool.parity.targets.prod]
device = "h100"
"""


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('[project]\nname = "x"\n[tool.parity.targets.prod]\ncount = 8\ndevice = "h100"\n', 5),
        ('[tool.parity.targets]\nprod = {count = 1, device = "h100"}\n', 2),
        ('[tool.parity]\ntargets.prod.device = "h100"\n', 2),
        ('[tool.parity]\ntargets = {prod = {device = "h100"}}\n', 2),
        ('[tool]\nparity.targets."prod".device = "h100"\n', 2),
        ('[ tool . "parity" . targets . prod ]\ndevice = "h100"\n', 2),
        (INSIDE_A_TEXT, 7),
        ('[tool.parity.targets.base]\ndevice = "h100"\n[tool.parity.targets.prod]\nextends = "base"\n', 3),
    ],
)  # fmt: skip
def test_a_pyproject(text: str, line: int, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    found, target = of(load_project(tmp_path / "pyproject.toml"), "prod")
    assert found is not None
    assert (found.file.name, found.line, target.id) == ("pyproject.toml", line, "h100-sxm5-80gb")


def test_a_captured_fingerprint_is_its_own_declaration(tmp_path: Path) -> None:
    (tmp_path / "prod.json").write_bytes((ROOT / "docs/examples/production-8xh100.json").read_bytes())
    found, _ = of(Project(), str(tmp_path / "prod.json"))
    assert found is not None
    assert (found.file, found.line) == (tmp_path / "prod.json", 1)


PIPELINE = "on: push\njobs:\n  perf:\n    steps:\n      - run: parity doctor\n        with: {target: 8xH100}\n"


def test_the_pipeline_that_names_the_target(tmp_path: Path) -> None:
    workflow = tmp_path / "gate.yml"
    workflow.write_text(PIPELINE)
    found, _ = of(Project(), "8xh100", workflow)
    assert found is not None
    assert (found.line, stretch(found)) == (6, "8xH100")
    found, _ = of(Project(), "b200", workflow)
    assert found is not None
    assert found.line == 1


@pytest.mark.parametrize("text", ["", "a: [", "\0\0", "x: &a [*a]", "- " * 5000])
def test_a_pipeline_that_cannot_be_read_is_its_first_line(text: str, tmp_path: Path) -> None:
    workflow = tmp_path / "gate.yml"
    workflow.write_text(text)
    found, _ = of(Project(), "h100", workflow)
    assert found is not None
    assert found.line == 1


def test_no_file_at_all_is_none() -> None:
    assert of(Project(), "h100")[0] is None


def test_the_entry_of_the_project_wins_over_the_pipeline(tmp_path: Path) -> None:
    (tmp_path / "parity.yaml").write_text(YAML)
    (tmp_path / "gate.yml").write_text(PIPELINE)
    project = load_project(tmp_path / "parity.yaml")
    for name, file in (("prod", "parity.yaml"), ("h100", "gate.yml")):
        found, _ = of(project, name, tmp_path / "gate.yml")
        assert found is not None
        assert found.file.name == file, name


def test_which_pipeline_runs_us(tmp_path: Path) -> None:
    path = tmp_path / ".github" / "workflows" / "gate.yml"
    path.parent.mkdir(parents=True)
    path.write_text(PIPELINE)
    github = {
        "GITHUB_REPOSITORY": "o/r",
        "GITHUB_WORKFLOW_REF": "o/r/.github/workflows/gate.yml@refs/heads/a@b",
        "GITHUB_WORKSPACE": str(tmp_path),
    }
    assert pipeline_file(github) == path
    assert pipeline_file({**github, "GITHUB_WORKFLOW_REF": "other/r/.github/workflows/gate.yml@x"}) is None
    assert pipeline_file({**github, "GITHUB_WORKFLOW_REF": "o/r/gone.yml@x"}) is None
    assert pipeline_file({**github, "GITHUB_WORKFLOW_REF": "o/r/\0@x"}) is None
    (tmp_path / ".gitlab-ci.yml").write_text("")
    assert pipeline_file({"GITLAB_CI": "true", "CI_PROJECT_DIR": str(tmp_path)}) == tmp_path / ".gitlab-ci.yml"
    assert pipeline_file({}) is None
