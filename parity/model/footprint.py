"""Knows the memory a model takes, as ``parity model`` reports it: whole, and on each device of a kind."""

from typing import Literal

import msgspec

Fits = Literal["yes", "tight", "no", "unknown"]


class ByteRange(msgspec.Struct, frozen=True, kw_only=True):
    """A size that depends on the engine: the least and the most bytes it may be."""

    low: int
    high: int


class Parallelism(msgspec.Struct, frozen=True, kw_only=True):
    """How the model is spread: tensor, pipeline, expert and data parallel ranks."""

    tp: int = 1
    pp: int = 1
    ep: int = 1
    dp: int = 1

    @property
    def devices(self) -> int:
        """Return the devices it takes; expert ranks are the tensor and data ranks again."""
        return self.tp * self.pp * self.dp


class Placement(msgspec.Struct, frozen=True, kw_only=True):
    """The model on one kind of device; sizes are of the fullest device.

    Attributes:
        device: catalog id, with the slice: ``h100-sxm5-80gb/1g.10gb``.
        count: devices.
        memory_bytes: of one device, as its driver reports it where that is known.
        weights_bytes, kv_bytes: of one device; None when unknown.
        kv_bytes_high: what the engine sets aside for the same tokens by default; more than ``kv_bytes`` where it has
            pools of fixed proportions.
        activations_bytes: one step's working set.
        overhead_bytes: context, graphs, communication buffers and what engines keep back.
        fits: ``yes`` with the highest overhead, ``tight`` only with less, ``no`` even with the least.
        complete: nothing is known to be left out of the weights; else the counts below are None.
        smallest_count: devices from which it fits (``yes``) with tensor parallelism alone; None: not up to 1024.
        largest_context, largest_batch: with the other as asked and the highest overhead; 0: not even one.
    """

    device: str
    count: int
    parallelism: Parallelism
    memory_bytes: int | None
    weights_bytes: int | None
    kv_bytes: int | None
    kv_bytes_high: int | None = None
    activations_bytes: ByteRange | None
    overhead_bytes: ByteRange | None
    fits: Fits
    why: str
    complete: bool = True
    smallest_count: int | None
    largest_context: int | None
    largest_batch: int | None


class Footprint(msgspec.Struct, frozen=True, kw_only=True):
    """Memory.

    Attributes:
        weights_bytes: of one copy of the model.
        weights_source: ``config`` (counted from the dimensions), ``safetensors`` (read from the files), ``--params``.
        kv_bytes_per_token: one token in every layer that keeps all tokens, all devices without duplicates.
        kv_bytes_per_token_in_window: one token in every layer, up to ``window`` tokens; the same where none has one.
        window: tokens after which some layers keep no more; None: none has one.
        kv_bytes_per_request: at the context asked for, windows and recurrent state included.
        kv_bytes: at the context and batch asked for.
        state_bytes_per_request: recurrent state, the same for any context.
        fits: on the target.
        not_modelled: what the sizes leave out.
    """

    context: int
    batch: int
    weights_bytes: int | None
    weights_source: str
    kv_bytes_per_token: int | None
    kv_bytes_per_request: int | None
    kv_bytes: int | None
    state_bytes_per_request: int | None
    fits: Fits
    target: Placement
    here: Placement | None
    not_modelled: tuple[str, ...]
    kv_bytes_per_token_in_window: int | None = None
    window: int | None = None
