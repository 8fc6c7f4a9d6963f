"""Whatever a configuration says, at whatever depth, ``parity model`` answers in every format or refuses with a reason."""

from __future__ import annotations

import copy
import math
from typing import Any

import models
import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parity.cli.model import render
from parity.errors import ParityError
from parity.workload.estimate import estimate
from parity.workload.question import Question

ODD = st.one_of(
    st.sampled_from(
        [None, True, False, 0, -1, 1, 2, 3, 7, 10**6, 2**53, 10**25, 0.5, -0.0, 1e300, "", "8", "auto", "bfloat16", "\x1b[31m\n",
         [], {}, [None], [[]], [0], [1, -1], [10**9], ["full_attention"], ["sliding_attention", "x"], {"bits": 4}]
    ),
    st.integers(), st.floats(allow_nan=False), st.text(max_size=12),
    st.lists(st.integers(-2, 10**7), max_size=70), st.lists(st.text(max_size=4), max_size=70),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
)  # fmt: skip
QUANTIZATION = st.fixed_dictionaries(
    {},
    optional={
        "quant_method": st.sampled_from(
            ["fp8", "gptq", "awq", "mxfp4", "modelopt", "compressed-tensors", "bitsandbytes", "quark", "hqq", ""]
        ) | ODD,
        "quant_algo": st.sampled_from(["NVFP4", "FP8", "W4A8_AWQ", "MIXED_PRECISION"]) | ODD,
        "bits": st.integers(-1, 33) | ODD,
        "group_size": st.integers(-2, 4096) | ODD,
        "weight_block_size": st.lists(st.integers(-1, 256), max_size=3) | ODD,
        "modules_to_not_convert": st.lists(st.sampled_from(["lm_head", "model.embed_tokens", "re:.*", "experts", ""])) | ODD,
        "config_groups": st.dictionaries(st.text(max_size=3), ODD, max_size=2) | ODD,
        "ignore": st.lists(st.text(max_size=5), max_size=3) | ODD,
        "load_in_4bit": ODD,
    },
)  # fmt: skip
WRAPPED = ("text_config", "llm_config", "language_config", "thinker_config", "vision_config", "audio_config")


def inner(config: Any) -> list[dict[str, Any]]:
    """Return every mapping of a configuration, itself first."""
    found = [config] if isinstance(config, dict) else []
    for value in config.values() if isinstance(config, dict) else config if isinstance(config, list) else ():
        found += inner(value)
    return found


def numbers(value: Any) -> list[float]:
    """Return every number of a report."""
    if isinstance(value, msgspec.Struct):
        value = list(msgspec.structs.asdict(value).values())
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [number for one in value for number in numbers(one)]
    return [value] if isinstance(value, float) else []


@st.composite
def configurations(draw: st.DrawFn) -> dict[str, Any]:
    """A recorded configuration with keys changed, taken out and added anywhere, and wrapped once more or not."""
    config = copy.deepcopy(models.config(draw(st.sampled_from(sorted(models.models())))))
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.sampled_from(inner(config)))
        key = draw(st.sampled_from([*place, "layer_types", "sliding_window", "head_dim", "num_key_value_heads"]))
        if draw(st.booleans()) and key in place:
            del place[key]
        else:
            place[key] = copy.deepcopy(draw(ODD))
    if draw(st.booleans()):
        config["quantization_config"] = draw(QUANTIZATION)
    for _ in range(draw(st.integers(0, 2))):
        config = {"model_type": config.get("model_type"), draw(st.sampled_from(WRAPPED)): config}
    return config


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(configurations(), st.sampled_from(["2xh100", "b200", "8xmi300x", "rtx-4090", "gb10"]), st.integers(1, 2**24))
def test_any_change_is_answered_in_every_format_or_refused(config: dict[str, Any], target: str, context: int) -> None:
    try:
        shape = models.read(config)
        asked = Question(shape=shape, target=models.target(target), here=models.target("rtx-4090"), context=context)
        report = estimate(asked, source="config.json")
    except ParityError:
        return
    for name in ("text", "json", "html"):
        text = render(report, name, verbose=True)
        assert all(character.isprintable() or character == "\n" for character in text)
    assert all(math.isfinite(number) for number in numbers(msgspec.structs.asdict(report)))
    if report.footprint.fits in ("yes", "tight"):
        need = report.footprint.target
        assert (need.weights_bytes or 0) > 0 or need.why.startswith("even ")
        assert need.kv_bytes is not None or shape.dtype is None
