"""Knows which kind of YAML a file is by its keys: Kubernetes objects, a compose file, a conda environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.lint import compose, conda, kubernetes
from parity.lint import yaml_positions as at
from parity.lint.facts import Facts

if TYPE_CHECKING:
    from parity.lint.source import Source


def scan(source: Source) -> Facts:
    """Return the facts of a YAML file; of a kind not known, none."""
    facts = Facts(source, "yaml")
    for root in at.documents(source):
        if at.get(root, "kind") is not None or at.get(root, "apiVersion") is not None:
            kubernetes.take(root, facts)
        elif at.pairs(at.get(root, "services")):
            compose.take(root, facts)
        elif at.get(root, "dependencies") is not None and at.get(root, "channels") is not None:
            conda.take(root, facts)
        else:
            kubernetes.take_sharing(root, facts)
            kubernetes.take_values(root, facts)
    return facts
