"""Encoders: counted, without a cache and without decoding; files that do not say their dtype."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import models
import pytest

from parity.reports import model_text
from parity.reports.html import model as model_page
from parity.workload.estimate import estimate
from parity.workload.question import Question

if TYPE_CHECKING:
    from parity.model.workload import ModelReport


def report(name: str = "bert-base-uncased", on: str = "h100", /, **changes: Any) -> ModelReport:
    asked = {key: changes.pop(key) for key in ("dtype", "stored_bytes", "context") if key in changes}
    shape = models.shape(name, **changes)
    asked.setdefault("context", 512)
    return estimate(Question(shape=shape, target=models.target(on), **asked), source="config.json")


def test_an_encoder_keeps_no_cache_and_does_not_decode() -> None:
    told = report()
    assert told.model.layers == {"encoder": 12}
    assert told.footprint.kv_bytes == told.footprint.kv_bytes_per_token == 0
    assert told.footprint.weights_bytes == 4 * 109_482_240
    target = told.bound.target
    assert target.decode_tokens_s is target.decode_tokens_s_at_context is target.decode_compute_batch is None
    assert [phase.phase for phase in told.bound.phases] == ["encoding, 512 tokens"]
    for text in (model_text.render(told), model_page.render(told)):
        assert "decode" not in text
        assert "encoding" in text


def test_each_token_of_an_encoder_looks_at_the_whole_text() -> None:
    matrices = 109_482_240 - 768 * (30522 + 512 + 2)
    work = 2 * matrices + 2 * 2 * 768 * 12 * 512
    assert report(dtype="bf16").bound.target.prefill_tokens_s == pytest.approx(989.4e12 / work)


@pytest.mark.parametrize("name", ["roberta", "xlm-roberta", "camembert"])
def test_kinds_of_tokens_are_counted_where_the_file_has_them(name: str) -> None:
    told = report(
        "bert-base-uncased", "h100", model_type=name, vocab_size=50265, max_position_embeddings=514, type_vocab_size=1
    )
    assert told.model.parameters == 124_645_632  # roberta-base, as public code prints it


def test_without_a_dtype_it_fits_only_where_fp32_does() -> None:
    told = report(torch_dtype=...)
    assert (told.footprint.fits, told.exit_status) == ("yes", 0)
    assert told.footprint.target.why.startswith("even in fp32")
    assert told.footprint.weights_bytes is None
    assert told.footprint.target.smallest_count == 1
    [dtype] = [item for item in told.unknowns if item.what == "dtype"]
    assert dtype.why.endswith("give --dtype fp32, bf16 or fp16, or the model's folder")


@pytest.mark.parametrize(("on", "fits"), [("h100", "unknown"), ("b200", "yes"), ("l4", "unknown")])
def test_a_decoder_without_a_dtype_is_unknown_where_fp32_does_not_fit(on: str, fits: str) -> None:
    told = report("mistral-small-3.1-24b", on, torch_dtype=...)  # 96 GB in FP32, 48 GB in BF16
    assert told.footprint.fits == fits
    assert (told.exit_status == 0) == (fits == "yes")


def test_quantised_weights_without_a_dtype_fit_where_their_wide_parts_do_in_any() -> None:
    told = report("llama-3.2-1b", "h100", torch_dtype=..., quantization_config={"quant_method": "fp8"}).footprint
    assert told.fits == "yes"
    assert told.target.why.startswith("even with what stays wide in fp32")
    odd = report("llama-3.2-1b", "h100", torch_dtype=..., quantization_config={"quant_method": "never-seen"})
    assert odd.footprint.fits == "unknown"


def test_what_depends_on_the_dtype_says_so() -> None:
    told = report(torch_dtype=...)
    asks = {check.dimension: check.asks for check in told.shapes}
    assert asks["hidden_size"] == "the rule depends on the dtype"
    assert ("dense rate of h100-sxm5-80gb", "which one depends on the dtype") in [
        (item.what, item.why) for item in told.unknowns
    ]
    assert report(dtype="bf16").bound.target.dense_tflops == pytest.approx(989.4)
