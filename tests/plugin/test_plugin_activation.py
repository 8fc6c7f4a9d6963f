"""Tests what switches the gate on, and that nothing is loaded until then."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_parity.marks import MarkSettings
from pytest_parity.settings import CONDITIONS, LEVELS, MODES

Gate = Callable[..., pytest.RunResult]
Log = Callable[[], list[dict[str, Any]]]

PERF_TEST = """
    import pytest

    @pytest.mark.perf
    def test_time():
        pass
"""
MODULES_ADDED = """
    import sys

    def test_modules():
        added = {name for name in sys.modules if name.split(".")[0] in BANNED}
        assert added == EXPECTED
"""


def test_nothing_asked_loads_only_the_plugin_module(pytester: pytest.Pytester, gate: Gate) -> None:
    banned = {"pytest_parity", "parity", "yaml", "rich", "msgspec", "pynvml", "torch", "amdsmi"}
    source = MODULES_ADDED.replace("BANNED", repr(banned)).replace(
        "EXPECTED", repr({"pytest_parity", "pytest_parity.plugin"})
    )
    pytester.makepyfile(source)
    gate(child=True).assert_outcomes(passed=1)


def test_nothing_asked_adds_no_other_module_at_all(tmp_path: Path) -> None:
    code = "import pytest, sys; pytest.main(['-q'{}]); print(*sorted(sys.modules))"
    root = str(Path(__file__).parents[2])

    def modules(extra: str) -> set[str]:
        out = subprocess.run(
            [sys.executable, "-c", code.format(extra)],
            env={"PYTHONPATH": root, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        return set(out.stdout.splitlines()[-1].split())

    added = modules(", '-p', 'pytest_parity.plugin'") - modules("")
    assert added == {"pytest_parity", "pytest_parity.plugin"}


def test_an_active_gate_imports_nothing_of_the_library(pytester: pytest.Pytester, gate: Gate) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_modules():
            banned = {"parity", "yaml", "rich", "msgspec", "pynvml", "torch", "amdsmi"}
            assert not banned & {name.partition(".")[0] for name in sys.modules}
            assert "pytest_parity.gate" in sys.modules
        """
    )
    gate("--parity-target=h100", child=True).assert_outcomes(passed=1)


def test_nothing_asked_starts_no_engine(pytester: pytest.Pytester, gate: Gate, engine_log: Log) -> None:
    pytester.makepyfile(PERF_TEST)
    result = gate()
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("parity: *")
    assert engine_log() == []


@pytest.mark.parametrize(
    ("args", "environment"),
    [
        (["--parity-target=h100"], {}),
        ([], {"PARITY_TARGET": "h100"}),
        (["--parity-target=h100"], {"PARITY_TARGET": "here"}),
    ],
)
def test_target_from_the_command_line_wins_over_the_environment(
    pytester: pytest.Pytester, gate: Gate, args: list[str], environment: dict[str, str]
) -> None:
    pytester.makepyfile(PERF_TEST)
    result = gate(*args, environment=environment)
    result.assert_outcomes(failed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED


@pytest.mark.parametrize(("file", "text"), [("parity.yaml", "{}"), ("pyproject.toml", "[tool.parity]\n")])
def test_project_files_ask(pytester: pytest.Pytester, gate: Gate, engine_log: Log, file: str, text: str) -> None:
    pytester.makepyfile(PERF_TEST)
    pytester.path.joinpath(file).write_text(text)
    gate(f"--rootdir={pytester.path}").assert_outcomes(passed=1)
    assert [entry.get("op") for entry in engine_log()] == [None, "judge", "bye"]


def test_project_file_target_and_mode_hold(pytester: pytest.Pytester, gate: Gate) -> None:
    pytester.makepyfile(PERF_TEST)
    pytester.path.joinpath("parity.yaml").write_text('{"target": "h100", "mode": "skip"}')
    root = f"--rootdir={pytester.path}"
    gate(root).assert_outcomes(skipped=1)
    gate(root, "--parity-mode=fail").assert_outcomes(failed=1)
    gate(root, "--parity-mode=off").assert_outcomes(passed=1)


@pytest.mark.parametrize("how", ["option", "environment"])
def test_off_starts_no_engine(
    pytester: pytest.Pytester, gate: Gate, engine_log: Log, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    pytester.makepyfile(PERF_TEST)
    args = ["--parity-target=h100"]
    if how == "option":
        args.append("--parity-mode=off")
    else:
        monkeypatch.setenv("PARITY_MODE", "off")
    gate(*args).assert_outcomes(passed=1)
    assert engine_log() == []


def test_option_switches_on_what_the_environment_switched_off(
    pytester: pytest.Pytester, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makepyfile(PERF_TEST)
    monkeypatch.setenv("PARITY_MODE", "off")
    gate("--parity-target=h100", "--parity-mode=skip").assert_outcomes(skipped=1)


def test_the_engine_gets_settings_and_their_sources(
    pytester: pytest.Pytester, gate: Gate, engine_log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makepyfile(PERF_TEST)
    monkeypatch.setenv("PARITY_REQUIRE", "same-arch")
    gate("--parity-target=h100", "--parity-report=out.json", "--parity-report=out.md", "--parity-fingerprint=a.json")
    [request] = [entry for entry in engine_log() if entry.get("op") == "judge"]
    here = pytester.path
    assert request == {
        "id": 1,
        "op": "judge",
        "target": "h100",
        "require": "same-arch",
        "mode": None,
        "fingerprint": str(here / "a.json"),
        "config": None,
        "rootdir": str(here),
        "visible": {},
        "rules": None,
        "sources": {
            "target": "--parity-target",
            "require": "PARITY_REQUIRE",
            "fingerprint": "--parity-fingerprint",
        },
    }


@pytest.mark.parametrize(
    ("args", "environment", "line"),
    [
        (["--parity-mode=bogus"], {}, "ERROR: --parity-mode: 'bogus' is not one of fail, skip, xfail, annotate, off"),
        (["--parity-target=h100"], {"PARITY_MODE": "skp"}, "ERROR: PARITY_MODE: 'skp' is not one of * (close: skip)"),
        (["--parity-require=same"], {}, "ERROR: --parity-require: 'same' is not one of identical, *"),
        (["--parity-target=h100"], {"PARITY_REQUIRE": "x"}, "ERROR: PARITY_REQUIRE: 'x' is not one of *"),
        (["--parity-target="], {}, "ERROR: --parity-target: empty value; *"),
        (
            ["--parity-target=h100"],
            {"PARITY_ENGINE_TIMEOUT": "soon"},
            "ERROR: PARITY_ENGINE_TIMEOUT: 'soon' is not a number of seconds above 0",
        ),
    ],
)
def test_bad_choices_end_in_one_line_with_their_source(
    pytester: pytest.Pytester, gate: Gate, args: list[str], environment: dict[str, str], line: str
) -> None:
    pytester.makepyfile(PERF_TEST)
    result = gate(*args, environment=environment)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([line.replace("[", "[[]")])
    assert len([one for one in result.errlines if one]) == 1


def test_options_without_a_target_are_said_to_have_no_effect(pytester: pytest.Pytester, gate: Gate) -> None:
    pytester.makepyfile(PERF_TEST)
    result = gate("--parity-require=identical")
    result.assert_outcomes(passed=1)
    line = "parity: no target for the run, judged are only tests whose marker names one (--parity-require)"
    assert line in result.outlines


@pytest.mark.parametrize("workers", [(), ("-p", "xdist.plugin", "-n", "2")])
@pytest.mark.parametrize("quiet", [("-q",), ("-q", "--no-summary"), ()])
def test_a_report_without_a_target_is_said_not_to_be_written(
    pytester: pytest.Pytester, gate: Gate, quiet: tuple[str, ...], workers: tuple[str, ...]
) -> None:
    pytester.makepyfile(PERF_TEST)
    result = gate("--parity-report=r.json", *quiet, *workers, child=True)
    assert result.ret == pytest.ExitCode.OK
    mend = "mend: add --parity-target=NAME, or name one in a marker"
    line = f"parity report: r.json: NOT WRITTEN: there was no target, nothing was judged; {mend}"
    assert result.outlines.count(line) + result.errlines.count(line) == 1
    assert not pytester.path.joinpath("r.json").exists()


def test_a_report_without_a_target_is_not_missed_where_nothing_runs(pytester: pytest.Pytester, gate: Gate) -> None:
    pytester.makepyfile(PERF_TEST)
    assert "NOT WRITTEN" not in gate("--parity-report=r.json", "--collect-only").stdout.str()
    assert gate("--parity-report=r.txt").ret == pytest.ExitCode.USAGE_ERROR


def test_no_target_anywhere_gates_nothing(pytester: pytest.Pytester, gate: Gate) -> None:
    pytester.makepyfile(PERF_TEST)
    result = gate("--parity-fingerprint=a.json")
    result.assert_outcomes(passed=1)


def test_a_marker_that_names_a_target_is_enough(pytester: pytest.Pytester, gate: Gate, engine_log: Log) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.parity(target="h100")
        def test_time():
            pass

        @pytest.mark.perf
        def test_other():
            pass
        """
    )
    result = gate()
    result.assert_outcomes(failed=1, passed=1)
    assert [entry["target"] for entry in engine_log() if entry.get("op") == "judge"] == ["h100"]
    gate("--parity-mode=off").assert_outcomes(passed=2)


@pytest.mark.parametrize("option", ["--markers", "--help", "--version", "--fixtures", "--collect-only"])
def test_listing_starts_no_engine(pytester: pytest.Pytester, gate: Gate, engine_log: Log, option: str) -> None:
    pytester.makepyfile(PERF_TEST)
    result = gate("--parity-target=h100", option)
    assert result.ret in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}
    assert engine_log() == []


def test_help_names_every_choice_and_variable(pytester: pytest.Pytester, gate: Gate) -> None:
    told = " ".join(gate("--help").stdout.str().split())
    for name in ("TARGET", "MODE", "REQUIRE", "FINGERPRINT", "CONFIG", "CONDITIONS", "REQUIRE_MEASURED=1"):
        assert f"(PARITY_{name})" in told, name
    options = told[told.index("--parity-target") :]
    for choice in (*MODES, *LEVELS, *CONDITIONS):
        assert choice in options, choice
    [marker] = [line for line in gate("--markers").outlines if line.startswith("@pytest.mark.parity(")]
    for setting in MarkSettings._fields:
        assert f"{setting}=" in marker, setting


def test_markers_are_registered_once(pytester: pytest.Pytester, gate: Gate) -> None:
    pytester.makepyfile(PERF_TEST)
    pytester.makeini("[pytest]\nmarkers = perf: our own words")
    lines = gate("--markers").outlines
    assert sum(line.startswith("@pytest.mark.perf:") for line in lines) == 1
    assert sum(line.startswith("@pytest.mark.parity(") for line in lines) == 1
    gate("--strict-markers", "-W", "error").assert_outcomes(passed=1)


def test_a_path_may_begin_at_the_home_folder(
    pytester: pytest.Pytester, gate: Gate, engine_log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No shell replaces the tilde in the middle of a word; a folder of that name is the last thing anybody wants."""
    monkeypatch.setenv("HOME", str(pytester.path / "home"))
    pytester.makepyfile("def test_function():\n    pass\n")
    options = ("--parity-report=~/run.json", "--parity-fingerprint=~/here.json", "--parity-config=~/parity.yaml")
    gate("--parity-target=here", *options)
    judged = next(one for one in engine_log() if one.get("op") == "judge")
    asked = {judged["fingerprint"], judged["config"]}
    told = next(one for one in engine_log() if one.get("op") == "report")
    home = pytester.path / "home"
    assert asked == {str(home / "here.json"), str(home / "parity.yaml")}
    assert told["paths"] == [str(home / "run.json")]
