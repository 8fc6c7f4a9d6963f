"""The stack and kernel data: every name exists, every fact has a source, ranges do not overlap, versions are texts."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from parity.catalog import store
from parity.catalog.compatibility import first_toolkit, toolkit_targets
from parity.catalog.libraries import parsed
from parity.model.stack_facts import StackFacts, joined, tables_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from parity.model.kernel_library import KernelLibrary, LibraryRange

FACTS = store.stack_facts()
LIBRARIES = FACTS.libraries
RULES = store.rules_folder()
FILES = sorted([*(RULES / "stack").glob("*.yaml"), *(RULES / "kernels").glob("*.yaml")])
ARCHITECTURES = {path.stem for path in (RULES / "architectures").glob("*.yaml")}
TOOLKIT_TARGETS = {name for toolkit in FACTS.toolkits for name in toolkit.adds}
RANGES = [pytest.param(item, known, id=f"{item.id}-{known.first}") for item in LIBRARIES for known in item.ranges]


def ids(path: Path) -> str:
    return path.stem


def walked(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every scalar of a document with the name of its nearest key."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from walked(item, str(name))
    elif isinstance(value, list):
        for item in value:
            yield from walked(item, key)
    else:
        yield key, value


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_versions_and_dates_are_quoted(path: Path) -> None:
    numbers = [pair for pair in walked(yaml.safe_load(path.read_text())) if isinstance(pair[1], (int, float))]
    assert {key for key, _ in numbers} <= {
        "cuda_major",
        "least_sms",
        "index",
        *("least", "most", "multiple_of", "padded_to", "head", "value"),  # head dimensions
    }


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_every_source_is_used_and_says_when_it_was_read(path: Path) -> None:
    data = yaml.safe_load(path.read_text())
    used = {value for key, value in walked({**data, "sources": {}}) if key.endswith("source")}
    assert used == set(data["sources"])
    assert all(re.fullmatch(r"20\d\d-\d\d-\d\d", source["read"]) for source in data["sources"].values())


def test_there_are_the_tables_and_libraries_that_the_checks_ask() -> None:
    assert set(tables_of(FACTS)) == {*StackFacts.__struct_fields__} - {"libraries", "sources", "code"}
    assert len(LIBRARIES) >= 15


def test_rows_name_the_sources_of_their_file() -> None:
    for rows in tables_of(FACTS).values():
        for row in rows:
            assert row.source in FACTS.sources
            assert all(getattr(row, name, "") in ("", *FACTS.sources) for name in ("driver_source", "pins_source"))


def test_toolkits_are_in_order_and_remove_only_what_is_there() -> None:
    numbers = [[int(n) for n in toolkit.cuda.split(".")] for toolkit in FACTS.toolkits]
    assert numbers == sorted(numbers)
    there: set[str] = set()
    for toolkit in FACTS.toolkits:
        assert not there & set(toolkit.adds), toolkit.cuda
        assert set(toolkit.removes) <= there, toolkit.cuda
        there = (there | set(toolkit.adds)) - set(toolkit.removes)


def test_the_first_toolkits_of_both_tables_agree() -> None:
    oldest = FACTS.toolkits[0].cuda
    for row in FACTS.first_toolkits:
        assert first_toolkit(FACTS, row.arch) == max(
            row.cuda, oldest, key=lambda text: [int(n) for n in text.split(".")]
        )


def test_every_nvidia_architecture_of_the_catalog_is_a_toolkits_target() -> None:
    newest = toolkit_targets(FACTS, FACTS.toolkits[-1].cuda)
    assert newest is not None
    assert {name for name in ARCHITECTURES if name.startswith("sm_")} - {"sm_70"} <= set(newest)


def test_architectures_of_frameworks_are_toolkit_targets_of_their_cuda() -> None:
    for build in FACTS.torch:
        cuda = f"{build.variant[2:4]}.{build.variant[4:]}"
        targets = toolkit_targets(FACTS, cuda)
        assert targets is not None, cuda
        assert set(build.architectures) <= set(targets), (build.versions, build.variant)
    for jax in FACTS.jax:
        assert {*jax.architectures, *(name.replace("compute", "sm") for name in jax.ptx)} <= TOOLKIT_TARGETS


def test_no_torch_wheel_is_listed_twice() -> None:
    names = [(version, build.variant, build.machine) for build in FACTS.torch for version in build.versions]
    assert len(names) == len(set(names))


def test_torch_pins_are_sourced_and_of_the_index_wheel_only() -> None:
    for build in FACTS.torch:
        pins = (build.cudnn, build.nccl, build.triton, build.pins_source)
        assert all(pins) if build.index else not any(pins)


def test_instructions_are_present_or_missing_on_known_architectures() -> None:
    for row in FACTS.instructions:
        assert not set(row.present) & set(row.missing)
        assert {*row.present, *row.missing} <= ARCHITECTURES
        assert row.present


def test_rocm_targets_are_known_or_in_a_generic_one() -> None:
    generic = {name for target in FACTS.code.amd.generic_targets for name in target.processors}
    for release in FACTS.rocm:
        assert set(release.architectures) <= ARCHITECTURES | generic


def test_inductor_ranges_do_not_overlap() -> None:
    for one, other in itertools.combinations(FACTS.inductor_gates, 2):
        assert apart(one.first, one.last, other.first, other.last)


def test_jax_ranges_do_not_overlap() -> None:
    for one, other in itertools.combinations(FACTS.jax, 2):
        if one.variant == other.variant:
            assert apart(one.first, one.last, other.first, other.last)


def test_no_distribution_is_two_libraries_and_each_library_is_told_by_something() -> None:
    packages = [package for item in LIBRARIES for package in item.packages]
    assert len(packages) == len(set(packages))
    assert all(bool(item.packages) != bool(item.component) for item in LIBRARIES)


def test_every_distribution_is_one_that_the_stack_survey_reports() -> None:
    from parity.probes.stack_survey import normalised, wanted

    names = [package for item in LIBRARIES for package in item.packages]
    assert [name for name in names if normalised(name) != name or not wanted(name)] == []


@pytest.mark.parametrize("item", LIBRARIES, ids=lambda item: item.id)
def test_ranges_of_a_library_do_not_overlap(item: KernelLibrary) -> None:
    for one, other in itertools.combinations(item.ranges, 2):
        assert apart(one.first, one.last, other.first, other.last), (one.first, other.first)


@pytest.mark.parametrize(("item", "known"), RANGES)
def test_a_range_names_known_architectures_each_once(item: KernelLibrary, known: LibraryRange) -> None:
    named = [name for row in known.rows for name in row.architectures]
    assert len(named) == len(set(named))
    told = [*known.recipes, *known.head_dims]
    listed = {name for recipe in known.recipes for name in (*recipe.supported, *recipe.unsupported)}
    assert {*named, *listed, *(name for limit in known.head_dims for name in limit.architectures)} <= ARCHITECTURES
    assert all(not set(recipe.supported) & set(recipe.unsupported) for recipe in known.recipes)
    assert {row.source for row in (*known.rows, *told)} <= set(item.sources)
    assert known.rows or known.recipes


@pytest.mark.parametrize(("item", "known"), RANGES)
def test_a_row_says_what_runs_or_why_nothing_does(item: KernelLibrary, known: LibraryRange) -> None:
    for row in known.rows:
        assert row.note if row.support == "unsupported" else row.kernel
        assert row.before_kernel if row.before == "different-kernel" else not row.before_kernel


def test_two_files_with_one_table_and_a_row_without_its_source_are_told() -> None:
    part = StackFacts(driver_floors=FACTS.driver_floors)
    _, problems = joined([("one", part), ("two", part)])
    assert "rules/stack/one.yaml: no source 'cuda:compat'" in problems
    assert "rules/stack/two.yaml: driver_floors: another file has this table already" in problems


def apart(first: str, last: str, other_first: str, other_last: str) -> bool:
    """Return whether two ranges, ends included, have no version in common; each must be in order."""
    ends = [parsed(text) for text in (first, last, other_first, other_last)]
    assert None not in ends
    a, b, c, d = ends
    assert a <= b  # type: ignore[operator]
    assert c <= d  # type: ignore[operator]
    return b < c or d < a  # type: ignore[operator]


# Libraries that compile on the device or come in builds of one's own: their architectures are gates, not code in a wheel.
NO_CODE_OF_THEIR_OWN = {"cudnn-attention", "flash-attn-4", "transformer-engine"}


def test_code_of_a_desktop_architecture_is_not_said_to_run_on_a_chip_that_takes_none() -> None:
    """Machine code of sm_80 does not load on an Orin (sm_87): a chip of `islands` needs code of its own."""
    islands = {"sm_" + row.capability.replace(".", "") for row in FACTS.code.nvidia.islands}
    assert "sm_87" in islands
    for item in LIBRARIES:
        for known in item.ranges:
            for row in known.rows:
                named = set(row.architectures) & islands
                assert not named or row.support == "unsupported" or item.id in NO_CODE_OF_THEIR_OWN, (item.id, named)
