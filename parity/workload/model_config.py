"""Knows how a Hugging Face ``config.json`` becomes a neutral model shape; what it leaves open stays unknown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from parity.errors import InputFileError, ParityError, UnreadModelError
from parity.model.workload import Unknown
from parity.workload.config_file import Config, load_config
from parity.workload.config_values import MAX_COUNT, MAX_TOKENS, Values
from parity.workload.experts import read_moe
from parity.workload.family_rows import FAMILIES, family_of
from parity.workload.layer_kinds import listed_kinds, read_mixers
from parity.workload.layer_order import mixer_order
from parity.workload.model_shape import Mla, ModelShape
from parity.workload.number_formats import known_format
from parity.workload.quantization import QUANT_FILE, read_quantization, read_separate
from parity.workload.recurrent_state import read_state

if TYPE_CHECKING:
    from parity.workload.families import Family
    from parity.workload.model_shape import Tower

_TEXT_PARTS = ("text_config", "llm_config", "language_config")
_TOWERS = ("vision_config", "audio_config", "vision_tower", "mm_vision_tower", "visual")
_NO_PARTS = ("id2label", "label2id", "quantization_config", "compression_config", "rope_parameters", "rope_scaling")
_PART_KEYS = frozenset(
    {"num_hidden_layers", "num_layers", "n_layers", "n_layer", "depth", "encoder_layers", "hidden_size", "d_model"}
)  # what a mapping with layers of its own says
_TERSE = ("llava",)  # model types whose files name of their text part only what differs from its class
MAX_FACTOR = 4096.0  # of YaRN; published ones are 40 at most
_RECURRENT = ("mamba", "mamba2")
# Width of the dense feed-forward where ``intermediate_size`` is that of the experts.
_OTHER_WIDTH = {"llama4_text": "intermediate_size_mlp", "granitemoehybrid": "shared_intermediate_size"}


def read_model_config(raw: bytes, *, where: str, like: str = "", beside: bytes = b"") -> ModelShape:
    """Return the shape that a ``config.json`` describes.

    Args:
        raw: the file's bytes.
        where: its name, for messages.
        like: read the layers as those of this family, for a model type that is not known.
        beside: the bytes of modelopt's ``hf_quant_config.json`` beside the file; it tells the quantisation where the
            file does not.

    Raises:
        InputFileError: the bytes are no JSON mapping.
        InvalidConfigError: keys are missing or impossible; every problem is named.
        UnreadModelError: the same of a model type that is not known: its keys may be right, and others.
    """
    data = load_config(raw, where=where)
    if not isinstance(data, Mapping):
        raise InputFileError("a mapping is needed", where=where, mend="is this a model's config.json?")
    outer = Values(data, where=where)
    inner = next((part for name in _TEXT_PARTS if (part := outer.inner(name)) is not None), None)
    apart = _apart(beside, outer) if beside else None
    shape = _shape(inner or outer, outer, like, apart)
    if outer.problems and shape.model_type and not family_of(like or shape.model_type):
        raise UnreadModelError([_unread_type(shape.model_type, outer)])
    outer.finish()
    return shape


def _unread_type(model_type: str, outer: Values) -> ParityError:
    seen = "; ".join(dict.fromkeys(problem.what for problem in outer.problems[:3]))
    return ParityError(
        f"the model type {model_type!r} is not in the table of families, and not read as one of others: {seen}",
        where=outer.where,
        mend="--like NAME names a family whose keys it has; or give its dimensions (`parity model --help`)",
    )


def _apart(raw: bytes, outer: Values) -> Values | None:
    where = f"{outer.where}: {QUANT_FILE} beside it"
    data = load_config(raw, where=where)
    if not isinstance(data, Mapping):
        raise InputFileError("a mapping is needed", where=where, mend="correct it")
    return Values(data, where=where, problems=outer.problems)


def _shape(config: Values, outer: Values, like: str, apart: Values | None) -> ModelShape:
    model_type = config.text("model_type") or outer.text("model_type")
    name = like or family_of(model_type)
    family = FAMILIES.get(name)
    nested = config is not outer
    if family and family.unsaid:
        config = config.over(family.unsaid)
    if family and family.unsaid_inside and nested and outer.text("model_type") in _TERSE:
        config = config.over(family.unsaid_inside)
    layers = _layers(config, name)
    hidden = config.need("hidden_size", "n_embd", "d_model", "dim")
    mixers, window = read_mixers(config, layers, name or model_type, family)
    recurrent = name in _RECURRENT
    heads = None if recurrent else config.need("num_attention_heads", "n_head", "n_heads", high=MAX_COUNT)
    mla = _mla(config, family) if config.has("kv_lora_rank") else None
    kv_heads = None if recurrent or mla else _kv_heads(config, heads, family)
    moe = read_moe(config, layers, name or model_type, family)
    tower = _tower(outer, text_width=hidden) if outer.has("vision_config") else None
    shape = ModelShape(
        model_type=model_type,
        family=name if (moe is None or (family and family.experts)) and not _is_other(config, hidden) else "",
        hidden=hidden,
        layers=layers,
        mixers=mixers,
        order=mixer_order(config, layers, name or model_type, family, mixers),
        window=window,
        vocab=config.need("vocab_size"),
        heads=heads,
        kv_heads=kv_heads,
        head_dim=None if recurrent or mla else _head_dim(config, hidden, heads, family),
        intermediate=_intermediate(config, hidden, name, recurrent=recurrent, family=family),
        gated=family.gated if family else None,
        tied=_tied(config, outer if nested else None, family),
        attention_bias=_flag(config, family.bias_key if family else "attention_bias", family),
        out_bias=_flag(config, (family.out_bias_key or family.bias_key) if family else "attention_bias", family),
        mlp_bias=_flag(config, family.mlp_bias_key if family else "mlp_bias", family),
        head_normed=family is not None and _head_normed(config, family),
        head_bias=family is not None and _head_bias(config, family),
        norms=_norms(config, layers, name),
        mla=mla,
        moe=moe,
        state=read_state(config, name, mixers, hidden),
        quantization=read_quantization(config, layers=layers)
        or (read_quantization(outer, layers=layers) if nested else None)
        or (read_separate(apart, layers=layers) if apart else None),
        dtype=known_format(config.text("dtype", "torch_dtype") or outer.text("dtype", "torch_dtype")),
        positions=_positions(config),
        learned_positions=_learned(config, family),
        tower=tower,
        vision=(tower is None and outer.has(*_TOWERS)) or _has_further_part(outer),
        extra_layers=_extra_layers(config),
    )
    if shape.quantization and not config.problems:
        from parity.workload.wide_parts import with_wide_parts  # few models are quantised

        shape = with_wide_parts(shape)
    return msgspec.structs.replace(shape, unknowns=tuple(_unknowns(shape, config)))


def _layers(config: Values, name: str) -> int:
    names = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
    listed = len(listed_kinds(config)[0]) if name == "nemotron_h" and not config.has(*names) else 0
    return listed or config.need(*names, high=MAX_COUNT)


def _kv_heads(config: Values, heads: int | None, family: Family | None) -> int | None:
    told = config.whole("num_key_value_heads", "num_kv_heads", "n_kv_heads", high=MAX_COUNT)
    if told is None and not config.has("num_key_value_heads", "num_kv_heads", "n_kv_heads"):
        if config.flag("multi_query"):
            told = 1
        elif family and family.kv_default:
            told = heads
        elif family:
            config.problem("num_key_value_heads", "the key is missing", mend="add it")
    if not config.problems and told and heads and heads % told:
        config.problem("num_key_value_heads", f"{told} key heads do not divide {heads} query heads")
    return told


def _head_dim(config: Values, hidden: int, heads: int | None, family: Family | None) -> int | None:
    told = config.whole("head_dim", "attention_head_dim", high=MAX_COUNT)
    if told is not None or config.has("head_dim", "attention_head_dim") or heads is None or family is None:
        return told
    if not family.head_dim_default:
        config.problem("head_dim", "the key is missing, and this family's is not hidden_size over heads", mend="add it")
    elif not config.problems and hidden % heads:
        config.problem("head_dim", f"the key is missing, and {heads} heads do not divide {hidden}", mend="add it")
    else:
        return hidden // heads
    return None


def _mla(config: Values, family: Family | None) -> Mla:
    indexed = family is not None and family.indexer
    return Mla(
        kv_lora_rank=config.need("kv_lora_rank"),
        qk_rope_head_dim=config.need("qk_rope_head_dim"),
        qk_nope_head_dim=config.need("qk_nope_head_dim"),
        v_head_dim=config.need("v_head_dim"),
        q_lora_rank=config.whole("q_lora_rank"),
        index_heads=config.need("index_n_heads", high=MAX_COUNT) if indexed else 0,
        index_head_dim=config.need("index_head_dim") if indexed else 0,
        index_topk=config.need("index_topk", high=MAX_TOKENS) if indexed else 0,
    )


def _is_other(config: Values, hidden: int) -> bool:
    """Return whether the file declares matrices that its family's row does not have.

    Narrower embeddings or experts, or attention to another model.
    """
    embedding = config.whole("word_embed_proj_dim")  # OPT 350m
    crossed = bool(config.flag("add_cross_attention"))
    return crossed or config.has("moe_latent_size") or (embedding is not None and embedding != hidden)


def _flag(config: Values, key: str, family: Family | None) -> bool:
    told = config.flag(key)
    return told if told is not None else bool(family and family.bias_default)


def _head_normed(config: Values, family: Family) -> bool:
    if not family.head_norms_key:
        return bool(family.head_norms)
    return config.flag(family.head_norms_key) or False


def _norms(config: Values, layers: int, name: str) -> int | None:
    """Return the norms of families whose files switch some of them off."""
    if name == "opt":
        if config.flag("layer_norm_elementwise_affine") is False:
            return 0
        ended = config.flag("do_layer_norm_before") is not False and not config.flag("_remove_final_layer_norm")
        return 2 * layers + ended
    if name == "stablelm" and config.flag("use_parallel_residual"):
        return layers + 1
    return None


def _head_bias(config: Values, family: Family) -> bool:
    return (config.flag(family.head_bias) or False) if isinstance(family.head_bias, str) else family.head_bias


def _extra_layers(config: Values) -> int:
    if config.flag("use_mtp"):  # MiniMax
        return config.whole("num_mtp_modules", high=64, low=0) or 0
    return config.whole("num_nextn_predict_layers", "mtp_num_hidden_layers", high=64, low=0) or 0


def _intermediate(config: Values, hidden: int, name: str, *, recurrent: bool, family: Family | None) -> int | None:
    if recurrent:
        return None
    if name in _OTHER_WIDTH:
        return config.whole(_OTHER_WIDTH[name])
    told = config.whole("intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size")
    if told is None and family and family.mlp_key == "n_inner" and not config.has("n_inner"):
        return 4 * hidden  # GPT-2 writes null for four times the width
    return told


def _tied(config: Values, outer: Values | None, family: Family | None) -> bool | None:
    told = config.flag("tie_word_embeddings")
    around = None if outer is None else outer.flag("tie_word_embeddings")
    if told is None or around is False:  # transformers 5 goes by the outer one, engines by the inner: the larger counts
        told = around
    return told if told is not None else family.tied_default if family else None


def _positions(config: Values) -> int | None:
    """Return how far positions reach: with YaRN the original length times the factor, where that is further.

    Qwen2.5's model cards have users add ``rope_scaling`` and leave ``max_position_embeddings`` as it was.
    """
    told = config.whole("max_position_embeddings", "n_positions", "seq_length", high=MAX_TOKENS)
    name = "rope_parameters" if isinstance(config.data.get("rope_parameters"), dict) else "rope_scaling"
    scaling = config.inner(name)
    if scaling is None or told is None or scaling.text("rope_type", "type") != "yarn":
        return told
    original = scaling.whole("original_max_position_embeddings", high=MAX_TOKENS)
    factor = scaling.factor("factor", high=MAX_FACTOR)
    return told if original is None or factor is None else max(told, round(original * factor))


def _tower(outer: Values, *, text_width: int) -> Tower | None:
    from parity.workload.vision_tower import read_tower  # few models have one

    return read_tower(outer.data, text_width=text_width, model_type=outer.text("model_type"))


def _has_further_part(outer: Values) -> bool:
    """Return whether another mapping of the file has layers of its own: an encoder of speech, a projector, a talker."""
    data = outer.data
    names = data.mappings() if isinstance(data, Config) else [name for name in data if isinstance(data[name], dict)]
    others = [name for name in names if name not in (*_TEXT_PARTS, *_NO_PARTS) and not name.startswith("vision_")]
    return any(name in _PART_KEYS or name.endswith("_num_hidden_layers") for other in others for name in data[other])


def _learned(config: Values, family: Family | None) -> int:
    if family is None or family.positions < 0:
        return 0
    kinds = config.whole("type_vocab_size", high=MAX_COUNT, low=0) or 0 if family.encoder else 0
    return config.need("max_position_embeddings", "n_positions") + family.positions + kinds


def _unknowns(shape: ModelShape, config: Values) -> list[Unknown]:
    told = []
    if not shape.family:
        named = repr(shape.model_type) if shape.model_type else "no model type"
        why = f"{named} is not in the table of families; --like NAME names one"
        if family_of(shape.model_type):
            why = f"{named} has no experts, the file declares {shape.moe.experts if shape.moe else 0}"
        told.append(Unknown(what="model type", why=why))
    if shape.vision:
        told.append(Unknown(what="vision or audio tower", why="its weights and its tokens are not counted"))
    if shape.tower:
        why = "its weights are counted, whole on each device; its time is not, and images are tokens of the context"
        told.append(Unknown(what="vision tower", why=why))
    if shape.intermediate is None and shape.moe is None and shape.state_layers < shape.layers:
        told.append(Unknown(what="feed-forward width", why="the file does not say: its activations are not counted"))
    if shape.extra_layers:
        why = f"{shape.extra_layers} further prediction layer(s) (MTP) are not counted: engines load them on request"
        told.append(Unknown(what="prediction layers", why=why))
    if shape.quantization and shape.quantization.dtype is None and not shape.quantization.unread:
        why = f"the method {shape.quantization.method!r} is not one whose sizes are known here"
        told.append(Unknown(what="quantisation", why=why))
    if shape.quantization and shape.quantization.unread:
        told.append(Unknown(what="quantisation", why=_unread(shape.quantization.unread)))
    if shape.is_encoder:
        told.append(Unknown(what="task head", why="what stands on the encoder beside its pooler is not counted"))
    if shape.dtype is None:
        # transformers 4 then loads FP32, transformers 5 what the checkpoint has (documentation of
        # PreTrainedModel.from_pretrained, `torch_dtype` and `dtype`), and vLLM half precision: no default is documented
        # that would hold for all of them.
        name = config.text("dtype", "torch_dtype")
        why = f"{name!r} is no known dtype" if name else "the file does not say, and loaders differ"
        told.append(Unknown(what="dtype", why=f"{why}: give --dtype fp32, bf16 or fp16, or the model's folder"))
    if shape.state_layers and shape.state is None:
        told.append(Unknown(what="recurrent state", why="its size is not known for this model type"))
    return told


def _unread(patterns: tuple[str, ...]) -> str:
    more = f" and {len(patterns) - 1} more" if len(patterns) > 1 else ""
    return f"{patterns[0]!r}{more} of its lists cannot be followed here: which parts stay wide is not known"
