"""Calls that newer drivers renamed: the newer where it answers, the older for good where that alone does."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from parity.probes import watch_nvml

if TYPE_CHECKING:
    from collections.abc import Callable


class Driver:
    """Two calls, of which each answers or not; keeps who was asked."""

    def __init__(self, *, newer: bool, older: bool) -> None:
        self.answers = {"newer": newer, "older": older}
        self.asked: list[str] = []

    def wrapper(self, name: str) -> Callable[..., tuple[str, tuple[Any, ...]]]:
        def call(*args: Any) -> tuple[str, tuple[Any, ...]]:
            self.asked.append(name)
            if not self.answers[name]:
                raise OSError(name)
            return name, args

        return call

    def newest(self) -> Callable[..., Any]:
        nvml: Any = SimpleNamespace(wrapper=self.wrapper)
        return watch_nvml._newest_of(nvml, ("newer", "older"))


def test_the_newer_call_is_asked_where_it_answers() -> None:
    driver = Driver(newer=True, older=True)
    ask = driver.newest()
    assert [ask("gpu", 0), ask("gpu", 1)] == [("newer", ("gpu", 0)), ("newer", ("gpu", 1))]
    assert driver.asked == ["newer", "newer"]


def test_the_older_call_is_asked_for_good_where_it_alone_answers() -> None:
    driver = Driver(newer=False, older=True)
    ask = driver.newest()
    assert [ask("gpu") for _ in range(3)] == [("older", ("gpu",))] * 3
    assert driver.asked == ["newer", "older", "older", "older"]
    driver.answers["older"] = False
    with pytest.raises(OSError, match="older"):
        ask("gpu")


def test_where_neither_answers_both_are_asked_again() -> None:
    """Either may only have failed once."""
    driver = Driver(newer=False, older=False)
    ask = driver.newest()
    for _ in range(2):
        with pytest.raises(OSError, match="older"):
            ask("gpu")
    driver.answers["newer"] = True
    assert ask("gpu") == ("newer", ("gpu",))
    assert driver.asked == ["newer", "older", "newer", "older", "newer"]
