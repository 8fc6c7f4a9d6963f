"""Knows the ``#SBATCH`` lines of a batch script: which GPUs it asks for, and what narrows the choice."""

from __future__ import annotations

import re

from parity.lint.facts import GpuRequest
from parity.lint.source import Source, Span

_LINE = re.compile(r"#SBATCH[ \t]+(--?[A-Za-z][\w-]*)(?:[ \t]*=[ \t]*|[ \t]+)?(\S+)?")
_REQUESTS = frozenset({"--gres", "--gpus", "-G", "--gpus-per-node", "--gpus-per-task", "--gpus-per-socket"})
# What may choose the kind of node, and with it the GPU.
_NARROWING = frozenset(
    {
        "--constraint",
        "-C",
        "--partition",
        "-p",
        "--nodelist",
        "-w",
        "--qos",
        "-q",
        "--prefer",
        "--reservation",
        "--account",
        "-A",
    }
)


def requests(source: Source) -> list[GpuRequest]:
    """Return the GPU requests of a batch script, each with the type it names and what else narrows it."""
    asked: list[tuple[str, str, Span]] = []
    narrowing = False
    for number, line in enumerate(source.lines, 1):
        match = _LINE.match(line)
        if match is None:
            continue
        if match[1] in _NARROWING:
            narrowing = True
        elif match[1] in _REQUESTS and match[2]:
            asked.append((match[1], match[2], Span(number, match.start(2) + 1, number, match.end(2) + 1)))
    found = []
    for option, value, span in asked:
        for part in value.split(","):
            fields = part.split(":")
            if option == "--gres":
                if fields[0] != "gpu":
                    continue
                fields = fields[1:]
            kinds = [field for field in fields if field and not field[0].isdigit()]
            sliced = [field for field in fields if re.fullmatch(r"\d+g\.\d+gb(?:\.\w+)?", field)]
            selectors = tuple(("type", kind, span) for kind in (*kinds, *sliced))
            unsettled = narrowing or "$" in value or "{" in value
            found.append(GpuRequest(resource="gres", kind="slurm", span=span, selectors=selectors, open=unsettled))
    return found
