"""Knows what a project file asks of a model (``models:``)."""

from typing import Literal

import msgspec

EngineName = Literal["usual", "vllm", "sglang", "none"]


class ModelGate(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One model that a project wants held to a target.

    Attributes:
        config: path of a config.json, a model's folder or a safetensors index, relative to the project file.
        target: of the project file or the catalog; None: the default target.
        here: also tell it for this device.
        fits: it must fit with a usual engine; false: whether it does is a note.
        min_wave_efficiency: floor for every product's waves on the target, between 0 and 1.
        context, batch: as ``parity model`` takes them.
        dtype, kv_dtype: formats of all weights, and of the cache.
        tp, pp, ep, dp: ranks.
        like: read the layers as those of this family.
    """

    config: str
    target: str | None = None
    here: str | None = None
    fits: bool = True
    min_wave_efficiency: float | None = None
    context: int | None = None
    batch: int | None = None
    dtype: str | None = None
    kv_dtype: str | None = None
    tp: int | None = None
    pp: int | None = None
    ep: int | None = None
    dp: int | None = None
    engine: EngineName = "usual"
    like: str | None = None
