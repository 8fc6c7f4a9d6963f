"""Knows the neutral form of a model: its dimensions, whatever the framework calls them."""

from __future__ import annotations

from typing import Literal

import msgspec

from parity.model.workload import Unknown
from parity.workload.module_patterns import Selector

# "feed": a layer that is a feed-forward and no more (Nemotron-H); elsewhere each layer has a mixer and a feed-forward.
Mixer = Literal["attention", "window", "chunk", "mla", "ssm", "linear", "encoder", "feed"]
# Mixers whose cache grows with every token; "window" and "chunk" grow up to their window.
GROWING: tuple[Mixer, ...] = ("attention", "mla")


class Mla(msgspec.Struct, frozen=True, kw_only=True):
    """Multi-head latent attention: what is cached is one latent and one rotary key per token.

    Attributes:
        q_lora_rank: None: queries are projected directly.
        index_heads, index_head_dim: of the indexer that chooses the tokens to look at (DeepSeek sparse attention); 0:
            there is none, and all are looked at.
        index_topk: how many tokens it chooses.
    """

    kv_lora_rank: int
    qk_rope_head_dim: int
    qk_nope_head_dim: int
    v_head_dim: int
    q_lora_rank: int | None = None
    index_heads: int = 0
    index_head_dim: int = 0
    index_topk: int = 0


class Moe(msgspec.Struct, frozen=True, kw_only=True):
    """A mixture of experts.

    Attributes:
        experts, top_k: routed experts, and how many of them a token visits.
        intermediate: width of one routed expert.
        shared_intermediate: width of all shared experts together; 0: none.
        shared_gate: the shared expert has a gate of its own (Qwen).
        layers: layers with experts; the others have a dense feed-forward.
        at: their numbers.
        router_bias: a correction per expert (DeepSeek) or a bias of the router.
        expert_bias: the experts' projections have biases (gpt-oss).
    """

    experts: int
    top_k: int
    intermediate: int
    layers: int
    at: frozenset[int] = frozenset()
    shared_intermediate: int = 0
    shared_gate: bool = False
    router_bias: bool = False
    expert_bias: bool = False


class State(msgspec.Struct, frozen=True, kw_only=True):
    """Recurrent state of one layer and one request.

    Attributes:
        convolution_elements: kept in the model's dtype.
        recurrent_elements: kept in FP32 by the reference code.
        layer_parameters: of the mixer; None when the family is not counted.
        matrices: those of them that are in linear layers, by name; the rest are a convolution, vectors, a norm.
    """

    convolution_elements: int
    recurrent_elements: int
    layer_parameters: int | None = None
    matrices: dict[str, int] = {}


class Quantization(msgspec.Struct, frozen=True, kw_only=True):
    """How the matrices of the layers are stored.

    Attributes:
        method: ``fp8``, ``gptq``, ``awq``, ``mxfp4``, ``compressed-tensors``, ...
        dtype: ``fp8``, ``int8``, ``int4``, ``fp4``, ...; None when the method is not known.
        bits: of one element, scales left aside.
        scale_bits: scales and zero points, in bits per element.
        dialect: ``ocp``, ``fnuz`` or empty when it does not apply or is not said.
        weight_only: activations stay wide, so the matrix units compute in the wide dtype.
        block: rows and columns that share a scale in both directions; ranks cannot split one.
        group: neighbours of one row that share a scale; ranks cannot split one either.
        skipped: what stays wide.
        only: what is quantised; None: every linear layer of the layers.
        wide: part of the model, by its path, -> share of it that stays wide; a part that is not named is all narrow.
        unread: patterns that name nothing that is known here: the size of the weights is not known.
        head_skipped: the output head stays wide.
        cache: format of the cache that the checkpoint was made for; engines differ in whether they follow it.
    """

    method: str
    dtype: str | None
    bits: float | None
    scale_bits: float = 0.0
    dialect: str = ""
    weight_only: bool = False
    block: tuple[int, int] | None = None
    group: int = 0
    skipped: tuple[Selector, ...] = ()
    only: tuple[Selector, ...] | None = None
    wide: dict[str, float] = {}
    unread: tuple[str, ...] = ()
    head_skipped: bool = True
    cache: str = ""


class Tower(msgspec.Struct, frozen=True, kw_only=True):
    """A vision tower, with what joins it to the text part.

    Attributes:
        kind: ``siglip_vision_model``, ``qwen2_vl``, ...
        parameters: of both.
        patches: of the largest image; where the file has no size, of the largest that processors of its kind admit.
        width, intermediate: of one layer.
    """

    kind: str
    parameters: int
    patches: int
    width: int
    intermediate: int


class ModelShape(msgspec.Struct, frozen=True, kw_only=True):
    """A decoder, or an encoder, in neutral words. Lengths are in elements, counts per model unless said otherwise.

    Attributes:
        family: key of the table of known families; empty: only what the keys say is known.
        mixers: layers by mixer, in the order first met.
        order: mixer of each layer; empty when the order is not known.
        window: tokens that a window or chunk layer keeps.
        vocab: rows of the embedding as stored.
        gated: the feed-forward has a gate, so three matrices; None when the family is not known.
        attention_bias, out_bias, mlp_bias: what the file says of biases, where the family leaves it to the file; of the
            attention's projections, its output projection, and the feed-forward.
        head_normed: query and key are normalised, as the family does it.
        head_bias: the output head has a bias.
        norms: of the hidden width, in all layers and at the end; None: as the family has them.
        dtype: of the weights before quantisation; None when the file does not say.
        kv_heads: of attention layers; None for MLA.
        positions: context the model was made for.
        tower: the vision tower, None when there is none that is counted.
        vision: a vision or audio tower is there, whose size is not counted.
        extra_layers: further prediction layers (MTP) that the file declares and engines load on request.
        unknowns: what the file leaves open.
    """

    model_type: str
    family: str
    hidden: int
    layers: int
    mixers: dict[Mixer, int]
    order: tuple[Mixer, ...] = ()
    vocab: int
    heads: int | None = None
    kv_heads: int | None = None
    head_dim: int | None = None
    window: int | None = None
    intermediate: int | None = None
    gated: bool | None = None
    tied: bool | None = None
    attention_bias: bool = False
    out_bias: bool = False
    mlp_bias: bool = False
    head_normed: bool = False
    head_bias: bool = False
    norms: int | None = None
    mla: Mla | None = None
    moe: Moe | None = None
    state: State | None = None
    quantization: Quantization | None = None
    dtype: str | None = None
    positions: int | None = None
    learned_positions: int = 0
    tower: Tower | None = None
    vision: bool = False
    extra_layers: int = 0
    unknowns: tuple[Unknown, ...] = ()

    @property
    def is_encoder(self) -> bool:
        """Return whether the model reads a whole text at once, and neither caches nor decodes."""
        return "encoder" in self.mixers

    @property
    def growing_layers(self) -> int:
        """Return the layers whose cache grows with every token."""
        return sum(self.mixers.get(kind, 0) for kind in GROWING)

    @property
    def bounded_layers(self) -> int:
        """Return the layers whose cache stops growing at the window."""
        return self.mixers.get("window", 0) + self.mixers.get("chunk", 0)

    @property
    def state_layers(self) -> int:
        """Return the layers that keep a state of fixed size instead of a cache."""
        return self.mixers.get("ssm", 0) + self.mixers.get("linear", 0)

    @property
    def dense_layers(self) -> int:
        """Return the layers with a dense feed-forward."""
        alone = "feed" in self.mixers or self.family == "nemotron_h"
        return (self.mixers.get("feed", 0) if alone else self.layers) - (self.moe.layers if self.moe else 0)
