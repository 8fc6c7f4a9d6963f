"""Errors: what they say, and the exit status they stand for."""

import pytest

from parity.errors import (
    CatalogError,
    InputFileError,
    InvalidConfigError,
    NothingToJudgeError,
    ParityError,
    UnknownNameError,
    UsageError,
)


def test_an_error_says_where_what_close_and_mend_in_this_order() -> None:
    error = ParityError("no such name", where="parity.yaml:3", close="h100", mend="correct it")
    assert str(error) == "parity.yaml:3: no such name\n  close: h100\n  mend: correct it"


def test_an_error_leaves_out_what_it_has_not() -> None:
    assert str(ParityError("no such name")) == "no such name"


def test_an_invalid_file_tells_every_problem() -> None:
    problems = [ParityError("first", where="a:1"), ParityError("second", where="a:2", mend="mend it")]
    error = InvalidConfigError(problems)
    assert str(error) == "a:1: first\na:2: second\n  mend: mend it"
    assert error.problems == problems


def test_a_mend_that_neighbours_share_is_told_once_below_the_last_of_them() -> None:
    told = [("first", "cut it"), ("second", "cut it"), ("third", "pick one"), ("fourth", ""), ("fifth", "")]
    error = InvalidConfigError([ParityError(what, mend=mend) for what, mend in told])
    assert str(error) == "first\nsecond\n  mend: cut it\nthird\n  mend: pick one\nfourth\nfifth"


@pytest.mark.parametrize("kind", [ParityError, UsageError, InputFileError, UnknownNameError, CatalogError])
def test_misuse_is_status_2(kind: type[ParityError]) -> None:
    assert kind("x").exit_status == 2


def test_an_invalid_file_is_misuse() -> None:
    assert InvalidConfigError([ParityError("x")]).exit_status == 2


def test_nothing_to_judge_is_status_3() -> None:
    assert NothingToJudgeError("x").exit_status == 3
