"""Knows whether a run has a terminal, its encoding, and whether it shows a header. PYTEST_DONT_REWRITE."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def terminal_encoding(config: pytest.Config) -> str:
    """Return the encoding of the terminal's stream, which may not carry all text."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    stream = getattr(getattr(reporter, "_tw", None), "_file", None) or sys.__stdout__
    return getattr(stream, "encoding", None) or "utf-8"


def shows_header(config: pytest.Config) -> bool:
    """Tell whether pytest asks plugins for a header."""
    return (
        config.pluginmanager.has_plugin("terminalreporter")
        and config.getoption("verbose", default=0) >= 0
        and not config.getoption("no_header", default=False)
    )
