"""The inputs of the gate's step: refused with the mend, or passed on so that none can become an option."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity.cli.gate_inputs import MODES, inputs_of, variable_of
from parity.errors import InvalidConfigError, ParityError


def of(**values: str) -> dict[str, str]:
    return {variable_of(name.replace("_", "-")): value for name, value in values.items()}


def test_nothing_said_is_doctor_with_everything_left_to_the_project() -> None:
    inputs = inputs_of({})
    assert (inputs.commands, inputs.words("doctor"), inputs.words("lint")) == (("doctor",), [], ["--", "."])
    assert inputs.summary


def test_each_value_is_glued_to_its_option() -> None:
    inputs = inputs_of(of(target="--exit-zero", config="-v", require="same-arch", fingerprint="-", fail_on="note"))
    assert inputs.words("doctor") == [
        "--target=--exit-zero", "--config=-v", "--fail-on=note", "--require=same-arch", "--fingerprint=-",
    ]  # fmt: skip
    assert inputs.words("lint") == ["--target=--exit-zero", "--config=-v", "--fail-on=note", "--", "."]


def test_blanks_around_a_value_are_none_of_it() -> None:
    assert inputs_of(of(target="\th100\n")).target == "h100"
    # A choice is taken as it stands: the step's shell has compared it, too.
    with pytest.raises(InvalidConfigError):
        inputs_of(of(mode="lint "))


def test_never_is_ours_and_not_the_commands() -> None:
    assert inputs_of(of(fail_on="never")).words("doctor") == []


def test_paths_are_lines() -> None:
    assert inputs_of(of(mode="lint", paths="a b\r\n -x\n\n")).words("lint")[-3:] == ["--", "a b", "-x"]


@pytest.mark.parametrize("name", ["mode", "require", "fail-on", "summary"])
@pytest.mark.parametrize("value", ["--exit-zero", "true;x", "x\ny", "\x1b[31m", "None", "x" * 100_000])
def test_a_choice_takes_nothing_else(name: str, value: str) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        inputs_of({variable_of(name): value})
    [problem] = caught.value.problems
    assert problem.where == f"input {name}"
    assert problem.mend
    assert len(str(problem)) < 1000


@given(st.dictionaries(st.sampled_from(["target", "mode", "paths", "sarif", "fail-on", "config"]), st.text()))
def test_any_text_is_refused_or_kept_as_one_word(values: dict[str, str]) -> None:
    problems: list[ParityError] = []
    try:
        inputs = inputs_of({variable_of(name): value for name, value in values.items()})
    except InvalidConfigError as error:
        problems = error.problems
    assert all(problem.where.startswith("input ") and problem.mend for problem in problems)
    if problems:
        return
    assert inputs.commands in MODES.values()
    words = inputs.words("lint")
    cut = words.index("--")
    assert all(word.startswith(("--target=", "--config=", "--fail-on=")) for word in words[:cut])
    assert words[cut + 1 :]
    assert all(word.strip() and "\n" not in word for word in words[cut + 1 :])
