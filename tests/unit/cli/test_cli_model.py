"""``parity model``: what CONFIG may be, the options, both formats, and the exit status."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema
import models
import pytest

from parity.cli import generate
from parity.workload.safetensors_headers import INDEX

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def written(folder: Path) -> Any:
    def write(name: str, file: str = "config.json", **changes: Any) -> str:
        (folder / file).write_text(json.dumps(models.config(name, **changes)))
        return file

    return write


def test_the_question_of_the_help(run: Any, written: Any) -> None:
    answer = run("model", written("llama-3.1-8b"), "--target", "2xh100", "--here", "rtx-4090")
    assert answer.status == 0
    assert answer.out.startswith("FITS  2x h100-sxm5-80gb: ")
    assert "  weights                  7.48 GiB                15 GiB" in answer.out
    assert "how each number came about" not in answer.out
    assert answer.err == ""


@pytest.mark.parametrize(
    ("name", "words", "status"),
    [
        ("llama-3.1-8b", ["--target", "h100"], 0),
        ("llama-3.1-70b", ["--target", "h100"], 1),
        ("llama-3.1-70b", ["--target", "h100", "--dtype", "fp4"], 0),
        ("llama-3.1-70b", ["--target", "b200", "--dtype", "fp4"], 0),
        ("llama-3.1-70b", ["--target", "8xh100", "--tp", "8", "--context", "128k", "--batch", "4"], 0),
        ("llama-3.1-70b", ["--target", "8xh100", "--tp", "4"], 2),
        ("mixtral-8x7b", ["--target", "8xh100", "--dp", "8", "--ep", "8"], 0),
    ],
)
def test_exit_status(run: Any, written: Any, name: str, words: list[str], status: int) -> None:
    assert run("model", written(name), *words).status == status


def test_a_model_type_that_is_not_known_is_judged_when_likened(run: Any, written: Any) -> None:
    file = written("llama-3.1-8b", model_type="never-seen")
    assert run("model", file, "--target", "h100").status == 3
    assert run("model", file, "--target", "h100", "--like", "llama").status == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--context", "0"], "--context: '0' is no whole number within 1 .. 1073741824"),
        (["--context", "1.5"], "--context: '1.5' is no whole number"),
        (["--batch", "nan"], "--batch: 'nan' is no whole number"),
        (["--batch", "1e999"], "--batch: '1e999' is no whole number"),
        (["--tp", "-2"], "--tp: '-2' is no whole number within 1 .. 1024"),
        (["--dtype", "bf61"], "--dtype: no number format 'bf61'\n  close: bf16"),
        (["--kv-dtype", "tf32"], "--kv-dtype: no number format 'tf32'"),
        (["--like", "lama"], "--like: no family 'lama'\n  close: llama"),
        (["--here", "h10"], "--here: no catalog entry named 'h10'"),
        (["--pp", "33"], "--pp: 33 stages for 32 layers"),
    ],
)
def test_misuse_says_where_and_the_mend(run: Any, written: Any, words: list[str], told: str) -> None:
    answer = run("model", written("llama-3.1-8b"), "--target", "h100", *words)
    if words[0] == "--pp":
        answer = run("model", "config.json", "--target", "33xh100", *words)
    assert answer.status == 2
    assert f"parity: {told}" in answer.err
    assert "  mend: " in answer.err
    assert answer.out == ""


def test_a_folder_is_read_with_its_files(run: Any, written: Any, folder: Path) -> None:
    written("llama-3.1-8b")
    index = {"metadata": {"total_size": 17_000_000_000}, "weight_map": {"a": "model-1.safetensors"}}
    (folder / INDEX).write_text(json.dumps(index))
    for name in (".", INDEX):
        report = json.loads(run("model", name, "--target", "h100", "--format", "json").out)
        assert report["footprint"]["weights_bytes"] == 17_000_000_000
        assert report["footprint"]["weights_source"] == "safetensors"
    alone = json.loads(run("model", "config.json", "--target", "h100", "--format", "json").out)
    assert alone["footprint"]["weights_bytes"] == 16_060_522_496


def test_what_is_not_there_is_said(run: Any, folder: Path) -> None:
    (folder / "empty").mkdir()
    (folder / "lone.index.json").write_text("{}")
    for name, told in (("gone.json", "no such file"), ("empty", "no such file"), ("lone.index.json", "no config.json")):
        answer = run("model", name, "--target", "h100")
        assert (answer.status, told in answer.err) == (2, True)


def test_json_is_as_its_schema_says(run: Any, written: Any) -> None:
    validator = jsonschema.Draft202012Validator(generate.schema("model-1"))
    for name, target in (("deepseek-v3", "8xh200"), ("jamba-v0.1", "mi300x"), ("gpt2", "t4")):
        report = json.loads(run("model", written(name), "--target", target, "--format", "json").out)
        assert report["schema"] == "parity.model/1"
        assert {"weights_bytes", "kv_bytes_per_token", "fits"} <= set(report["footprint"])
        assert list(validator.iter_errors(report)) == []


def test_both_formats_go_to_their_files(run: Any, written: Any, folder: Path) -> None:
    words = ["--format", "text", "--format", "json", "-o", "a.txt", "-o", "b.json"]
    assert run("model", written("llama-3.1-8b"), "--target", "h100", *words).out == ""
    assert (folder / "a.txt").read_text().startswith("FITS")
    assert json.loads((folder / "b.json").read_text())["exit_status"] == 0


def test_the_installed_program_imports_no_vendor_library_and_no_rich(program: Any, written: Any) -> None:
    file = written("llama-3.1-8b")
    answer = program("model", file, "--target", "h100", PYTHONPROFILEIMPORTTIME="1")
    assert answer.status == 0
    assert not {"pynvml", "amdsmi", "rich", "yaml", "torch"} & {
        line.split("|")[-1].strip() for line in answer.err.splitlines()
    }
