"""``--format html``: a page on standard output or in a file, the same exit status, and nothing else changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import binary_writer as write
import models
import pytest
from html_page import checked

QUESTIONS: dict[str, tuple[list[str], int, str]] = {
    "doctor": (
        ["doctor", "--target", "h100", "--fingerprint", "SAVED"],
        1,
        "NVIDIA GeForce RTX 4090 is not h100-sxm5-80gb",
    ),
    "model": (["model", "config.json", "--target", "2xh100", "--here", "rtx-4090"], 0, "llama on 2x h100-sxm5-80gb"),
    "compare": (["compare", "h100", "mi300x"], 0, "mi300x against h100"),
    "lint": (["lint", "build.sh", "--target", "h100"], 1, "1 error in 1 file"),
    "kernels": (["kernels", "x.so", "--target", "sm_90"], 1, "1 without code for sm_90"),
}


@pytest.fixture
def asked(folder: Path, saved: Any) -> Any:
    (folder / "config.json").write_text(json.dumps(models.config("llama-3.1-8b")))
    (folder / "build.sh").write_text('export TORCH_CUDA_ARCH_LIST="80"\n')
    (folder / "x.so").write_bytes(write.elf({".nv_fatbin": write.fatbin(write.sass(80))}))
    here = saved("rtx-4090")
    return lambda words: [here if word == "SAVED" else word for word in words]


@pytest.mark.parametrize("command", QUESTIONS)
def test_a_page_on_standard_output(command: str, run: Any, asked: Any) -> None:
    words, status, headline = QUESTIONS[command]
    answer = run(*asked(words), "--format", "html")
    assert (answer.status, answer.err) == (status, "")
    assert run(*asked(words)).status == status
    page = checked(answer.out)
    assert headline in page.texts["h1"][0]
    assert page.texts["title"][0].endswith(f"parity {command}")


def test_a_page_in_a_file_beside_the_terminals_report(run: Any, asked: Any) -> None:
    words = asked(QUESTIONS["doctor"][0])
    answer = run(*words, "--format", "html", "-o", "page.html", "--format", "text")
    assert answer.out == run(*words).out
    checked(Path("page.html").read_text(encoding="utf-8"))


def test_the_page_of_a_machine_that_is_the_target_has_its_facts(run: Any, saved: Any) -> None:
    answer = run("doctor", "--target", "h100", "--fingerprint", saved("h100"), "--format", "html")
    page = checked(answer.out)
    [caption] = [name for name in page.tables if "the mark is the target" in name]
    facts = {row[0]: row[1:4] for row in page.tables[caption][1:]}
    assert facts["memory bandwidth"] == ["3352 GB/s", "3352 GB/s", "1.00x"]
    assert facts["dense BF16"] == ["989 TFLOPS", "989 TFLOPS", "1.00x"]


def test_tuned_tables_have_no_page(run: Any) -> None:
    answer = run("kernels", "--tuned", "--format", "html")
    assert answer.status == 2
    assert "there is no page of tuned tables" in answer.err
    assert "mend: use text or json" in answer.err
