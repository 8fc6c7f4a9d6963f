"""``parity lint`` as users run it: exit status, targets, suppressions, baseline, diff, fixes and formats."""

from __future__ import annotations

import json
import subprocess
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Any

import pytest
import sarif_rules

from parity.catalog import store

if TYPE_CHECKING:
    from pathlib import Path

BAD = "FROM nvidia/cuda:12.8.1-devel-ubuntu22.04\nENV CUDA_LAUNCH_BLOCKING=1\n"
GOOD = "FROM nvidia/cuda:12.8.1-devel-ubuntu22.04\n"


@pytest.fixture
def bad(folder: Path) -> Path:
    (folder / "Dockerfile").write_text(BAD)
    return folder


def git(*words: str) -> None:
    subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t", *words], check=True, capture_output=True)


def report(run: Any, *words: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(run("lint", *words, "--format", "json").out)
    return read


def test_no_findings_is_0_findings_1_no_file_3(run: Any, folder: Path) -> None:
    assert run("lint").status == 3
    (folder / "Dockerfile").write_text(GOOD)
    assert run("lint").status == 0
    (folder / "Dockerfile").write_text(BAD)
    assert run("lint").status == 1
    assert run("lint", "--exit-zero").status == 0
    assert run("lint", "gone").status == 2


def test_a_finding_shows_its_place_line_and_mend(run: Any, bad: Path) -> None:
    out = run("lint").out
    assert out.startswith("Dockerfile:2:5: error[env-serialises-launches] CUDA_LAUNCH_BLOCKING=1: ")
    assert "\n  2 | ENV CUDA_LAUNCH_BLOCKING=1\n    |     ^^^^^^^^^^^^^^^^^^^^^^\n  mend: unset it" in out
    assert "1 error in 1 file\n" in out


def test_rules_that_need_a_target_say_that_they_did_not_run(run: Any, folder: Path) -> None:
    (folder / "Dockerfile").write_text("FROM nvidia/cuda:12.4.1-devel-ubuntu22.04\nRUN nvcc k.cu\n")
    answer = run("lint")
    assert answer.status == 0
    assert "rules did not run: no target" in answer.out
    assert run("lint", "--target", "b200").status == 1
    (folder / "parity.yaml").write_text("version: 1\ndefault_target: p\ntargets: {p: {device: b200}}\n")
    assert run("lint").status == 1


def test_select_ignore_and_unknown_names(run: Any, bad: Path) -> None:
    assert run("lint", "--select", "arch-list-native").status == 0
    assert run("lint", "--ignore", "env-serialises-launches,arch-list-native").status == 0
    answer = run("lint", "--select", "env-serialise-launches")
    assert answer.status == 2
    assert "close: env-serialises-launches" in answer.err


def test_project_settings(run: Any, bad: Path) -> None:
    for text in (
        "lint: {ignore: [env-serialises-launches]}\n",
        "lint: {select: [arch-list-native]}\n",
        "lint: {per-file-ignores: {'Docker*': [env-serialises-launches]}}\n",
    ):
        (bad / "parity.yaml").write_text("version: 1\n" + text)
        assert run("lint").status == 0, text
    (bad / "parity.yaml").write_text("version: 1\nlint: {exclude: [Dockerfile, '*.yaml']}\n")
    assert run("lint").status == 3
    (bad / "parity.yaml").write_text("version: 1\nlint: {ignore: [nothing]}\n")
    answer = run("lint")
    assert (answer.status, "no lint rule named 'nothing'" in answer.err) == (2, True)


def test_the_pyproject_table(run: Any, bad: Path) -> None:
    (bad / "pyproject.toml").write_text('[tool.parity.lint]\nignore = ["env-serialises-launches"]\n')
    assert run("lint").status == 0


def test_an_inline_exception_silences_and_is_told(run: Any, bad: Path) -> None:
    reasoned = BAD.replace("ENV", "# parity: ignore[env-serialises-launches] debugging image\nENV")
    (bad / "Dockerfile").write_text(reasoned)
    answer = run("lint", "-v")
    assert answer.status == 0
    assert "silenced: debugging image" in answer.out
    assert report(run)["findings"][0]["suppressed"] == "debugging image"


def test_a_baseline_holds_what_is_there_and_not_what_is_new(run: Any, bad: Path) -> None:
    answer = run("lint", "--baseline", "base.json")
    mend = "write it with today's findings: add --update-baseline to --baseline base.json, once; then commit it"
    assert (answer.status, answer.err) == (2, f"parity: base.json: no such file\n  mend: {mend}\n")
    (bad / "base.json").touch()
    assert run("lint", "--baseline", "base.json").err == f"parity: base.json: empty\n  mend: {mend}\n"
    assert run("lint", "--baseline", "base.json", "--update-baseline").status == 0
    (bad / "Dockerfile").write_text("# moved\n" + BAD)
    answer = run("lint", "--baseline", "base.json")
    assert (answer.status, "1 finding held by the baseline" in answer.out) == (0, True)
    (bad / "Dockerfile").write_text(BAD + "ENV CUDA_LAUNCH_BLOCKING=1\n")
    assert len(report(run, "--baseline", "base.json")["findings"]) == 1


def test_diff_keeps_what_changed(run: Any, bad: Path) -> None:
    git("init", "-q")
    git("add", "-A")
    git("commit", "-qm", "one")
    assert run("lint", "--diff", "HEAD").status == 0
    (bad / "Dockerfile").write_text(BAD + "ENV AMD_SERIALIZE_KERNEL=3\n")
    assert [one["line"] for one in report(run, "--diff", "HEAD")["findings"]] == [3]
    (bad / "new.dockerfile").write_text(BAD)
    assert {one["path"] for one in report(run, "--diff", "HEAD")["findings"]} == {"Dockerfile", "new.dockerfile"}
    answer = run("lint", "--diff", "no-such-revision")
    assert (answer.status, "git says" in answer.err) == (2, True)


def test_diff_where_git_knows_nothing_says_what_to_do(run: Any, bad: Path) -> None:
    answer = run("lint", "--diff", "main")
    assert answer.status == 2
    assert answer.err.startswith("parity: --diff: git says: fatal: not a git repository")
    assert answer.err.endswith(
        "mend: run it on a folder inside a git repository, or leave --diff out to see all findings\n"
    )


@pytest.mark.parametrize("option", ["--fix", "--show-fixes"])
def test_what_no_fix_covers_is_counted_as_left_to_do_by_hand(run: Any, folder: Path, option: str) -> None:
    (folder / "Dockerfile").write_text("FROM a\nENV CUDA_LAUNCH_BLOCKING=1\n")
    assert run("lint", option).err == "parity: no mend is mechanical; 1 finding to mend by hand\n"
    (folder / "Dockerfile").write_text('FROM a\nENV CUDA_LAUNCH_BLOCKING=1\nENV TORCH_CUDA_ARCH_LIST="80 90a"\n')
    done = "written" if option == "--fix" else "shown, nothing written"
    assert run("lint", option).err == f"parity: 1 mechanical mend {done}; 1 finding to mend by hand\n"


def test_fixes_are_shown_and_then_written(run: Any, folder: Path) -> None:
    before = 'FROM a\nENV TORCH_CUDA_ARCH_LIST="80 90a"\n'
    (folder / "Dockerfile").write_text(before)
    answer = run("lint", "--show-fixes")
    assert '-ENV TORCH_CUDA_ARCH_LIST="80 90a"\n+ENV TORCH_CUDA_ARCH_LIST="8.0 9.0a"\n' in answer.out
    assert (folder / "Dockerfile").read_text() == before
    assert run("lint", "--fix").status == 0
    assert (folder / "Dockerfile").read_text() == 'FROM a\nENV TORCH_CUDA_ARCH_LIST="8.0 9.0a"\n'


def test_statistics(run: Any, bad: Path) -> None:
    assert run("lint", "--statistics").out.startswith("     1  error    env-serialises-launches\n")


def test_values_that_are_not_settled_are_said_once(run: Any, folder: Path) -> None:
    (folder / "Dockerfile").write_text("ARG V\n" + "FROM nvidia/cuda:$V\n" * 3)
    assert [one["what"] for one in report(run, "--target", "h100")["unknowns"]] == ["FROM nvidia/cuda:$V"]


def test_every_format_carries_the_finding(run: Any, bad: Path) -> None:
    text = run("lint", "--format", "sarif").out
    assert sarif_rules.problems(text) == []
    sarif = json.loads(text)
    (result,) = sarif["runs"][0]["results"]
    assert (sarif["version"], result["ruleId"], result["level"]) == ("2.1.0", "env-serialises-launches", "error")
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "Dockerfile"
    assert place["region"] == {"startLine": 2, "startColumn": 5, "endLine": 2, "endColumn": 27}
    assert "security-severity" not in json.dumps(sarif)
    github = run("lint", "--format", "github").out
    assert github.startswith("::error file=Dockerfile,line=2,col=5,endColumn=27,title=parity%3A env-serialises")
    (issue,) = json.loads(run("lint", "--format", "gitlab").out)
    assert (issue["check_name"], issue["location"]["lines"]["begin"]) == ("env-serialises-launches", 2)
    suite = ET.fromstring(run("lint", "--format", "junit").out)
    assert (suite.get("tests"), suite.get("failures")) == ("2", "2")  # the finding, and the run that it fails
    assert "| Dockerfile:2 | error | `env-serialises-launches` |" in run("lint", "--format", "markdown").out


def test_annotations_are_capped_folded_and_escaped(run: Any, folder: Path) -> None:
    (folder / "a,b:c.dockerfile").write_text("FROM a\n" + "ENV CUDA_LAUNCH_BLOCKING=1\n" * 14)
    commands = [line for line in run("lint", "--format", "github").out.splitlines() if line.startswith("::")]
    assert len(commands) == 8
    assert commands[0].startswith("::error file=a%2Cb%3Ac.dockerfile,line=2,")
    assert commands[-1].startswith(
        "::error title=parity lint%3A 14 errors in 1 file::7 more:%0Aa,b:c.dockerfile:9: env-serialises-launches: "
    )
    assert commands[-1].count("%0A") == 7


def test_fingerprints_differ_between_equal_lines(run: Any, folder: Path) -> None:
    (folder / "Dockerfile").write_text("FROM a\n" + "ENV CUDA_LAUNCH_BLOCKING=1\n" * 3)
    prints = [issue["fingerprint"] for issue in json.loads(run("lint", "--format", "gitlab").out)]
    assert len(set(prints)) == 3


def test_hostile_text_stays_inside_its_format(run: Any, folder: Path) -> None:
    (folder / "Dockerfile").write_text('FROM a\nENV CUDA_LAUNCH_BLOCKING="<b>|%0A::error::\x1b[31m]]>"\n')
    assert ET.fromstring(run("lint", "--format", "junit").out).get("failures") == "2"
    assert sum(line.startswith("::") for line in run("lint", "--format", "github").out.splitlines()) == 1
    row = next(line for line in run("lint", "--format", "markdown").out.splitlines() if "Dockerfile" in line)
    assert "<b>" not in row
    assert "\x1b" not in run("lint").out


def test_sarif_of_every_rule_is_taken_in(run: Any, folder: Path) -> None:
    wanted = set()
    for card in store.lint_book().cards:
        for number, example in enumerate(card.examples):
            if not example.at or example.stack or example.gated or example.target not in ("", "h100"):
                continue
            wanted.add(card.id)
            for name in (example.file, *example.beside):
                path = folder / f"{card.id} {number}" / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(example.text if name == example.file else "", encoding="utf-8")
    text = run("lint", "--preview", "--target", "h100", "--format", "sarif").out
    assert sarif_rules.problems(text) == []
    told = {result["ruleId"] for result in json.loads(text)["runs"][0]["results"]}
    assert len(told) > 30
    assert len(told & wanted) > 0.8 * len(wanted)


def test_a_file_is_named_from_the_top_of_the_repository(
    run: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / ".git").mkdir()
    (folder / "docker").mkdir()
    (folder / "docker" / "Dockerfile").write_text(BAD)
    monkeypatch.chdir(folder / "docker")
    for word in (".", "Dockerfile", str(folder / "docker" / "Dockerfile")):
        (issue,) = json.loads(run("lint", word, "--format", "gitlab").out)
        assert issue["location"]["path"] == "docker/Dockerfile", word
        assert run("lint", word, "--format", "github").out.startswith("::error file=docker/Dockerfile,"), word
    assert run("lint").out.startswith("Dockerfile:2:5: ")


def test_a_file_outside_the_repository_is_in_no_report_that_needs_a_place(
    run: Any, bad: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bad / "inside").mkdir()
    (bad / "inside" / ".git").mkdir()
    assert run("lint", "inside/../Dockerfile").status == 1
    monkeypatch.chdir(bad / "inside")
    text = run("lint", "../Dockerfile", "--format", "sarif").out
    assert sarif_rules.problems(text) == []
    (one,) = json.loads(text)["runs"]
    assert one["results"] == []
    assert "1 result left out: in no file of the repository" in text


def test_junit_fails_what_fails_the_run(run: Any, folder: Path) -> None:
    (folder / "Dockerfile").write_text("FROM a\nENV CUDAARCHS=native\n")
    lenient = ET.fromstring(run("lint", "--format", "junit").out)
    strict = ET.fromstring(run("lint", "--format", "junit", "--fail-on", "warning").out)
    assert (lenient.get("tests"), lenient.get("failures")) == ("2", "0")
    assert (strict.get("tests"), strict.get("failures")) == ("2", "2")


def test_nothing_to_look_at_is_a_pass_for_those_who_say_so(run: Any, folder: Path) -> None:
    (folder / "README.md").write_text("x")
    assert run("lint", "README.md").status == 3
    answer = run("lint", "--allow-empty", "README.md")
    assert (answer.status, answer.err) == (0, "")
    assert answer.out.startswith("no findings in 0 files\n")
    (folder / "Dockerfile").write_text(BAD)
    assert run("lint", "--allow-empty", "README.md", "Dockerfile").status == 1
    assert run("lint", "--allow-empty", "gone").status == 2


@pytest.mark.parametrize("name", ["::error::x.dockerfile", "##[error]x.dockerfile", "a\n::error::x.dockerfile"])
def test_a_files_name_is_no_command_of_a_runner(name: str, run: Any, folder: Path) -> None:
    (folder / name).write_text(BAD + "FROM nvidia/cuda:$V\n")
    for form in ("text", "markdown", "github"):
        out = run("lint", "-v", "--format", form).out
        assert not [line for line in out.splitlines() if line.lstrip().startswith(("::error::", "##["))], form
