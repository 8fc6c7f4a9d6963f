"""Knows the recurrent state of layers without attention, and their parameters: Mamba, Mamba 2, gated delta nets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.workload.config_values import MAX_COUNT
from parity.workload.model_shape import State

if TYPE_CHECKING:
    from parity.workload.config_values import Values
    from parity.workload.model_shape import Mixer


# Keys of the biases of the two projections, and of the convolution's, which is there where the file does not say.
_BIASES = {"jamba": ("mamba_proj_bias", "mamba_conv_bias"), "granitemoehybrid": ("mamba_proj_bias", "mamba_conv_bias")}
_BIASES_ELSEWHERE = ("use_bias", "use_conv_bias")
# Families with Mamba 2 layers: what their files call heads, width of a head, groups, state and convolution.
_MAMBA2 = {
    "mamba2": ("num_heads", "head_dim", "n_groups", "state_size", "conv_kernel"),
    "granitemoehybrid": ("mamba_n_heads", "mamba_d_head", "mamba_n_groups", "mamba_d_state", "mamba_d_conv"),
    "nemotron_h": ("mamba_num_heads", "mamba_head_dim", "n_groups", "ssm_state_size", "conv_kernel"),
}


def read_state(config: Values, name: str, mixers: dict[Mixer, int], hidden: int) -> State | None:
    """Return the recurrent state of a layer; sizes as the reference code of each family allocates them."""
    if mixers.get("linear") and name == "qwen3_next":
        keys = config.need("linear_num_key_heads", high=MAX_COUNT) * config.need("linear_key_head_dim", high=MAX_COUNT)
        heads, key_dim = config.need("linear_num_value_heads", high=MAX_COUNT), config.need("linear_key_head_dim")
        values = heads * config.need("linear_value_head_dim", high=MAX_COUNT)
        kernel = config.need("linear_conv_kernel_dim", high=MAX_COUNT)
        channels = 2 * keys + values
        matrices = {
            "in_proj_qkvz": hidden * (2 * keys + 2 * values),
            "in_proj_ba": hidden * 2 * heads,
            "out_proj": values * hidden,
        }
        vectors = channels * kernel + 2 * heads + config.need("linear_value_head_dim")
        return _state(channels * kernel, values * key_dim, matrices, vectors)
    if not mixers.get("ssm"):
        return None
    if name in _MAMBA2:
        return _mamba2(config, hidden, name)
    if name in ("mamba", "jamba"):
        return _mamba(config, hidden, name)
    return None


def _mamba(config: Values, hidden: int, name: str) -> State:
    kernel = config.need("conv_kernel", "mamba_d_conv", high=MAX_COUNT)
    state = config.need("state_size", "mamba_d_state", high=MAX_COUNT)
    inner = config.need("expand", "mamba_expand", high=MAX_COUNT) * hidden
    told = config.data.get("time_step_rank", config.data.get("mamba_dt_rank", "auto"))
    rank = -(-hidden // 16) if told == "auto" else config.need("time_step_rank", "mamba_dt_rank")
    matrices = {
        "in_proj": hidden * 2 * inner,
        "x_proj": inner * (rank + 2 * state),
        "dt_proj": rank * inner,
        "out_proj": inner * hidden,
    }
    vectors = inner * kernel + inner + inner * state + inner + _biases(config, name, 2 * inner + hidden, inner)
    if name == "jamba":
        vectors += rank + 2 * state
    return _state(inner * kernel, inner * state, matrices, vectors)


def _biases(config: Values, name: str, projections: int, convolution: int) -> int:
    of_projections, of_convolution = _BIASES.get(name, _BIASES_ELSEWHERE)
    told = projections if config.flag(of_projections) else 0
    return told + (0 if config.flag(of_convolution) is False else convolution)


def _mamba2(config: Values, hidden: int, name: str) -> State:
    heads, width, groups, state, kernel = (config.need(key, high=MAX_COUNT) for key in _MAMBA2[name])
    inner = heads * width
    channels = inner + 2 * groups * state
    matrices = {"in_proj": hidden * (inner + channels + heads), "out_proj": inner * hidden}
    biases = _biases(config, name, inner + channels + heads + hidden, channels)
    return _state(channels * kernel, inner * state, matrices, channels * kernel + 3 * heads + inner + biases)


def _state(convolution: int, recurrent: int, matrices: dict[str, int], vectors: int) -> State:
    return State(
        convolution_elements=convolution,
        recurrent_elements=recurrent,
        layer_parameters=sum(matrices.values()) + vectors,
        matrices=matrices,
    )
