"""The whole answer: findings with rule and severity, what is not known, exit status, and how each number came about."""

from __future__ import annotations

import math
from typing import Any

import models
import msgspec
import pytest

from parity.model.workload import ModelReport, Parallelism
from parity.workload.estimate import estimate
from parity.workload.question import Question


def answer(name: str, on: str, **asked: Any) -> ModelReport:
    return estimate(models.question(name, on, **asked), source=name)


def changed(on: str, *, spread: Parallelism | None = None, name: str = "llama-3.1-8b", **keys: Any) -> ModelReport:
    question = Question(shape=models.shape(name, **keys), target=models.target(on), spread=spread)
    return estimate(question, source=name)


def rules(report: ModelReport) -> set[tuple[str, str]]:
    return {(finding.rule, finding.severity) for finding in report.findings}


def test_a_model_that_fits_passes() -> None:
    report = answer("llama-3.1-8b", "h100")
    assert (report.footprint.fits, report.exit_status, report.findings, report.unknowns) == ("yes", 0, (), ())


def test_a_model_that_does_not_fit_fails() -> None:
    report = answer("llama-3.1-405b", "2xh100")
    assert report.exit_status == 1
    assert ("footprint-beyond-target", "error") in rules(report)
    assert "use 16 of them" in report.findings[0].mend


def test_a_tight_fit_is_no_pass() -> None:
    report = answer("llama-3.1-70b", "h200")
    assert (report.footprint.fits, report.exit_status) == ("tight", 1)
    assert rules(report) == {("footprint-tight-on-target", "error")}


def test_what_cannot_be_told_is_no_pass() -> None:
    report = changed("h100", model_type="never-seen")
    assert (report.footprint.fits, report.exit_status) == ("unknown", 3)
    assert {"model type", "fits on h100-sxm5-80gb"} <= {item.what for item in report.unknowns}


def test_an_unknown_quantisation_is_no_pass() -> None:
    assert changed("h100", quantization_config={"quant_method": "never-seen"}).exit_status == 3


@pytest.mark.parametrize(
    ("report", "wanted"),
    [
        (lambda: changed("h100", intermediate_size=10922), ("misaligned-dimension", "warning")),
        (lambda: changed("h100", vocab_size=128001), ("misaligned-dimension", "warning")),
        (lambda: changed("6xh100", spread=Parallelism(tp=6)), ("uneven-split", "error")),
        (lambda: changed("16xh100", spread=Parallelism(tp=16)), ("kv-heads-copied", "warning")),
        (lambda: changed("12xh100", spread=Parallelism(tp=12)), ("uneven-split", "error")),
        (lambda: changed("3xh100", spread=Parallelism(pp=3)), ("uneven-pipeline", "warning")),
        (lambda: answer("llama-3.1-8b", "a100", dtype="fp8"), ("weights-unpacked-first", "warning")),
        (lambda: answer("llama-3.1-8b", "t4", dtype="fp8"), ("dtype-not-computed", "error")),
        (lambda: answer("llama-3.1-8b", "b300", dtype="int8"), ("dtype-throttled", "warning")),
        (lambda: answer("deepseek-v3", "16xh100", here="8xa100"), ("dtype-differs", "warning")),
        (lambda: answer("deepseek-v3", "8xmi300x"), ("weights-fp8-dialect-differs", "warning")),
        (lambda: answer("llama-3.1-8b", "h100", context=200_000), ("context-beyond-model", "warning")),
        (lambda: answer("llama-3.1-8b", "h100", here="rtx-4090"), ("batch-bound-flips", "note")),
        (lambda: answer("llama-3.1-8b", "h100", here="rtx-4090", batch=220, context=1), ("bound-flips", "warning")),
        (lambda: answer("llama-3.1-8b", "h100", context=1100), ("poor-tiles", "note")),
    ],
)
def test_findings(report: Any, wanted: tuple[str, str]) -> None:
    told = report()
    assert wanted in rules(told)
    assert told.exit_status == (1 if any(severity == "error" for _, severity in rules(told)) else 0)
    assert all(finding.message and finding.mend and finding.subject for finding in told.findings)


@pytest.mark.parametrize(
    "report",
    [
        lambda: answer("gpt-oss-20b", "h100"),
        lambda: answer("llama-3.1-8b", "a100", kv_dtype="fp8"),
    ],
)
def test_weights_that_are_unpacked_and_caches_need_no_units_of_their_format(report: Any) -> None:
    told = report()
    assert told.exit_status == 0
    assert "dtype-not-computed" not in {rule for rule, _ in rules(told)}
    assert told.bound.target.rate_name == "tflops_bf16"


def test_the_gravest_finding_comes_first() -> None:
    severities = [finding.severity for finding in changed("6xh100", spread=Parallelism(tp=6), vocab_size=7).findings]
    assert severities == sorted(severities, key=["error", "warning", "note"].index)


def test_a_list_that_names_no_known_part_leaves_the_weights_unknown() -> None:
    stored = {"quant_method": "awq", "bits": 4, "group_size": 128, "modules_to_not_convert": ["model.layers.0.widget"]}
    report = changed("h100", name="llama-3.1-70b", quantization_config=stored)
    assert any("'model.layers.0.widget' of its lists cannot be followed" in item.why for item in report.unknowns)
    assert (report.footprint.fits, report.footprint.weights_bytes, report.exit_status) == ("unknown", None, 3)
    one = {**stored, "modules_to_not_convert": ["model.layers.0.mlp"]}
    assert changed("h100", quantization_config=one).footprint.weights_bytes is not None


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"kv_cache_quant_algo": "FP8"}, True),
        ({"kv_cache_scheme": {"num_bits": 8, "type": "float"}}, True),
        ({"kv_cache_scheme": "FP8"}, True),
        ({"kv_cache_scheme": {"num_bits": [], "type": {}}}, False),
        ({"kv_cache_scheme": 5}, False),
        ({}, False),
    ],
)
def test_a_cache_that_the_weights_were_made_for_is_told_and_not_counted_on(more: dict[str, Any], told: bool) -> None:
    stored = {"quant_method": "modelopt", "quant_algo": "FP8", **more}
    report = changed("h100", quantization_config=stored)
    assert any(item.what == "format of the cache" for item in report.unknowns) == told
    assert (report.model.kv_dtype, report.exit_status) == ("bf16", 0)
    question = Question(
        shape=models.shape("llama-3.1-8b", quantization_config=stored), target=models.target("h100"), kv_dtype="fp8"
    )
    assert not any(item.what == "format of the cache" for item in estimate(question, source="x").unknowns)


def test_a_tower_that_is_not_counted_is_no_pass() -> None:
    report = changed("h100", name="gemma-3-1b", vision_config={"hidden_size": 1152})
    assert (report.footprint.fits, report.exit_status) == ("unknown", 3)
    assert "give the model's folder" in report.footprint.target.why
    question = Question(
        shape=models.shape("gemma-3-1b", vision_config={}), target=models.target("h100"), stored_bytes=3_000_000_000
    )
    assert estimate(question, source="folder").exit_status == 0


@pytest.mark.parametrize("name", models.models())
@pytest.mark.parametrize("on", ["h100", "8xmi300x", "rtx-4090", "2xb300", "t4"])
def test_every_recorded_model_is_answered_everywhere(name: str, on: str) -> None:
    report = answer(name, on, here="l40s")
    assert report.exit_status in (0, 1)
    assert msgspec.json.decode(msgspec.json.encode(report), type=ModelReport) == report
    assert all(working.value is None or math.isfinite(working.value) for working in report.workings)


def test_each_number_says_how_it_came_about() -> None:
    report = answer("llama-3.1-8b", "2xh100", here="rtx-4090")
    told = {working.name: working for working in report.workings}
    assert told["footprint.kv_bytes_per_token"].inputs == {
        "layers that keep all tokens": 32, "key heads": 8, "head_dim": 128, "bytes": 2,
    }  # fmt: skip
    for path, working in told.items():
        if path.startswith("parameters"):
            continue
        value: Any = report
        for name in path.split("."):
            value = getattr(value, name)
        assert value == working.value, path
    assert sum(w.value or 0 for n, w in told.items() if n.startswith("parameters")) == report.model.parameters


@pytest.mark.parametrize(
    ("share", "fits"), [(1.0, "yes"), (0.95, "yes"), (0.85, "unknown"), (0.5, "unknown"), (1e-9, "unknown")]
)
def test_files_that_hold_less_than_the_configuration_describes_are_no_pass(share: float, fits: str) -> None:
    shape = models.shape("llama-3.1-8b")
    question = Question(
        shape=shape, target=models.target("h100"), stored_bytes=max(1, round(share * 2 * 8_030_261_248))
    )
    report = estimate(question, source="folder")
    assert report.footprint.fits == fits
    assert (report.exit_status == 0) == (fits == "yes")
    if fits == "unknown":
        assert "the config.json describes 15 GiB" in report.footprint.target.why


def test_a_slice_is_told_by_its_name() -> None:
    report = answer("llama-3.2-1b", "h100/1g.10gb", here="a100-sxm4-40gb/1g.5gb")
    assert (report.target, report.here) == ("h100-sxm5-80gb/1g.10gb", "a100-sxm4-40gb/1g.5gb")
    assert report.footprint.target.device == report.bound.target.device == "h100-sxm5-80gb/1g.10gb"
    assert answer("llama-3.2-1b", "h100").target == "h100-sxm5-80gb"


def test_weights_that_are_unpacked_first_have_the_wide_rate() -> None:
    narrow, wide = answer("llama-3.1-8b", "a100", dtype="fp8"), answer("llama-3.1-8b", "a100")
    assert (narrow.bound.target.rate_name, narrow.bound.target.dense_tflops) == ("tflops_bf16", 312)
    assert narrow.bound.target.prefill_tokens_s == wide.bound.target.prefill_tokens_s
    assert narrow.exit_status == 0


def test_a_mend_is_one_that_can_be_taken() -> None:
    report = changed("6xh100", spread=Parallelism(tp=6), intermediate_size=14338)
    mends = {finding.subject: finding.mend for finding in report.findings}
    assert mends["num_attention_heads / tp"] == "tp 4 or 8 divide it"
    assert mends["intermediate_size / tp"] == "14208 is the nearest"  # of 6 ranks x 64 elements
    layers = changed("3xh100", spread=Parallelism(pp=3))
    assert "pp 2 or 4 divide it" in {finding.mend for finding in layers.findings}


def test_no_width_is_proposed_that_the_rest_of_the_model_fixes() -> None:
    for context in range(900, 1300, 50):
        for product in answer("llama-3.1-8b", "h100", context=context).gemms:
            assert product.better_n is None or product.name in ("gate and up", "head")
            assert product.better_n is None or product.better_n % 128 == 0


def test_tiles_of_other_makers_are_not_judged_by_nvidias_menu() -> None:
    report = answer("llama-3.1-8b", "mi210", here="h100", context=1024)
    assert "poor-tiles" not in {rule for rule, _ in rules(report)}
    assert {(one.target, one.gain) for one in report.gemms} == {(None, None)}
    assert all(one.here is not None for one in report.gemms)
