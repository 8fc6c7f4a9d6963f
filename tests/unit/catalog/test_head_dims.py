"""Which head dimensions attention libraries take, and that what the data do not name is unknown."""

from __future__ import annotations

import pytest

from parity.catalog import store
from parity.catalog.head_dims import head_dim_libraries, head_dim_support


@pytest.mark.parametrize(
    ("library", "version", "arch", "dims", "expected"),
    [
        ("flash-attn-4", "4.0.0b27", "sm_90", (160,), "supported"),
        ("flash-attn-4", "4.0.0b27", "sm_100", (160,), "unsupported"),  # refused on the newer machine alone
        ("flash-attn-4", "4.0.0b27", "sm_103", (192, 128), "supported"),
        ("flash-attn-4", "4.0.0b27", "sm_103", (192,), "unsupported"),
        ("flash-attn-4", "4.0.0b27", "sm_100", (512,), "supported"),
        ("flash-attn-4", "4.0.0b15", "sm_100", (512,), "unsupported"),
        ("flash-attn-4", "4.0.0b10", "sm_100", (256,), "unsupported"),
        ("flash-attn-4", "4.0.0b27", "sm_100", (100,), "unsupported"),  # no multiple of 8
        ("flash-attn-4", "4.0.0b27", "sm_100", (64, 128), "supported"),
        ("flash-attn-4", "4.0.0b27", "sm_75", (64,), "unsupported"),  # the library itself
        ("flash-attn-4", "4.0.0b27", "sm_120", (64,), "unknown"),
        ("flash-attn-4", "4.0.0b3", "sm_100", (64,), "unknown"),
        ("flash-attn-4", "4.1.0", "sm_100", (512,), "unknown"),
        ("flash-attn-3", "3.0.0", "sm_90", (192, 128), "supported"),
        ("flash-attn-3", "3.0.0", "sm_90", (64, 512), "supported"),
        ("flash-attn-3", "3.0.0", "sm_80", (64, 512), "unsupported"),
        ("flash-attn-3", "3.0.0", "sm_90", (72, 80), "unsupported"),
        ("flash-attn-3", "3.0.0", "sm_100", (128,), "unsupported"),
        ("flash-attn", "2.8.3", "sm_90", (256,), "supported"),
        ("flash-attn", "2.8.3", "sm_90", (257,), "unsupported"),
        ("flash-attn", "2.8.3", "sm_90", (100,), "padded"),
        ("flash-attn", "2.8.3", "sm_100", (128,), "supported"),
        ("flash-attn", "2.8.3", "gfx942", (128,), "unknown"),
        ("sageattention", "2.2.0", "sm_90", (128, 64), "unknown"),  # values are not told
        ("cudnn", "9.9.0", "sm_90", (256,), "unknown"),  # the component's name is no library
        ("cudnn-attention", "9.9.0", "sm_90", (256,), "supported"),
        ("cudnn-attention", "9.9.0", "sm_89", (256,), "unsupported"),
        ("nonesuch", "1.0", "sm_90", (128,), "unknown"),
        ("flash-attn", "nonsense", "sm_90", (128,), "unknown"),
    ],
)
def test_a_head_dimension(library: str, version: str, arch: str, dims: tuple[int, ...], expected: str) -> None:
    answer = head_dim_support(library, version, arch).answer(*dims)
    assert answer.support == expected
    assert bool(answer.why) == (expected != "supported")
    assert (answer.source is None) == (expected == "unknown")


def test_a_padded_one_says_what_is_computed() -> None:
    answer = head_dim_support("flash-attn", "2.8.3", "sm_90").answer(100)
    assert (answer.runs_as, answer.why) == (104, "100 is padded to 104")


def test_fp8_has_limits_of_its_own() -> None:
    hopper = head_dim_support("cudnn-attention", "9.20.0", "sm_90")
    blackwell = head_dim_support("cudnn-attention", "9.20.0", "sm_100")
    assert [one.answer(192, 128, form="fp8").support for one in (hopper, blackwell)] == ["unknown", "supported"]
    assert blackwell.answer(72, form="fp8").support == "unsupported"
    assert blackwell.answer(128).support == "unknown"


def test_a_refusal_says_what_is_taken() -> None:
    answer = head_dim_support("flash-attn-4", "4.0.0b15", "sm_100").answer(160)
    assert answer.why == (
        "FlashAttention 4 4.0.0b15 takes head dimensions on sm_100 that are from 8 to 128 or (192, values 128) or "
        "(64, values 512) or (256, values 256)"
    )


def test_without_a_version_the_newest_known_one_answers() -> None:
    assert head_dim_support("flash-attn-4", None, "sm_100").version == "4.0.0b27"


def test_a_part_stands_for_its_architecture() -> None:
    support = head_dim_support("flash-attn", "2.8.3", store.device_spec("h100"))
    assert (support.library, support.name, support.arch) == ("flash-attn", "FlashAttention 2", "sm_90")


def test_the_libraries_that_answer() -> None:
    assert {
        "flash-attn",
        "flash-attn-3",
        "flash-attn-4",
        "flash-mla",
        "flashinfer",
        "sageattention",
        "cudnn-attention",
    } == set(head_dim_libraries())
