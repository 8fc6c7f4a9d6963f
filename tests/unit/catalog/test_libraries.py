"""What a version of a kernel library does on an architecture, and that what the data do not name is unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from parity.catalog import libraries as ask
from parity.catalog import store

if TYPE_CHECKING:
    from parity.model.kernel_library import KernelLibrary

LIBRARIES = store.kernel_libraries()


def library(name: str) -> KernelLibrary:
    found = ask.library_named(LIBRARIES, name)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("name", "version", "arch", "cuda", "support"),
    [
        ("flash-attn", "2.7.2.post1", "sm_100", None, "unsupported"),
        ("flash-attn", "2.7.3", "sm_100", None, "supported"),
        ("flash-attn", "2.8.3.post1", "sm_75", None, "unsupported"),
        ("flash-attn", "2.8.3.post3", "sm_90", None, "unknown"),  # newer than the data
        ("flash-attn", "1.0.9", "sm_90", None, "unknown"),
        ("flash-attn", "2.8.3", "sm_999", None, "unknown"),
        ("flash-attn", "2.8.3", "gfx942", None, "unknown"),
        ("flash-attn", "nonsense", "sm_90", None, "unknown"),
        ("flash-attn-3", "3.0.0", "sm_120", None, "unsupported"),
        ("flash-attn-3", "3.0.0+cu128", "sm_80", None, "different-kernel"),
        ("bitsandbytes", "0.50.1", "sm_100", "12.6", "unsupported"),
        ("bitsandbytes", "0.50.1", "sm_100", "12.8", "supported"),
        ("bitsandbytes", "0.50.1", "sm_100", None, "supported"),
        ("xformers", "0.0.35", "sm_120", "12.8", "different-kernel"),
        ("xformers", "0.0.35", "sm_120", "13.0", "supported"),
        ("nccl", "2.21.5", "sm_100", None, "different-kernel"),
        ("aiter", "0.1.20", "gfx1201", None, "different-kernel"),
        ("aiter", "0.1.20", "gfx90a", None, "unknown"),
    ],
)
def test_a_library_on_an_architecture(name: str, version: str, arch: str, cuda: str | None, support: str) -> None:
    answer = ask.library_support(library(name), version, arch, cuda=cuda)
    assert answer.support == support
    assert (answer.source is None) is (support == "unknown")


def test_an_unknown_cuda_is_told_as_a_condition() -> None:
    answer = ask.library_support(library("flash-attn"), "2.8.3", "sm_120")
    assert answer.note == "only builds with CUDA 12.8 or newer have code for it"


def test_a_library_is_found_by_its_distribution() -> None:
    assert ask.library_named(LIBRARIES, "transformer-engine-torch") is library("transformer-engine")
    assert ask.library_named(LIBRARIES, "numpy") is None


def test_transformer_engine_recipes_by_version_and_architecture() -> None:
    item = library("transformer-engine")
    assert ask.recipes(item, "2.5.0", "sm_120")["mxfp8"] is True
    assert ask.recipes(item, "2.8.0", "sm_120") == {
        "fp8": True,
        "mxfp8": False,
        "nvfp4": True,
        "fp8-block-scaling": False,
    }
    assert ask.recipes(item, "2.18.0", "sm_90")["fp8-block-scaling"] is True
    assert ask.recipes(item, "99.0", "sm_90") == {}
    assert ask.recipes(item, "2.18.0", "gfx942") == {}


def test_the_newest_version_the_data_know_is_of_the_last_range() -> None:
    """Asking for no version takes the last range without comparing versions."""
    for item in LIBRARIES:
        assert ask.library_range(item, item.ranges[-1].last) is item.ranges[-1]
