"""Knows a model that is given by its dimensions on the command line, without a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from parity.errors import UsageError
from parity.workload.model_config import read_model_config

if TYPE_CHECKING:
    import argparse

    from parity.workload.model_shape import ModelShape

# option -> (key of a config.json, what it is, whether a model without a file needs it)
FLAGS = {
    "layers": ("num_hidden_layers", "layers", True),
    "hidden": ("hidden_size", "hidden width", True),
    "heads": ("num_attention_heads", "attention heads", True),
    "kv-heads": ("num_key_value_heads", "key and value heads (default: as many as heads)", False),
    "head-dim": ("head_dim", "width of a head (default: hidden width over heads)", False),
    "intermediate": ("intermediate_size", "width of the feed-forward", False),
    "vocab": ("vocab_size", "rows of the embedding", True),
}
WHERE = "the command line"
_WIDE = {"bf16": "bfloat16", "fp16": "float16", "fp32": "float32"}
_LARGEST = 2**40


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    for name, (_, words, _) in FLAGS.items():
        parser.add_argument(f"--{name}", metavar="N", help=f"without a file: {words}")


def given(arguments: argparse.Namespace) -> list[str]:
    """Return the options of a model without a file that were given."""
    return [f"--{name}" for name in FLAGS if getattr(arguments, name.replace("-", "_")) is not None]


def shape_of(arguments: argparse.Namespace) -> ModelShape:
    """Return the shape of a model given by its dimensions: ordinary attention, and layers as ``--like`` says (llama).

    Raises:
        UsageError: an option is missing or no number.
        InvalidConfigError: the dimensions do not fit together.
    """
    missing = [f"--{name}" for name, (_, _, needed) in FLAGS.items() if needed and _text(arguments, name) is None]
    if _text(arguments, "intermediate") is None and arguments.params is None:
        missing.append("--params or --intermediate")
    if missing:
        raise UsageError(
            f"without a file {', '.join(missing)} must be given",
            where=WHERE,
            mend="give them, or the model's config.json",
        )
    values: dict[str, Any] = {"tie_word_embeddings": False}
    for name, (key, _, _) in FLAGS.items():
        text = _text(arguments, name)
        if text is not None:
            values[key] = _number(text, f"--{name}")
    if arguments.dtype in _WIDE:
        values["torch_dtype"] = _WIDE[arguments.dtype]
    return read_model_config(msgspec.json.encode(values), where=WHERE, like=arguments.like or "llama")


def parameter_count(text: str, *, high: int) -> int:
    """Return a number of parameters: ``70b``, ``70.6e9``, ``350m``, ``1_000``; here k, m and b are decimal.

    Raises:
        UsageError: it is none, or out of bounds.

    >>> parameter_count("70b", high=10**15), parameter_count("1.5B", high=10**15), parameter_count("350m", high=10**15)
    (70000000000, 1500000000, 350000000)
    """
    word = text.strip().lower().replace("_", "")
    factor = {"k": 10**3, "m": 10**6, "b": 10**9, "t": 10**12}.get(word[-1:], 1)
    try:
        value = float(word[:-1] if factor > 1 else word) * factor
    except ValueError:
        value = 0.0
    if not 1 <= value <= high:
        raise UsageError(f"{text[:40]!r} is no number of parameters", where="--params", mend="write 70b or 70.6e9")
    return round(value)


def _text(arguments: argparse.Namespace, name: str) -> str | None:
    text: str | None = getattr(arguments, name.replace("-", "_"))
    return text


def _number(text: str, where: str) -> int:
    word = text.replace("_", "")
    if not word.isascii() or not word.isdigit() or len(word) > 13 or not 1 <= int(word) <= _LARGEST:
        raise UsageError(f"{text[:40]!r} is no whole number", where=where, mend="correct it")
    return int(word)
