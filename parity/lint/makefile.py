"""Knows Makefiles: variables they set, and the recipes of their targets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from parity.lint import script
from parity.lint.facts import ArchList, Facts, Setting
from parity.lint.source import Span, Stretch

if TYPE_CHECKING:
    from parity.lint.source import Source

_ASSIGNMENT = re.compile(r"(?:export[ \t]+|override[ \t]+)?([A-Za-z_]\w*)[ \t]*(\?|:{1,3}|\+|!)?=[ \t]*(.*)", re.DOTALL)
_BLOCK = re.compile(r"(ifeq|ifneq|ifdef|ifndef|else|endif)\b")


def scan(source: Source) -> Facts:
    """Return the facts of a Makefile."""
    facts = Facts(source, "make")
    recipe: list[Stretch] = []
    depth = 0
    for number, line in enumerate(source.lines, 1):
        if line.startswith("\t"):
            text = line[1:].lstrip("@-+")
            recipe.append(Stretch(number, len(line) - len(text) + 1, text.replace("$$", "$")))
            continue
        if recipe:
            script.scan(recipe, facts, how="make")
            recipe = []
        stripped = line.strip()
        block = _BLOCK.match(stripped)
        if block:
            depth += {"else": 0, "endif": -1}.get(block[1], 1)
            continue
        match = _ASSIGNMENT.fullmatch(stripped)
        if match:
            _assignment(match, number, line, facts, conditional=depth > 0)
    if recipe:
        script.scan(recipe, facts, how="make")
    return facts


def _assignment(match: re.Match[str], number: int, line: str, facts: Facts, *, conditional: bool) -> None:
    name, operator, raw = match[1], match[2] or "", match[3].partition(" #")[0].strip()
    start = len(line) - len(line.lstrip()) + match.start(3)
    span = Span(number, start + 1, number, start + 1 + len(raw))
    whole = Span(number, len(line) - len(line.lstrip()) + 1, number, span.end_column)
    settled = "$" not in raw and not raw.endswith("\\") and operator != "!"
    value = raw.strip("\"'") if settled else None
    if "compute_" in raw or re.search(r"-arch=(?:sm_\d|native)", raw):
        adds = operator == "+" or not settled
        facts.arch_lists.append(
            ArchList(tool="nvcc", name=name, text=raw if settled else None, span=span, how="make", adds=adds)
        )
        return
    if operator == "+":
        value = None
    facts.settings.append(
        Setting(
            name=name, value=value, span=span, whole=whole, how="make", conditional=conditional, default=operator == "?"
        )
    )
