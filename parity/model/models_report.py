"""Knows the report of every model that a project file names, schema ``parity.models/1``."""

from typing import Literal

import msgspec

from parity.model.workload import ModelReport

SCHEMA: Literal["parity.models/1"] = "parity.models/1"


class ModelsReport(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of ``parity model`` without a model: every gate of the project file.

    Attributes:
        expired: waivers of rules about models whose last day has passed.
    """

    schema: Literal["parity.models/1"] = SCHEMA
    models: tuple[ModelReport, ...]
    expired: tuple[str, ...] = ()
    exit_status: int
