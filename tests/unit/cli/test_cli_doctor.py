"""`parity doctor`: the verdict's status, its formats, and what the terminal gets."""

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sarif_rules

from parity import session
from parity.catalog import store
from parity.catalog.as_fingerprint import as_fingerprint
from parity.cli.main import main
from parity.model.absent import Reading
from parity.model.fingerprint import Fingerprint, Note

EXAMPLE = str(Path(__file__).resolve().parents[3] / "docs" / "examples" / "production-8xh100.json")


def test_the_target_itself_passes(run: Any, saved: Any) -> None:
    answer = run("doctor", "--target", "h100", "--fingerprint", saved("h100"))
    assert (answer.status, answer.err) == (0, "")
    assert answer.out.startswith("\n  MATCH  level identical, equivalent required\n")


def test_another_part_fails(run: Any, saved: Any) -> None:
    answer = run("doctor", "--target", "h100", "--fingerprint", saved("rtx-4090"))
    assert (answer.status, answer.err) == (1, "")
    assert answer.out.startswith("\n  MISMATCH  level same-vendor, equivalent required\n")
    assert re.search(r"memory-bandwidth-below-target +1008 GB/s +33\d\d GB/s .*0\.30x", answer.out)


def test_the_other_vendor_fails(run: Any, saved: Any) -> None:
    answer = run("doctor", "--target", "h100", "--fingerprint", saved("mi300x"))
    assert answer.status == 1
    assert "MISMATCH  level different" in answer.out


def test_a_machine_without_devices_is_status_3(run: Any, saved: Any) -> None:
    nothing = Fingerprint(notes=(Note(source="nvml", text="no driver", why="library_missing"),))
    answer = run("doctor", "--target", "h100", "--fingerprint", saved(nothing))
    assert answer.status == 3
    assert answer.out.startswith("\n  UNKNOWN  level unknown, equivalent required\n")


def test_exit_zero_reports_all_the_same(run: Any, saved: Any) -> None:
    words = ("doctor", "--target", "h100", "--fingerprint", saved("rtx-4090"))
    strict, lenient = run(*words), run(*words, "--exit-zero")
    assert (strict.status, lenient.status) == (1, 0)
    assert strict.out == lenient.out


def test_exit_zero_does_not_hide_misuse(run: Any) -> None:
    assert run("doctor", "--target", "nope", "--exit-zero").status == 2


@pytest.mark.parametrize(
    ("require", "status"), [("identical", 1), ("equivalent", 1), ("same-arch", 0), ("same-vendor", 0)]
)
def test_the_requirement_decides_the_outcome(require: str, status: int, run: Any, saved: Any) -> None:
    words = ("doctor", "--target", "h100", "--require", require, "--fingerprint", saved("h200"), "--format", "json")
    verdict = json.loads(run(*words).out)
    assert verdict["level"] == "same-arch"
    assert verdict["target"]["require"] == require
    assert verdict["outcome"] == ("mismatch" if status else "match")


def test_json_is_the_contracts_verdict(run: Any, saved: Any) -> None:
    answer = run("doctor", "--target", "8xh100", "--fingerprint", saved("rtx-4090"), "--format", "json")
    verdict = json.loads(answer.out)
    assert next(iter(verdict.items())) == ("schema", "parity.verdict/1")
    assert verdict["exit_status"] == answer.status == 1
    assert (verdict["passed"], verdict["outcome"], verdict["level"]) == (False, "mismatch", "same-vendor")
    assert verdict["target"]["id"] == "h100-sxm5-80gb"
    assert (verdict["target"]["count"], verdict["target"]["source"]) == (8, "--target")
    assert [device["identity"] for device in verdict["devices"]] == ["rtx-4090"]
    assert {"count", "identity", "candidates", "evidence", "level", "facts", "index"} - {"count"} <= set(
        verdict["devices"][0]
    )
    assert set(verdict["transfers"]) == {
        "correctness", "code_generation", "kernel_selection", "tuned_parameters", "timings_single_gpu",
        "timings_multi_gpu", "memory_fit",
    }  # fmt: skip
    assert next(iter(verdict["fingerprint"].items())) == ("schema", "parity.fingerprint/1")
    assert "device-count-differs" in {finding["rule"] for finding in verdict["findings"]}


def test_a_verdict_is_judged_again_from_its_own_json(run: Any, saved: Any) -> None:
    first = run("doctor", "--target", "h100", "--fingerprint", saved("l4"), "--format", "json")
    Path("verdict.json").write_text(first.out)
    again = run("doctor", "--target", "h100", "--fingerprint", "verdict.json", "--format", "json")
    assert json.loads(again.out) == json.loads(first.out)


def test_formats_and_files_pair_in_order(run: Any, saved: Any) -> None:
    words = ("--format", "markdown", "-o", "parity.md", "--format", "json", "-o", "parity.json", "--format", "text")
    answer = run("doctor", "--target", "h100", "--fingerprint", saved("l4"), *words)
    assert answer.status == 1
    assert "MISMATCH" in answer.out
    assert Path("parity.md").read_text().lstrip().startswith("#")
    assert json.loads(Path("parity.json").read_text())["schema"] == "parity.verdict/1"


def test_a_report_that_cannot_be_written_is_misuse_not_a_pass(run: Any, saved: Any) -> None:
    answer = run("doctor", "--target", "h100", "--fingerprint", saved("h100"), "-o", "/dev/null/gone/report.txt")
    assert answer == (
        2, "", ("parity: /dev/null/gone/report.txt: cannot be written: Not a directory\n"
        "  mend: check the folder and permissions\n"),
    )  # fmt: skip


def test_folders_of_a_report_are_made(run: Any, saved: Any) -> None:
    assert run("doctor", "--target", "h100", "--fingerprint", saved("h100"), "-o", "new/dir/report.txt").status == 0
    assert "MATCH" in Path("new/dir/report.txt").read_text()


def test_a_second_report_that_was_not_read_is_told_on_the_first_screen(run: Any) -> None:
    paste = str(Path(__file__).resolve().parents[2] / "fixtures" / "reports" / "two-machines.txt")
    answer = run("doctor", "--target", "h100", "--fingerprint", paste)
    head = " ".join(answer.out.partition("carries over")[0].split())
    assert "not read the paste holds a second report (" in head
    assert "it is of the same kind as the first" in head or "it names other GPUs or versions" in head
    one = run("doctor", "--target", "h100", "--fingerprint", str(Path(paste).with_name("collect-env-h100x2.txt")))
    assert "not read" not in one.out.partition("carries over")[0]


def test_verbose_adds_reasons_and_mends(run: Any, saved: Any) -> None:
    words = ("doctor", "--target", "h100", "--fingerprint", saved("l4"))
    short, long = run(*words).out, run(*words, "-v").out
    assert "error[arch-differs]" not in short
    assert "error[arch-differs] GPU 0" in long
    assert "mend: " in long


def test_without_a_target_the_mend_is_told(run: Any, saved: Any) -> None:
    assert run("doctor", "--fingerprint", saved("h100")) == (
        2, "", ("parity: --target: no target\n"
        "  mend: give one (`--target h100`), or write `default_target` with `parity init`\n"),
    )  # fmt: skip


def test_the_project_nearby_gives_target_settings_and_waivers(run: Any, saved: Any) -> None:
    Path("parity.yaml").write_text(
        "default_target: prod\n"
        "targets: {prod: {device: h100, count: 2}}\n"
        "waivers: [{rule: device-count-differs, reason: r, owner: o, until: 2999-01-01}]\n"
    )
    verdict = json.loads(run("doctor", "--fingerprint", saved("h100"), "--format", "json").out)
    found = {finding["rule"]: finding for finding in verdict["findings"]}
    assert verdict["target"]["count"] == 2
    assert found["device-count-differs"]["waived"]["owner"] == "o"


def test_an_expired_waiver_waives_nothing(run: Any, saved: Any) -> None:
    Path("parity.yaml").write_text(
        "default_target: prod\n"
        "targets: {prod: {device: h100, count: 2}}\n"
        "waivers: [{rule: device-count-differs, reason: r, owner: o, until: 2020-01-01}]\n"
    )
    answer = run("doctor", "--fingerprint", saved("h100"), "--format", "json")
    found = {finding["rule"]: finding for finding in json.loads(answer.out)["findings"]}
    assert answer.status == 1
    assert found["device-count-differs"]["waived"] is None
    assert "waiver-expired" in found


def test_a_named_project_file_replaces_the_one_nearby(run: Any, saved: Any) -> None:
    Path("parity.yaml").write_text("nonsense: true\n")
    Path("other.yaml").write_text("default_target: h100\n")
    assert run("doctor", "--config", "other.yaml", "--fingerprint", saved("h100")).status == 0
    assert run("doctor", "--fingerprint", "h100.json").status == 2


def test_this_machine_is_read_when_no_file_is_given(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str | None] = []

    def fingerprint_of(path: str | None) -> Fingerprint:
        asked.append(path)
        return as_fingerprint(store.device_spec("h100"))

    monkeypatch.setattr(session, "fingerprint_of", fingerprint_of)
    assert run("doctor", "--target", "h100").status == 0
    assert asked == [None]


def test_a_dash_reads_standard_input(program: Any, saved: Any) -> None:
    answer = program("doctor", "--target", "h100", "--fingerprint", "-", shell=f'"$@" < {saved("h100")}')
    assert (answer.status, answer.err) == (0, "")


def test_colour_is_for_those_who_ask(program: Any, saved: Any) -> None:
    words = ("doctor", "--target", "h100", "--fingerprint", saved("l4"))
    plain, coloured = program(*words), program(*words, FORCE_COLOR="1")
    assert "\x1b[" not in plain.out
    assert "\x1b[" in coloured.out
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured.out) == plain.out
    assert program(*words, FORCE_COLOR="1", NO_COLOR="1").out == plain.out


def test_sixty_columns_are_enough(program: Any, saved: Any) -> None:
    answer = program("doctor", "--target", "h100", "--fingerprint", saved("rtx-4090"), "-v", COLUMNS="60")
    assert answer.status == 1
    assert [line for line in answer.out.splitlines() if len(line) > 60] == []


def test_a_terminal_without_unicode_gets_none(program: Any, saved: Any) -> None:
    words = ("doctor", "--target", "h100", "--fingerprint", saved("rtx-4090"), "-v")
    answer = program(*words, PYTHONIOENCODING="ascii")
    assert answer.status == 1
    assert answer.err == ""
    assert answer.out.isascii()
    assert "?" not in answer.out


def test_several_devices_are_each_judged(run: Any, saved: Any) -> None:
    both = (*as_fingerprint(store.device_spec("h100")).devices, *as_fingerprint(store.device_spec("l4")).devices)
    second = msgspec.structs.replace(both[1], locator=msgspec.structs.replace(both[1].locator, index=1))
    machine = msgspec.structs.replace(as_fingerprint(store.device_spec("h100")), devices=(both[0], second))
    answer = run("doctor", "--target", "h100", "--fingerprint", saved(machine), "--format", "json")
    assert answer.status == 1
    assert [d["level"] for d in json.loads(answer.out)["devices"]] == ["identical", "same-vendor"]


PROJECT = "version: 1\ndefault_target: prod\ntargets:\n  prod:\n    device: h100\n"


def test_every_format_says_the_same_at_the_line_of_the_target(run: Any, saved: Any) -> None:
    Path("parity.yaml").write_text(PROJECT)
    words = ("doctor", "--fingerprint", saved("rtx-4090"), "--format")
    sarif = run(*words, "sarif")
    assert (sarif.status, sarif.err, sarif_rules.problems(sarif.out)) == (1, "", [])
    places = {
        json.dumps(result["locations"][0]["physicalLocation"]) for result in json.loads(sarif.out)["runs"][0]["results"]
    }
    assert [json.loads(place) for place in places] == [
        {
            "artifactLocation": {"uri": "parity.yaml", "uriBaseId": "%SRCROOT%"},
            "region": {"startLine": 5, "startColumn": 5, "endLine": 5, "endColumn": 17},
        }
    ]
    assert run(*words, "github").out.startswith("::error file=parity.yaml,line=5,col=5,endColumn=17,title=parity ")
    issues = json.loads(run(*words, "gitlab").out)
    assert {issue["location"]["lines"]["begin"] for issue in issues} == {5}
    assert int(ET.fromstring(run(*words, "junit").out).get("failures") or 0) > 1


def test_a_pass_fails_in_no_format(run: Any, saved: Any) -> None:
    Path("parity.yaml").write_text(PROJECT)
    words = ("doctor", "--fingerprint", saved("h100"), "--format")
    assert not [line for line in run(*words, "github").out.splitlines() if line.startswith("::error")]
    assert ET.fromstring(run(*words, "junit").out).get("failures") == "0"
    assert '"level": "error"' not in run(*words, "sarif").out.partition('"results"')[2]


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run outside of any pipeline whose file is here."""
    for name in ("GITHUB_WORKFLOW_REF", "GITLAB_CI"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("outside")
def test_a_target_that_no_file_declares_is_told_where_it_would_be(run: Any, saved: Any) -> None:
    words = ("doctor", "--target", "h100", "--fingerprint", saved("rtx-4090"), "--format")
    sarif = run(*words, "sarif")
    assert (sarif.status, sarif_rules.problems(sarif.out)) == (1, [])
    results = json.loads(sarif.out)["runs"][0]["results"]
    assert sum(one["level"] == "error" for one in results) == 6
    assert {one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in results} == {"parity.yaml"}
    assert re.fullmatch(
        r"parity: no file of the repository names the target: sarif has \d+ findings at parity\.yaml:1\n"
        r"  mend: declare the target in parity\.yaml \(`parity init`\)\n",
        sarif.err,
    )
    gitlab = run(*words, "gitlab")
    issues = json.loads(gitlab.out)
    assert sum(one["severity"] == "major" for one in issues) == 6
    assert {(one["location"]["path"], one["location"]["lines"]["begin"]) for one in issues} == {("parity.yaml", 1)}
    assert "gitlab has" in gitlab.err
    # Declared later, they are still the same alerts.
    Path("parity.yaml").write_text("# mine\n" + PROJECT)
    again = json.loads(run(*words, "sarif").out)["runs"][0]["results"]
    assert [one["partialFingerprints"] for one in again] == [one["partialFingerprints"] for one in results]
    Path("parity.yaml").unlink()
    # An annotation and a test case need no file.
    assert run(*words, "github").out.startswith("::error title=parity doctor")
    assert ET.fromstring(run(*words, "junit").out).get("failures") != "0"


@pytest.mark.usefixtures("outside")
@pytest.mark.parametrize("declared", [False, True])
@pytest.mark.parametrize("words", [(), ("--exit-zero",)])
def test_a_machine_that_nobody_could_read_gives_no_sarif_to_close_alerts(
    declared: bool, words: tuple[str, ...], run: Any, saved: Any
) -> None:
    if declared:
        Path("parity.yaml").write_text(PROJECT)
    Path("a.sarif").write_text("of the run before")
    given = ("doctor", "--target", "h100", "--fingerprint", saved(Fingerprint()), *words)
    answer = run(*given, "--format", "sarif", "-o", "a.sarif", "--format", "gitlab", "-o", "a.json", "--format", "text")
    assert answer.status == (0 if words else 3)
    assert not Path("a.sarif").exists()
    assert "parity: no sarif: nothing was judged" in " ".join(answer.err.split())
    # GitLab keeps no alerts: its widget must not say that all is well.
    assert [one["check_name"] for one in json.loads(Path("a.json").read_text()) if one["severity"] == "major"] == [
        "target-not-confirmed"
    ]
    assert "UNKNOWN" in answer.out
    assert run(*given, "--format", "sarif").out == ""


def test_in_a_workflow_the_line_that_names_the_target_is_the_place(
    run: Any, saved: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workflow = folder / ".github" / "workflows" / "gate.yml"
    workflow.parent.mkdir(parents=True)
    workflow.write_text("on: push\njobs:\n  a:\n    steps:\n    - uses: x/y@z\n      with: {target: h100}\n")
    monkeypatch.setenv("GITHUB_REPOSITORY", "o/r")
    monkeypatch.setenv("GITHUB_WORKFLOW_REF", "o/r/.github/workflows/gate.yml@refs/heads/main")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(folder))
    answer = run("doctor", "--target", "h100", "--fingerprint", saved("rtx-4090"), "--format", "gitlab")
    assert {(one["location"]["path"], one["location"]["lines"]["begin"]) for one in json.loads(answer.out)} == {
        (".github/workflows/gate.yml", 6)
    }


def test_fail_on_takes_the_place_of_the_policy(run: Any, saved: Any) -> None:
    # A whole H100 with its persistence off: a note.
    machine = as_fingerprint(store.device_spec("h100"))
    words = ("doctor", "--target", "h100", "--fingerprint", saved(off(machine)))
    assert run(*words).status == 0
    assert run(*words, "--fail-on", "warning").status == 0
    assert run(*words, "--fail-on", "note").status == 1
    Path("parity.yaml").write_text("version: 1\npolicy: {fail_on: note}\n")
    assert run(*words).status == 1
    assert run(*words, "--fail-on", "error").status == 0
    assert run(*words, "--fail-on", "note", "--exit-zero").status == 0


def off(machine: Fingerprint) -> Fingerprint:
    """Return the machine with persistence mode off."""
    [device] = machine.devices
    conditions = msgspec.structs.replace(device.conditions, persistence_enabled=Reading(value=False, source="test"))
    return msgspec.structs.replace(machine, devices=(msgspec.structs.replace(device, conditions=conditions),))


def test_a_wrong_level_fails_whatever_fail_on_says(run: Any, saved: Any) -> None:
    words = ("doctor", "--target", "h100", "--fingerprint", saved("rtx-4090"))
    assert run(*words, "--fail-on", "error").status == 1


def test_all_formats_at_once_into_files(run: Any, saved: Any) -> None:
    Path("parity.yaml").write_text(PROJECT)
    names = ("json", "sarif", "github", "gitlab", "junit", "markdown")
    words = [word for name in names for word in ("--format", name, "-o", f"out.{name}")]
    answer = run("doctor", "--fingerprint", saved("rtx-4090"), *words, "--format", "text")
    assert answer.status == 1
    assert answer.out.startswith("\n  MISMATCH")
    assert all(Path(f"out.{name}").stat().st_size for name in names)


def test_the_slice_that_is_asked_for_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    for word, name, label in (
        ("h100/3g.40gb", "NVIDIA H100 SXM5 80GB, slice 3g.40gb", "h100-sxm5-80gb/3g.40gb"),
        ("mi300x/CPX", "AMD Instinct MI300X, slice CPX", "mi300x/CPX"),
    ):
        main(["doctor", "--target", word, "--fingerprint", EXAMPLE])
        assert f"{name} ({label})" in capsys.readouterr().out
        main(["doctor", "--target", word, "--fingerprint", EXAMPLE, "--format=json"])
        told = json.loads(capsys.readouterr().out)["target"]
        assert (f"{told['id']}/{told['partition']}", told["name"]) == (label, name)


def test_rules_that_the_project_changed_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("parity.yaml").write_text(
        "version: 1\ntargets: {p: {device: h100}}\nrules: {memory-bandwidth-below-target: {at_least: 0.5}}\n",
        encoding="utf-8",
    )
    main(["doctor", "--fingerprint", EXAMPLE])
    assert "memory-bandwidth-below-target at_least 0.5 (set by the project)" in " ".join(
        capsys.readouterr().out.split()
    )
    for words in ("--format=markdown", "--format=html"):
        main(["doctor", "--fingerprint", EXAMPLE, words])
        assert "memory-bandwidth-below-target at_least 0.5 (set by the project)" in capsys.readouterr().out
    main(["doctor", "--fingerprint", EXAMPLE, "--format=json"])
    told = json.loads(capsys.readouterr().out)["configured"]
    assert told == {"memory-bandwidth-below-target": {"at_least": 0.5}}
