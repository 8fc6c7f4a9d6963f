"""What the README shows is what the program prints."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import yaml

from parity.catalog import store
from parity.cli import doctor, lint
from parity.cli.main import main
from tests.stubs.build import Machine
from tests.stubs.patience import PATIENT

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLE = "docs/examples/workstation-rtx-4090.json"
PRODUCTION = "docs/examples/production-8xh100.json"
MUST_NOT_RUN = 'raise AssertionError("must not run")'
SUITE = """\
import pytest


def test_shapes():
    assert (2, 3) == (2, 3)


@pytest.mark.perf
def test_decode_latency():
    raise AssertionError("must not run")
"""


def block(command: str) -> str:
    found = re.search(r"```console\n\$ " + re.escape(command) + r"\n(.*?)```", README, re.DOTALL)
    assert found, f"the README does not show {command!r}"
    return found[1]


def test_the_shown_doctor_run_is_real() -> None:
    command = f"parity doctor --target h100 --fingerprint {EXAMPLE}"
    environment = {**os.environ, "COLUMNS": "80", "PYTHONUTF8": "1", "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-m", *command.replace("parity", "parity.cli.main", 1).split()],
        capture_output=True, text=True, check=False, cwd=ROOT, env=environment, encoding="utf-8",
    )  # fmt: skip
    assert done.stdout.strip("\n") == block(command).strip("\n")
    assert done.returncode == 1


def test_the_shown_comparison_is_real() -> None:
    environment = {**os.environ, "COLUMNS": "80", "PYTHONUTF8": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "parity.cli.main", "compare", "h100", "mi300x"],
        capture_output=True, text=True, check=False, cwd=ROOT, env=environment, encoding="utf-8",
    )  # fmt: skip
    shown = [line for line in block("parity compare h100 mi300x").splitlines() if line.strip(" .")]
    printed = iter(done.stdout.splitlines())
    for line in shown:  # in order
        assert line in printed, line
    assert len(shown) > 20
    assert done.returncode == 0


def test_the_shown_pytest_run_is_real(tmp_path: Path) -> None:
    (tmp_path / "test_attention.py").write_text(SUITE)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PARITY_", "GITHUB_"))},
        "COLUMNS": "80", "PARITY_FINGERPRINT": str(ROOT / EXAMPLE), "PYTHONUTF8": "1",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "CI": "",
    }  # fmt: skip
    plugin = "pytest_parity.plugin"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", plugin, "-p", "no:cacheprovider", "--parity-target=h100", "-c", os.devnull, "--rootdir", "."],
        capture_output=True, text=True, check=False, cwd=tmp_path, env=environment, encoding="utf-8",
    )  # fmt: skip
    printed = re.sub(r"in [0-9.]+s", "in 0.02s", done.stdout)
    head, _, shown = block("pytest --parity-target=h100").partition("===== FAILURES")
    for line in head.splitlines():  # pytest's own lines name this machine's versions and folders
        assert line in printed, line
    assert shown == printed.partition("===== FAILURES")[2]
    assert done.returncode == 1


def run_pytest(folder: Path, *words: str, **environment: str) -> str:
    """Run the suite of the README in a terminal of 80 columns; return what it printed."""
    others = ("PARITY_", "GITHUB_", "PYTEST_")  # pytest-benchmark rests where it sees a worker's variables
    kept = {name: value for name, value in os.environ.items() if not name.startswith(others)}
    path = os.pathsep.join((str(PATIENT), *filter(None, [os.environ.get("PYTHONPATH")])))
    plugins = ("-p", "pytest_parity.plugin", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", ".")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *plugins, *words], capture_output=True, text=True, check=False, cwd=folder,
        env={**kept, "PYTHONPATH": path, "COLUMNS": "80", "PYTHONUTF8": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "CI": "", **environment},
        encoding="utf-8",
    )  # fmt: skip
    return done.stdout


def test_the_shown_annotated_run_is_real(stub_libraries: Path, tmp_path: Path) -> None:
    slows_down = "*.field[269] = rate 5000 250000000"
    machine = Machine(tmp_path / "machine", stub_libraries, "rtx-4090", change=slows_down)
    (tmp_path / "test_attention.py").write_text(SUITE.replace(MUST_NOT_RUN, "import time; time.sleep(0.5)"))
    printed = run_pytest(tmp_path, "--parity-target=h100", "--parity-mode=annotate", **machine.environment)
    printed = re.sub(r"sw-thermal [0-9.]+ s", "sw-thermal 0.125 s", printed)
    printed = re.sub(r"\([0-9.]+ % of it\)", "(25 % of it)", printed)
    for line in block("pytest --parity-target=h100 --parity-mode=annotate").splitlines():
        assert line in printed, line


def test_the_shown_refusal_is_real(tmp_path: Path) -> None:
    (tmp_path / "test_attention.py").write_text("def test_it(benchmark):\n    benchmark(sum, range(10))\n")
    words = ("-p", "pytest_benchmark.plugin", "--parity-target=h100")
    run_pytest(tmp_path, *words, "--benchmark-save=a", PARITY_FINGERPRINT=str(ROOT / PRODUCTION))
    command = "--parity-mode=annotate --benchmark-compare --benchmark-compare-fail=mean:5%"
    printed = run_pytest(tmp_path, *words, *command.split(), PARITY_FINGERPRINT=str(ROOT / EXAMPLE))
    moment = re.compile(r"run [^:]+:[^:]+:[^:]+:00(, commit [0-9a-f]+)?: ")
    shown = block(f"pytest --parity-target=h100 {command}")
    for line in moment.sub("run X: ", shown).splitlines():
        assert line in moment.sub("run X: ", printed), line


def test_the_counts_are_right() -> None:
    assert f"{len(store.cards())} rules" in README
    assert f"{len(store.index())} parts" in README


def test_the_shown_steps_are_ones_the_action_takes() -> None:
    found = re.search(r"```yaml\n(    permissions:\n.*?      - id: parity\n.*?)```", README, re.DOTALL)
    assert found
    action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    job = yaml.safe_load(found[1])
    parity, upload = job["steps"]
    assert set(parity["with"]) < set(action["inputs"])
    others = re.search(r"# ([\w, -]+): see action\.yml", found[1])
    assert others
    assert {*parity["with"], *others[1].split(", ")} == set(action["inputs"])
    outputs = re.search(r"^Outputs: (.*?)\. ", README, re.MULTILINE)
    assert outputs
    assert outputs[1].replace("`", "").split(", ") == list(action["outputs"])
    uploads = yaml.safe_load((ROOT / ".github" / "workflows" / "lint.yml").read_text(encoding="utf-8"))["jobs"][
        "alerts"
    ]
    assert upload["uses"] == uploads["steps"][-1]["uses"]
    assert job["permissions"] == uploads["permissions"]


def test_the_shown_hook_is_there() -> None:
    found = re.search(r"```yaml\n(repos:\n.*?)```", README, re.DOTALL)
    assert found
    [repository] = yaml.safe_load(found[1])["repos"]
    [shown] = repository["hooks"]
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert shown["id"] in [hook["id"] for hook in hooks]


def test_the_shown_formats_are_all_there_are(tmp_path: Path) -> None:
    told = re.search(r"`doctor`, `lint` and `model` know the formats ([^;]*);", README)
    assert told
    names = re.sub(r" \([^)]*\)", "", told[1]).replace(" and ", ", ").replace("\n", " ").split(", ")
    assert tuple(names) == lint.FORMATS
    assert set(names) <= set(doctor.FORMATS)
    command = re.search(r"^parity doctor .*gl-code-quality-report.json .*$", README, re.MULTILINE)
    assert command
    words = command[0].split()[1:]
    assert main([words[0], *(word if "." not in word else str(tmp_path / word) for word in words[1:]),
                 "--fingerprint", str(ROOT / EXAMPLE)]) == 1  # fmt: skip
    assert {path.name for path in tmp_path.iterdir()} == {"gl-code-quality-report.json", "parity.xml"}


def test_the_test_command_is_what_continuous_integration_runs() -> None:
    command = re.search(r"```sh\n(python3 -m venv .*pytest -q -n auto)\n```", README)
    assert command
    assert command[1] in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
