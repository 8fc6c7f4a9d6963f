"""`parity kernels --resources`: needs of kernels, judged for a target and for here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from parity.cli import generate

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "resources"
CUBIN = str(FIXTURES / "needs_90a.cubin")


def test_text_says_what_fits_and_what_binds(run: Any) -> None:
    answer = run("kernels", "--resources", CUBIN, "--target", "h100", "--here", "rtx-4090", "--dynamic-shared", "0")
    assert answer.status == 0
    assert "sm_90a, 8 registers, no shared, exactly 128 threads, clusters of 4" in answer.out
    assert "target sm_90: fits; 16 blocks of 128, occupancy 1.00, bound by threads" in answer.out
    assert "here   sm_89: DOES NOT FIT, and this code does not run there" in answer.out
    assert "clusters of 4 blocks, sm_89 has no clusters" in answer.out
    assert answer.out.endswith("3 of 3 are code for sm_90: 0 cannot be launched, 0 not known\n")


def test_json_holds_every_kernel(run: Any) -> None:
    answer = run("kernels", "--resources", CUBIN, "--target", "sm_90", "--format", "json", "--dynamic-shared", "1000")
    report = json.loads(answer.out)
    jsonschema.validate(report, generate.schema("resources-1"))
    assert {kernel["needs"]["name"] for kernel in report["kernels"]} == {"plain", "bounded", "exact"}
    assert report["dynamic_shared_memory_bytes"] == 1000


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["--target", "b200"], 1),
        (["--target", "h100", "--dynamic-shared", "232449"], 1),
        (["--target", "h100", "--threads", "1024"], 1),  # bounded was compiled for 512
        ([], 0),
        (["--target", "h100"], 3),  # what a launch adds is not in the file
        (["--target", "h100", "--dynamic-shared", "0"], 0),
    ],
)
def test_the_exit_status(words: list[str], status: int, run: Any) -> None:
    assert run("kernels", "--resources", CUBIN, *words).status == status


def test_tritons_metadata_tell_the_launch(folder: Path, run: Any) -> None:
    (folder / "k.cubin").write_bytes(Path(CUBIN).read_bytes())
    (folder / "k.json").write_text(json.dumps({"num_warps": 16, "shared": 65536, "target": {"warp_size": 32}}))
    answer = run("kernels", "--resources", "k.cubin", "--target", "h100")
    assert answer.status == 0
    assert (
        "assumed: 512 threads a block where the kernel does not say, 65536 bytes of dynamic shared memory" in answer.out
    )


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ([], "one file is needed"),
        (["a", "b"], "one file is needed"),
        ([CUBIN, "--threads", "0"], "'0' is no whole number within 1 .. 1024"),
        ([CUBIN, "--threads", "x"], "'x' is no whole number"),
        ([CUBIN, "--dynamic-shared", "1" * 60], "is no whole number"),
        (["gone.cubin"], "cannot be read"),
        ([CUBIN, "--target", "sm_90a"], "sm_90a is code, not a device"),
        ([CUBIN, "--target", "h100", "--here", "sm_90a"], "sm_90a is code, not a device"),
    ],
)
def test_misuse_is_told(words: list[str], what: str, run: Any) -> None:
    answer = run("kernels", "--resources", *words)
    assert answer.status == 2
    assert what in answer.err


@pytest.mark.parametrize(
    ("target", "status", "told"), [("mi300x", 1, "2048 threads"), ("h100", 3, "not known"), ("a100", 3, "")]
)
def test_configurations_of_a_source_are_judged_by_their_warps(
    folder: Path, target: str, status: int, told: str, run: Any
) -> None:
    (folder / "k.py").write_text(
        "c = [triton.Config({'M': 64}, num_warps=32), triton.Config({'M': 64}, num_warps=4)]\n"
    )
    answer = run("kernels", "--resources", "k.py", "--target", target)
    assert answer.status == status
    assert told in answer.out
    assert "not compiled: 32 warps" in answer.out


def test_clusters_of_a_source_need_hopper(folder: Path, run: Any) -> None:
    (folder / "k.py").write_text("c = [triton.Config({'M': 64}, num_warps=4, num_ctas=2)]\n")
    assert run("kernels", "--resources", "k.py", "--target", "a100").status == 1
    assert run("kernels", "--resources", "k.py", "--target", "h100").status == 3


def test_there_is_no_page_and_none_is_pretended(folder: Path, run: Any) -> None:
    answer = run("kernels", "--resources", CUBIN, "--format", "html", "-o", "r.html")
    assert answer.status == 2
    assert "there is no page of what kernels need" in answer.err
    assert not (folder / "r.html").exists()
