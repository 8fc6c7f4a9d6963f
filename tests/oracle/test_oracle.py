"""Real packages, read by parity and by somebody else's tool: the same code objects, file by file.

Downloads under 60 MB, so it runs when asked for (`pytest -m network`), as CI does; without the package index, apt or
LLVM's tools it skips and says which. The full set: `python tests/oracle/run.py full`.
"""

from __future__ import annotations

import platform
import sys
from typing import TYPE_CHECKING

import pytest

from tests.oracle import compare_cuobjdump, compare_llvm, fetch

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.network,
    pytest.mark.skipif(
        (sys.platform, platform.machine()) != ("linux", "x86_64"), reason="the other tools run on x86-64 Linux"
    ),
]
SET = fetch.wanted("small")


def had(getter: object, name: str, folder: Path) -> Path:
    assert callable(getter)
    try:
        path: Path = getter(name, folder, timeout_s=240)
    except fetch.UnavailableError as error:
        pytest.skip(f"{name}: {error}")
    return path


@pytest.fixture(scope="module")
def cuobjdump() -> str:
    try:
        return str(fetch.cuobjdump(SET.cuobjdump, fetch.CACHE / "wheels"))
    except fetch.UnavailableError as error:
        pytest.skip(f"cuobjdump: {error}")


@pytest.fixture(scope="module")
def tools() -> compare_llvm.Tools:
    found = compare_llvm.find_tools(None)
    if found is None:
        pytest.skip("clang-offload-bundler and llvm-readobj are not here (packages clang and llvm)")
    return found


@pytest.mark.parametrize("requirement", SET.pip)
def test_cuda_code_is_what_cuobjdump_lists(requirement: str, cuobjdump: str, tmp_path: Path) -> None:
    wheel = had(fetch.wheel, requirement, fetch.CACHE / "wheels")
    compared = [compare_cuobjdump.compare(cuobjdump, path) for path in compare_cuobjdump.files([str(wheel)], tmp_path)]
    told = [outcome for outcome in compared if outcome is not None and not outcome.error]
    assert told, "no library of it was compared"
    assert [(one.path, one.ours) for one in told] == [(one.path, one.theirs) for one in told]


def llvm_agrees(tools: compare_llvm.Tools, path: Path, scratch: Path) -> None:
    outcomes = list(compare_llvm.compare(tools, compare_llvm.files([str(path)], scratch), scratch))
    told = [outcome for outcome in outcomes if not outcome.error]
    if not told:
        pytest.skip(f"LLVM's tools read none of it: {outcomes[0].error if outcomes else 'it holds no device code'}")
    assert [(one.path, one.ours) for one in told] == [(one.path, one.theirs) for one in told]


def test_rocm_code_of_a_wheel_is_what_llvm_lists(tools: compare_llvm.Tools, tmp_path: Path) -> None:
    requirement = next(one for one in SET.pip if one.startswith("bitsandbytes"))
    llvm_agrees(tools, had(fetch.wheel, requirement, fetch.CACHE / "wheels"), tmp_path)


@pytest.mark.parametrize("package", SET.apt)
def test_rocm_code_of_a_package_is_what_llvm_lists(package: str, tools: compare_llvm.Tools, tmp_path: Path) -> None:
    llvm_agrees(tools, had(fetch.unpacked, package, fetch.CACHE / "debian"), tmp_path)
