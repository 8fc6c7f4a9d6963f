"""Runs a composite action offline, step by step, as the runner does: its expressions, files and order.

Only what our action uses is understood; any other expression, key or function is an error of the test.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}")
STEP_KEYS = {"name", "id", "if", "shell", "env", "run"}
ALWAYS = "always()"


@dataclass
class Done:
    """What one run of the action left.

    Attributes:
        status: of the first step that failed, else 0.
        outputs: of the action.
        summary: all that was appended to the job summary.
        log: standard output and error of every step.
    """

    status: int
    outputs: dict[str, str]
    summary: str
    log: str
    steps: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def commands(self) -> list[str]:
        """Return the workflow commands that the runner would take."""
        found, stopped = [], ""
        for line in self.log.splitlines():
            told = line.lstrip()
            if stopped:
                stopped = "" if told == f"::{stopped}::" else stopped
            elif told.startswith("::stop-commands::"):
                stopped = told.removeprefix("::stop-commands::")
            elif re.match(r"::[a-z-]+( [^:]*)?::", told) or "##[" in told:
                found.append(told)
        assert not stopped, "commands were stopped and never resumed"
        return found

    @property
    def annotations(self) -> list[str]:
        """Return the commands that annotate."""
        return [line for line in self.commands if re.match(r"::(error|warning|notice)[ :]", line)]


def action() -> dict[str, Any]:
    """Return action.yml; every scalar is text, as the runner has it."""
    loaded: dict[str, Any] = yaml.load((ROOT / "action.yml").read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    return loaded


def run(workspace: Path, temp: Path, *, inputs: dict[str, str], environment: dict[str, str]) -> Done:
    """Run the action of this repository in a workspace.

    Args:
        workspace: the checkout that is judged.
        temp: RUNNER_TEMP.
        inputs: as under ``with:``.
        environment: of the job.
    """
    described = action()
    unknown = set(inputs) - set(described["inputs"])
    assert not unknown, f"no such input: {unknown}"
    given = {name: inputs.get(name, one.get("default", "")) for name, one in described["inputs"].items()}
    temp.mkdir(exist_ok=True)
    summary = temp / "summary"
    steps: dict[str, dict[str, str]] = {}
    status, log = 0, ""
    for number, step in enumerate(described["runs"]["steps"]):
        assert set(step) <= STEP_KEYS, step
        assert step["shell"] == "bash"
        if status and ALWAYS not in step.get("if", ""):
            continue
        files = {name: temp / f"{name}_{number}" for name in ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH")}
        for path in (*files.values(), summary):
            path.touch()
        script = temp / f"step_{number}.sh"
        script.write_text(step["run"], encoding="utf-8")
        values = {name: _evaluated(text, given, steps) for name, text in step.get("env", {}).items()}
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            cwd=workspace,
            env={
                **environment,
                "GITHUB_ACTIONS": "true",
                "GITHUB_ACTION_PATH": environment.get("GITHUB_ACTION_PATH", str(ROOT)),
                "GITHUB_WORKSPACE": str(workspace),
                "GITHUB_STEP_SUMMARY": str(summary),
                "RUNNER_TEMP": str(temp),
                **{name: str(path) for name, path in files.items()},
                **values,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=300,
            check=False,
        )
        log += done.stdout.decode(errors="replace")
        status = status or done.returncode
        steps[step.get("id", str(number))] = parsed(files["GITHUB_OUTPUT"].read_text(encoding="utf-8"))
    outputs = {name: _evaluated(one["value"], given, steps) for name, one in described["outputs"].items()}
    return Done(status, outputs, summary.read_text(encoding="utf-8"), log, steps)


def _evaluated(text: str, inputs: dict[str, str], steps: dict[str, dict[str, str]]) -> str:
    return _EXPRESSION.sub(lambda match: _value(match[1].strip(), inputs, steps), text)


def _value(expression: str, inputs: dict[str, str], steps: dict[str, dict[str, str]]) -> str:
    for part in expression.split(" || "):
        if match := re.fullmatch(r"inputs\.([a-z-]+)", part):
            value = inputs[match[1]]
        elif match := re.fullmatch(r"steps\.([a-z-]+)\.outputs\.([a-z-]+)", part):
            value = steps.get(match[1], {}).get(match[2], "")
        elif match := re.fullmatch(r"'([^']*)'", part):
            value = match[1]
        else:
            raise AssertionError(f"an expression that this runner does not know: {part}")
        if value:
            return value
    return ""


def parsed(text: str) -> dict[str, str]:
    """Return the outputs in a GITHUB_OUTPUT file: ``name=value`` and ``name<<END``."""
    found: dict[str, str] = {}
    lines = iter(text.splitlines())
    for line in lines:
        name, mark, rest = line.partition("<<")
        if mark and "=" not in name:
            value = []
            for inner in lines:
                if inner == rest:
                    break
                value.append(inner)
            else:
                raise AssertionError(f"output {name}: never ends")
            found[name] = "\n".join(value)
        else:
            name, mark, rest = line.partition("=")
            assert mark, f"no output: {line!r}"
            found[name] = rest
    return found


def environment(python: Path | None = None) -> dict[str, str]:
    """Return a job's environment: the programs of the system, and nothing of the caller's.

    Args:
        python: a folder that comes first on the path.
    """
    path = os.environ["PATH"] if python is None else f"{python}{os.pathsep}{os.environ['PATH']}"
    home = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
    return {"PATH": path, **home, "GIT_CONFIG_NOSYSTEM": "1"}


def steps_of(value: Any) -> list[dict[str, Any]]:
    """Return every step of a workflow or an action, at any depth."""
    if isinstance(value, dict):
        own = [value] if isinstance(value.get("run"), str) or isinstance(value.get("uses"), str) else []
        return own + [step for item in value.values() for step in steps_of(item)]
    return [step for item in value for step in steps_of(item)] if isinstance(value, list) else []
