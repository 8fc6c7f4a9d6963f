"""`parity kernels --pid`: what a running process has loaded, judged like installed files; never a pass on nothing."""

from __future__ import annotations

import json
import mmap
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import binary_writer as write
import jsonschema
import pytest

from parity.cli import generate

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="no /proc here")

KERNELS = write.elf({".nv_fatbin": write.fatbin(write.sass(80), write.sass(90))})
CUDART = b"\x7fELF" + bytes(200)


def hold(path: Path, raw: bytes) -> mmap.mmap:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw)
    with path.open("rb") as stream:
        return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)


@pytest.fixture
def loaded(folder: Path) -> Iterator[Path]:
    """Let this process map a library of a package, and a libcudart from elsewhere."""
    site = folder / "venv" / "site-packages"
    info = site / "fast-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fast\nVersion: 1.0\n", encoding="utf-8")
    (info / "RECORD").write_text("fast/_C.so,,\nfast/libcudart.so.12\n", encoding="utf-8")
    kept = [hold(site / "fast" / "_C.so", KERNELS), hold(folder / "other" / "libcudart.so.12", CUDART)]
    (site / "fast" / "libcudart.so.12").write_bytes(CUDART)
    yield site.resolve()
    for one in kept:
        one.close()


def test_what_is_loaded_is_judged_and_attributed(loaded: Path, run: Any) -> None:
    answer = run("kernels", "--pid", str(os.getpid()), "--target", "h100", "--format", "json")
    told = json.loads(answer.out)
    jsonschema.Draft202012Validator(generate.schema("kernels-1")).validate(told)
    own = [library for library in told["libraries"] if library["path"] == str(loaded / "fast" / "_C.so")]
    assert [(library["package"], library["verdict"]["target"]) for library in own] == [("fast", "native-exact")]
    assert told["process"]["pid"] == os.getpid()
    assert [(finding["rule"], finding["subject"]) for finding in told["process"]["findings"]] == [
        ("loaded-library-not-packaged", "libcudart")
    ]


def test_the_text_names_the_process_and_what_it_took_from_elsewhere(loaded: Path, run: Any) -> None:
    answer = run("kernels", "--pid", str(os.getpid()), "--target", "h100")
    assert f"process {os.getpid()} (" in answer.out
    assert "warning[loaded-library-not-packaged] libcudart: " in answer.out
    assert "mend: Fix LD_LIBRARY_PATH or LD_PRELOAD, or remove the other copy." in answer.out


def test_a_library_that_was_deleted_is_never_left_out(loaded: Path, run: Any) -> None:
    (loaded / "fast" / "_C.so").unlink()
    answer = run("kernels", "--pid", str(os.getpid()), "--target", "h100", "--format", "json")
    told = json.loads(answer.out)
    assert str(loaded / "fast" / "_C.so") in told["process"]["gone"]
    (library,) = [one for one in told["libraries"] if one["path"] == str(loaded / "fast" / "_C.so")]
    read = not any("needs root" in problem for problem in library["problems"])
    assert library["verdict"]["target"] == ("native-exact" if read else "unknown")


def test_no_process_is_nothing_judged(run: Any) -> None:
    answer = run("kernels", "--pid", "-5")
    assert (answer.status, answer.err.splitlines()[0]) == (3, "parity: process -5: no such process")


@pytest.mark.parametrize("more", [["lib.so"], ["--tuned"]])
def test_a_process_is_asked_for_by_itself(more: list[str], run: Any) -> None:
    answer = run("kernels", "--pid", "1", *more)
    assert answer.status == 2
    assert "--pid: a process is asked for by itself" in answer.err
