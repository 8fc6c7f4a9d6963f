"""``parity diff``: what a side may be, the table, and the exit status."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path

import machines
import msgspec
import pytest

from parity.cli.main import main
from parity.model.fingerprint import Fingerprint, Note

EXAMPLES = Path(__file__).resolve().parent.parent.parent.parent / "docs" / "examples"
RTX_4090 = str(EXAMPLES / "workstation-rtx-4090.json")
PRODUCTION = str(EXAMPLES / "production-8xh100.json")


def saved(folder: Path, name: str, fingerprint: Fingerprint) -> str:
    path = folder / name
    path.write_bytes(msgspec.json.encode(fingerprint))
    return str(path)


def test_catalog_names_are_compared(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "h100", "h200"]) == 0
    told = capsys.readouterr().out
    assert re.search(r"^  GPU 0  memory_bytes +79.6 GiB +140.4 GiB  1.76x$", told, re.MULTILINE)
    rows = re.findall(r"^  GPU 0 .*$", told, re.MULTILINE)
    assert f"{len(rows)} values differ" in told


def test_both_sides_are_named_once_in_full(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    long = saved(tmp_path, "production-" * 9 + "8xh100.json", machines.machine("h100-sxm5-80gb"))
    main(["diff", RTX_4090, long])
    told = capsys.readouterr().out
    assert told.startswith(f"A  workstation-rtx-4090.json\nB  {Path(long).name}\n\nhardware ")
    assert max(map(len, told.splitlines()[2:])) <= 80


@pytest.mark.parametrize("words", [["h100", "h200"], [RTX_4090, PRODUCTION], ["rtx-4090", "mi300x", "-v"]])
def test_the_table_fits_is_aligned_and_ends_where_its_text_ends(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    main(["diff", *words])
    text = capsys.readouterr().out
    assert not text.startswith("\n")
    assert "\n\n\n" not in text
    for line in text.splitlines():
        assert line == line.rstrip()
        assert len(line) <= 80, line
    for block in text.split("\n\n")[1:-1]:
        rows = [line for line in block.splitlines()[1:] if not re.search(r"  [AB] \S", line)]
        ends = {len(re.sub(r"  \d+\.\d\dx$", "", row)) for row in rows}
        assert len(ends) == 1, block


def test_check_does_not_pass_what_one_side_could_not_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = json.loads(Path(PRODUCTION).read_text(encoding="utf-8"))
    for device in told["devices"]:
        device["identity"]["sm_count"] = {"type": "absent", "why": "lost", "source": "nvml"}
    lost = tmp_path / "lost.json"
    lost.write_text(json.dumps(told), encoding="utf-8")
    assert main(["diff", PRODUCTION, str(lost)]) == 0
    assert main(["diff", PRODUCTION, str(lost), "--check"]) == 3
    for device in told["devices"]:
        device["identity"]["sm_count"]["why"] = "not_supported"
    lost.write_text(json.dumps(told), encoding="utf-8")
    assert main(["diff", PRODUCTION, str(lost), "--check"]) == 0, "nothing that the machine has"
    capsys.readouterr()


def test_one_side_only_is_counted_and_told_when_verbose(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    less = machines.changed(machines.machine("h100-sxm5-80gb"), {"identity.l2_bytes": None})
    other = saved(tmp_path, "less.json", less)
    main(["diff", "h100", other])
    told = capsys.readouterr().out
    assert "nothing differs that both sides tell\n1 value is told by one side only (-v)\n" in told
    assert "l2_bytes" not in told
    main(["diff", "h100", other, "-v"])
    assert "\n  GPU 0  l2_bytes: 50 MiB, told by A\n" in capsys.readouterr().out


def test_equal_machines(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", PRODUCTION, PRODUCTION, "--check"]) == 0
    assert capsys.readouterr().out == "nothing differs that both sides tell\n"


@pytest.mark.parametrize(
    ("a", "b", "status"),
    [
        ("h100", "h100-sxm5-80gb", 0),
        ("h100", "h200", 1),
        (RTX_4090, RTX_4090, 0),
        (RTX_4090, PRODUCTION, 1),
    ],
)
def test_check_exits_1_on_drift(a: str, b: str, status: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", a, b, "--check"]) == status
    assert main(["diff", a, b]) == 0
    assert capsys.readouterr().err == ""


def test_a_side_without_a_device_is_told_and_no_pass(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = saved(tmp_path, "empty.json", Fingerprint(notes=(Note(source="nvml", text="no driver"),)))
    for words in (["h100", empty], ["h100", empty, "--check"], [empty, empty, "--check"]):
        assert main(["diff", *words]) == 3
        told = capsys.readouterr()
        assert told.out.endswith("told by one side only (-v)\n") or words[0] == empty
        assert told.err.count(f"parity: {empty}: no visible GPU: no driver\n  mend: take it with") == words.count(empty)


def test_check_passes_when_only_state_differs(tmp_path: Path) -> None:
    whole = machines.machine("l40s")
    a = saved(tmp_path, "a.json", machines.changed(whole, {"conditions.power_limit_w": 325.0}))
    b = saved(tmp_path, "b.json", machines.changed(whole, {"conditions.power_limit_w": 350.0}))
    assert main(["diff", a, b, "--check"]) == 0


def test_a_fingerprint_may_come_from_standard_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(Path(RTX_4090).read_bytes())))
    assert main(["diff", "-", RTX_4090, "--check"]) == 0
    assert "nothing differs" in capsys.readouterr().out


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", RTX_4090, PRODUCTION, "--format", "json", "--check"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert next(iter(told)) == "schema"
    assert (told["schema"], told["a"], told["b"], told["drifted"]) == ("parity.diff/1", RTX_4090, PRODUCTION, True)
    assert {"section": "identity", "subject": "GPU 0", "name": "sm_count", "kind": "changed", "a": "128", "b": "132",
            "ratio": 1.0312, "why": ""} in told["differences"]  # fmt: skip


def test_a_name_that_means_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "h100", "h1000"]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("parity: 'h1000' is neither a file nor a catalog name\n  close: h100")
    assert "mend: check the path or the name" in told.err
