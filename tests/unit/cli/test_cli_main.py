"""The command line as a whole: which command, which status, and how errors and vanishing readers are met."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import parity
from parity.cli import main as program_module
from parity.cli.main import COMMANDS, STATUS, STATUSES, main
from parity.errors import NothingToJudgeError


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])
    told = capsys.readouterr().out
    assert stopped.value.code == 0
    assert [line.split()[0] for line in told.splitlines() if line.startswith("    ") and line[4] != " "] == [
        name for name in COMMANDS if " " not in name
    ]
    assert "3 nothing could be judged" in told


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_its_own_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([*command.split(), "--help"])
    told = capsys.readouterr().out
    assert stopped.value.code == 0
    assert told.startswith(f"usage: parity {command} ")
    assert f"exit status: {STATUSES.get(command, STATUS)}." in " ".join(told.split())


@pytest.mark.parametrize("columns", [60, 80])
@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_the_exit_status_fits_the_width(
    command: str, columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    with pytest.raises(SystemExit):
        main([*command.split(), "--help"])
    _, _, told = capsys.readouterr().out.partition("exit status: ")
    assert max(map(len, told.splitlines())) <= columns


def test_only_commands_have_an_exit_status() -> None:
    assert set(STATUSES) < set(COMMANDS)


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_the_whole_help_fits_80_columns_and_breaks_no_name_at_its_hyphen(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        main([*command.split(), "--help"])
    for line in capsys.readouterr().out.splitlines():
        assert len(line) <= 80, line
        assert not line.endswith("-"), line


def test_without_a_command_help_is_shown_and_nothing_passes(run: Any) -> None:
    answer = run()
    assert answer.status == 2
    assert answer.out.startswith("usage: parity ")


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--version"])
    assert (stopped.value.code, capsys.readouterr().out) == (0, f"parity {parity.__version__}\n")


@pytest.mark.parametrize("words", [["docter"], ["doctor", "--targte", "h100"], ["--nope"], ["doctor", "extra"],
                                   ["doctor", "--format", "pdf"], ["doctor", "--require", "same"], ["doctor", "--targ", "h100"]])  # fmt: skip
def test_misuse_is_status_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(words)
    told = capsys.readouterr()
    assert (stopped.value.code, told.out) == (2, "")
    assert told.err.startswith("usage: parity")


def test_an_unknown_command_is_told_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["docter"])
    told = capsys.readouterr().err
    assert "invalid choice: 'docter'" in told
    assert all(command in told for command in COMMANDS if " " not in command)
    assert told.endswith("\n  close: doctor\n")


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["doctor", "h100"], "parity doctor: error: unrecognized arguments: h100\n  mend: write `--target h100`\n"),
        (["doctor", "--targte=h100"], "arguments: --targte=h100\n  close: --target\n"),
        (["rule", "a", "b"], "parity rule: error: unrecognized arguments: b\n"),
    ],
)
def test_a_refusal_offers_what_was_probably_meant(
    words: list[str], hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(words)
    assert capsys.readouterr().err.endswith(hint)


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail(_: list[str]) -> int:
        raise error

    monkeypatch.setattr(program_module, "_run", fail)


def test_an_error_of_ours_has_its_own_status(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, NothingToJudgeError("no device", mend="buy one"))
    assert run() == (3, "", "parity: no device\n  mend: buy one\n")


def test_a_defect_is_told_in_two_lines(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, KeyError("x"))
    assert run() == (
        2, "", "parity: internal error: KeyError: 'x'\n  mend: run again with PARITY_DEBUG=1 and report the traceback\n"
    )  # fmt: skip


def test_a_defect_shows_its_traceback_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, KeyError("x"))
    monkeypatch.setenv("PARITY_DEBUG", "1")
    with pytest.raises(KeyError):
        main([])


def test_an_interrupt_is_no_pass(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, KeyboardInterrupt())
    assert run() == (2, "", "parity: interrupted\n")


def test_words_default_to_the_process_own(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["parity", "rule", "ecc-differs"])
    assert main() == 0


def test_a_reader_that_goes_away_is_no_error(program: Any) -> None:
    answer = program("targets", "--format", "json", shell='"$@" | head -1; exit ${PIPESTATUS[0]}')
    assert answer == (0, "{\n", "")


def test_a_reader_that_goes_away_does_not_turn_a_mismatch_into_a_pass(program: Any, saved: Any) -> None:
    words = ("doctor", "--target", "h100", "--fingerprint", saved("l4"), "--format", "json")
    answer = program(*words, shell='"$@" | true; exit ${PIPESTATUS[0]}')
    assert (answer.status, answer.err) == (1, "")


@pytest.mark.parametrize(("part", "status"), [("h100", 0), ("l4", 1)])
def test_a_closed_standard_output_changes_no_status(part: str, status: int, program: Any, saved: Any) -> None:
    answer = program("doctor", "--target", "h100", "--fingerprint", saved(part), shell='"$@" >&-')
    assert answer == (status, "", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_disk_is_told(program: Any, saved: Any) -> None:
    answer = program("doctor", "--target", "h100", "--fingerprint", saved("h100"), shell='"$@" > /dev/full')
    assert answer == (
        2, "", "parity: standard output: cannot be written: No space left on device\n  mend: check where it goes\n"
    )  # fmt: skip


@pytest.mark.parametrize(("words", "status"), [(["--version"], 0), (["rule", "no-such-rule"], 2)])
def test_the_module_is_the_program(words: list[str], status: int) -> None:
    """``python -m parity`` serves where the script is not on the path."""
    done = subprocess.run([sys.executable, "-m", "parity", *words], capture_output=True, text=True, check=False)
    assert done.returncode == status
    assert "parity" in done.stdout + done.stderr
