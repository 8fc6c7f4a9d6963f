"""Tests that every environment variable card is valid, sourced and said once."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import msgspec
import pytest
import yaml

from parity.model.environment import EnvironmentCard

FOLDER = Path(__file__).resolve().parents[3] / "rules" / "environment"
KINDS = {"serialises", "selects-device", "fake-arch", "compiles", "communication", "memory", "profiler", "host", "dead"}
CARDS = [
    card
    for file in sorted(FOLDER.glob("*.yaml"))
    for card in msgspec.convert(yaml.safe_load(file.read_text(encoding="utf-8")), list[EnvironmentCard])
]


def test_there_are_many_and_none_twice() -> None:
    names = [card.name for card in CARDS]
    assert len(names) > 60
    assert len(names) == len(set(names))


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_a_card_is_complete(card: EnvironmentCard) -> None:
    assert re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*\*?", card.name)
    assert card.vendor in {"nvidia", "amd", "any"}
    assert card.kind in KINDS
    assert card.effect.endswith(".")
    assert card.mend
    assert card.source.title
    assert card.source.where
    assert dt.date.fromisoformat(card.source.read)


@pytest.mark.parametrize(
    ("name", "value", "triggers"),
    [
        ("CUDA_LAUNCH_BLOCKING", "1", True),
        ("CUDA_LAUNCH_BLOCKING", "0", False),
        ("HSA_OVERRIDE_GFX_VERSION", "11.0.0", True),
        ("HSA_OVERRIDE_GFX_VERSION_2", "11.0.0", True),
        ("NVIDIA_TF32_OVERRIDE", "1", False),
        ("NVIDIA_TF32_OVERRIDE", "0", True),
        ("NCCL_NVLS_ENABLE", "0", True),
        ("CUDA_MODULE_LOADING", "LAZY", False),
        ("AMD_LOG_LEVEL", "1", False),
        ("HIP_FORCE_DEV_KERNARG", "1", False),
    ],
)
def test_harmless_values_do_not_trigger(name: str, value: str, triggers: bool) -> None:
    assert any(card.triggered_by(name, value) for card in CARDS) is triggers
