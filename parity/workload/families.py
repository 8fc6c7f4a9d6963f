"""Knows what the modelling code of a family of models fixes, beyond what its config.json says.

A configuration names widths, not matrices: whether the feed-forward is gated, which projections have a bias and what is
normalised stands in the modelling code (``src/transformers/models/<model_type>/`` of huggingface/transformers).
"""

from __future__ import annotations

import msgspec


class Family(msgspec.Struct, frozen=True, kw_only=True):
    """What the modelling code of one model type fixes.

    Attributes:
        gated: three matrices in the feed-forward instead of two.
        qkv_bias, out_bias, mlp_bias: biases; ``config``: what the keys ``bias_key`` and ``mlp_bias_key`` say.
        bias_key, mlp_bias_key: their names; ``out_bias_key``: of the output projection, where it has one of its own.
        bias_default: what holds where the file has no such key.
        head_bias: the output head has a bias; a text: the key that says so.
        norms: weights of the hidden width per layer; LayerNorm has two vectors each.
        head_norms: query and key are normalised with vectors of this kind: ``head`` (one per head_dim), ``all``
            (one over all heads), empty.
        head_norms_key: the key that says whether they are; empty: always.
        head_norm_vectors: 2 where those are LayerNorms with bias.
        norm_vectors: 2 for LayerNorm with bias, 1 for RMSNorm.
        kv_default: key heads equal the query heads when the file does not name them.
        head_dim_default: head_dim is hidden width over heads when the file does not name it.
        output_gate: the query projection is twice as wide, its other half gates the output.
        tied_default: the output head is the embedding when the file does not say.
        window: ``all`` (every layer when ``sliding_window`` is set and in use), ``types`` (``layer_types``),
            ``pattern`` (every n-th layer is full, n in ``sliding_window_pattern``), ``even`` (every other),
            ``switch`` (``use_sliding_window``: those from ``max_window_layers`` on; ``switch-even``: of those before it
            every other; ``switch-rope``: those without RoPE), ``chunks`` (chunks where ``no_rope_layers`` says RoPE),
            empty: none.
        pattern: full-attention period when the file does not say, for ``pattern``.
        mamba: layers that the file calls ``linear_attention`` are Mamba's, as transformers 5 names them.
        positions: embeddings of positions are learned: rows added to ``max_position_embeddings``; -1: none.
        sinks: one learned value per head (gpt-oss).
        encoder: reads a whole text at once: no cache, no decoding; kinds of tokens and a pooler have matrices.
        indexer: an indexer chooses the tokens that latent attention looks at (DeepSeek sparse attention).
        experts: the modelling code knows a mixture of experts; in a file of another family they are a contradiction.
        router_bias: the router has a bias, or a correction of its scores, for each expert.
        expert_bias: the experts' matrices have biases.
        mlp_key: name of the feed-forward width.
        unsaid: values that files of this family leave out, because its configuration class has them as defaults.
        unsaid_inside: the same of the text part of a LLaVA.
    """

    gated: bool = True
    qkv_bias: bool | str = False
    out_bias: bool | str = False
    mlp_bias: bool | str = False
    bias_key: str = "attention_bias"
    out_bias_key: str = ""
    mlp_bias_key: str = "mlp_bias"
    bias_default: bool = False
    head_bias: bool | str = False
    norms: int = 2
    head_norms: str = ""
    head_norms_key: str = ""
    head_norm_vectors: int = 1
    norm_vectors: int = 1
    kv_default: bool = False
    tied_default: bool = False
    head_dim_default: bool = True
    output_gate: bool = False
    window: str = ""
    pattern: int = 0
    mamba: bool = False
    positions: int = -1
    sinks: bool = False
    encoder: bool = False
    indexer: bool = False
    experts: bool = False
    router_bias: bool = False
    expert_bias: bool = False
    mlp_key: str = "intermediate_size"
    unsaid: dict[str, int] = {}
    unsaid_inside: dict[str, int] = {}
