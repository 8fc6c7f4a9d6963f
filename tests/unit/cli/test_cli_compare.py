"""``parity compare``: what its words may be, its formats, and its exit status."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import jsonschema
import machines
import msgspec
import pytest

from parity.cli import generate
from parity.session import as_json

if TYPE_CHECKING:
    from pathlib import Path


def test_two_parts(run: Any) -> None:
    answer = run("compare", "h100", "mi300x")
    assert (answer.status, answer.err) == (0, "")
    assert answer.out.startswith("each ratio is that column over h100\n  h100    NVIDIA H100 SXM5 80GB, sm_90")
    assert "bandwidth, GB/s 3352 5200-5325 1.55-1.59x" in " ".join(answer.out.split())


def test_json_follows_its_schema(run: Any) -> None:
    answer = run("compare", "h100", "b200", "a100-sxm4-40gb/1g.5gb", "--format", "json")
    told = json.loads(answer.out)
    assert told["schema"] == "parity.compare/1"
    assert [part["label"] for part in told["parts"]] == ["h100", "b200", "a100-sxm4-40gb/1g.5gb"]
    jsonschema.Draft202012Validator(generate.schema("compare-1")).validate(told)


def test_markdown_goes_to_a_file(run: Any, folder: Path) -> None:
    answer = run("compare", "h100", "b200", "--format", "markdown", "-o", "c.md", "--format", "text")
    assert answer.out.startswith("each ratio")
    assert (folder / "c.md").read_text().startswith("## parity compare: h100, b200\n")


def test_fingerprints_reports_and_targets_stand_side_by_side(run: Any, folder: Path) -> None:
    (folder / "prod.json").write_bytes(as_json(machines.machine("h100-sxm5-80gb")))
    (folder / "smi.txt").write_text("GPU 0: NVIDIA H100 80GB HBM3 (UUID: GPU-11111111-2222-3333-4444-555555555555)\n")
    (folder / "parity.yaml").write_text(
        "version: 1\ntargets:\n  prod: {device: h100-sxm5-80gb, count: 8}\n  b200: {device: prod.json}\n"
    )
    told = json.loads(run("compare", "prod", "prod.json", "smi.txt", "2xb300", "b200", "--format", "json").out)
    assert [(part["kind"], part["part"], part["count"]) for part in told["parts"]] == [
        ("target", "h100-sxm5-80gb", 8),
        ("fingerprint", "h100-sxm5-80gb", 1),
        ("fingerprint", "h100-sxm5-80gb", 1),
        ("catalog", "b300-sxm-270gb", 2),
        ("target", "h100-sxm5-80gb", 1),  # a name of the project file wins over the catalog's
    ]


def test_standard_input(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stream:
        buffer = __import__("io").BytesIO(as_json(machines.machine("mi300x")))

    monkeypatch.setattr(sys, "stdin", Stream())
    assert "-       AMD Instinct MI300X" in run("compare", "mi300x", "-").out


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (("h100",), 2, "1 device to compare, 2 to 32 are needed"),
        (("h100", "h1000"), 2, "no catalog entry named 'h1000'\n  close: h100"),
        (("h100", "nothing.json"), 2, "nothing.json"),
        (("h100", "empty.json"), 3, "empty.json: no visible device is in it"),
        (("h100", "noise.txt"), 2, "noise.txt"),
        (("h100", "a100-sxm4-40gb/9g.1tb"), 2, "has no partition '9g.1tb'"),
        (("h100", "x" * 5000), 2, "no catalog entry named 'xxx"),
        (("h100", "/"), 2, "'/' is no target"),
        (("h100", "b200", "--plot", "x.gif"), 2, "--plot x.gif: a picture is a .png or a .svg"),
    ],
)
def test_what_cannot_be_compared(run: Any, folder: Path, words: tuple[str, ...], status: int, told: str) -> None:
    empty = msgspec.structs.replace(machines.machine("h100-sxm5-80gb"), devices=())
    (folder / "empty.json").write_bytes(as_json(empty))
    (folder / "noise.txt").write_bytes(b"\x00\xff not a report")
    answer = run("compare", *words)
    assert answer.status == status
    assert told in answer.err
    assert answer.out == ""


def test_a_hostile_file_name_and_device_name_are_printed_safely(run: Any, folder: Path) -> None:
    machine = machines.changed(
        machines.machine("h100-sxm5-80gb"), {"identity.name": "NVIDIA H100\x1b[31m\x07 80GB HBM3"}
    )
    (folder / "evil\x1b[2J.json").write_bytes(as_json(machine))
    answer = run("compare", "h100", "evil\x1b[2J.json", "-v")
    assert answer.status == 0
    assert "\x1b" not in answer.out
    assert "\x07" not in answer.out
