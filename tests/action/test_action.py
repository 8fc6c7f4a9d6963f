"""action.yml, executed: every mode, verdict and input, hostile ones included."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import composite
import pytest
import sarif_rules
import yaml

from parity import session
from parity.catalog import store
from parity.catalog.as_fingerprint import as_fingerprint
from parity.model.fingerprint import Fingerprint

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="the action runs in bash")
ROOT = composite.ROOT
WORKSTATION = ROOT / "docs" / "examples" / "workstation-rtx-4090.json"
PROJECT = "version: 1\ndefault_target: prod\ntargets:\n  prod:\n    device: h100-sxm5-80gb\n"
BAD = "FROM nvidia/cuda:12.8.1-devel-ubuntu22.04\nENV CUDA_LAUNCH_BLOCKING=1\n"


@pytest.fixture
def job(tmp_path: Path) -> Any:
    """Return a runner of the action in a repository with a target; keywords are inputs, fail_on for fail-on."""
    workspace = tmp_path / "work space"
    workspace.mkdir()
    (workspace / ".git").mkdir()
    (workspace / "parity.yaml").write_text(PROJECT)
    (workspace / "h100.json").write_bytes(session.as_json(as_fingerprint(store.device_spec("h100"))))
    (workspace / "4090.json").write_bytes(WORKSTATION.read_bytes())
    (workspace / "nothing.json").write_bytes(session.as_json(Fingerprint()))

    def run(environment: dict[str, str] | None = None, **inputs: str) -> composite.Done:
        given = {"python": python(tmp_path), **{name.replace("_", "-"): value for name, value in inputs.items()}}
        about = environment if environment is not None else composite.environment()
        return composite.run(workspace, tmp_path / "temp", inputs=given, environment=about)

    run.workspace = workspace  # type: ignore[attr-defined]
    return run


def python(folder: Path) -> str:
    """Return a Python that has no gpu-parity of its own, with this checkout where the action would have installed it."""
    path = folder / "python without"
    if not path.exists():
        path.write_text(
            f'#!/bin/sh\ncase "$*" in *--check*) [ -n "$PARITY_PACKAGES" ] || exit 1 ;; esac\nexec {sys.executable} "$@"\n'
        )
        path.chmod(0o755)
        told = subprocess.run(["cksum"], input=f"{path}\n{ROOT}".encode(), capture_output=True, check=True).stdout
        copy = folder / "temp" / f"parity-packages-{told.split()[0].decode()}"
        copy.mkdir(parents=True)
        for name in ("parity", "rules"):
            (copy / name).symlink_to(ROOT / name)
    return str(path)


def test_a_machine_that_is_the_target_passes(job: Any) -> None:
    done = job(fingerprint="h100.json")
    assert done.status == 0, done.log
    assert (done.outputs["verdict"], done.outputs["level"], done.outputs["passed"]) == ("match", "identical", "true")
    assert not [line for line in done.annotations if line.startswith("::error")]
    assert done.summary.startswith("## parity: match\n")
    assert sarif_rules.problems(Path(done.outputs["sarif"]).read_text()) == []
    assert done.outputs["lint-report"] == ""


def test_a_machine_that_is_not_fails_and_leaves_everything(job: Any) -> None:
    done = job(fingerprint="4090.json")
    assert done.status == 1, done.log
    assert (done.outputs["verdict"], done.outputs["level"]) == ("mismatch", "same-vendor")
    assert done.outputs["passed"] == "false"
    [error] = [line for line in done.annotations if line.startswith("::error")]
    assert error.startswith("::error file=parity.yaml,line=5,col=5,endColumn=27,title=parity doctor%3A NVIDIA GeForce")
    assert "## parity: MISMATCH (not passed)" in done.summary
    assert "MISMATCH  level same-vendor" in done.log
    verdict = json.loads(Path(done.outputs["report"]).read_text())
    assert (verdict["schema"], verdict["outcome"]) == ("parity.verdict/1", "mismatch")
    text = Path(done.outputs["sarif"]).read_text()
    assert sarif_rules.problems(text) == []
    assert '"level": "error"' in text
    fingerprint = json.loads(Path(done.outputs["fingerprint"]).read_text())
    assert fingerprint["schema"] == "parity.fingerprint/1"


def test_a_machine_without_a_gpu_is_unknown_and_fails(job: Any) -> None:
    done = job(fingerprint="nothing.json")
    assert (done.status, done.outputs["verdict"], done.outputs["level"]) == (3, "unknown", "unknown")
    assert any(
        "title=parity%3A target-not-confirmed::h100-sxm5-80gb wanted, no GPU" in line for line in done.annotations
    )
    assert "UNKNOWN (not passed)" in done.summary


@pytest.mark.parametrize("declared", [True, False])
def test_a_machine_without_a_gpu_leaves_no_sarif_that_would_close_alerts(declared: bool, job: Any) -> None:
    if not declared:
        (job.workspace / "parity.yaml").unlink()
    mine = job.workspace / "mine.sarif"
    mine.write_text("of the run before")
    done = job(fingerprint="nothing.json", target="h100", sarif="mine.sarif")
    assert (done.status, done.outputs["sarif"], mine.exists()) == (3, "", False)
    (job.workspace / "Dockerfile").write_text("FROM scratch\n")
    done = job(fingerprint="nothing.json", target="h100", mode="both")
    [run] = json.loads(Path(done.outputs["sarif"]).read_text())["runs"]
    assert run["automationDetails"]["id"] == "parity-lint/h100-sxm5-80gb/"


def test_a_target_that_no_file_names_is_told_in_sarif(job: Any) -> None:
    (job.workspace / "parity.yaml").unlink()
    done = job(fingerprint="4090.json", target="h100")
    text = Path(done.outputs["sarif"]).read_text()
    assert (done.status, sarif_rules.problems(text)) == (1, [])
    assert '"level": "error"' in text


def test_lint_alone(job: Any) -> None:
    done = job(mode="lint")
    assert (done.status, done.outputs["verdict"], done.outputs["level"]) == (0, "clean", "")
    (job.workspace / "Dockerfile").write_text(BAD)
    done = job(mode="lint")
    assert (done.status, done.outputs["verdict"], done.outputs["passed"]) == (1, "findings", "false")
    assert done.outputs["report"] == done.outputs["lint-report"] != ""
    assert done.outputs["fingerprint"] == ""
    assert any(line.startswith("::error file=Dockerfile,line=2,col=5,") for line in done.annotations)
    assert "### parity lint: 1 error in" in done.summary
    assert "Dockerfile:2:5: error[env-serialises-launches]" in done.log


@pytest.mark.parametrize(
    ("fingerprint", "dockerfile", "status", "errors"),
    [("h100.json", "", 0, 0), ("4090.json", "", 1, 1), ("h100.json", BAD, 1, 1), ("4090.json", BAD, 1, 2)],
)
def test_both(fingerprint: str, dockerfile: str, status: int, errors: int, job: Any) -> None:
    if dockerfile:
        (job.workspace / "Dockerfile").write_text(dockerfile)
    done = job(mode="both", fingerprint=fingerprint)
    assert done.status == status, done.log
    assert sum(line.startswith("::error") for line in done.annotations) == errors
    log = json.loads(Path(done.outputs["sarif"]).read_text())
    assert sarif_rules.problems(json.dumps(log)) == []
    assert [run["automationDetails"]["id"] for run in log["runs"]] == [
        "parity-doctor/h100-sxm5-80gb/", "parity-lint/h100-sxm5-80gb/",
    ]  # fmt: skip
    assert json.loads(Path(done.outputs["lint-report"]).read_text())["schema"] == "parity.lint/1"
    assert done.summary.index("parity lint") > done.summary.index("## parity: ")


def test_annotations_of_one_step_are_no_more_than_github_shows(job: Any) -> None:
    (job.workspace / "Dockerfile").write_text("FROM a\n" + "ENV CUDA_LAUNCH_BLOCKING=1\n" * 40)
    done = job(mode="both", fingerprint="4090.json")
    for level in ("error", "warning", "notice"):
        assert sum(line.startswith(f"::{level} ") for line in done.annotations) < 10


def test_fail_on(job: Any) -> None:
    image = "FROM nvidia/cuda:13.0.1-devel-ubuntu24.04\nRUN apt-get install -y nvidia-driver-580\n"  # a warning
    (job.workspace / "Dockerfile").write_text(image)
    assert job(mode="lint").status == 0
    assert job(mode="lint", fail_on="warning").status == 1
    done = job(mode="both", fingerprint="4090.json", fail_on="never")
    assert (done.status, done.outputs["verdict"], done.outputs["passed"]) == (0, "mismatch", "false")
    assert any(line.startswith("::error") for line in done.annotations)
    # What could not be done at all fails all the same.
    assert job(fingerprint="gone.json", fail_on="never").status == 2


def test_require_and_target(job: Any) -> None:
    assert job(fingerprint="4090.json", require="same-vendor").outputs["verdict"] == "match"
    done = job(fingerprint="4090.json", target="rtx-4090")
    assert (done.outputs["verdict"], done.outputs["level"]) == ("match", "identical")


def test_a_project_file_elsewhere(job: Any) -> None:
    (job.workspace / "other.yaml").write_text("version: 1\ndefault_target: rtx-4090\n")
    assert job(fingerprint="4090.json", config="other.yaml").outputs["level"] == "identical"


def test_the_sarif_file_goes_where_it_is_wanted(job: Any) -> None:
    done = job(fingerprint="4090.json", sarif="out/of the way/parity.sarif")
    path = job.workspace / "out" / "of the way" / "parity.sarif"
    assert done.outputs["sarif"] == "out/of the way/parity.sarif"
    assert sarif_rules.problems(path.read_text()) == []


def test_no_summary_when_none_is_wanted(job: Any) -> None:
    done = job(fingerprint="4090.json", summary="false")
    assert (done.status, done.summary) == (1, "")
    assert done.annotations


def test_several_paths_one_per_line(job: Any) -> None:
    for name in ("a b", "c", "d"):
        (job.workspace / name).mkdir()
        (job.workspace / name / "Dockerfile").write_text(BAD)
    done = job(mode="lint", paths="a b\n  c\n\n")
    assert done.status == 1
    findings = json.loads(Path(done.outputs["report"]).read_text())["findings"]
    assert [finding["path"] for finding in findings] == ["a b/Dockerfile", "c/Dockerfile"]


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        ({"mode": "docter"}, "input mode: 'docter' is not known here%0A  close: doctor%0A  mend: use one of: doctor, lint"),
        ({"fail_on": "errors"}, "input fail-on: 'errors' is not known here%0A  close: error"),
        ({"require": "same"}, "input require: 'same' is not known here"),
        ({"summary": "yes"}, "input summary: 'yes' is not known here%0A  mend: use one of: true, false"),
        ({"target": "h100-sxm4"}, "parity doctor: parity: --target: no catalog entry named 'h100-sxm4'"),
        ({"config": "gone.yaml"}, "parity doctor: parity: gone.yaml: no such file"),
        ({"mode": "lint", "paths": "gone"}, "parity lint: parity: gone: no such file or folder"),
        ({"mode": "lint", "paths": " \n "}, "input paths: no path"),
    ],
)  # fmt: skip
def test_misuse_is_an_error_that_says_the_mend_and_never_a_pass(inputs: dict[str, str], told: str, job: Any) -> None:
    done = job(**{"fingerprint": "h100.json", **inputs})
    assert done.status == 2, done.log
    [error] = done.annotations
    assert error.startswith("::error title=parity%3A the gate could not run::")
    assert told in error
    assert (done.outputs["verdict"], done.outputs["passed"]) == ("unknown", "false")
    assert (done.outputs["sarif"], done.outputs["report"]) == ("", "")
    assert "nothing was judged" in done.summary


def test_all_mistaken_inputs_are_told_at_once(job: Any) -> None:
    [error] = job(mode="x", fail_on="y", summary="z").annotations
    assert [f"input {name}:" in error for name in ("mode", "fail-on", "summary")] == [True, True, True]


def test_doctor_misused_does_not_keep_lint_from_speaking(job: Any) -> None:
    (job.workspace / "Dockerfile").write_text(BAD)
    done = job(mode="both", fingerprint="gone.json")
    assert (done.status, done.outputs["verdict"], done.outputs["report"]) == (2, "unknown", "")
    assert any(line.startswith("::error file=Dockerfile") for line in done.annotations)
    [run] = json.loads(Path(done.outputs["sarif"]).read_text())["runs"]
    assert run["automationDetails"]["id"].startswith("parity-lint/")


HOSTILE = [
    "$(touch pwned)", "`touch pwned`", "; touch pwned #", "' touch pwned '", '" ; touch pwned ; "', "|| touch pwned",
    "x\ntouch pwned", "x\n::error::forged", "--exit-zero", "-h", "${{ github.token }}", "%0A::error::forged",
    "a\rb", "\x1b[31mred", "*", "~", "🎉", "x" * 5000, "<script>", "name<<EOF", "passed=true\npassed",
]  # fmt: skip


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("names", [("target", "config", "fingerprint", "sarif", "paths"), ("sarif", "paths")])
def test_hostile_inputs_run_nothing_forge_nothing_and_pass_nothing(
    value: str, names: tuple[str, ...], job: Any
) -> None:
    done = job(**{"fingerprint": "4090.json", "mode": "both", **dict.fromkeys(names, value)})
    assert done.status in (1, 2), done.log
    assert done.outputs["passed"] == "false"
    for line in done.commands:
        assert re.match(r"::(error|warning|notice) (file|title)=", line), line
    assert not list(job.workspace.rglob("pwned"))


@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_python_runs_nothing(value: str, job: Any) -> None:
    done = job(python=value, fingerprint="h100.json")
    assert done.status == 2, (value, done.log)
    assert not (job.workspace / "pwned").exists()
    [error] = done.annotations
    assert error.startswith("::error title=parity%3A the gate could not run::input python: ")
    assert done.outputs["verdict"] == "unknown"
    assert done.outputs["passed"] == "false"


def test_hostile_files_forge_no_command(job: Any) -> None:
    (job.workspace / "::error::forged.dockerfile").write_text(BAD)
    (job.workspace / "a\n::error::forged\n.dockerfile").write_text(BAD)
    (job.workspace / "x.dockerfile").write_text(
        'FROM a\nENV CUDA_LAUNCH_BLOCKING="1%0A::error::forged"\n::error::forged\n'
    )
    done = job(mode="lint")
    assert done.status == 1
    assert all(re.match(r"::(error|warning|notice) (file|title)=", line) for line in done.commands)
    assert not [line for line in done.commands if line.startswith("::error::")]


def test_a_checkout_cannot_put_its_own_modules_in_front(job: Any) -> None:
    for name in ("parity", "json", "pip", "msgspec", "site", "sitecustomize"):
        folder = job.workspace / name
        folder.mkdir()
        (folder / "__init__.py").write_text("open('pwned', 'w')\nraise SystemExit(0)\n")
    for mode in ("doctor", "lint", "both"):
        done = job(mode=mode, fingerprint="4090.json")
        assert done.status == (0 if mode == "lint" else 1), done.log
        assert not (job.workspace / "pwned").exists(), mode


EVIL = "open('pwned', 'w')\nprint('EVIL GATE: passed')\nraise SystemExit(0)\n"


@pytest.mark.parametrize("where", [".", "{workspace}", "{workspace}/src", "{elsewhere}", "/nowhere:."])
@pytest.mark.parametrize("mode", ["doctor", "both"])
def test_a_package_called_parity_on_the_jobs_path_is_never_the_gate(
    mode: str, where: str, job: Any, tmp_path: Path
) -> None:
    from parity import __version__

    path = where.format(workspace=job.workspace, elsewhere=tmp_path / "elsewhere")
    folder = (job.workspace / path.rpartition(":")[2] / "parity").resolve()
    (folder / "cli").mkdir(parents=True)
    (folder / "__init__.py").write_text(f'__version__ = "{__version__}"\nopen("pwned", "w")\n')
    (folder / "cli" / "__init__.py").write_text("")
    (folder / "cli" / "gate.py").write_text(EVIL)
    (folder.parent / "sitecustomize.py").write_text("import sys\nif 'gate.py' in ' '.join(sys.orig_argv):\n    " + EVIL)
    (job.workspace / "Dockerfile").write_text("FROM scratch\n")
    done = job({**composite.environment(), "PYTHONPATH": path}, mode=mode, fingerprint="4090.json")
    assert (done.status, done.outputs["verdict"]) == (1, "mismatch"), done.log
    assert "EVIL" not in done.log
    assert not (job.workspace / "pwned").exists()
    # A Python that finds no other one, started without the flags of action.yml.
    (folder.parent / "sitecustomize.py").unlink()
    about = {**composite.environment(), "PYTHONPATH": path, "RUNNER_TEMP": str(tmp_path)}
    for words in ((), ("--check",)):
        subprocess.run(
            [sys.executable, str(ROOT / "action" / "gate.py"), *words], cwd=job.workspace, env=about, check=False
        )
    assert not (job.workspace / "pwned").exists()


def test_the_probes_see_the_jobs_path(job: Any, tmp_path: Path) -> None:
    about = tmp_path / "elsewhere" / "triton-987.6.5.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: triton\nVersion: 987.6.5\n")
    done = job({**composite.environment(), "PYTHONPATH": str(tmp_path / "elsewhere")})
    assert done.status != 2, done.log
    assert '"987.6.5"' in Path(done.outputs["report"]).read_text()


def test_a_job_summary_over_the_limit_is_cut(job: Any, tmp_path: Path) -> None:
    (tmp_path / "temp").mkdir()
    (tmp_path / "temp" / "summary").write_text("x\n" * (1024 * 512 - 3000))
    done = job(fingerprint="4090.json")
    assert len(done.summary.encode()) < 1024 * 1024
    assert done.summary.endswith("The rest is in the report: a summary holds 1 MiB.\n")


def test_twice_in_a_job_each_run_keeps_its_files(job: Any) -> None:
    first, second = job(fingerprint="4090.json"), job(fingerprint="h100.json")
    assert first.outputs["report"] != second.outputs["report"]
    assert json.loads(Path(first.outputs["report"]).read_text())["outcome"] == "mismatch"


def test_every_input_is_read_and_every_output_is_written(job: Any) -> None:
    described = composite.action()
    passed = {text for step in described["runs"]["steps"] for text in step["env"].values()}
    for name in described["inputs"]:
        assert f"${{{{ inputs.{name} }}}}" in passed, name
    done = job(mode="both", fingerprint="h100.json")
    assert {name: bool(value) for name, value in done.outputs.items()} == dict.fromkeys(described["outputs"], True)


def test_no_expression_in_a_script_and_every_use_pinned() -> None:
    files = [ROOT / "action.yml", *sorted((ROOT / ".github").rglob("*.yml"))]
    assert len(files) > 2
    for path in files:
        text = path.read_text(encoding="utf-8")
        for step in composite.steps_of(yaml.load(text, Loader=yaml.BaseLoader)):
            assert "${{" not in step.get("run", ""), path
            uses = step.get("uses", "")
            if uses and not uses.startswith(("./", "$/")):
                assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", uses), (path, uses)
                assert re.search(rf"{re.escape(uses)} # v\d+\.\d+\.\d+$", text, re.MULTILINE), (path, uses)
