"""Knows what is asked about the host: the machine first, then the software stack of this interpreter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parity.probes import host_files, stack_survey
from parity.probes.small_files import Tree

if TYPE_CHECKING:
    from parity.probes.ask import Ask


def survey(ask: Ask, options: dict[str, Any]) -> None:
    """Ask about machine and software.

    Args:
        ask: asks and writes down.
        options: ``root``: path prefix (tests); ``pid``: process whose mapped libraries count as loaded, the parent's by
            default; ``environment``: names and ``PREFIX*`` of variables to report; ``sys_path``: instead of this
            interpreter's (tests).
    """
    tree = Tree(options.get("root") or "/")
    host_files.survey(ask, tree)
    stack_survey.survey(ask, tree, options)
