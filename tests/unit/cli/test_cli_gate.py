"""The gate in this process: what an unforeseen end of a command becomes; the whole step is run in tests/action."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import composite
import pytest

from parity.cli import gate

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def step(folder: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Return a runner of the gate -> (status, outputs, log); keywords are inputs."""

    def run(**inputs: str) -> tuple[int, dict[str, str], str]:
        output = folder / "output"
        output.write_text("")
        given = {f"PARITY_INPUT_{name.upper()}": value for name, value in inputs.items()}
        status = gate.main({**given, "GITHUB_OUTPUT": str(output), "RUNNER_TEMP": str(folder)})
        return status, composite.parsed(output.read_text()), capsys.readouterr().out

    return run


@pytest.mark.parametrize("ended", [0, 1, 3, 139, -11, SystemExit(0), SystemExit("gone"), SystemExit(2)])
def test_a_command_that_ends_without_a_report_never_passes(
    ended: Any, step: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def command(words: list[str]) -> int:
        if isinstance(ended, SystemExit):
            raise ended
        return int(ended)

    monkeypatch.setattr(gate, "command", command)
    for fail_on in ("", "never"):
        status, outputs, log = step(fail_on=fail_on)
        assert status != 0
        assert (outputs["verdict"], outputs["level"], outputs["passed"]) == ("unknown", "unknown", "false")
        assert "::error title=parity%3A the gate could not run::parity doctor: exit status " in log


def test_a_report_that_is_not_whole_is_no_pass(
    step: Any, saved: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = gate.command

    def command(words: list[str]) -> int:
        whole(words)
        return 2

    monkeypatch.setattr(gate, "command", command)
    status, outputs, log = step(target="h100", fingerprint=saved("h100"), fail_on="never")
    assert (status, outputs["passed"], outputs["verdict"]) == (2, "false", "match")
    assert "::error title=parity%3A the gate could not run::" in log


@pytest.mark.parametrize(
    ("statuses", "status"),
    [((0, 0), 0), ((0, 1), 1), ((3, 0), 3), ((3, 1), 1), ((1, 2), 2), ((2, 3), 2), ((77, 0), 77)],
)
def test_the_gravest_status_is_the_steps(statuses: tuple[int, int], status: int) -> None:
    inputs = gate.Inputs(commands=("doctor", "lint"))
    ran = [gate.Ran(name=name, status=one, report={}) for name, one in zip(inputs.commands, statuses, strict=True)]
    assert gate._status(inputs, ran) == status


def test_a_folder_that_cannot_be_made_is_an_error(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert gate.main({"RUNNER_TEMP": str(folder / "gone")}) == 2
    assert "::error title=parity%3A the gate could not run::" in capsys.readouterr().out


def test_a_sarif_that_cannot_be_written_is_an_error_and_no_pass(step: Any, saved: Any, folder: Path) -> None:
    (folder / "file").write_text("")
    status, outputs, log = step(target="h100", fingerprint=saved("h100"), sarif="file/parity.sarif")
    assert (status, outputs["passed"]) == (2, "false")
    assert "file/parity.sarif: cannot be written" in log
