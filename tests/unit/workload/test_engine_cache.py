"""What engines set aside for a cache: SGLang's pools of windows and states, in fixed proportions or without windows."""

from __future__ import annotations

import models
import pytest

from parity.model.footprint import ByteRange, Parallelism
from parity.workload.engine_cache import engine_cache
from parity.workload.estimate import estimate
from parity.workload.footprint import footprint
from parity.workload.kv_cache import request_bytes

ONE = Parallelism()


def sizes(engine: str, name: str, context: int, requests: int = 1) -> ByteRange:
    told = engine_cache(engine, models.shape(name), "bf16", context, requests, ONE)
    assert told is not None
    assert bool(told.why) == (told.size.low != told.size.high or engine == "sglang")
    return told.size


@pytest.mark.parametrize("engine", ["usual", "vllm", "none"])
@pytest.mark.parametrize("name", ["gemma-3-1b", "jamba-v0.1", "gpt-oss-20b", "llama-3.1-8b"])
def test_other_engines_keep_what_the_model_keeps(engine: str, name: str) -> None:
    kept = request_bytes(models.shape(name), "bf16", 50_000) or 0
    assert engine_cache(engine, models.shape(name), "bf16", 50_000, 3, ONE).size == ByteRange(
        low=3 * kept, high=3 * kept
    )  # type: ignore[union-attr]


def test_sglang_keeps_every_token_of_architectures_that_it_does_not_list() -> None:
    # Gemma 3 1B: 26 layers, one key head of 256
    every = 2 * 256 * 2 * 26 * 131_072
    assert sizes("sglang", "gemma-3-1b", 131_072) == ByteRange(low=every, high=every)


def test_sglangs_window_pool_has_a_share_of_the_tokens_whatever_the_window() -> None:
    # gpt-oss-20b: 12 full and 12 window layers of 128 tokens, 8 key heads of 64
    layer = 2 * 8 * 64 * 2
    told = sizes("sglang", "gpt-oss-20b", 100_000)
    assert told == ByteRange(low=layer * 12 * (100_000 + 128), high=layer * 12 * (100_000 + 80_000))
    short = sizes("sglang", "gpt-oss-20b", 100, requests=4)  # the window holds all: its pool must hold them, too
    assert short == ByteRange(low=layer * 24 * 400, high=layer * 12 * (500 + 400))


def test_sglangs_states_and_cache_stand_in_a_fixed_proportion() -> None:
    shape = models.shape("jamba-v0.1")
    kept, state = (request_bytes(shape, "bf16", length) or 0 for length in (1_000_000, 0))
    told = sizes("sglang", "jamba-v0.1", 1_000_000)
    assert told == ByteRange(low=kept, high=round((kept - state) * 1.9))
    short = sizes("sglang", "jamba-v0.1", 10)
    assert short.high == round(3 * state / 0.9 * 1.9)


def test_a_model_without_windows_and_states_is_the_same_on_each() -> None:
    told = engine_cache("sglang", models.shape("llama-3.1-8b"), "bf16", 1000, 1, ONE)
    assert told is not None
    assert (told.size.low, told.size.high, told.why) == (131_072_000, 131_072_000, "")


def test_what_sglang_sets_aside_decides_whether_it_fits() -> None:
    asked = {"context": 131_072, "batch": 16}
    ours, theirs = (
        footprint(models.question("gemma-3-1b", "l4", engine=name, **asked)).target for name in ("vllm", "sglang")
    )
    assert (ours.fits, theirs.fits) == ("yes", "no")
    assert theirs.why.endswith("(SGLang 0.5.23 keeps every token in the window layers of this architecture)")
    assert (ours.largest_batch or 0) > 5 * (theirs.largest_batch or 0)


def test_pools_that_an_option_shrinks_make_it_tight() -> None:
    asked = {"context": 131_072, "batch": 16}
    told = footprint(models.question("gpt-oss-20b", "h100", engine="sglang", **asked)).target
    assert (told.kv_bytes or 0) < (told.kv_bytes_high or 0)
    assert told.fits == "tight"
    assert "--swa-full-tokens-ratio" in told.why
    working = estimate(models.question("gpt-oss-20b", "h100", engine="sglang", **asked), source="config.json").workings
    assert [one.value for one in working if one.name == "footprint.target.kv_bytes_high"] == [told.kv_bytes_high]
