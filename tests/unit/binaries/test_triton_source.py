"""Configurations of Triton kernels in Python sources: what stands there is told, what is computed is not guessed."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity.binaries.triton_source import TritonConfig, source_kernels, triton_configs
from parity.errors import InputFileError

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = """\
import triton
@triton.autotune(configs=[
    triton.Config({"BLOCK_M": 128, "BLOCK_N": 256, "EVEN": True}, num_stages=3, num_warps=8),
    triton.Config({"BLOCK_M": 64}, 32, 2),
    triton.Config({"BLOCK_M": 64}, num_warps=4, num_ctas=2, maxnreg=128),
    triton.Config(kwargs, num_warps=None),
    *[triton.Config({"BLOCK_M": m}, num_warps=w) for m in (32, 64) for w in (4, 8)],
    other.Config({"BLOCK_M": 1}),
], key=["M"])
def kernel(): ...
"""


def test_what_stands_in_the_source_is_told() -> None:
    told, open_ = triton_configs(SOURCE)
    assert told == [
        TritonConfig(line=3, meta={"BLOCK_M": 128, "BLOCK_N": 256}, warps=8, stages=3),
        TritonConfig(line=4, meta={"BLOCK_M": 64}, warps=32, stages=2),
        TritonConfig(line=5, meta={"BLOCK_M": 64}, warps=4, ctas=2, registers=128),
        TritonConfig(line=6, meta={}, warps=4),
    ]
    assert open_ == 1


@pytest.mark.parametrize("text", ["triton.Config({}, **more)", "triton.Config({}, *more)", "triton.Config({}, -1)"])
def test_numbers_of_elsewhere_are_not_guessed(text: str) -> None:
    assert triton_configs(text) == ([], 1)


def test_needs_are_those_of_the_configurations(tmp_path: Path) -> None:
    path = tmp_path / "kernel.py"
    path.write_text(SOURCE)
    found = source_kernels(str(path))
    assert [(one.name, one.warps, one.cluster_blocks, one.registers) for one in found.kernels][1:3] == [
        ("line 4: BLOCK_M=64, num_warps=32, num_stages=2", 32, 0, None),
        ("line 5: BLOCK_M=64, num_warps=4, num_ctas=2", 4, 2, None),
    ]
    assert found.problems == (
        "1 configurations, or uses of their class, have numbers that only running the file would tell",
    )


@pytest.mark.parametrize(
    "text",
    [
        "import triton\nc = triton.Config(kwargs={'B': 256}, num_warps=64)",
        "from triton import Config\nc = Config({'B': 256}, num_warps=64)",
        "from triton import Config as C\nc = C({'B': 256}, 64)",
        "from triton import *\nc = Config({'B': 256}, 64)",
        "import triton as tr\nc = tr.Config({'B': 256}, 64)",
        "import triton.runtime.autotuner as at\nc = at.Config({'B': 256}, 64)",
        "from triton.runtime import autotuner\nc = autotuner.Config({'B': 256}, 64)",
        "from triton.runtime.autotuner import Config\nc = Config({'B': 256}, 64)",
        "import triton\nc = triton.runtime.Config({'B': 256}, 64)",
        "import triton\nMake = triton.Config\nc = Make({'B': 256}, 64)",
        "from kernels.tuning import Config\nc = Config({'B': 256}, num_warps=64)",
        "from . import tuning\nc = tuning.Config({'B': 256}, num_warps=64)",
    ],
)
def test_a_configuration_is_one_by_whatever_name(text: str) -> None:
    ([told], open_) = triton_configs(text)
    assert (told.meta, told.warps, open_) == ({"B": 256}, 64, 0)


@pytest.mark.parametrize(
    ("text", "open_"),
    [
        ("import triton\nc = list(map(triton.Config, grid))", 1),
        ("from functools import partial\nfrom triton import Config\nc = partial(Config, num_warps=8)", 1),
        ("import triton\ndef f(c: triton.Config) -> list[triton.Config]: ...", 0),
        ("import triton\nok = isinstance(c, triton.Config)", 0),
        ("import triton\nclass Mine(triton.Config): ...", 0),
        ("from triton import Config\nx: Config = None", 0),
        ("class Config: ...\nc = Config({'a': 1})", 0),
    ],
)
def test_the_class_used_otherwise_is_counted_where_it_makes_something(text: str, open_: int) -> None:
    assert triton_configs(text) == ([], open_)


@pytest.mark.parametrize(
    ("text", "what"), [("def (", "no Python"), ("x = 1", "no triton.Config"), ("(" * 3000, "no Python")]
)
def test_other_files_are_refused(tmp_path: Path, text: str, what: str) -> None:
    path = tmp_path / "kernel.py"
    path.write_text(text)
    with pytest.raises(InputFileError, match=what):
        source_kernels(str(path))


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(SyntaxError):
        assert triton_configs(f"triton.Config({text})")[1] >= 0
