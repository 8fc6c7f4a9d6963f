"""`parity targets`: the catalog as a list, one part with its sources, and the JSON others rely on."""

import json
from typing import Any

import pytest

from parity.catalog import store
from parity.cli.targets import SHORT_NAME, listed
from parity.model.spec import FACTS


def test_the_list_has_one_line_per_part(run: Any) -> None:
    answer = run("targets")
    words = {line.split()[0] for line in answer.out.splitlines() if line.startswith("  ") and line.strip()}
    ids = {entry.id for entry in store.index()}
    assert (answer.status, answer.err) == (0, "")
    assert ids <= words
    assert answer.out.endswith(f"\n{len(ids)} parts; `parity targets NAME` shows one with its sources\n")


def test_a_line_gives_the_figures_that_decide(run: Any) -> None:
    line = next(line for line in run("targets").out.splitlines() if line.startswith("  h100-sxm5-80gb "))
    assert line.split("  ")[1] == "h100-sxm5-80gb"
    for figure in ("132 SM", "80 GiB", "GB/s", "989 TFLOPS", "700 W", "h100"):
        assert figure in line


def test_on_a_terminal_the_figures_fit_beside_the_name() -> None:
    specs = [store.device_spec(entry.id) for entry in store.index()]
    lines = listed(specs, names=SHORT_NAME).splitlines()
    ends = {line.index(" GB/s") for line in lines if " GiB " in line and "GB/s" in line}
    assert len(ends) == 1
    [power] = {line.index("power") for line in lines if "also called" in line}
    assert power + len("power") <= 80
    [number] = [number for number, line in enumerate(lines) if line == "  rtx-pro-6000-blackwell-workstation"]
    assert lines[number + 1].lstrip().startswith("188 SM ")


def test_columns_are_aligned(run: Any) -> None:
    lines = [line for line in run("targets").out.splitlines() if " GiB " in line and "GB/s" in line]
    assert len(lines) > 50
    assert len({line.index(" GB/s") for line in lines}) == 1


@pytest.mark.parametrize("name", ["h100", "H100", "h100-sxm5-80gb"])
def test_one_part_is_shown_with_the_source_of_each_fact(name: str, run: Any) -> None:
    answer = run("targets", name)
    spec = store.device_spec("h100")
    assert answer.status == 0
    assert answer.out.startswith(f"h100-sxm5-80gb: {spec.name}\n  nvidia hopper, sm_90\n  also called ")
    for key in {fact.source for fact in spec.facts.values()} - {"derived"}:
        assert f"\n    [{key}] " in answer.out
    for fact in spec.facts:
        assert f"\n  {fact} " in answer.out
    assert "\n  prints 'NVIDIA H100 80GB HBM3'\n  PCI 10de:2330" in answer.out
    assert "    1g.10gb " in answer.out


def test_the_bandwidth_that_is_compared_is_told_where_it_is_not_the_published_one(run: Any) -> None:
    lines = run("targets", "h100").out.splitlines()
    [number] = [number for number, line in enumerate(lines) if line.startswith("  memory_bandwidth_gbps ")]
    assert "3350 GB/s" in lines[number]
    assert lines[number + 1].strip() == "3352 GB/s      by clock and width: this one is compared"
    assert not any("this one is compared" in line for line in run("targets", "rtx-4090").out.splitlines())


def test_what_was_published_as_measured_is_told_with_its_source(run: Any) -> None:
    told = run("targets", "h100").out
    assert "\n  published as measured\n    dram_copy    2570 GB/s, memcpy [nccl1264]\n" in told
    assert "published as measured" not in run("targets", "t4").out


def test_every_part_can_be_shown(run: Any) -> None:
    for entry in store.index():
        assert run("targets", entry.id).out.startswith(f"{entry.id}: {entry.name}\n")


def test_where_no_name_is_near_none_is_offered(run: Any) -> None:
    assert run("targets", "zzz") == (
        2, "", "parity: no catalog entry named 'zzz'\n  mend: list all with `parity targets`\n",
    )  # fmt: skip


def test_an_unknown_part_offers_near_names(run: Any) -> None:
    assert run("targets", "h100-sxm4") == (
        2, "", ("parity: no catalog entry named 'h100-sxm4'\n"
        "  close: h100-sxm, h100-sxm5, h800-sxm\n"
        "  mend: pick one of these, or list all with `parity targets`\n"),
    )  # fmt: skip


def test_json_is_the_contracts(run: Any) -> None:
    told = json.loads(run("targets", "--format", "json").out)
    assert next(iter(told.items())) == ("schema", "parity.targets/1")
    assert [target["id"] for target in told["targets"]] == [entry.id for entry in store.index()]
    for target in told["targets"]:
        assert {"id", "aliases", "vendor", "family", "arch", "reported_names", "pci_ids", "facts"} <= set(target)
        assert target["vendor"] in ("nvidia", "amd")
        assert target["arch"].startswith("sm_" if target["vendor"] == "nvidia" else "gfx")
        for name, fact in target["facts"].items():
            assert name in FACTS
            assert set(fact) == {"value", "source", "conflicts"}
            assert all(set(other) == {"value", "source"} for other in fact["conflicts"])


def test_json_spells_sources_out(run: Any) -> None:
    facts = json.loads(run("targets", "h100", "--format", "json").out)["targets"][0]["facts"]
    spec = store.device_spec("h100")
    source = spec.sources[spec.facts["sm_count"].source]
    assert facts["sm_count"] == {"value": 132, "source": f"{source.title}: {source.where}", "conflicts": []}


def test_one_part_in_json_is_a_list_of_one(run: Any) -> None:
    told = json.loads(run("targets", "mi300x", "--format", "json").out)
    assert [target["id"] for target in told["targets"]] == ["mi300x"]
    assert "CPX" in [cut["profile"] for cut in told["targets"][0]["partitions"]]
