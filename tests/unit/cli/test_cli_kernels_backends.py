"""``parity kernels --backends``: exit status, JSON after its schema, and folders as they are given."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest
from sources import written

from parity.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Sequence

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"
SCHEMAS = Path(__file__).parents[3] / "parity" / "schemas"
PACKAGE = {
    "flashinfer/__init__.py": "",
    "flashinfer/utils.py": """
        def determine_attention_backend(device):
            return "fa3" if get_compute_capability(device)[0] == 9 else "fa2"
    """,
    "flashinfer_python-0.7.2.dist-info/METADATA": "Metadata-Version: 2.1\nName: flashinfer-python\nVersion: 0.7.2\n",
}


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    status = main(["kernels", "--backends", *words])
    out, err = capsys.readouterr()
    return status, out, err


HERE = ("--fingerprint", str(EXAMPLES / "workstation-rtx-4090.json"))


@pytest.mark.parametrize(("target", "status"), [("h100", 1), ("rtx-4090", 0), ("sm_90", 1)])
def test_a_choice_that_differs_is_status_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], target: str, status: int
) -> None:
    written(tmp_path, PACKAGE)
    got, out, _ = run(capsys, "--target", target, *HERE, "--format", "json", str(tmp_path))
    report = json.loads(out)
    jsonschema.validate(report, json.loads((SCHEMAS / "backends-1.json").read_text()))
    assert (got, report["exit_status"]) == (status, status)
    assert [(row["package"], row["version"], row["topic"]) for row in report["rows"]] == [
        ("flashinfer-python", "0.7.2", "attention")
    ]


def test_the_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(tmp_path, PACKAGE)
    status, out, _ = run(capsys, "--target", "h100", *HERE, str(tmp_path))
    assert status == 1
    assert "flashinfer-python 0.7.2\n  choice     target  here\n  attention  fa3     fa2   differs\n" in out


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        ((), 2, "nothing to ask about"),
        (("--target", "h100", "flashinfer-python"), 2, "flashinfer-python is no folder"),
        (("--target", "h100", "EMPTY"), 3, "no package whose choices are understood"),
    ],
)
def test_misuse_and_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: Sequence[str], status: int, told: str
) -> None:
    got, _, err = run(capsys, *[str(tmp_path) if word == "EMPTY" else word for word in words])
    assert got == status
    assert told in err
