"""Knows how a test reads one of the report fixtures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from parity.model.fingerprint import Fingerprint
from parity.readers import read_report

REPORTS = Path(__file__).parents[2] / "fixtures" / "reports"

ReadFixture: TypeAlias = Callable[[str], Fingerprint]


@pytest.fixture
def read() -> ReadFixture:
    def read_fixture(name: str) -> Fingerprint:
        return read_report((REPORTS / name).read_bytes(), where=name)

    return read_fixture


@pytest.fixture
def text_of() -> Callable[[str], str]:
    def fixture_text(name: str) -> str:
        return (REPORTS / name).read_text(encoding="utf-8")

    return fixture_text
