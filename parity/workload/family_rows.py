"""Knows the families of models: a row for each model type whose modelling code was read, and which types share one.

What holds a row to that code is arithmetic: tests count public models of each family and want the published number, and
configurations of each family and want the number that huggingface/transformers itself counts, both to the last
parameter. A model type without a row is not guessed at.
"""

from __future__ import annotations

import msgspec

from parity.workload.families import Family

_HEADS = Family(qkv_bias="config", out_bias="config", head_norms="head", head_dim_default=False, window="switch")
# Files of LLaVA name of their text part what differs from the defaults of its class. Source: huggingface/transformers,
# configuration_llama.py at 008e574 and configuration_mistral.py at 001f85b; the window is not taken over.
_SEVEN_BILLION = {"vocab_size": 32_000, "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32}
_LLAMA = Family(
    qkv_bias="config", out_bias="config", mlp_bias="config", kv_default=True,
    unsaid_inside={**_SEVEN_BILLION, "intermediate_size": 11_008},
)  # fmt: skip
_DEEPSEEK = Family(mlp_bias="config", kv_default=True, experts=True)
_DEEPSEEK_3 = Family(kv_default=True, experts=True, router_bias=True)
_COHERE = Family(
    qkv_bias="config", out_bias="config", norms=1, head_norms="all", head_norms_key="use_qk_norm", kv_default=True,
    tied_default=True,
)  # fmt: skip
_GLM = Family(qkv_bias="config", head_dim_default=False)
_OLMO = Family(qkv_bias="config", out_bias="config", head_norms="all", kv_default=True)
_ERNIE = Family(
    qkv_bias="config", out_bias="config", mlp_bias="config", bias_key="use_bias", mlp_bias_key="use_bias",
    kv_default=True, tied_default=True,
)  # fmt: skip
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
FAMILIES: dict[str, Family] = {
    "llama": _LLAMA,
    "mistral": Family(
        window="all", unsaid_inside={**_SEVEN_BILLION, "intermediate_size": 14_336, "num_key_value_heads": 8}
    ),
    "ministral3": Family(kv_default=True),
    "mixtral": Family(window="all", experts=True),
    "qwen2": Family(qkv_bias=True, window="switch"),
    "qwen3": _HEADS,
    "qwen2_moe": Family(qkv_bias=True, window="switch-even", experts=True),
    "qwen3_moe": msgspec.structs.replace(_HEADS, head_dim_default=True, experts=True),
    "gemma": Family(qkv_bias="config", out_bias="config", head_dim_default=False, tied_default=True),
    "gemma2": Family(
        qkv_bias="config", out_bias="config", head_dim_default=False, norms=4, tied_default=True, window="even",
    ),
    "gemma3_text": Family(
        qkv_bias="config", out_bias="config", head_dim_default=False, norms=4, head_norms="head", tied_default=True,
        window="pattern", pattern=6, unsaid=_GEMMA3_UNSAID,
    ),
    "internlm2": Family(kv_default=True),
    "phi3": Family(kv_default=True, window="all"),
    "olmo2": _OLMO,
    "gpt2": Family(
        gated=False, qkv_bias=True, out_bias=True, mlp_bias=True, norm_vectors=2, kv_default=True, tied_default=True,
        positions=0, mlp_key="n_inner",
    ),
    "bert": _BERT,
    "gpt_oss": Family(
        head_dim_default=False, qkv_bias="config", out_bias="config", bias_default=True, window="types", sinks=True,
        experts=True, router_bias=True, expert_bias=True,
    ),
    "qwen3_next": Family(
        qkv_bias="config", out_bias="config", head_norms="head", head_dim_default=False, output_gate=True,
        window="types", experts=True,
    ),
    "deepseek_v2": _DEEPSEEK,
    "deepseek_v3": _DEEPSEEK_3,
    "deepseek_v32": msgspec.structs.replace(_DEEPSEEK_3, indexer=True),
    "mamba": Family(norms=1, tied_default=True),
    "mamba2": Family(norms=1, tied_default=True),
    "jamba": Family(mamba=True, experts=True),
    "glm": _GLM,
    "glm4": msgspec.structs.replace(_GLM, norms=4),
    "glm4_moe": Family(
        qkv_bias="config", head_norms="head", head_norms_key="use_qk_norm", experts=True, router_bias=True,
    ),
    "dots1": Family(
        qkv_bias="config", out_bias="config", head_norms="head", kv_default=True, window="types", experts=True,
        router_bias=True,
    ),
    "solar_open": Family(qkv_bias="config", experts=True, router_bias=True),
    "exaone_moe": Family(head_norms="head", kv_default=True, window="types", experts=True, router_bias=True),
    "hy_v3": Family(
        qkv_bias="config", out_bias="config", mlp_bias="config", head_norms="head", experts=True, router_bias=True,
    ),
    "granitemoehybrid": Family(qkv_bias="config", out_bias="config", kv_default=True, mamba=True, experts=True),
    "nemotron_h": Family(
        gated=False, mlp_bias="config", norms=1, kv_default=True, mamba=True, experts=True, router_bias=True,
    ),
    "opt": Family(
        gated=False, qkv_bias="config", out_bias="config", mlp_bias="config", bias_key="enable_bias",
        mlp_bias_key="enable_bias", bias_default=True, norm_vectors=2, kv_default=True, tied_default=True, positions=2,
    ),
    "llama4_text": Family(head_dim_default=False, qkv_bias="config", out_bias="config", window="chunks", experts=True),
    "minimax_m2": Family(head_norms="all", experts=True, router_bias=True),
    "cohere": _COHERE,
    "cohere2": msgspec.structs.replace(_COHERE, head_norms="", window="pattern", pattern=4),
    "olmo3": msgspec.structs.replace(_OLMO, window="types"),
    "olmoe": msgspec.structs.replace(_OLMO, experts=True),
    "exaone4": Family(head_norms="head", kv_default=True, window="types"),
    "granitemoe": Family(qkv_bias="config", out_bias="config", kv_default=True, experts=True),
    "ernie4_5": _ERNIE,
    "ernie4_5_moe": msgspec.structs.replace(_ERNIE, head_bias="use_bias", experts=True, router_bias=True),
    "seed_oss": Family(
        qkv_bias="config", out_bias="config", mlp_bias="config", out_bias_key="attention_out_bias",
    ),
    "smollm3": Family(
        qkv_bias="config", out_bias="config", mlp_bias="config", kv_default=True, tied_default=True,
        window="switch-rope",
    ),
    "hunyuan_v1_dense": Family(qkv_bias="config", out_bias="config", head_norms="head", kv_default=True),
    "arcee": Family(gated=False, qkv_bias="config", out_bias="config", mlp_bias="config", kv_default=True),
    "cwm": Family(window="types", mlp_bias="config", kv_default=True),
    "helium": Family(qkv_bias="config", mlp_bias="config", kv_default=True),
    "starcoder2": Family(
        gated=False, qkv_bias="config", out_bias="config", mlp_bias="config", bias_key="use_bias",
        mlp_bias_key="use_bias", bias_default=True, norm_vectors=2, tied_default=True, window="all",
    ),
    "stablelm": Family(
        qkv_bias="config", bias_key="use_qkv_bias", norm_vectors=2, head_norms="all", head_norms_key="qk_layernorm",
    ),
    "phi": Family(
        gated=False, qkv_bias=True, out_bias=True, mlp_bias=True, norms=1, norm_vectors=2, head_norms="head",
        head_norms_key="qk_layernorm", head_norm_vectors=2, head_bias=True, kv_default=True,
    ),
    "phimoe": Family(
        qkv_bias="config", out_bias="config", norm_vectors=2, head_bias="lm_head_bias", window="all", experts=True,
    ),
    "gpt_neox": Family(
        gated=False, qkv_bias="config", out_bias="config", mlp_bias=True, bias_default=True, norm_vectors=2,
        kv_default=True,
    ),
    "nemotron": Family(
        gated=False, qkv_bias="config", out_bias="config", mlp_bias="config", norm_vectors=2, kv_default=True,
    ),
}  # fmt: skip
# Other model types -> the family that their layers are of: text parts of models with a vision tower, and namesakes.
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
    "glm4_moe_lite": "deepseek_v3",
    "glm_moe_dsa": "deepseek_v32",
    "granite": "llama",
    "internlm3": "llama",
    "gpt_bigcode": "gpt2",
    "falcon_mamba": "mamba",
    "flex_olmo": "olmoe",
    "mistral4": "deepseek_v2",
    "minicpm3": "deepseek_v2",
    "youtu": "deepseek_v3",
    "granitemoeshared": "granitemoe",
    "llama4": "llama4_text",
    "qwen3_5": "qwen3_next",
    "qwen3_5_text": "qwen3_next",
    "qwen3_5_moe": "qwen3_next",
    "qwen3_5_moe_text": "qwen3_next",
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
