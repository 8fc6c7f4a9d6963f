"""Where ranks disagree: the fact, what most have, and who has it otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import fleets
import msgspec
from hypothesis import given
from hypothesis import strategies as st

from parity.catalog import store
from parity.catalog.as_fingerprint import as_fingerprint
from parity.fleet.ranks import Rank, disagreements, facts_of
from parity.model.fingerprint import Library, Link

if TYPE_CHECKING:
    import random


def ranks(*facts: dict[str, str]) -> list[Rank]:
    return [Rank(rank=number, host=f"h{number}", facts=one) for number, one in enumerate(facts)]


def test_facts_are_what_lasts_with_units() -> None:
    facts = facts_of(as_fingerprint(store.device_spec("h100-sxm5-80gb"), count=2))
    assert facts["visible GPUs"] == "2"
    assert facts["GPU 1 power_default_w"] == "700 W"
    assert not any("temperature" in name or "uuid" in name for name in facts)


def test_alike_ranks_disagree_about_nothing() -> None:
    assert disagreements(ranks({"a": "1"}, {"a": "1"})) == ()
    assert disagreements([]) == ()


def test_each_value_that_is_not_the_most_common_is_told() -> None:
    (found,) = disagreements(ranks({"machine x": "1"}, {"machine x": "2"}, {}, {"machine x": "1"}))
    assert (found.fact, found.most) == ("machine x", "1")
    assert found.others == {"2": ("rank 1 (h1)",), "not told": ("rank 2 (h2)",)}
    assert str(found) == "machine x: 1 on most ranks, 2 on rank 1 (h1), not told on rank 2 (h2)"


def test_facts_may_be_left_out_by_last_word_or_whole() -> None:
    told = ranks({"GPU 0 vbios": "1", "machine driver": "1"}, {"GPU 0 vbios": "2", "machine driver": "2"})
    assert [one.fact for one in disagreements(told, ignore=["driver"])] == ["GPU 0 vbios"]
    assert disagreements(told, ignore=["driver", "GPU 0 vbios"]) == ()


def test_many_ranks_are_counted() -> None:
    told = ranks(*({"x": "1"} for _ in range(30)), *({"x": "2"} for _ in range(20)))
    assert "and 12 more" in str(disagreements(told)[0])


@given(st.integers(2, 64), st.data(), st.randoms())
def test_one_odd_rank_is_always_found(count: int, data: st.DataObject, dice: random.Random) -> None:
    facts = [{f"f{index}": "same" for index in range(5)} for _ in range(count)]
    odd, name = data.draw(st.integers(0, count - 1)), f"f{dice.randrange(5)}"
    facts[odd][name] = "other"
    (found,) = disagreements(ranks(*facts))
    assert found.fact == name
    if count > 2:
        assert found.others == {"other": (f"rank {odd} (h{odd})",)}


def test_a_variable_that_some_ranks_do_not_set_is_unset_there() -> None:
    (found,) = disagreements(ranks({}, {"machine NCCL_ALGO": "Ring"}, {}))
    assert str(found) == "machine NCCL_ALGO: unset on most ranks, Ring on rank 1 (h1)"


def test_what_a_clock_a_board_or_a_path_says_stops_no_job() -> None:
    idle = fleets.changed(fleets.node("a"), "conditions", clock_policy="nvclock=345", ecc_uncorrected=0)
    busy = fleets.changed(fleets.node("b"), "conditions", clock_policy="nvclock=1980", ecc_uncorrected=1)
    copies = (Library(name="libnccl", path="/scratch/b/libnccl.so.2"),)
    busy = msgspec.structs.replace(busy, stack=msgspec.structs.replace(busy.stack, libraries=copies))
    assert disagreements(ranks(facts_of(idle), facts_of(busy))) == ()


def test_another_link_and_another_version_of_this_tool_are_told() -> None:
    one = fleets.node("a", count=2)
    origin = msgspec.structs.replace(one.origin, tool_version="0.2.0")
    other = msgspec.structs.replace(one, origin=origin, links=(Link(a=0, b=1, kind="system", path="SYS"),))
    found = disagreements(ranks(facts_of(one), facts_of(one), facts_of(other)))
    assert [(told.fact, told.most) for told in found] == [
        ("machine links", "nvlink NV18: 1 pair"),
        ("parity version", "0.1.0"),
    ]


def test_a_component_and_a_package_of_one_name_are_two_facts() -> None:
    one = fleets.node("a", count=1)
    other = msgspec.structs.replace(
        one, stack=msgspec.structs.replace(one.stack, packages={**one.stack.packages, "torch": "1.0"})
    )
    (found,) = disagreements(ranks(facts_of(one), facts_of(other), facts_of(one)))
    assert (found.fact, list(found.others)) == ("machine package torch", ["1.0"])
    assert disagreements(ranks(facts_of(one), facts_of(other)), ignore=("torch",)) == ()


def test_another_library_on_disk_is_a_disagreement_and_what_is_loaded_is_not() -> None:
    def with_libraries(*libraries: Library) -> dict[str, str]:
        one = fleets.node("a", count=1)
        return facts_of(msgspec.structs.replace(one, stack=msgspec.structs.replace(one.stack, libraries=libraries)))

    nccl = Library(name="libnccl", path="/usr/lib/libnccl.so.2", version="2.27.5")
    old = Library(name="libnccl", path="/opt/libnccl.so.2", version="2.1", found="package")
    loaded = Library(name="libnvrtc", path="/usr/lib/libnvrtc.so.12", version="12.8", found="loaded")
    (found,) = disagreements(ranks(with_libraries(nccl), with_libraries(nccl, loaded), with_libraries(old)))
    assert (found.fact, found.most, list(found.others)) == ("machine library libnccl", "2.27.5", ["2.1"])
