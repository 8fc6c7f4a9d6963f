"""Knows how large the vision tower of a model is, with what joins it to the text part, as far as its config.json tells.

A configuration names widths; what a tower is made of stands in the modelling code (``src/transformers/models/`` of
huggingface/transformers: clip, siglip, pixtral, qwen2_vl, qwen2_5_vl, qwen3_vl, qwen3_5, llava, llama4, gemma3,
mistral3; for InternVL ``modeling_intern_vit.py`` beside the weights). What holds a row to it is arithmetic: tests want
the published count of a public model of each, or what that code itself counts, to the last parameter. A tower of
another kind is not guessed at.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from parity.workload.config_values import MAX_COUNT, MAX_WIDTH
from parity.workload.model_shape import Tower

if TYPE_CHECKING:
    from collections.abc import Callable

# Patches of the largest image that processors of the Qwen towers admit: max_pixels 12845056 over patches of 14 x 14
# (preprocessor_config.json of Qwen2-VL-7B-Instruct, in BrianYAU-NTEC/olmOCR@bb4a8c0).
MOST_PATCHES = 65_536
TILES = 17  # of Llama 4: max_patches of Llama4ImageProcessorFast, 16, and the whole image once more
_NEWER = "_vision"  # transformers 5 writes qwen3_vl_vision where files had qwen3_vl
_MERGE = 2  # patches a side that become one token
_OTHER_TOWERS = ("audio_config", "mm_vision_tower", "speech_config")


class _UntoldError(Exception):
    """The configuration does not tell a size that is needed."""


class _Sizes:
    """One mapping of the configuration; a size that is missing or odd ends the counting."""

    def __init__(self, data: Any) -> None:
        self.data: Mapping[str, Any] = data if isinstance(data, Mapping) else {}

    def whole(self, *names: str, default: int | None = None, high: int = MAX_WIDTH) -> int:
        value = next((self.data[name] for name in names if self.data.get(name) is not None), default)
        if type(value) is not int or not 1 <= value <= high:
            raise _UntoldError
        return value

    def flag(self, name: str, *, default: bool) -> bool:
        value = self.data.get(name)
        if value is not None and type(value) is not bool:
            raise _UntoldError
        return default if value is None else value

    def text(self, name: str) -> str:
        value = self.data.get(name)
        return value if isinstance(value, str) else ""


def read_tower(data: Mapping[str, Any], *, text_width: int, model_type: str) -> Tower | None:
    """Return the tower of a configuration, None when there is none, or it is not of a kind that is counted.

    Args:
        data: the whole configuration.
        text_width: hidden width of the text part.
        model_type: of the whole, which decides what joins the two.
    """
    vision = data.get("vision_config")
    if not isinstance(vision, dict) or any(data.get(name) for name in _OTHER_TOWERS):
        return None
    sizes = _Sizes(vision)
    kind = sizes.text("model_type").removesuffix(_NEWER) or (model_type if model_type in _TOWERS else "")
    tower, joint = _TOWERS.get(kind), _JOINTS.get(model_type)
    if tower is None or joint is None:
        return None
    try:
        counted, patches = tower(sizes, text_width)
        joined = joint(_Sizes(data), sizes, text_width)
        width = sizes.whole("embed_dim", "hidden_size")
        inner = _inner(sizes, width)
    except _UntoldError:
        return None
    return Tower(kind=kind, parameters=counted + joined, patches=patches, width=width, intermediate=inner)


def _inner(sizes: _Sizes, width: int) -> int:
    return sizes.whole("intermediate_size", default=width * sizes.whole("mlp_ratio", default=4, high=64))


def _layers(sizes: _Sizes) -> int:
    return sizes.whole("num_hidden_layers", "depth", high=MAX_COUNT)


def _linear(into: int, out: int, *, bias: bool = True) -> int:
    return into * out + (out if bias else 0)


def _block(width: int, inner: int, *, norm: int, bias: bool = True) -> int:
    """Return a layer of attention with four square projections, and a feed-forward of two matrices."""
    return 4 * _linear(width, width, bias=bias) + _linear(width, inner) + _linear(inner, width) + norm


def _image(sizes: _Sizes) -> tuple[int, int, int]:
    """Return (elements of a patch, patches of an image, hidden width)."""
    patch, width = sizes.whole("patch_size", high=MAX_COUNT), sizes.whole("hidden_size")
    side = sizes.whole("image_size", high=MAX_COUNT) // patch
    return sizes.whole("num_channels", default=3, high=64) * patch * patch, side * side, width


def _clip(sizes: _Sizes, _: int) -> tuple[int, int]:
    elements, patches, width = _image(sizes)
    ends = elements * width + width + (patches + 1) * width + 2 * 2 * width  # patches, class, positions, two norms
    return ends + _layers(sizes) * _block(width, _inner(sizes, width), norm=4 * width), patches


def _siglip(sizes: _Sizes, _: int) -> tuple[int, int]:
    elements, patches, width = _image(sizes)
    inner = _inner(sizes, width)
    count = _linear(elements, width) + patches * width + 2 * width
    count += _layers(sizes) * _block(width, inner, norm=4 * width)
    if sizes.flag("vision_use_head", default=True):  # a probe that pools the image, with a layer of its own
        count += width + _block(width, inner, norm=2 * width)
    return count, patches


def _pixtral(sizes: _Sizes, _: int) -> tuple[int, int]:
    elements, patches, width = _image(sizes)
    layer = 4 * width * width + 3 * width * _inner(sizes, width) + 2 * width
    return elements * width + width + _layers(sizes) * layer, patches


def _intern(sizes: _Sizes, _: int) -> tuple[int, int]:
    elements, patches, width = _image(sizes)
    vectors = 1 if sizes.text("norm_type") == "rms_norm" else 2
    layer = _block(width, _inner(sizes, width), norm=2 * vectors * width + 2 * width)  # and two scales of the residual
    layer -= 0 if sizes.flag("qkv_bias", default=True) else 3 * width
    layer += 2 * width if sizes.flag("qk_normalization", default=False) else 0
    return _linear(elements, width) + width + (patches + 1) * width + _layers(sizes) * layer, patches


def _qwen_patch(sizes: _Sizes) -> int:
    patch = sizes.whole("patch_size", high=MAX_COUNT)
    channels = sizes.whole("in_channels", "in_chans", default=3, high=64)
    return channels * sizes.whole("temporal_patch_size", default=2, high=64) * patch * patch


def _merged(sizes: _Sizes, width: int) -> int:
    return width * sizes.whole("spatial_merge_size", default=_MERGE, high=64) ** 2


def _merger(merged: int, out: int, norm: int) -> int:
    return norm + _linear(merged, merged) + _linear(merged, out)


def _qwen2(sizes: _Sizes, text_width: int) -> tuple[int, int]:
    width = sizes.whole("embed_dim")
    blocks = _layers(sizes) * _block(width, _inner(sizes, width), norm=4 * width)
    end = _merger(_merged(sizes, width), sizes.whole("hidden_size", default=text_width), 2 * width)
    return _qwen_patch(sizes) * width + blocks + end, MOST_PATCHES


def _qwen25(sizes: _Sizes, text_width: int) -> tuple[int, int]:
    width = sizes.whole("hidden_size")
    inner = sizes.whole("intermediate_size")
    layer = 4 * _linear(width, width) + 2 * _linear(width, inner) + _linear(inner, width) + 2 * width
    end = _merger(_merged(sizes, width), sizes.whole("out_hidden_size", default=text_width), width)
    return _qwen_patch(sizes) * width + _layers(sizes) * layer + end, MOST_PATCHES


def _qwen3(sizes: _Sizes, text_width: int) -> tuple[int, int]:
    width, out = sizes.whole("hidden_size"), sizes.whole("out_hidden_size", default=text_width)
    merged = _merged(sizes, width)
    levels = sizes.data.get("deepstack_visual_indexes")
    if levels is None and sizes.text("model_type").startswith("qwen3_5"):
        levels = []  # it has none
    if not isinstance(levels, list) or len(levels) > MAX_COUNT:
        raise _UntoldError
    count = _linear(_qwen_patch(sizes), width) + sizes.whole("num_position_embeddings") * width
    count += _layers(sizes) * _block(width, sizes.whole("intermediate_size"), norm=4 * width)
    count += _merger(merged, out, 2 * width) + len(levels) * _merger(merged, out, 2 * merged)
    return count, MOST_PATCHES


def _llama4(sizes: _Sizes, _: int) -> tuple[int, int]:
    elements, patches, width = _image(sizes)
    inner, out = _inner(sizes, width), sizes.whole("projector_output_dim")
    ends = elements * width + width + (patches + 1) * width + 2 * 2 * width  # patches, class, positions, two norms
    adapter = inner * sizes.whole("projector_input_dim") + out * out
    return ends + _layers(sizes) * _block(width, inner, norm=4 * width) + adapter, TILES * patches


def _llama4_joint(_: _Sizes, sizes: _Sizes, text_width: int) -> int:
    return sizes.whole("vision_output_dim") * text_width


def _llava(whole: _Sizes, sizes: _Sizes, text_width: int) -> int:
    bias = whole.flag("multimodal_projector_bias", default=True)
    return _linear(sizes.whole("hidden_size"), text_width, bias=bias) + _linear(text_width, text_width, bias=bias)


def _mistral3(whole: _Sizes, sizes: _Sizes, text_width: int) -> int:
    width = sizes.whole("hidden_size")
    merged = _merged(whole, width)
    bias = whole.flag("multimodal_projector_bias", default=False)
    ends = _linear(width, text_width, bias=bias) + _linear(text_width, text_width, bias=bias)
    return width + merged * width + ends


def _internvl(whole: _Sizes, sizes: _Sizes, text_width: int) -> int:
    if whole.data.get("downsample_ratio", 0.5) != 0.5:
        raise _UntoldError
    merged = 4 * sizes.whole("hidden_size")
    return 2 * merged + _linear(merged, text_width) + _linear(text_width, text_width)


def _gemma3(_: _Sizes, sizes: _Sizes, text_width: int) -> int:
    width = sizes.whole("hidden_size")
    return width * text_width + width


def _within(_: _Sizes, __: _Sizes, ___: int) -> int:
    return 0  # the tower's own merger


_TOWERS: dict[str, Callable[[_Sizes, int], tuple[int, int]]] = {
    "clip_vision_model": _clip,
    "siglip_vision_model": _siglip,
    "pixtral": _pixtral,
    "intern_vit_6b": _intern,
    "qwen2_vl": _qwen2,
    "qwen2_5_vl": _qwen25,
    "qwen3_vl": _qwen3,
    "qwen3_vl_moe": _qwen3,
    "qwen3_5": _qwen3,
    "qwen3_5_moe": _qwen3,
    "llama4_vision_model": _llama4,
}
_JOINTS: dict[str, Callable[[_Sizes, _Sizes, int], int]] = {
    "llava": _llava,
    "mistral3": _mistral3,
    "internvl_chat": _internvl,
    "gemma3": _gemma3,
    "qwen2_vl": _within,
    "qwen2_5_vl": _within,
    "qwen3_vl": _within,
    "qwen3_vl_moe": _within,
    "qwen3_5": _within,
    "qwen3_5_moe": _within,
    "llama4": _llama4_joint,
}
