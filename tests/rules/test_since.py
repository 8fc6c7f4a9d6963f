"""A card's ``since`` is a version that exists: the one being made, or one before it."""

from __future__ import annotations

import pytest
from packaging.version import Version

from parity import __version__
from parity.catalog import store

CARDS = [*store.cards(), *store.lint_book().cards, *store.model_cards().values()]


def is_beyond(since: str, version: str) -> bool:
    """Return whether a version is later than that of the package; a pre-release counts as what it comes before."""
    return Version(since) > Version(Version(version).base_version)


@pytest.mark.parametrize(
    ("since", "version", "beyond"),
    [("0.1", "0.1.0", False), ("0.1", "0.1.0.dev3", False), ("0.2", "0.1.9", True), ("0.2", "0.10.0", False)],
)
def test_versions_are_compared_as_versions(since: str, version: str, beyond: bool) -> None:
    assert is_beyond(since, version) is beyond


def test_no_rule_is_younger_than_the_package() -> None:
    assert len(CARDS) > 100
    assert [card.id for card in CARDS if is_beyond(card.since, __version__)] == []
