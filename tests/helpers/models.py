"""Knows the recorded model configurations, and targets of the catalog, for tests of ``parity.workload``."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from parity.catalog import store
from parity.config.project import Project
from parity.config.targets import resolve_target
from parity.workload.model_config import read_model_config
from parity.workload.question import Question

if TYPE_CHECKING:
    from parity.model.target import Target
    from parity.workload.model_shape import ModelShape

MODELS = Path(__file__).resolve().parent.parent / "fixtures" / "models" / "MODELS.yaml"


@cache
def models() -> dict[str, Any]:
    """Return every recorded model: name -> source, config, and what is known of it."""
    loaded: dict[str, Any] = yaml.safe_load(MODELS.read_text(encoding="utf-8"))
    return loaded


@cache
def indexes() -> dict[str, Any]:
    """Return what public safetensors indexes say: name -> repository, total_size and configuration."""
    loaded: dict[str, Any] = yaml.safe_load(MODELS.with_name("INDEXES.yaml").read_text(encoding="utf-8"))
    return loaded


@cache
def counted() -> dict[str, Any]:
    """Return made-up configurations of each family: name -> parameters and configuration."""
    loaded: dict[str, Any] = yaml.safe_load(MODELS.with_name("COUNTED.yaml").read_text(encoding="utf-8"))
    return loaded


def config(name: str, **changes: Any) -> dict[str, Any]:
    """Return a recorded configuration with keys changed; ``...`` takes a key out."""
    changed = {**models()[name]["config"], **changes}
    return {key: value for key, value in changed.items() if value is not ...}


def read(data: Any, *, like: str = "") -> ModelShape:
    """Return the shape of a configuration."""
    return read_model_config(json.dumps(data).encode(), where="config.json", like=like)


def shape(name: str, **changes: Any) -> ModelShape:
    """Return the shape of a recorded model."""
    return read(config(name, **changes))


def target(expression: str) -> Target:
    """Return a target of the catalog."""
    assert store.index()
    return resolve_target(expression, Project(), source="--target")


def question(name: str, on: str, **asked: Any) -> Question:
    """Return a question about a recorded model."""
    here = asked.pop("here", None)
    return Question(shape=shape(name), target=target(on), here=target(here) if here else None, **asked)
