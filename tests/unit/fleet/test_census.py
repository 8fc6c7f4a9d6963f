"""How many tell each value: one rare driver is seen among two thousand nodes that all differ in something else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import fleets
import msgspec
import pytest

from parity.fleet.documents import Reading as Found
from parity.fleet.gather import Gathering
from parity.model.absent import Reading
from parity.reports import fleet_markdown, fleet_text
from parity.reports.html import fleet as fleet_page

if TYPE_CHECKING:
    from parity.model.fingerprint import Fingerprint
    from parity.model.fleet import Fleet

replace = msgspec.structs.replace


def gathered(*nodes: Fingerprint, ignore: tuple[str, ...] = ()) -> Fleet:
    now = Gathering(ignore=ignore)
    now.take(Found(f"f:{number}", f"n{number}", msgspec.json.encode(one)) for number, one in enumerate(nodes))
    return now.fleet()


def noisy(count: int, *, odd: int) -> list[Fingerprint]:
    """Return nodes with an interface each of its own, and one with another driver."""
    found = []
    for number in range(count):
        one = fleets.node(f"n{number}", count=2)
        if number == odd:
            told = {**one.stack.components, "driver": Reading(value="570.86.10", source="test")}
            one = replace(one, stack=replace(one.stack, components=told))
        found.append(replace(one, environment={"NCCL_SOCKET_IFNAME": f"eth{number}", "NCCL_DEBUG": "INFO"}))
    return found


def test_a_rare_value_is_told_first_among_any_noise() -> None:
    fleet = gathered(*noisy(60, odd=41))
    assert len(fleet.groups) == 60
    driver = next(one for one in fleet.spreads if one.name == "driver")
    assert (driver.section, driver.of, driver.total, driver.distinct) == ("stack", "nodes", 60, 2)
    assert [(one.value, one.count) for one in driver.values] == [("570.86.10", 1), ("570.86.15", 59)]
    assert driver.values[0].node == "n41"
    for text in (fleet_text.render(fleet, width=200), fleet_markdown.render(fleet), fleet_page.render(fleet)):
        assert "driver, of 60 nodes: 570.86.10 on 1 (n41), 570.86.15 on 59" in text
        assert "NCCL_SOCKET_IFNAME: 60 values on 60 nodes; --ignore NCCL_SOCKET_IFNAME leaves it out" in text


def test_the_fact_with_the_rarest_value_comes_first() -> None:
    nodes = noisy(6, odd=4)
    told = [fleets.changed(one, "host", kernel=f"6.{number % 2}") for number, one in enumerate(nodes)]
    assert [(one.name, one.values[0].count) for one in gathered(*told).spreads] == [
        ("driver", 1), ("NCCL_SOCKET_IFNAME", 1), ("kernel", 3),
    ]  # fmt: skip


@pytest.mark.parametrize("pattern", ["NCCL_SOCKET_IFNAME", "NCCL_*"])
def test_what_is_ignored_makes_no_node_odd(pattern: str) -> None:
    fleet = gathered(*noisy(60, odd=41), ignore=(pattern,))
    assert [group.count for group in fleet.groups] == [59, 1]
    assert [one.name for one in fleet.groups[1].differences] == ["driver"]
    assert f"{pattern} ignored" in fleet_text.render(fleet, width=200)
    assert gathered(*noisy(60, odd=41), ignore=(pattern, "driver")).passed


def test_devices_are_counted_as_devices_and_what_is_not_told_as_that() -> None:
    nodes = [fleets.node(f"n{number}", count=2) for number in range(4)]
    bare = replace(
        nodes[2].devices[1],
        identity=replace(nodes[2].devices[1].identity, vbios_version=Reading(value="96", source="t")),
    )
    nodes[2] = replace(nodes[2], devices=(nodes[2].devices[0], bare))
    (one,) = gathered(*nodes).spreads
    assert (one.name, one.of, one.total) == ("vbios_version", "devices", 8)
    assert next((share.value, share.count, share.node) for share in one.values) == ("96", 1, "n2")
    assert [share.value for share in one.values] == ["96", ""]


def test_alike_nodes_have_no_spread_and_few_kinds_no_list() -> None:
    nodes = [fleets.node(f"n{number}", count=2) for number in range(4)]
    assert gathered(*nodes).spreads == ()
    assert "values, the rarest first" not in fleet_text.render(gathered(*noisy(4, odd=1)))


def test_of_many_values_the_rarest_and_the_most_common_are_told() -> None:
    nodes = []
    for number in range(40):
        kernel = "6.8.0" if number >= 20 else f"6.{number}"
        one = fleets.node(f"n{number}", count=1)
        nodes.append(replace(one, host=replace(one.host, kernel=Reading(value=kernel, source="t"))))
    fleet = gathered(*nodes)
    (kernel_spread,) = [one for one in fleet.spreads if one.name == "kernel"]
    assert (kernel_spread.distinct, len(kernel_spread.values)) == (21, 6)
    assert kernel_spread.values[-1].value == "6.8.0"
