"""Knows what the modules of a model are called, so that lists of modules can be held against what is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from parity.workload.module_patterns import Selector

# One word of a part's own name -> further names of the same module in other families' code.
ALSO = {
    "self_attn": ("attn", "attention", "self_attention", "self"),
    "q_proj": ("qkv_proj", "query_key_value", "c_attn", "Wqkv", "qkv", "query", "wq"),
    "k_proj": ("qkv_proj", "query_key_value", "c_attn", "Wqkv", "qkv", "key", "wk"),
    "v_proj": ("qkv_proj", "query_key_value", "c_attn", "Wqkv", "qkv", "value", "wv"),
    "o_proj": ("dense", "out_proj", "c_proj", "wo", "output"),
    "q_a_proj": ("fused_qkv_a_proj_with_mqa", "wq_a"),
    "kv_a_proj_with_mqa": ("fused_qkv_a_proj_with_mqa", "wkv_a"),
    "q_b_proj": ("wq_b",),
    "kv_b_proj": ("wkv_b",),
    "mlp": ("feed_forward", "ffn", "block_sparse_moe", "moe"),
    "gate_proj": ("gate_up_proj", "w1"),
    "up_proj": ("gate_up_proj", "w3", "c_fc", "dense_h_to_4h", "fc1"),
    "down_proj": ("w2", "c_proj", "dense_4h_to_h", "fc2"),
    "shared_experts": ("shared_expert",),
    "in_proj_qkvz": ("in_proj_qkv", "in_proj_z"),
    "in_proj_ba": ("in_proj_a", "in_proj_b"),
}  # fmt: skip
_FUSED_GATE = {"gate_proj": ("input_linear",), "up_proj": ("input_linear",), "down_proj": ("output_linear",)}
# Modules that stay wide or are not counted, whatever a list says of them: routers, embeddings, heads, towers, further
# prediction layers, convolutions and vectors of recurrent layers.
_WIDE = frozenset(
    {"gate", "router", "e_score_correction_bias", "shared_expert_gate", "weights_proj", "lm_head", "head",
     "embed_tokens", "embeddings", "embed_positions", "wte", "wpe", "rotary_emb", "conv1d", "A_log", "dt_bias",
     "vision_tower", "vision_model", "visual", "vision_encoder", "embed_vision", "multi_modal_projector",
     "mm_projector", "patch_merge_mlp", "mlp1", "audio_tower", "embed_audio", "mtp", "shared_head", "eh_proj",
     "score", "classifier", "pooler", "sinks", "indexers_proj"}
)  # fmt: skip
# Words of parts that not every model has: a list that names them names nothing where there are none.
_OPTIONAL = frozenset({"shared_experts", "shared_expert", "indexer", "linear_attn", "mamba", "experts"})


def levels_of(path: str, *also: str) -> tuple[frozenset[str], ...]:
    """Return every word that each step of a module's name may be.

    Args:
        path: of the module, one word of each step.
        also: further words of the first step.

    >>> [sorted(level) for level in levels_of("self_attn wk")]
    [['attention', 'attn', 'self', 'self_attention', 'self_attn'], ['wk']]
    """
    told = []
    for position, word in enumerate(path.split()):
        more = () if position else also
        told.append(frozenset((word, *ALSO.get(word, ()), *_FUSED_GATE.get(word, ()), *more)))
    return tuple(told)


def selects(selector: Selector, levels: tuple[frozenset[str], ...]) -> bool:
    """Return whether a pattern names a module."""
    places = set(range(len(levels)))
    for word in selector.words:
        here = {place for place, names in enumerate(levels) if any(word.names(name) for name in names)}
        first = word is selector.words[0]
        if word.follows:
            places = {place for place in here if place - 1 in places}
        elif first:
            places = here
        else:
            places = {place for place in here if place >= min(places)}
        if not places:
            return False
    return True


def is_idle(selector: Selector, present: frozenset[str]) -> bool:
    """Return whether a pattern that names no counted matrix is known to name something else, or nothing.

    Args:
        selector: what the pattern names.
        present: every word of the names of the model's modules.
    """
    if selector.layers is not None and not selector.layers:
        return True  # of layers beyond the last: further prediction layers
    for word in selector.words:
        if "norm" in word.text or word.text in _WIDE or word.text.endswith("bias"):
            return True
        if (word.open_start or word.open_end) and any(word.names(name) for name in _WIDE):
            return True
        if word.text in _OPTIONAL and word.text not in present:
            return True
    return False
