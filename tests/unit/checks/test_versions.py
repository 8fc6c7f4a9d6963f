"""Versions as people write them: which component a pin means, floors and specifiers."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parity.checks.versions import installed, least_admitted, reaches, version_fits
from parity.model.absent import Absent, Reading
from parity.model.fingerprint import Stack


def stack(packages: dict[str, str] | None = None, **components: str) -> Stack:
    readings: dict[str, Reading[str] | Absent] = {
        name: Reading(value=version, source=f"test: {name}") for name, version in components.items()
    }
    return Stack(components=readings, packages=packages or {})


def version(have: Reading[str] | Absent) -> str | None:
    return have.value if isinstance(have, Reading) else None


def test_cuda_is_what_the_code_was_built_with_never_what_the_driver_could_serve() -> None:
    assert version(installed(stack(cuda_driver="13.0"), "cuda")) is None
    assert version(installed(stack(cuda_driver="13.0", cuda_toolkit="12.6"), "cuda")) == "12.6"
    assert version(installed(stack(cuda_toolkit="12.6", cuda_runtime="12.8"), "cuda")) == "12.8"
    assert version(installed(stack(cuda_runtime="12.8", torch_cuda="12.4"), "cuda")) == "12.4"


def test_rocm_falls_back_on_what_torch_was_built_with() -> None:
    assert version(installed(stack(rocm="6.4.1", torch_hip="6.3"), "rocm")) == "6.4.1"
    assert version(installed(stack(torch_hip="6.3"), "rocm")) == "6.3"


def test_other_names_mean_themselves() -> None:
    assert version(installed(stack(driver="580.95.05", cuda_driver="13.0"), "driver")) == "580.95.05"


@pytest.mark.parametrize("name", ["flash-attn", "flash_attn", "Flash.Attn", "FLASH__ATTN"])
def test_packages_are_found_however_they_are_spelt(name: str) -> None:
    assert version(installed(stack({"flash-attn": "2.8.3"}), name)) == "2.8.3"


def test_a_component_comes_before_a_package() -> None:
    assert version(installed(stack({"torch": "2.8.0"}, torch="2.9.1+cu128"), "torch")) == "2.9.1+cu128"


def test_the_reason_of_the_best_source_is_told() -> None:
    gone = Absent(why="library_missing", source="torch", detail="not installed")
    later = Absent(why="not_supported", source="nvcc", detail="no toolkit")
    told = installed(Stack(components={"torch_cuda": gone, "cuda_toolkit": later}), "cuda")
    assert told == gone


def test_a_package_answers_where_a_component_could_not_be_read() -> None:
    broken = Absent(why="failed", source="torch", detail="cannot be imported")
    have = installed(Stack(components={"torch": broken}, packages={"torch": "2.9.1"}), "torch")
    assert version(have) == "2.9.1"


def test_what_nobody_knows_is_absent_with_its_name() -> None:
    told = installed(Stack(), "xformers")
    assert isinstance(told, Absent)
    assert told.detail == "no source gives a version of xformers"


@pytest.mark.parametrize(
    ("have", "floor", "answer"),
    [
        ("580.95.05", "580", True),
        ("580", "580.65.06", False),
        ("579.99.99", "580", False),
        ("580.95.05", "580.95.5", True),
        ("12.8", "12.8.0", True),
        ("12.8.0", "12.8", True),
        ("12.10", "12.9", True),
        ("9.0", "12.8", False),
        ("12.8 (r12.8)", "12.8", True),
        ("  535.86.10", "525", True),
        ("", "525", None),
        ("N/A", "525", None),
        ("535", "none", None),
    ],
)
def test_a_floor_is_compared_number_by_number(have: str, floor: str, answer: bool | None) -> None:
    assert reaches(have, floor) is answer


numbers = st.lists(st.integers(0, 999), min_size=1, max_size=4)


@settings(deadline=None)
@given(have=numbers, floor=numbers)
def test_of_two_versions_one_reaches_the_other(have: list[int], floor: list[int]) -> None:
    one, other = (".".join(map(str, parts)) for parts in (have, floor))
    assert reaches(one, other) or reaches(other, one)
    assert reaches(one, one)
    assert reaches(one + ".0", one)
    assert reaches(one, one + ".0")


@pytest.mark.parametrize(
    ("have", "specifier", "answer"),
    [
        ("2.9.1+cu128", "==2.9.*", True),
        ("2.9.1+cu128", "==2.9.1", True),
        ("2.10.0", "<2.9", False),
        ("12.8.93", ">=12.8,<13", True),
        ("13.0", ">=12.8,<13", False),
        ("535.86.10", ">=570", False),
        ("2.10.0.dev20260101+cu130", ">=2.9", True),
        ("2.10.0.dev20260101+cu130", ">=2.10", False),
        ("2.9.0a0+git1234", ">=2.9", False),
        ("2.1.0.post1", "==2.1.0.post1", True),
        ("2.1.0.post1", ">2.1.0", False),  # PEP 440: a post release is no later version of that number
        ("2.1.0.post1", ">=2.1.0.post1", True),
        ("v2.8.3", ">=2.8", True),
        ("2.27.3-1+cuda12.9", "==2.27.3", True),
        ("12.8.1-1ubuntu1~22.04", ">=12.8.1", True),
        ("6.4.1-83~22.04", ">=6.4", True),
        ("next", ">=1", None),
        ("", ">=1", None),
        ("2.9.1", "about 2", None),
    ],
)
def test_a_pin_is_a_specifier(have: str, specifier: str, answer: bool | None) -> None:
    assert version_fits(have, specifier) is answer


@settings(deadline=None)
@given(text=st.text(max_size=30))
def test_no_text_breaks_the_comparison(text: str) -> None:
    assert version_fits(text, ">=0.dev0") in (True, None)
    assert reaches(text, "0") in (True, None)


@pytest.mark.parametrize(
    ("specifier", "least"),
    [(">=570,<600", "570"), ("==535.104.05", "535.104.05"), ("~=580.1", "580.1"), (">=9,>=10", "10"), ("==570.*", "570"),
     ("<600", ""), ("", ""), ("nonsense", "")],
)  # fmt: skip
def test_the_least_that_a_pin_admits(specifier: str, least: str) -> None:
    assert least_admitted(specifier) == least
