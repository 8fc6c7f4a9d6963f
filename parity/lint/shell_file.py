"""Knows shell scripts and dotenv files as files: their commands, and the ``#SBATCH`` lines of a batch script."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity.lint import script, shell, slurm
from parity.lint.facts import Facts

if TYPE_CHECKING:
    from parity.lint.source import Source


def scan(source: Source) -> Facts:
    """Return the facts of a script."""
    facts = Facts(source, "shell")
    script.scan(shell.stretches(source.text), facts, how="shell")
    if "#SBATCH" in source.text:
        facts.gpu_requests.extend(slurm.requests(source))
    return facts
