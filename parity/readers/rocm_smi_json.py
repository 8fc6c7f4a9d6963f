"""Knows ``rocm-smi --json``: one object per card and a ``system`` object."""

from __future__ import annotations

import re
from typing import Any

from parity.readers import rocm_smi_fields, topology
from parity.readers import value as v
from parity.readers.draft import ReportDraft

NAME = "rocm-smi-json"
TOOL = "rocm-smi --json"
_CARD = re.compile(r"card([0-9]{1,3})")


def detect(data: Any) -> bool:
    """Return whether a JSON value is an output of rocm-smi."""
    return isinstance(data, dict) and any(
        _CARD.fullmatch(str(key)) and isinstance(card, dict) for key, card in data.items()
    )


def read(data: dict[str, Any]) -> ReportDraft:
    """Return the report of one JSON output.

    By hand: ``rocm-smi -a --json``
    """
    report = ReportDraft(NAME)
    for key, card in data.items():
        number = _CARD.fullmatch(str(key))
        if number and isinstance(card, dict):
            report.add(rocm_smi_fields.read_card(_labels(card)), int(number.group(1)))
    system = data.get("system")
    if isinstance(system, dict):
        printed = _labels(system)
        report.component("driver", v.observe(printed.get("driver version"), v.text, f"{TOOL}: Driver version"))
        _, report.links = topology.read_amd("\n".join(f'"{label}": "{text}"' for label, text in printed.items()))
    report.count_listed(len(report.devices), f"{TOOL}: cards")
    return report


def _labels(card: dict[str, Any]) -> dict[str, str]:
    labels: dict[str, str] = {}
    for key, node in list(card.items())[:2000]:
        printed = v.scalar(node)
        if printed is not None:
            labels.setdefault(rocm_smi_fields.normal_label(str(key)), str(printed))
    return labels
