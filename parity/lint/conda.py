"""Knows conda environment files: their packages, and those that pip adds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from parity.lint import yaml_positions as at
from parity.lint.facts import Facts, Requirement
from parity.lint.requirements import requirement_of

if TYPE_CHECKING:
    import yaml

_SPEC = re.compile(r"(?:[\w.-]+::)?([A-Za-z0-9_.-]+)\s*(?:==?\s*([0-9][\w.*]*)(?:=\S*)?|([<>!~].*))?")


def take(root: yaml.Node, facts: Facts) -> None:
    """Add what a conda environment asks for."""
    for item in at.items(at.get(root, "dependencies")):
        text = at.text_of(item)
        if text is None:
            for inner in at.items(at.get(item, "pip")):
                told = at.text_of(inner)
                one = requirement_of(told, at.span_of(inner, facts.source), group="conda") if told else None
                if one is not None:
                    facts.requirements.append(one)
            continue
        match = _SPEC.fullmatch(text.strip()) if len(text) < 500 else None
        if match:
            pinned = f"=={match[2].rstrip('*').rstrip('.')}.*" if match[2] else match[3] or ""
            facts.requirements.append(
                Requirement(
                    name=f"conda:{match[1].lower()}",
                    specifier=pinned,
                    span=at.span_of(item, facts.source),
                    group="conda",
                )
            )
