"""What a project file makes of ``parity lint``: severities, rules turned off, waivers with an end, perf tests."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

WAIVER = "  - {rule: env-serialises-launches, reason: debug image, owner: perf, until: %s%s}\n"


@pytest.fixture(autouse=True)
def bad(folder: Path) -> Path:
    (folder / "docker").mkdir()
    (folder / "docker" / "Dockerfile").write_text("ARG CUDAARCHS=native\nENV CUDA_LAUNCH_BLOCKING=1\n")
    return folder


def project(folder: Path, text: str) -> None:
    (folder / "parity.yaml").write_text("version: 1\n" + text)


def found(run: Any, *more: str) -> list[tuple[str, str, str | None]]:
    told = json.loads(run("lint", *more, "--format", "json").out)["findings"]
    return [(one["rule"], one["severity"], one["suppressed"]) for one in told]


def test_severity_and_off(run: Any, folder: Path) -> None:
    assert found(run) == [("arch-list-native", "warning", None), ("env-serialises-launches", "error", None)]
    project(folder, 'rules: {env-serialises-launches: {severity: warning}, arch-list-native: "off"}\n')
    assert found(run) == [("env-serialises-launches", "warning", None)]
    assert run("lint").status == 0
    assert run("lint", "--fail-on", "warning").status == 1


def test_a_waiver_in_force_silences_with_reason_owner_and_day(run: Any, folder: Path) -> None:
    project(folder, "waivers:\n" + WAIVER % ("2999-01-31", ""))
    assert found(run)[1] == ("env-serialises-launches", "error", "debug image (perf, until 2999-01-31)")
    answer = run("lint")
    assert answer.status == 0
    assert "1 finding waived by the project\n" in answer.out
    assert "silenced by inline comments" not in answer.out
    (result,) = [
        one
        for one in json.loads(run("lint", "--format", "sarif").out)["runs"][0]["results"]
        if one["ruleId"] == "env-serialises-launches"
    ]
    assert result["suppressions"] == [{"kind": "external", "justification": "debug image (perf, until 2999-01-31)"}]


@pytest.mark.parametrize(
    ("subject", "covered"), [("docker/**", True), ("docker", True), ("Dockerfile", True), ("src", False)]
)
def test_a_waivers_subject_is_a_glob_over_the_path(run: Any, folder: Path, subject: str, covered: bool) -> None:
    project(folder, "waivers:\n" + WAIVER % ("2999-01-31", f", subject: '{subject}'"))
    assert (found(run)[1][2] is not None) is covered


def test_an_ended_waiver_is_a_finding_and_silences_nothing(run: Any, folder: Path) -> None:
    project(folder, "waivers:\n" + WAIVER % ("2020-01-31", ""))
    answer = run("lint")
    assert answer.status == 1
    assert "parity.yaml:3:" in answer.out
    assert (
        "error[lint-waiver-expired] the waiver of env-serialises-launches (debug image) ended on 2020-01-31"
        in answer.out
    )
    assert "mend: Ask perf to renew it with a new date, or remove it." in answer.out
    assert "error[env-serialises-launches]" in answer.out


def test_an_ended_waiver_of_pyproject_is_told_in_it(run: Any, folder: Path) -> None:
    text = '[[tool.parity.waivers]]\nrule = "arch-list-native"\nreason = "a"\nowner = "b"\nuntil = 2020-01-31\n'
    (folder / "pyproject.toml").write_text(text)
    assert "pyproject.toml:5:9: error[lint-waiver-expired]" in run("lint").out


def test_machine_rules_waivers_are_not_the_linters_business(run: Any, folder: Path) -> None:
    project(folder, "waivers:\n  - {rule: ecc-differs, reason: a, owner: b, until: 2020-01-31}\n")
    assert [one[0] for one in found(run)] == ["arch-list-native", "env-serialises-launches"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("rules: {env-serialises-launch: {severity: note}}\n", "no rule named 'env-serialises-launch'"),
        ("rules: {env-serialises-launches: {severity: fatal}}\n", "'fatal' is no severity"),
        ("rules: {env-serialises-launches: {at_least: 1}}\n", "the rule has no such setting"),
        ("waivers: [{rule: arch-list-nativ, reason: a, owner: b, until: 2999-01-01}]\n", "no rule named"),
        ("waivers: [{rule: arch-list-native, reason: a, owner: b}]\n", "until"),
    ],
)
def test_mistakes_are_told(run: Any, folder: Path, text: str, told: str) -> None:
    project(folder, text)
    answer = run("lint")
    assert answer.status == 2
    assert told in answer.err


def test_near_names_of_lint_rules_are_offered(run: Any, folder: Path) -> None:
    project(folder, "rules: {arch-list-nativ: {severity: note}}\n")
    assert "arch-list-native" in run("lint").err


TEST = """import pytest
import triton

@pytest.mark.gpu_speed
def test_a():
    ms = triton.testing.do_bench(lambda: None)
    assert ms < 2
"""


def test_the_projects_own_marks_make_perf_tests(run: Any, folder: Path) -> None:
    (folder / "tests").mkdir()
    (folder / "tests" / "test_a.py").write_text(TEST)
    assert "time-asserted-ungated" in [one[0] for one in found(run, "--preview")]
    for told in ("markers: [gpu_speed]", "paths: ['tests/**']", "fixtures: [gpu_speed]"):
        project(folder, f"perf_tests: {{{told}}}\n")
        assert ("time-asserted-ungated" in [one[0] for one in found(run, "--preview")]) is told.startswith("fixtures")


def test_rules_in_preview_rest_until_they_are_asked_for(run: Any, folder: Path) -> None:
    (folder / "test_a.py").write_text(TEST)
    rule = "time-asserted-ungated"
    assert "rules did not run: in preview (--preview runs them)" in run("lint").out
    assert rule not in [one[0] for one in found(run)]
    assert rule in json.loads(run("lint", "--format", "json").out)["preview_rules"]
    for asked in (("--preview",), ("--select", rule)):
        assert rule in [one[0] for one in found(run, *asked)]
        assert json.loads(run("lint", *asked, "--format", "json").out).get("preview_rules", []) == []
    for told in ("lint: {preview: true}\n", f"rules: {{{rule}: {{severity: note}}}}\n"):
        project(folder, told)
        assert rule in [one[0] for one in found(run)]


def test_no_cache_writes_none(run: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARITY_CACHE_DIR", str(folder / "cache"))
    assert run("lint", "--no-cache").status == 1
    assert not (folder / "cache").exists()
    first = run("lint")
    assert len(list((folder / "cache").glob("lint-*"))) == 1
    assert run("lint").out == first.out


def test_changed_lines_are_told_from_any_folder(run: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@t"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "a"]):
        subprocess.run([*git, *words], check=True, capture_output=True)
    (folder / "docker" / "Dockerfile").write_text("ARG CUDAARCHS=native\nENV AMD_SERIALIZE_KERNEL=3\n")
    (folder / "new.Dockerfile").write_text("ARG CUDAARCHS=native\n")
    wanted = {"env-serialises-launches": 1, "arch-list-native": 1}
    for place, path in ((folder, "."), (folder, str(folder)), (folder / "docker", ".."), (folder.parent, folder.name)):
        monkeypatch.chdir(place)
        found = json.loads(run("lint", path, "--diff", "HEAD", "--format", "json").out)["findings"]
        assert Counter(one["rule"] for one in found) == wanted, path
    monkeypatch.chdir(folder)
    assert run("lint", "docker/Dockerfile", "--diff", "HEAD").status == 1
