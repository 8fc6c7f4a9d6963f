"""Knows what a config.json leaves unsaid about the families of models it is written for.

A configuration names widths, not matrices: whether the feed-forward is gated, which projections have a bias and what is
normalised stands in the modelling code (``src/transformers/models/<model_type>/`` of huggingface/transformers). What
holds a row to it is arithmetic: tests count a public model of each family and want the published number to the last
parameter (of ``qwen3_next`` and ``deepseek_v3`` the published size). A model type without a row is not guessed at.
"""

from __future__ import annotations

import msgspec


class Family(msgspec.Struct, frozen=True, kw_only=True):
    """What the modelling code of one model type fixes.

    Attributes:
        gated: three matrices in the feed-forward instead of two.
        qkv_bias, out_bias, mlp_bias: biases; ``config``: what ``attention_bias`` or ``mlp_bias`` says, else none.
        norms: weights of the hidden width per layer; LayerNorm has two vectors each.
        head_norms: query and key are normalised with vectors of this kind: ``head`` (one per head_dim), ``all``
            (one over all heads), empty.
        norm_vectors: 2 for LayerNorm with bias, 1 for RMSNorm.
        kv_default: key heads equal the query heads when the file does not name them.
        head_dim_default: head_dim is hidden width over heads when the file does not name it.
        output_gate: the query projection is twice as wide, its other half gates the output.
        tied_default: the output head is the embedding when the file does not say.
        window: ``all`` (every layer when ``sliding_window`` is set and in use), ``types`` (``layer_types``),
            ``pattern`` (every n-th layer is full, n in ``sliding_window_pattern``), ``even`` (every other),
            ``switch`` (``use_sliding_window``), empty: none.
        pattern: full-attention period when the file does not say, for ``pattern``.
        positions: embeddings of positions are learned: rows added to ``max_position_embeddings``; -1: none.
        sinks: one learned value per head (gpt-oss).
        encoder: reads a whole text at once: no cache, no decoding; kinds of tokens and a pooler have matrices.
        mlp_key: name of the feed-forward width.
        unsaid: values that files of this family leave out, because its configuration class has them as defaults.
        unsaid_inside: the same of the text part of a LLaVA.
    """

    gated: bool = True
    qkv_bias: bool | str = False
    out_bias: bool | str = False
    mlp_bias: bool | str = False
    norms: int = 2
    head_norms: str = ""
    norm_vectors: int = 1
    kv_default: bool = False
    tied_default: bool = False
    head_dim_default: bool = True
    output_gate: bool = False
    window: str = ""
    pattern: int = 0
    positions: int = -1
    sinks: bool = False
    encoder: bool = False
    mlp_key: str = "intermediate_size"
    unsaid: dict[str, int] = {}
    unsaid_inside: dict[str, int] = {}


_HEADS = Family(qkv_bias="config", out_bias="config", head_norms="head", head_dim_default=False, window="switch")
# Files of LLaVA name of their text part what differs from the defaults of its class. Source: huggingface/transformers,
# configuration_llama.py at 008e574 and configuration_mistral.py at 001f85b; the window is not taken over.
_SEVEN_BILLION = {"vocab_size": 32_000, "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32}
_LLAMA = Family(
    qkv_bias="config", out_bias="config", mlp_bias="config", kv_default=True,
    unsaid_inside={**_SEVEN_BILLION, "intermediate_size": 11_008},
)  # fmt: skip
_DEEPSEEK = Family(kv_default=True)
_BERT = Family(
    gated=False, qkv_bias=True, out_bias=True, mlp_bias=True, norm_vectors=2, kv_default=True, tied_default=True,
    positions=0, encoder=True,
)  # fmt: skip
# The text part of a model with a vision tower is written without what equals the defaults of its class. Source:
# huggingface/transformers 008f5c8, src/transformers/models/gemma3/configuration_gemma3.py, Gemma3TextConfig.__init__.
_GEMMA3_UNSAID = {
    "vocab_size": 262_208,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "head_dim": 256,
    "max_position_embeddings": 131_072,
    "sliding_window": 4096,
}
# Families whose modelling code knows experts; in a file of another family they are a contradiction, not a size.
WITH_EXPERTS = frozenset(
    {"mixtral", "qwen2_moe", "qwen3_moe", "gpt_oss", "qwen3_next", "deepseek_v2", "deepseek_v3", "jamba"}
)
FAMILIES: dict[str, Family] = {
    "llama": _LLAMA,
    "mistral": Family(
        window="all", unsaid_inside={**_SEVEN_BILLION, "intermediate_size": 14_336, "num_key_value_heads": 8}
    ),
    "mixtral": Family(window="all"),
    "qwen2": Family(qkv_bias=True, window="switch"),
    "qwen3": _HEADS,
    "qwen2_moe": Family(qkv_bias=True, window="switch"),
    "qwen3_moe": _HEADS,
    "gemma": Family(head_dim_default=False, tied_default=True),
    "gemma2": Family(head_dim_default=False, norms=4, tied_default=True, window="even"),
    "gemma3_text": Family(
        head_dim_default=False, norms=4, head_norms="head", tied_default=True, window="pattern", pattern=6,
        unsaid=_GEMMA3_UNSAID,
    ),
    "internlm2": Family(kv_default=True),
    "phi3": Family(kv_default=True, window="all"),
    "olmo2": Family(qkv_bias="config", out_bias="config", head_norms="all", kv_default=True),
    "gpt2": Family(
        gated=False, qkv_bias=True, out_bias=True, mlp_bias=True, norm_vectors=2, kv_default=True, tied_default=True,
        positions=0, mlp_key="n_inner",
    ),
    "bert": _BERT,
    "gpt_oss": Family(head_dim_default=False, qkv_bias=True, out_bias=True, window="types", sinks=True),
    "qwen3_next": Family(
        qkv_bias="config", out_bias="config", head_norms="head", head_dim_default=False, output_gate=True,
        window="types",
    ),
    "deepseek_v2": _DEEPSEEK,
    "deepseek_v3": _DEEPSEEK,
    "mamba": Family(norms=1, tied_default=True),
    "mamba2": Family(norms=1, tied_default=True),
    "jamba": Family(),
}  # fmt: skip
# Model types of the text part inside a configuration with a vision tower -> the family that its layers are of.
SAME_AS = {
    "gemma3": "gemma3_text",
    "mistral3": "mistral",
    "llava": "llama",
    "qwen2_vl": "qwen2",
    "qwen2_vl_text": "qwen2",
    "qwen2_5_vl": "qwen2",
    "qwen2_5_vl_text": "qwen2",
    "qwen3_vl_text": "qwen3",
    "qwen3_vl_moe_text": "qwen3_moe",
    "kimi_k2": "deepseek_v3",
    "roberta": "bert",
    "xlm-roberta": "bert",
    "camembert": "bert",
}


def family_of(model_type: str) -> str:
    """Return the family that a model type is of, empty when it is in no row.

    >>> family_of("llama"), family_of("kimi_k2"), family_of("another")
    ('llama', 'deepseek_v3', '')
    """
    name = SAME_AS.get(model_type, model_type)
    return name if name in FAMILIES else ""
