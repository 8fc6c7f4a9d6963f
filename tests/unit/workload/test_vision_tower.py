"""Vision towers: counted to the last parameter where the file tells enough, and else not at all."""

from __future__ import annotations

from typing import Any

import models
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity.errors import InvalidConfigError
from parity.model.workload import Parallelism
from parity.reports import model_text
from parity.workload import vision_tower
from parity.workload.bound import token_flops, visited
from parity.workload.estimate import estimate
from parity.workload.footprint import activation_bytes, footprint
from parity.workload.parameters import counted, device_bytes, parts_of
from parity.workload.question import Question
from parity.workload.vision_tower import MOST_PATCHES, read_tower

WITH_TOWER = [name for name, model in models.models().items() if "vision_config" in model["config"]]


def tower(name: str, **changes: Any) -> Any:
    """Return the tower of a recorded model, with keys of its vision_config changed; ``...`` takes one out."""
    outer = models.config(name)
    vision = {**outer["vision_config"], **changes}
    outer["vision_config"] = {key: value for key, value in vision.items() if value is not ...}
    return models.read(outer).tower


@pytest.mark.parametrize(
    ("name", "kind", "parameters", "patches"),
    [
        ("qwen2.5-vl-7b", "qwen2_5_vl", 676_550_144, MOST_PATCHES),  # quoted of the module in public code
        ("qwen2-vl-7b", "qwen2_vl", 8_291_375_616 - 7_615_616_512, MOST_PATCHES),  # over Qwen2.5-7B's count
        ("qwen3-vl-8b", "qwen3_vl", 8_767_123_696 - 8_190_735_360, MOST_PATCHES),  # over Qwen3-8B's
        ("llava-1.5-7b", "clip_vision_model", 7_063_427_072 - 6_738_415_616 - 64 * 4096 * 2, 24 * 24),
        ("mistral-small-3.1-24b", "pixtral", 24_011_361_280 - 47_144_806_400 // 2, 110 * 110),  # over Devstral's
        ("internvl2.5-2b", "intern_vit_6b", 316_607_488, 32 * 32),
    ],
)
def test_a_tower_is_what_the_model_has_beyond_its_text_part(
    name: str, kind: str, parameters: int, patches: int
) -> None:
    found = tower(name)
    assert (found.kind, found.parameters, found.patches) == (kind, parameters, patches)


def test_every_kind_is_held_to_a_count() -> None:
    shapes = [models.shape(name) for name in WITH_TOWER]
    shapes += [models.read(model["config"]) for model in (*models.counted().values(), models.indexes()["medgemma-27b"])]
    assert {shape.tower.kind for shape in shapes if shape.tower is not None} == set(vision_tower._TOWERS)


def test_a_large_image_is_tiles_for_llama_4() -> None:
    shape = models.read(models.counted()["llama4-with-tower"]["config"])
    assert shape.tower is not None
    assert shape.tower.patches == 17 * (56 // 14) ** 2


@pytest.mark.parametrize(("inner", "outer", "tied"), [(True, False, False), (False, True, False), (True, True, True)])
def test_where_the_two_parts_disagree_on_the_head_the_larger_model_is_counted(
    inner: bool, outer: bool, tied: bool
) -> None:
    config = dict(models.counted()["qwen3_vl-with-tower"]["config"])
    config["text_config"] = {**config["text_config"], "tie_word_embeddings": inner}
    assert models.read({**config, "tie_word_embeddings": outer}).tied is tied


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("llava-1.5-7b", {"model_type": "eva_clip"}),
        ("llava-1.5-7b", {"model_type": ...}),
        ("llava-1.5-7b", {"hidden_size": ...}),
        ("llava-1.5-7b", {"hidden_size": "1024"}),
        ("llava-1.5-7b", {"num_hidden_layers": True}),
        ("llava-1.5-7b", {"patch_size": [14, 14]}),
        ("llava-1.5-7b", {"patch_size": 0}),
        ("llava-1.5-7b", {"image_size": 10**12}),
        ("qwen2-vl-7b", {"depth": -1}),
        ("qwen2-vl-7b", {"mlp_ratio": 3.7}),
        ("qwen2.5-vl-7b", {"intermediate_size": ...}),
        ("qwen3-vl-8b", {"deepstack_visual_indexes": ...}),
        ("internvl2.5-2b", {"qkv_bias": "yes"}),
    ],
)
def test_what_the_file_does_not_tell_is_not_counted(name: str, changes: dict[str, Any]) -> None:
    assert tower(name, **changes) is None
    outer = models.config(name)
    vision = {**outer["vision_config"], **changes}
    outer["vision_config"] = {key: value for key, value in vision.items() if value is not ...}
    assert models.read(outer).vision


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("internvl2.5-2b", {"downsample_ratio": 0.25}),
        ("llava-1.5-7b", {"model_type": "another"}),
        ("qwen2.5-vl-7b", {"audio_config": {"d_model": 1280}}),  # a second tower beside it
        ("llava-1.5-7b", {"multimodal_projector_bias": 1}),
    ],
)
def test_a_joint_that_is_not_known_leaves_the_tower_uncounted(name: str, changes: dict[str, Any]) -> None:
    shape = models.read({**models.config(name), **changes})
    assert (shape.tower, shape.vision) == (None, True)


@given(
    st.dictionaries(
        st.sampled_from(["hidden_size", "patch_size", "image_size", "num_hidden_layers", "num_channels"]),
        st.one_of(st.integers(), st.floats(), st.text(max_size=3), st.none(), st.lists(st.integers(), max_size=2)),
    )
)
def test_nothing_in_a_vision_config_is_a_crash(changes: dict[str, Any]) -> None:
    vision = {**models.config("llava-1.5-7b")["vision_config"], **changes}
    found = read_tower({"vision_config": vision}, text_width=4096, model_type="llava")
    assert found is None or found.parameters > 0


def test_the_tower_is_whole_on_each_device_and_no_token_reads_it() -> None:
    question = models.question("qwen2-vl-7b", "4xh100")
    text = models.question("qwen2-vl-7b", "4xh100")
    shape = models.read({key: value for key, value in models.config("qwen2-vl-7b").items() if key != "vision_config"})
    size = 675_759_104
    assert question.parts is not None
    assert counted(question.parts) == (8_291_375_616, 7_615_616_512)
    with_tower = device_bytes(question.parts, question.shape, Parallelism(tp=4), None)
    without = device_bytes(parts_of(shape) or (), shape, Parallelism(tp=4), None)
    assert with_tower is not None
    assert without is not None
    assert with_tower[1] - without[1] == 2 * size
    assert visited(question, 1) == pytest.approx(7_615_616_512 / 8_291_375_616)
    assert token_flops(question, 0) == 2 * (7_615_616_512 - 152_064 * 3584)
    assert text.parts == question.parts


def test_a_counted_tower_can_fit_with_room_to_encode_an_image() -> None:
    question = models.question("qwen2-vl-7b", "h100")
    report = estimate(question, source="config.json")
    assert report.footprint.fits == "yes"
    assert report.footprint.target.complete
    assert report.footprint.weights_bytes == 16_582_751_232
    image = MOST_PATCHES * 2 * (1280 + 4 * 1280) * 2
    assert activation_bytes(question, Parallelism(), question.context, 1).high >= image
    assert any(unknown.what == "vision tower" for unknown in report.unknowns)


def test_weights_without_their_tower_are_a_lower_bound() -> None:
    outer = {**models.config("llama-3.1-8b"), "vision_config": {"model_type": "new", "hidden_size": 1152}}
    question = Question(shape=models.read(outer), target=models.target("h100"))
    assert footprint(question).fits == "unknown"
    text = model_text.render(estimate(question, source="config.json"))
    assert text.startswith("UNKNOWN")
    assert "weights at least 15 GiB, from config" in text
    assert "at least 15 GiB" in text.split("each device")[1]


def test_what_llava_leaves_unsaid_of_its_text_part_is_the_default_of_its_class() -> None:
    text = {"model_type": "llama", "vocab_size": 32064, "max_position_embeddings": 4096}
    parts = parts_of(models.read({**models.config("llava-1.5-7b"), "text_config": text}))
    assert parts is not None
    assert counted(parts)[0] == 7_063_427_072


@pytest.mark.parametrize("outer", ["mistral3", "llama", "another", ""])
def test_other_models_must_say_the_sizes_of_their_text_part(outer: str) -> None:
    with pytest.raises(InvalidConfigError, match="hidden_size"):
        models.read({"model_type": outer, "text_config": {"model_type": "llama", "vocab_size": 32064}})


def test_a_text_model_by_itself_must_say_its_sizes() -> None:
    with pytest.raises(InvalidConfigError, match="hidden_size"):
        models.read({"model_type": "llama", "vocab_size": 32064})
