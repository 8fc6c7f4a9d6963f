"""Does it fit: against capacities, with ranges for what engines take, and the edges found by searching."""

from __future__ import annotations

import math

import models
import msgspec
import pytest

from parity.errors import UsageError
from parity.model.workload import Parallelism
from parity.reports.model_rows import count_text
from parity.workload.engines import USUAL_RESERVE
from parity.workload.footprint import activation_bytes, footprint, held, parameters, weights_bytes
from parity.workload.question import Question, formats_of, memory_of, spread_over

WIDE_70B = 2 * 128256 * 8192 + (2 * 80 + 1) * 8192  # embedding, head and norms of Llama 3.1 70B


def test_seventy_billion_in_bf16_do_not_fit_one_h200_and_do_in_fp8() -> None:
    wide = footprint(models.question("llama-3.1-70b", "h200"))
    assert wide.weights_bytes == 141_107_412_992  # 141.1 GB, and the part reports 150.8
    assert wide.fits == "tight"
    narrow = footprint(models.question("llama-3.1-70b", "h200", dtype="fp8"))
    assert narrow.weights_bytes == 70_553_706_496 + WIDE_70B  # the notes' 70.55 GB, and what stays wide
    assert narrow.fits == "yes"


@pytest.mark.parametrize(
    ("dtype", "bits", "target", "fits"),
    [
        ("bf16", 16, "2xa100", "no"),
        ("fp8", 8, "2xa100", "yes"),
        ("mxfp4", 4.25, "a100", "yes"),
        ("nvfp4", 4.5, "a100", "yes"),
        ("fp8", 8, "2xh100", "yes"),
    ],
)
def test_a_model_of_111_billion_on_two_cards(dtype: str, bits: float, target: str, fits: str) -> None:
    """222 GB in BF16 and 111 in FP8, and for narrow formats what stays wide: embedding, head and norms."""
    told = footprint(models.question("llama-3.1-70b", target, parameters=111_000_000_000, dtype=dtype))
    assert told.weights_bytes == (111_000_000_000 - WIDE_70B) * bits / 8 + WIDE_70B * 2
    assert (told.weights_source, told.fits) == ("--params", fits)


def test_parameters_of_a_quantised_file_are_as_wide_as_its_own() -> None:
    """Group scales and the wide ends count: 4.16 bits an element, not 4."""
    stored = {"quant_method": "awq", "bits": 4, "group_size": 128}
    shape = models.shape("llama-3.1-70b", quantization_config=stored)
    counted = weights_bytes(Question(shape=shape, target=models.target("h100")), Parallelism())
    told = weights_bytes(Question(shape=shape, target=models.target("h100"), parameters=70_553_706_496), Parallelism())
    assert counted is not None
    assert told is not None
    assert told[0] == pytest.approx(counted[0], rel=1e-9)
    assert counted[0] == (70_553_706_496 - WIDE_70B) * (4 + 20 / 128) / 8 + WIDE_70B * 2


def test_parameters_without_a_known_family_leave_the_ends_wide() -> None:
    shape = models.shape("llama-3.1-70b", model_type="never-seen")
    question = Question(shape=shape, target=models.target("h100"), parameters=70_553_706_496, dtype="fp8")
    told = weights_bytes(question, Parallelism())
    assert told is not None
    assert told[0] == 70_553_706_496 + 2 * 128256 * 8192
    few = weights_bytes(msgspec.structs.replace(question, parameters=1000), Parallelism())
    assert few is not None
    assert few[0] == 2000


def test_everything_on_the_device_adds_up() -> None:
    question = models.question("llama-3.1-8b", "2xh100", context=4096, batch=3)
    place = footprint(question).target
    assert place.weights_bytes == pytest.approx(16_060_522_496 / 2, rel=1e-4)
    assert place.kv_bytes == 131072 * 4096 * 3 // 2
    memory = memory_of(question.target)
    assert memory == place.memory_bytes == 85_520_809_984
    assert place.overhead_bytes is not None
    assert place.overhead_bytes.high == round(USUAL_RESERVE * memory)
    assert place.overhead_bytes.low == 0
    told = held(question, question.target, Parallelism(tp=2), 4096, 3)
    assert told is not None
    assert told.high - told.low == told.activations.high - told.activations.low + told.overhead.high


def test_the_largest_context_and_batch_are_edges() -> None:
    question = models.question("llama-3.1-8b", "rtx-4090")
    place = footprint(question).target

    def fits(context: int, batch: int) -> bool:
        return footprint(msgspec.structs.replace(question, context=context, batch=batch)).fits == "yes"

    assert place.largest_context is not None
    assert place.largest_batch is not None
    assert fits(place.largest_context, 1)
    assert not fits(place.largest_context + 1, 1)
    assert fits(8192, place.largest_batch)
    assert not fits(8192, place.largest_batch + 1)


def test_the_largest_context_ends_where_the_model_does() -> None:
    assert footprint(models.question("llama-3.1-8b", "b200")).target.largest_context == 131072


@pytest.mark.parametrize(
    ("name", "target", "count"), [("llama-3.1-8b", "h100", 1), ("llama-3.1-70b", "h100", 2), ("deepseek-v3", "h200", 8)]
)
def test_the_smallest_count(name: str, target: str, count: int) -> None:
    question = models.question(name, target)
    assert footprint(question).target.smallest_count == count
    fewer = [n for n in range(1, count) if n in (1, 2, 4, 8)]
    for devices in (*fewer, count):
        there = models.target(f"{devices}x{target}")
        assert (footprint(msgspec.structs.replace(question, target=there)).fits == "yes") == (devices == count)


def test_here_is_told_beside_the_target() -> None:
    told = footprint(models.question("llama-3.1-70b", "4xh100", here="rtx-4090"))
    assert told.here is not None
    assert (told.fits, told.here.fits, told.here.device) == ("yes", "no", "rtx-4090")


def test_files_outweigh_the_count_and_a_format_asked_for_outweighs_files() -> None:
    question = models.question("llama-3.1-8b", "2xh100", stored_bytes=20_000_000_000)
    told = weights_bytes(question, Parallelism(tp=2))
    assert told is not None
    assert (told[0], told[2]) == (20_000_000_000, "safetensors")
    assert told[1] == pytest.approx(10e9, rel=1e-3)
    narrow = weights_bytes(msgspec.structs.replace(question, dtype="fp8"), Parallelism())
    whole = 8_030_261_248 + 2 * 128256 * 4096 + (2 * 32 + 1) * 4096
    assert narrow == (whole, whole, "config")


def test_what_is_not_known_is_unknown_with_the_reason() -> None:
    odd = Question(shape=models.shape("llama-3.1-8b", model_type="never-seen"), target=models.target("h100"))
    told = footprint(odd)
    assert (told.fits, told.weights_bytes, told.kv_bytes_per_token) == ("unknown", None, None)
    assert told.target.why == "the size of the weights is not known; the size of the cache is not known"
    assert (told.target.smallest_count, told.target.largest_context, told.target.largest_batch) == (None, None, None)
    assert parameters(odd) is None


def test_a_narrow_model_keeps_a_wide_cache_unless_asked() -> None:
    assert footprint(models.question("deepseek-v3", "8xh200")).kv_bytes_per_token == 70272
    assert footprint(models.question("deepseek-v3", "8xh200", kv_dtype="fp8")).kv_bytes_per_token == 35136


def test_activations_grow_to_a_prefill_step_and_no_further() -> None:
    question, alone = models.question("llama-3.1-8b", "h100"), Parallelism()
    short, long, longer = (activation_bytes(question, alone, n, 1) for n in (100, 8192, 100_000))
    assert short.low == long.low
    assert short.high < long.high == longer.high
    assert long.high == 8192 * 2 * (4096 + 14336) * 2 + 128256 * 4


@pytest.mark.parametrize(("target", "tp", "pp"), [("8xh100", 8, 1), ("6xh100", 2, 3), ("h100", 1, 1), ("3xh100", 1, 3)])
def test_devices_are_tensor_ranks_as_far_as_heads_divide(target: str, tp: int, pp: int) -> None:
    spread = spread_over(models.shape("llama-3.1-8b"), models.target(target), None, where="--target")
    assert (spread.tp, spread.pp) == (tp, pp)


@pytest.mark.parametrize(("target", "spread"), [("1000xh100", (8, 25, 5)), ("97xh100", (1, 1, 97))])
def test_what_layers_cannot_be_shared_among_are_replicas(target: str, spread: tuple[int, int, int]) -> None:
    told = spread_over(models.shape("llama-3.1-70b"), models.target(target), None, where="--target")
    assert (told.tp, told.pp, told.dp) == spread


def test_expert_ranks_of_a_model_without_experts_are_misuse() -> None:
    with pytest.raises(UsageError, match="4 expert ranks, and the model has no experts"):
        spread_over(models.shape("llama-3.1-8b"), models.target("4xh100"), Parallelism(tp=4, ep=4), where="--tp")


@pytest.mark.parametrize(("stored", "told"), [(15_000_000_000, 16_060_522_496), (17_000_000_000, 17_000_000_000)])
def test_files_that_lack_a_little_weigh_what_the_model_does(stored: int, told: int) -> None:
    """One of eleven unnumbered files is missing."""
    question = models.question("llama-3.1-8b", "h100", stored_bytes=stored)
    found = weights_bytes(question, Parallelism())
    assert found is not None
    assert (found[0], found[2]) == (told, "safetensors")
    shape = models.shape("llama-3.1-8b", quantization_config={"quant_method": "fp8"})
    narrow = weights_bytes(msgspec.structs.replace(question, shape=shape), Parallelism())
    assert narrow is not None
    assert narrow[0] == stored


def test_a_wide_format_is_that_of_the_cache_too() -> None:
    assert models.question("llama-3.1-8b", "h100", dtype="fp16").cache_dtype == "fp16"
    assert models.question("llama-3.1-8b", "h100", dtype="fp8").cache_dtype == "bf16"
    assert models.question("llama-3.1-8b", "h100", dtype="fp16", kv_dtype="fp8").cache_dtype == "fp8"


@pytest.mark.parametrize(
    ("asked", "what"),
    [
        (Parallelism(tp=4), "tp 4 x pp 1 x dp 1 is 4 devices, the target has 8"),
        (Parallelism(tp=4, dp=2, ep=3), "3 expert ranks do not divide tp x dp = 8"),
    ],
)
def test_ranks_that_are_not_the_devices_are_misuse(asked: Parallelism, what: str) -> None:
    with pytest.raises(UsageError) as caught:
        spread_over(models.shape("mixtral-8x7b"), models.target("8xh100"), asked, where="--tp")
    assert what in str(caught.value)


def test_a_quantised_file_without_a_dtype_fits_where_its_wide_parts_do_in_any() -> None:
    """The published config.json of gpt-oss has no torch_dtype; the model was made for one H100."""
    shape = models.shape("gpt-oss-20b", torch_dtype=...)
    place = footprint(Question(shape=shape, target=models.target("h100"))).target
    assert (place.fits, place.weights_bytes) == ("yes", None)
    assert place.why.startswith("even with what stays wide in fp32, ")
    assert footprint(Question(shape=shape, target=models.target("t4"))).fits == "unknown"
    filled, dtype = formats_of(shape, "bf16")
    assert (filled.dtype, dtype) == ("bf16", None)
    assert not any(item.what == "dtype" for item in filled.unknowns)
    said = footprint(Question(shape=filled, target=models.target("h100")))
    assert said.weights_bytes == footprint(models.question("gpt-oss-20b", "h100")).weights_bytes


def test_a_wide_format_is_that_of_all_weights_where_the_file_leaves_nothing_open() -> None:
    for name, dtype in (("gpt-oss-20b", "bf16"), ("llama-3.1-8b", "bf16"), ("gpt-oss-20b", "fp8")):
        shape = models.shape(name)
        assert formats_of(shape, dtype) == (shape, dtype)
    silent = models.shape("gpt-oss-20b", torch_dtype=...)
    assert formats_of(silent, "nvfp4") == (silent, "nvfp4")


@pytest.mark.parametrize(
    "stored", [{"quant_method": "fp8", "quantized_layers": {"a": {}}}, {"quant_method": "fp8", "ignore": ["widget"]}]
)
def test_what_is_quantised_in_an_unknown_way_fits_where_it_would_without(stored: dict[str, object]) -> None:
    shape = models.shape("llama-3.1-70b", quantization_config=stored)
    place = footprint(Question(shape=shape, target=models.target("4xh100"))).target
    assert (place.fits, place.weights_bytes) == ("yes", None)
    assert place.why.startswith("even with all of it in bf16, of which the counts below are; the model's folder tells")
    assert footprint(Question(shape=shape, target=models.target("h100"))).fits == "unknown"


@pytest.mark.parametrize("target", ["h100", "l4"])
def test_what_a_tower_adds_is_not_guessed(target: str) -> None:
    outer = {**models.config("llama-3.1-8b"), "vision_config": {"hidden_size": 1152}}
    shape = models.read(outer)
    place = footprint(Question(shape=shape, target=models.target(target), context=131072)).target
    assert place.fits == {"h100": "unknown", "l4": "no"}[target]
    assert not place.complete
    assert (place.smallest_count, place.largest_context, place.largest_batch) == (None, None, None)
    assert count_text(place.smallest_count, place) == "unknown"


def test_ranges_are_ordered() -> None:
    for name in models.models():
        place = footprint(models.question(name, "8xb200", batch=7)).target
        assert place.activations_bytes is not None
        assert 0 < place.activations_bytes.low <= place.activations_bytes.high
        assert math.isfinite(place.activations_bytes.high)
