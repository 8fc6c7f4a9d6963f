"""`parity init`: files to start from, which this tool and GitHub can read."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from parity import __version__
from parity.catalog import store
from parity.cli import init
from parity.cli.init_source import UNKNOWN
from parity.config.project import load_project
from parity.config.targets import target_or_default
from parity.model.policy import Policy
from pytest_parity.perf import MARKERS

WORKFLOW = ".github/workflows/parity.yml"
FILL_IN = f"parity: fill in OWNER and COMMIT in {WORKFLOW}: where gpu-parity is installed from\n"


@pytest.fixture(autouse=True)
def from_no_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(init, "source", lambda: UNKNOWN)


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


@pytest.mark.parametrize(
    ("expression", "device", "count", "partition"),
    [
        ("8xh100", "h100-sxm5-80gb", 8, None),
        ("a100-sxm4-40gb/1g.5gb", "a100-sxm4-40gb", None, "1g.5gb"),
        ("8xmi300x/CPX+NPS4", "mi300x", 8, "CPX+NPS4"),
    ],
)
def test_a_count_and_a_slice_are_declared(
    expression: str, device: str, count: int | None, partition: str | None, run: Any, folder: Path
) -> None:
    assert run("init", "--target", expression, "--github-actions").status == 0
    entry = load_project(folder / "parity.yaml").targets["prod"]
    assert (entry.device, entry.count, entry.partition) == (device, count, partition)
    assert yaml.safe_load((folder / WORKFLOW).read_text())["jobs"]["perf"]["runs-on"][:2] == ["self-hosted", "gpu"]


def test_a_name_that_is_none_is_told_with_its_option(run: Any) -> None:
    answer = run("init", "--target", "8xh1000")
    assert answer.status == 2
    assert answer.err.startswith("parity: --target: no catalog entry named 'h1000'\n  close: h100")


def test_a_fingerprint_is_no_part(run: Any, saved: Any, folder: Path) -> None:
    answer = run("init", "--target", saved("h100"))
    assert answer.status == 2
    assert answer.err.startswith("parity: --target h100.json: a file is no part of the catalog\n  mend: ")
    assert not (folder / "parity.yaml").exists()


def test_folders_of_perf_tests_are_declared_and_run(run: Any, folder: Path) -> None:
    write(folder, "benchmark/ops/test_mm.py", "perf/decode_test.py", "benchmarks/benchmark_mm.py")
    answer = run("init", "--github-actions")
    assert load_project(folder / "parity.yaml").perf_tests.paths == ("benchmark/**", "perf/**")
    assert "parity: every test below benchmark, perf is a perf test now: perf_tests in parity.yaml\n" in answer.err
    workflow = yaml.safe_load((folder / WORKFLOW).read_text())
    line = workflow["jobs"]["perf"]["steps"][-1]["run"]
    assert line.startswith("python -m pytest benchmark perf --parity-require-measured ")


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")


def test_tests_of_a_module_that_bears_such_a_name_stay_functional(run: Any, folder: Path) -> None:
    # A package's module `bench` and its mirror below tests, as flashinfer-bench has them; a tool with tests of its own.
    write(folder, "tests/bench/test_config.py", "perf/tests/test_cli.py", "perf/cli.py")
    answer = run("init", "--github-actions")
    assert load_project(folder / "parity.yaml").perf_tests.paths == ()
    assert '\n# perf_tests: {paths: ["perf/**", "tests/bench/**"]}\n' in (folder / "parity.yaml").read_text()
    told = "parity: not declared: perf, tests/bench; if those are perf tests, say so in perf_tests of parity.yaml\n"
    assert told in answer.err
    line = yaml.safe_load((folder / WORKFLOW).read_text())["jobs"]["perf"]["steps"][-1]["run"]
    assert line.startswith("python -m pytest -m ")


def test_nothing_is_told_of_folders_where_the_project_file_stays(run: Any, folder: Path) -> None:
    write(folder, "benchmark/test_a.py", "tests/perf/test_b.py")
    (folder / "parity.yaml").write_text("version: 1\n")
    answer = run("init", "--github-actions")
    assert "perf test" not in answer.err


def test_without_such_folders_marks_choose(run: Any, folder: Path) -> None:
    run("init", "--github-actions")
    assert load_project(folder / "parity.yaml").perf_tests.paths == ()
    line = yaml.safe_load((folder / WORKFLOW).read_text())["jobs"]["perf"]["steps"][-1]["run"]
    every = "perf or performance or benchmark or codspeed_benchmark"
    assert line.startswith(f'python -m pytest -m "{every}" --parity-require-measured ')
    assert set(every.split(" or ")) == MARKERS
    gate = (Path(__file__).resolve().parents[3] / ".github/workflows/gpu-gate.yml").read_text(encoding="utf-8")
    assert f'-m pytest -m "{every}" --parity-require-measured ' in " ".join(gate.split())


def test_every_part_of_the_catalog_makes_readable_files(run: Any, folder: Path) -> None:
    for entry in store.index():
        for name in ("parity.yaml", WORKFLOW):
            (folder / name).unlink(missing_ok=True)
        assert run("init", "--target", entry.id, "--github-actions").status == 0
        assert load_project(folder / "parity.yaml").targets["prod"].device == entry.id
        workflow = yaml.safe_load((folder / WORKFLOW).read_text())
        assert all(isinstance(label, str) for label in workflow["jobs"]["perf"]["runs-on"]), entry.id


def test_the_workflow_is_pinned_and_gates(run: Any, folder: Path) -> None:
    answer = run("init", "--target", "h100", "--github-actions")
    assert answer == (0, "", f"parity: wrote parity.yaml\nparity: wrote {WORKFLOW}\n{FILL_IN}")
    workflow = yaml.load((folder / WORKFLOW).read_text(), Loader=yaml.BaseLoader)
    assert workflow["permissions"] == {}
    assert set(workflow["on"]) == {"push", "pull_request", "merge_group"}
    jobs = workflow["jobs"]
    assert jobs["lint"]["permissions"] == jobs["perf"]["permissions"] == {"contents": "read"}
    assert jobs["lint"]["runs-on"] == "ubuntu-24.04"
    assert jobs["perf"]["runs-on"][:2] == ["self-hosted", "gpu"]
    assert store.resolve_name(jobs["perf"]["runs-on"][2]) == "h100-sxm5-80gb"
    assert "head.repo.full_name == github.repository" in jobs["perf"]["if"]
    assert (jobs["parity"]["if"], jobs["parity"]["needs"]) == ("always()", ["lint", "perf"])
    steps = [step for job in jobs.values() for step in job["steps"]]
    uses = [step["uses"] for step in steps if "uses" in step]
    assert len(uses) == 3
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", name) for name in uses)
    commands = [step["run"] for step in steps if "run" in step]
    assert not any("${{" in command or "--exit-zero" in command for command in commands)
    assert f'python -m pip install "{UNKNOWN}"' in commands
    # In the job that forks reach, nothing looks for modules in the checkout.
    assert not any("python" in step.get("run", "") for step in jobs["lint"]["steps"])


@pytest.mark.parametrize(
    ("given", "label"),
    [("h100", "h100"), ("H100-SXM5-80GB", "h100-sxm5-80gb"), ("mi300x", "mi300x"), ("8xh100", "h100")],
)
def test_the_label_is_the_name_as_given(given: str, label: str, run: Any, folder: Path) -> None:
    run("init", "--target", given, "--github-actions")
    assert f'runs-on: [self-hosted, gpu, "{label}"]' in (folder / WORKFLOW).read_text()


@pytest.mark.parametrize(("command", "fingerprint"), [("parity doctor", "h100"), ("parity lint", "")])
def test_the_workflows_commands_are_ones_this_tool_takes(
    command: str, fingerprint: str, run: Any, saved: Any, folder: Path
) -> None:
    run("init", "--target", "h100", "--github-actions")
    jobs = yaml.safe_load((folder / WORKFLOW).read_text())["jobs"]
    [line] = [step["run"] for job in jobs.values() for step in job["steps"] if step.get("run", "").startswith(command)]
    words = line.replace('"$GITHUB_STEP_SUMMARY"', "summary.md").split()[1:]
    answer = run(*words, *(["--fingerprint", saved(fingerprint)] if fingerprint else []))
    assert (answer.status, answer.err) == (0, "")
    assert Path("summary.md").read_text().startswith("#")


RESULTS = [
    ("success", "success", "false", 0), ("success", "skipped", "true", 0), ("success", "skipped", "false", 1),
    ("success", "failure", "true", 1), ("failure", "success", "false", 1), ("cancelled", "skipped", "true", 1),
    ("success", "cancelled", "false", 1),
]  # fmt: skip


@pytest.mark.skipif(shutil.which("bash") is None, reason="runs in bash")
@pytest.mark.parametrize(("lint", "perf", "fork", "status"), RESULTS)
def test_the_required_check_takes_nothing_skipped_for_a_pass(
    lint: str, perf: str, fork: str, status: int, run: Any, folder: Path
) -> None:
    run("init", "--github-actions")
    [step] = yaml.safe_load((folder / WORKFLOW).read_text())["jobs"]["parity"]["steps"]
    given = {"LINT": lint, "PERF": perf, "FORK": fork, "PATH": os.environ["PATH"]}
    assert set(step["env"]) == {"LINT", "PERF", "FORK"}
    done = subprocess.run(["bash", "-e", "-c", step["run"]], env=given, check=False, capture_output=True)
    assert done.returncode == status


def test_what_is_there_is_never_replaced_and_the_rest_is_written(run: Any, folder: Path) -> None:
    mine = "version: 1\ndefault_target: prod\ntargets: {prod: {device: mi300x}}\n"
    (folder / "parity.yaml").write_text(mine)
    answer = run("init", "--github-actions")
    assert answer == (
        0, "", f"parity: already there, kept as it is: parity.yaml\nparity: wrote {WORKFLOW}\n{FILL_IN}"
    )  # fmt: skip
    assert (folder / "parity.yaml").read_text() == mine
    # The workflow is for the target that the project declares.
    assert 'runs-on: [self-hosted, gpu, "mi300x"]' in (folder / WORKFLOW).read_text()
    before = (folder / WORKFLOW).read_text()
    again = run("init", "--github-actions", "--target", "b200")
    assert (again.status, again.err.splitlines()[-2:]) == (
        2, [f"parity: parity.yaml, {WORKFLOW}: nothing to write", "  mend: edit what is there, or move it away"],
    )  # fmt: skip
    assert ((folder / "parity.yaml").read_text(), (folder / WORKFLOW).read_text()) == (mine, before)


def test_a_pyproject_that_declares_targets_is_the_project_file(run: Any, folder: Path) -> None:
    (folder / "pyproject.toml").write_text('[tool.parity.targets.prod]\ndevice = "b200"\n')
    answer = run("init", "--github-actions")
    assert answer.err.startswith("parity: already there, kept as it is: pyproject.toml\n")
    assert not (folder / "parity.yaml").exists()
    assert '"b200"' in (folder / WORKFLOW).read_text()


def test_a_link_is_not_written_through(run: Any, folder: Path) -> None:
    (folder / "parity.yaml").symlink_to(folder / "elsewhere.yaml")
    assert run("init").status == 2
    assert not (folder / "elsewhere.yaml").exists()


def test_a_workflow_there_does_not_hinder_the_project_file_alone(run: Any, folder: Path) -> None:
    (folder / ".github/workflows").mkdir(parents=True)
    (folder / WORKFLOW).write_text("mine\n")
    assert run("init").status == 0
    assert (folder / WORKFLOW).read_text() == "mine\n"


def test_an_unknown_target_writes_nothing(run: Any, folder: Path) -> None:
    answer = run("init", "--target", "h100-sxm4")
    assert (answer.status, answer.err.splitlines()[0]) == (2, "parity: --target: no catalog entry named 'h100-sxm4'")
    assert list(folder.iterdir()) == []


def test_a_file_where_the_folder_should_be_is_told_and_nothing_written(run: Any, folder: Path) -> None:
    (folder / ".github").write_text("")
    answer = run("init", "--github-actions")
    assert (answer.status, answer.err) == (
        2, f"parity: {WORKFLOW}: its folder cannot be made: Not a directory\n  mend: check what is there\n"
    )  # fmt: skip
    assert not (folder / "parity.yaml").exists()


def test_the_workflow_installs_nothing_that_anybody_may_put_on_an_index(run: Any, folder: Path) -> None:
    run("init", "--github-actions")
    text = (folder / WORKFLOW).read_text()
    told = 'pip install "git+https://github.com/OWNER/gpu-parity@COMMIT"'
    assert f"\n      - run: {told}\n" in text
    assert f"pip install gpu-parity=={__version__}\n" in text
    assert all(line.startswith("#") for line in map(str.strip, text.split("\n")) if "gpu-parity==" in line)
    readme = Path(__file__).resolve().parents[3] / "README.md"
    assert f"`{told}`" in readme.read_text(encoding="utf-8")


def test_a_known_commit_is_written_and_nothing_is_left_to_fill_in(
    run: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(init, "source", lambda: "git+https://example.org/a/gpu-parity@" + "ab" * 20)
    answer = run("init", "--github-actions")
    assert "fill in" not in answer.err
    text = (folder / WORKFLOW).read_text()
    assert text.count('pip install "git+https://example.org/a/gpu-parity@' + "ab" * 20 + '"\n') == 2
    assert "OWNER" not in text
