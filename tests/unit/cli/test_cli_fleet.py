"""``parity fleet``: exit status, formats, a target, a baseline."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import fleets
import jsonschema
import msgspec
import pytest

from parity import fleet_run, session
from parity.cli.main import main
from parity.errors import UsageError
from parity.fleet.history import History
from parity.model.absent import Absent
from parity.model.fingerprint import Fingerprint, Link

replace = msgspec.structs.replace

ROOT = Path(__file__).resolve().parents[3]
PRODUCTION = ROOT / "docs" / "examples" / "production-8xh100.json"
RTX_4090 = ROOT / "docs" / "examples" / "workstation-rtx-4090.json"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def node(name: str, *, driver: str = "580.95.05", source: Path = PRODUCTION) -> str:
    data = json.loads(source.read_text(encoding="utf-8"))
    data["host"]["hostname"] = {"type": "reading", "value": name, "source": "test"}
    if source == PRODUCTION:
        data["stack"]["components"]["driver"]["value"] = driver
    return json.dumps(data)


def write(name: str, *lines: str) -> str:
    Path(name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return name


def test_alike_nodes_pass(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fleet", write("f.jsonl", node("a"), node("b"), node("c"))]) == 0
    out = capsys.readouterr().out
    assert out.startswith("PASSED: all nodes are alike\n3 nodes: all alike\n")
    assert "a, b, c" in out


def test_an_odd_node_fails_and_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    places = write("f.jsonl", node("a"), node("b", driver="570.86.10"), node("c"))
    assert main(["fleet", places]) == 1
    out = capsys.readouterr().out
    assert "machine driver: 570.86.10 here, 580.95.05 there" in out
    assert out.startswith("NOT PASSED: 1 node unlike the largest kind\n")
    assert main(["fleet", places, "--exit-zero"]) == 0


def test_a_target_judges_each_kind(capsys: pytest.CaptureFixture[str]) -> None:
    places = write("f.jsonl", node("a"), node("b", driver="570.86.10"), node("desk", source=RTX_4090))
    assert main(["fleet", places, "--target=8xh100"]) == 1
    out = " ".join(capsys.readouterr().out.split())
    assert "3 nodes against 8x h100-sxm5-80gb: 3 kinds" in out
    assert out.count("match (identical)") == 2
    assert "NVIDIA GeForce RTX 4090 is not 8x h100-sxm5-80gb" in out
    assert out.startswith("NOT PASSED: 1 node not the target 3 nodes")
    assert main(["fleet", write("g.jsonl", node("a"), node("b", driver="570.86.10")), "--target=8xh100"]) == 0


def test_json_keeps_to_its_schema(capsys: pytest.CaptureFixture[str]) -> None:
    places = write("f.jsonl", node("a"), node("b", driver="570.86.10"), "{broken")
    assert main(["fleet", places, "--target=h100", "--baseline", write("b.jsonl", node("a")), "--format=json"]) == 1
    told = json.loads(capsys.readouterr().out)
    schema = json.loads((ROOT / "parity" / "schemas" / "fleet-1.json").read_text(encoding="utf-8"))
    jsonschema.validate(told, schema)
    assert told["schema"] == "parity.fleet/1"
    assert [change["kind"] for change in told["changes"]] == ["new"]
    assert [one["where"] for one in told["unreadable"]] == ["f.jsonl:3"]


def test_markdown_escapes_names(capsys: pytest.CaptureFixture[str]) -> None:
    places = write("f.jsonl", node("a|b<script>"), node("c", driver="1.0"))
    assert main(["fleet", places, "--format=markdown"]) == 1
    out = capsys.readouterr().out
    assert "<script>" not in out
    assert "| 1 | 8x NVIDIA H100 80GB HBM3" in out


def test_nothing_to_judge_is_status_3(capsys: pytest.CaptureFixture[str]) -> None:
    Path("empty").mkdir()
    Path("odd.json").write_text("{}")
    assert main(["fleet", "empty", "odd.json"]) == 3
    out = capsys.readouterr().out
    assert "odd.json: " in out
    assert out.startswith("UNKNOWN: nothing could be judged\n")


def test_a_place_that_is_not_there_is_misuse(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fleet", "colect"]) == 2
    assert "colect: no such file or folder\n  close: collect" in capsys.readouterr().err


def test_an_empty_baseline_is_misuse(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fleet", write("f.jsonl", node("a")), "--baseline", write("b.jsonl", "")]) == 2
    assert "no node could be read" in capsys.readouterr().err


def test_narrow_terminals_are_kept_to(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    main(["fleet", write("f.jsonl", *(node(f"node-{number}") for number in range(9)), node("x", driver="1"))])
    out = capsys.readouterr().out
    assert "and 3 more" in " ".join(out.split())
    assert max(map(len, out.splitlines())) <= 60


def test_a_store_tells_what_changed_on_a_node(capsys: pytest.CaptureFixture[str]) -> None:
    def at(day: str, driver: str) -> str:
        data = json.loads(node("n1", driver=driver))
        data["origin"]["captured_at"] = f"2026-11-{day}T00:00:00Z"
        return json.dumps(data)

    assert main(["fleet", write("1.jsonl", at("01", "570.1")), "--store=f.sqlite"]) == 0
    assert main(["fleet", write("2.jsonl", at("09", "580.1")), "--store=f.sqlite"]) == 0
    capsys.readouterr()
    asked = ["diff", "n1", "--since=2026-11-05", "--store=f.sqlite"]
    assert main(asked) == 0
    assert capsys.readouterr().out == (
        "n1: 2 readings from 2026-11-01T00:00:00Z to 2026-11-09T00:00:00Z\n\n"
        "2026-11-09T00:00:00Z\n  machine driver: 570.1 -> 580.1\n"
    )
    assert main([*asked, "--check"]) == 1
    assert main([*asked, "--format=json"]) == 0
    capsys.readouterr()
    assert main(["diff", "n1", "--since=2026-11-09", "--store=f.sqlite", "--check"]) == 0
    assert "nothing to compare it with" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["a"], ["a", "b", "--since=2026"], ["a", "--since=2026"], ["a", "--store=x"]])
def test_half_a_question_is_misuse(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", *words]) == 2
    assert "mend:" in capsys.readouterr().err


def test_a_store_that_fails_costs_no_report(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise UsageError("the store cannot be used: database or disk is full", where="f.sqlite")

    monkeypatch.setattr(History, "keep", full)
    assert main(["fleet", write("f.jsonl", node("a")), "--store=f.sqlite"]) == 2
    told = capsys.readouterr()
    assert told.out.startswith("PASSED: all nodes are alike")
    assert "f.sqlite: the store cannot be used: database or disk is full" in told.err


def test_a_store_becomes_parquet(capsys: pytest.CaptureFixture[str]) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs gpu-parity[parquet]")
    nodes = write("f.jsonl", node("a"), node("b", driver="570.1"))
    assert main(["fleet", nodes, "--store=f.sqlite", "--export=f.parquet", "--exit-zero"]) == 0
    rows = parquet.read_table("f.parquet").to_pylist()
    drivers = {row["node"]: row["value"] for row in rows if row["name"] == "component driver"}
    assert drivers == {"a": "580.95.05", "b": "570.1"}
    power = [row["number"] for row in rows if row["name"] == "power_default_w"]
    assert power == [700.0] * 16
    assert {row["subject"] for row in rows} == {"machine", *(f"GPU {number}" for number in range(8))}
    assert f"{len(rows)} values exported to f.parquet" in capsys.readouterr().err
    assert main(["fleet", "--store=f.sqlite", "--export=g.parquet"]) == 0
    assert Path("g.parquet").is_file()


def test_parquet_without_pyarrow_or_store_is_misuse(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fleet", "--export=f.parquet"]) == 2
    assert main(["fleet"]) == 2
    assert main(["fleet", write("f.jsonl", node("a")), "--store=f.sqlite"]) == 0
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert main(["fleet", "--store=f.sqlite", "--export=f.parquet"]) == 2
    assert "gpu-parity[parquet]" in capsys.readouterr().err


@pytest.mark.parametrize("trouble", ["ecc", "links", "lost", "clocks-lost", "count", "silent"])
@pytest.mark.parametrize("place", [0, 2])
def test_the_verdict_on_one_node_is_not_its_neighbours(trouble: str, place: int) -> None:
    nodes = [fleets.node(f"n{number}", count=2) for number in range(3)]
    nodes[place] = troubled(nodes[place], trouble)
    Path("f.jsonl").write_bytes(b"".join(fleets.line(f"n{number}", one) for number, one in enumerate(nodes)))
    found, _ = fleet_run.fleet_of(["f.jsonl"], session.project_of(None), fleet_run.Wish(target="2xh100"))
    failing = [name for one in found.groups if one.verdict and not one.verdict.passed for name in one.nodes]
    assert failing == [f"n{place}"]
    assert (found.passed, found.exit_status) == (False, 1)


def troubled(node: Fingerprint, trouble: str) -> Fingerprint:
    """Return a node that the target's verdict must not pass."""
    if trouble == "ecc":
        return fleets.changed(node, "conditions", 1, ecc_uncorrected=3)
    if trouble == "links":
        return replace(node, links=(Link(a=0, b=1, kind="system", path="SYS"),))
    if trouble == "count":
        return replace(node, device_count=fleets.told(3))
    field = {"lost": "power_limit_w", "clocks-lost": "clock_sm_mhz", "silent": "power_limit_w"}[trouble]
    device = node.devices[1]
    absent = Absent(why="timed_out" if trouble == "silent" else "lost", source="nvml")
    conditions = replace(device.conditions, **{field: absent})
    return replace(node, devices=(node.devices[0], replace(device, conditions=conditions)))


@pytest.mark.parametrize("before", ["2026-11-01T00:00:00Z", ""])
def test_only_the_newest_reading_of_a_name_counts_if_asked(before: str, capsys: pytest.CaptureFixture[str]) -> None:
    mended = fleets.node("a", captured_at="2026-11-02T00:00:00Z")
    broken = fleets.changed(fleets.node("a", captured_at=before), "stack", driver="1.0")  # last in the file
    Path("f.jsonl").write_bytes(fleets.line("a", mended) + fleets.line("a", broken) + fleets.line("b", mended))
    assert main(["fleet", "f.jsonl"]) == 1
    assert "named more than once (--latest counts the newest alone)\n    a\n" in capsys.readouterr().out
    assert main(["fleet", "f.jsonl", "--latest"]) == 0
    assert "2 nodes: all alike, 1 older reading left out" in capsys.readouterr().out


def measured(name: str, *nodes: Fingerprint) -> str:
    Path(name).write_bytes(b"".join(fleets.line(f"n{number}", one) for number, one in enumerate(nodes)))
    return name


@pytest.mark.parametrize(
    ("slow", "ratio", "said"),
    [
        (0, 1.0, "PASSED: all nodes are alike"),
        (1, 0.88, "NOT PASSED: 1 node with slow devices"),
        (4, 0.88, "NOT PASSED: 4 nodes with slow devices"),
        (5, 0.88, "NOT PASSED: dram_copy, dram_read, dram_write uneven"),
        (8, 0.88, "NOT PASSED: dram_copy, dram_read, dram_write uneven"),
        (10, 0.6, "NOT PASSED: even the median device is slow"),
    ],
)
def test_slow_nodes_are_told_however_many_they_are(
    slow: int, ratio: float, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    nodes = [fleets.node(f"n{number}", rates=True) for number in range(10)]
    nodes[:slow] = [fleets.slowed(one, ratio) for one in nodes[:slow]]
    assert main(["fleet", measured("f.jsonl", *nodes)]) == (0 if slow == 0 else 1)
    assert capsys.readouterr().out.splitlines()[0] == said


def test_the_field_is_told_as_it_is(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    with Path("f.jsonl").open("wb") as stream:
        stream.writelines(fleets.line(name, one) for name, one in fleets.in_the_field(60))
    assert main(["fleet", "f.jsonl", "--target=8xh100"]) == 1
    out = capsys.readouterr().out
    assert out.startswith(
        "NOT PASSED: 5 nodes not the target, 3 nodes with slow devices, 2 nodes with ailing devices\n"
    )
    for line in (
        "only 59 carry measurements: without them slow nodes cannot be told (parity fleet collect --measure)",
        "      GPU 0-7 power_limit_w: 500 W here, 700 W there (0.71x)",
        "      machine visible_devices: 7 here, 8 there (0.88x)",
        "      GPU 0 mig_enabled: yes here, no there",
        "      GPU 5 ecc_uncorrected: 2 here, 0 there",
        "      machine driver: 570.86.10 here, 570.86.15 there",
        "      GPU 3 pcie_width_now: 8 here, not told there",
        "    gpu-0025: 80 days before most",
    ):
        assert line in out.splitlines()
    slow = [line.split()[0] for line in out.splitlines() if "dram_copy" in line and "not measured" not in line]
    assert sorted(slow) == ["gpu-0030", "gpu-0031", "gpu-0032"]
    failing, passing = out.index("gpu-0027"), out.index("gpu-0020")
    assert failing < passing, "what fails is told before what is merely odd"


def test_readings_of_several_versions_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    old = fleets.node("a")
    new = replace(old, origin=replace(old.origin, tool_version="0.2.0"))
    assert main(["fleet", measured("f.jsonl", old, new, old)]) == 0
    assert "differ in what they read: 0.1.0 (2), 0.2.0 (1)" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("width", ["80", "200"])
@pytest.mark.parametrize("words", [["--format=text"], ["--format=text", "-v"]])
def test_reports_keep_to_the_width(
    width: str, words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", width)
    with Path("f.jsonl").open("wb") as stream:
        stream.writelines(fleets.line(name, one) for name, one in fleets.in_the_field(60))
    main(["fleet", "f.jsonl", *words])
    assert max(map(len, capsys.readouterr().out.splitlines())) <= int(width)


def test_rates_that_moved_since_the_baseline_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    before = [fleets.node(f"n{number}", rates=True, seed=1) for number in range(5)]
    now = [fleets.node(f"n{number}", rates=True, seed=2) for number in range(5)]
    then = measured("then.jsonl", *before)
    assert main(["fleet", measured("now.jsonl", *now), f"--baseline={then}"]) == 0
    slower = measured("slower.jsonl", *(fleets.slowed(one, 0.88) for one in now))
    capsys.readouterr()
    for words in ([], ["--format=markdown"], ["--format=html"]):
        assert main(["fleet", slower, f"--baseline={then}", *words]) == 1
        out = " ".join(capsys.readouterr().out.split())
        assert "measured rates fell since the baseline" in out
        assert "(0.88x)" in out
        assert out.count("the median NVIDIA H100 80GB HBM3: dram_") == 3
    then = measured("slow-then.jsonl", *(fleets.slowed(one, 0.88) for one in before))
    assert main(["fleet", measured("now.jsonl", *now), f"--baseline={then}"]) == 0, "what rose is nobody's fault"
    assert re.search(r"dram_copy \d+ -> \d+ GB/s \(1\.1\dx\)", capsys.readouterr().out), "and told"


def test_what_can_no_longer_be_compared_with_the_baseline_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    whole = [fleets.node(f"n{number}", rates=True) for number in range(3)]
    then = measured("then.jsonl", *whole)
    assert (
        main(["fleet", measured("none.jsonl", *(replace(one, measured=()) for one in whole)), f"--baseline={then}"])
        == 1
    )
    assert "measured in the baseline and not, or not by the same kernel, now" in " ".join(
        capsys.readouterr().out.split()
    )
    versioned = [
        replace(
            one,
            measured=tuple(
                replace(rate, kernel="torch.neg float32, torch 2.8", value=rate.value * 0.8) for rate in one.measured
            ),
        )
        for one in whole
    ]
    newer = [
        replace(one, measured=tuple(replace(rate, kernel="torch.neg float32, torch 2.9") for rate in one.measured))
        for one in whole
    ]
    assert main(["fleet", measured("b.jsonl", *versioned), f"--baseline={measured('a.jsonl', *newer)}"]) == 1
    assert "(0.80x) since the baseline" in " ".join(capsys.readouterr().out.split()), (
        "of another version, and comparable"
    )


def test_what_a_target_asks_of_a_moving_condition_is_judged_node_by_node(capsys: pytest.CaptureFixture[str]) -> None:
    Path("parity.yaml").write_text(
        "version: 1\ntargets: {prod: {device: h100-sxm5-80gb, conditions: {remapped_rows_uncorrected: '<=0'}}}\n"
    )
    nodes = [
        fleets.changed(fleets.node(f"n{number}", count=1), "conditions", remapped_rows_uncorrected=rows)
        for number, rows in enumerate((0, 2, 0))
    ]
    assert main(["fleet", measured("f.jsonl", *nodes), "--target=prod", "--format=json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert {tuple(group["nodes"]): group["verdict"]["passed"] for group in found["groups"]} == {
        ("n0", "n2"): True, ("n1",): False,
    }  # fmt: skip


REPORT = ROOT / "tests" / "fixtures" / "reports" / "collect-env-h100x2.txt"


def test_variables_of_reports_are_judged_and_compared(capsys: pytest.CaptureFixture[str]) -> None:
    set_there, text = "NCCL_P2P_DISABLE=1\n", REPORT.read_text(encoding="utf-8")
    assert set_there in text
    lines = {"a": "", "b": set_there, "c": "CUDA_LAUNCH_BLOCKING=1\n"}
    Path("d").mkdir()
    for name, line in lines.items():
        Path("d", f"{name}.txt").write_text(text.replace(set_there, line), encoding="utf-8")
    assert main(["fleet", "d", "--format=json"]) == 1
    found = json.loads(capsys.readouterr().out)
    names = {one["name"] for group in found["groups"] for one in group["differences"]}
    assert names == {"NCCL_P2P_DISABLE", "CUDA_LAUNCH_BLOCKING"}
    alone = {name: main(["doctor", f"--fingerprint=d/{name}.txt", "--target=2xh100"]) for name in lines}
    capsys.readouterr()
    main(["fleet", "d", "--target=2xh100", "--format=json"])
    verdicts = {
        group["nodes"][0]: group["verdict"]["passed"] for group in json.loads(capsys.readouterr().out)["groups"]
    }
    assert {Path(name).stem: passed for name, passed in verdicts.items()} == {
        name: not status for name, status in alone.items()
    }


def test_a_project_may_pardon_a_device_that_was_throttled_when_read(capsys: pytest.CaptureFixture[str]) -> None:
    nodes = [fleets.node(f"n{number}", count=1) for number in range(3)]
    nodes[1] = fleets.changed(nodes[1], "conditions", throttle_reasons=("hw-slowdown",))
    path = measured("f.jsonl", *nodes)
    assert main(["fleet", path]) == 1
    Path("parity.yaml").write_text("version: 1\nrules: {throttled-now: {severity: note}}\n")
    capsys.readouterr()
    assert main(["fleet", path]) == 0
    assert "slowed down when read: hw-slowdown" in capsys.readouterr().out


def test_a_waiver_of_one_device_is_none_of_a_whole_part(capsys: pytest.CaptureFixture[str]) -> None:
    nodes = [fleets.slowed(fleets.node(f"n{number}", rates=True), 0.4) for number in range(3)]
    path = measured("f.jsonl", *nodes)
    Path("parity.yaml").write_text(
        "version: 1\nwaivers:\n- {rule: measured-bandwidth-below-peak, subject: GPU 0, reason: r, owner: o, until: 2999-01-01}\n"
        "- {rule: measured-matrix-rate-below-peak, subject: GPU 0, reason: r, owner: o, until: 2999-01-01}\n"
    )
    assert main(["fleet", path]) == 1
    assert "even the median device is slow" in capsys.readouterr().out


def test_rates_above_any_peak_are_no_rates(capsys: pytest.CaptureFixture[str]) -> None:
    path = measured("f.jsonl", *(fleets.slowed(fleets.node(f"n{number}", rates=True), 2.0) for number in range(3)))
    assert main(["fleet", path]) == 1
    assert "one of the two is wrong" in capsys.readouterr().out


def test_names_that_come_twice_count_once_against_what_is_expected(capsys: pytest.CaptureFixture[str]) -> None:
    path = write("f.jsonl", node("a"), node("a"), node("b"))
    assert main(["fleet", path, "--expect=3"]) == 1
    assert capsys.readouterr().out.startswith("NOT PASSED: 1 node missing\n")
    assert main(["fleet", path, "--expect=0"]) == 2
    Path("hosts").write_text("# rack 1\na slots=8\nb slots=8  # spare\n", encoding="utf-8")
    assert main(["fleet", path, "--expect=hosts"]) == 0


def test_a_line_without_a_node_s_name_is_found_by_what_the_fleet_calls_it(capsys: pytest.CaptureFixture[str]) -> None:
    plain = [msgspec.json.encode(fleets.node(f"n{number}", count=number + 1)).decode() for number in range(2)]
    path = write("f.jsonl", *plain)
    assert main(["diff", f"{path}#n0", f"{path}#n1", "--check"]) == 1
    assert main(["diff", f"{path}#n0", f"{path}#n9"]) == 2
    assert "no node 'n9'" in capsys.readouterr().err


def test_a_fleet_of_any_size_asks_for_the_name_of_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("parity.session.read_bytes", lambda *_: pytest.fail("read whole"))
    assert (
        main(["doctor", f"--fingerprint={measured('f.jsonl', fleets.node('a'), fleets.node('b'))}", "--target=h100"])
        == 2
    )
    assert "holds 2 nodes\n  mend: name one: FILE#NODE" in capsys.readouterr().err


@pytest.mark.parametrize("drivers", [("570.86.15", "470.1"), ("470.1", "570.86.15")])
def test_what_is_ignored_is_judged_all_the_same(drivers: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    Path("parity.yaml").write_text("version: 1\ntargets: {prod: {device: h100-sxm5-80gb, stack: {driver: '>=570'}}}\n")
    nodes = [fleets.node(f"n{number}") for number in range(2)]
    parts = [
        {**one.stack.components, "driver": fleets.told(driver)} for one, driver in zip(nodes, drivers, strict=True)
    ]
    nodes = [replace(one, stack=replace(one.stack, components=told)) for one, told in zip(nodes, parts, strict=True)]
    path = write("f.jsonl", *(fleets.line(f"n{number}", one).decode() for number, one in enumerate(nodes)))
    assert main(["fleet", path, "--ignore=driver", "--target=prod", "--format=json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert {group["nodes"][0]: group["verdict"]["passed"] for group in found["groups"]} == {
        f"n{number}": driver != "470.1" for number, driver in enumerate(drivers)
    }


def test_a_store_keeps_whole_nodes(capsys: pytest.CaptureFixture[str]) -> None:
    path = measured("f.jsonl", fleets.node("a"))
    assert main(["fleet", path, "--ignore=driver", "--store=s.sqlite"]) == 2
    assert "a store keeps whole nodes" in capsys.readouterr().err
    assert main(["fleet", path, "--ignore=driver", "--ignore=NCCL_*"]) == 0
    assert "driver, NCCL_* ignored" in capsys.readouterr().out


def test_a_node_that_sank_since_its_own_earlier_reading_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Two devices: the medians of both collections lie within 5 %, and nobody is slow beside its like."""
    before = [fleets.node(f"n{number}", rates=True, count=1, seed=1) for number in range(2)]
    then = measured("then.jsonl", *before)
    now = measured("now.jsonl", before[0], fleets.slowed(before[1], 0.91))
    assert main(["fleet", now, f"--baseline={then}"]) == 1
    out = " ".join(capsys.readouterr().out.split())
    assert "n1 GPU 0: dram_copy" in out
    assert "(0.91x) since the baseline" in out
    assert main(["fleet", then, f"--baseline={now}"]) == 0  # what rose is nobody's fault


def test_what_of_a_baseline_was_not_understood_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    path = measured("then.jsonl", fleets.node("a"), fleets.node("b"))
    Path("cut.jsonl").write_bytes(Path(path).read_bytes()[:-500])
    assert main(["fleet", path, "--baseline=cut.jsonl"]) == 1
    assert "cut.jsonl:2" in capsys.readouterr().out


def test_a_pair_without_its_links_fails_whatever_the_target_says(capsys: pytest.CaptureFixture[str]) -> None:
    nodes = [fleets.node(f"n{number}") for number in range(3)]
    assert nodes[0].links
    nodes[2] = replace(nodes[2], links=nodes[2].links[:-1])
    path = measured("f.jsonl", *nodes)
    assert main(["fleet", path, "--target=8xh100"]) == 1
    out = " ".join(capsys.readouterr().out.split())
    assert "n2: links: nvlink NV18: 27 pairs, where others of its kind have nvlink NV18: 28 pairs" in out


def test_one_node_of_a_fleet_is_named_after_its_file(capsys: pytest.CaptureFixture[str]) -> None:
    path = measured("f.jsonl", fleets.node("a"), fleets.node("b", part="a100-sxm4-80gb"))
    assert main(["doctor", "--target=h100", f"--fingerprint={path}#n0"]) in (0, 1)
    assert "H100" in capsys.readouterr().out
    assert main(["diff", f"{path}#n0", f"{path}#n1", "--check"]) == 1
    assert "A100" in capsys.readouterr().out
    assert main(["doctor", "--target=h100", f"--fingerprint={path}"]) == 2
    assert "holds 2 nodes" in capsys.readouterr().err
    assert main(["doctor", "--target=h100", f"--fingerprint={path}#n9"]) == 2
    assert "no node 'n9'" in capsys.readouterr().err
    alone = measured("one.jsonl", fleets.node("a"))
    assert main(["explain", f"--fingerprint={alone}", "--target=h100"]) in (0, 1)


@pytest.mark.parametrize("form", ["text", "json", "markdown", "html"])
def test_a_folder_of_reports_of_every_kind_is_a_fleet(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    reports = Path(__file__).resolve().parents[2] / "fixtures" / "reports"
    assert main(["fleet", str(reports), f"--format={form}"]) == 1
    assert "internal error" not in capsys.readouterr().err


def test_nodes_that_should_be_there_and_are_not_fail(capsys: pytest.CaptureFixture[str]) -> None:
    path = measured("f.jsonl", fleets.node("a"), fleets.node("b"))
    Path("hosts").write_text("n0\nn1\nn2\n")
    for form in ("text", "markdown", "html"):
        assert main(["fleet", path, "--expect=hosts", f"--format={form}"]) == 1
        out = capsys.readouterr().out
        assert "1 node missing" in out
        assert "n2" in out
    assert main(["fleet", path, "--expect=3"]) == 1
    assert "1 node missing" in capsys.readouterr().out
    Path("hosts").write_text("n1\nn0\n")
    assert main(["fleet", path, "--expect=hosts"]) == main(["fleet", path, "--expect=2"]) == 0
    Path("hosts").write_text("\n")
    assert main(["fleet", path, "--expect=hosts"]) == 2
    assert main(["fleet", path, "--expect=nowhere"]) == 2


def test_the_newest_of_each_of_several_folders_counts(capsys: pytest.CaptureFixture[str]) -> None:
    whole = fleets.node("a")
    nameless = replace(whole, host=replace(whole.host, hostname=Absent(why="not_asked", source="redacted")))
    odd = replace(nameless, environment={"NCCL_ALGO": "Ring"})
    for name, one in (("n1", nameless), ("n2", nameless), ("n3", odd)):
        Path(name).mkdir()
        Path(name, "parity.json").write_bytes(msgspec.json.encode(one))
    assert main(["fleet", ".", "--latest"]) == 1
    out = capsys.readouterr().out
    assert "3 nodes" in out
    assert "n3/parity.json" in out


def test_a_value_that_is_none_costs_its_line_and_no_more(capsys: pytest.CaptureFixture[str]) -> None:
    good = [fleets.node(f"n{number}", rates=True) for number in range(3)]
    path = Path(measured("f.jsonl", *good))
    broken = json.loads(path.read_bytes().splitlines()[0])
    broken["fingerprint"]["devices"][0]["conditions"]["temperature_c"] = [[]]
    path.write_bytes(json.dumps(broken).encode() + b"\n" + path.read_bytes())
    assert main(["fleet", str(path)]) == 1
    captured = capsys.readouterr()
    assert "internal error" not in captured.err
    assert "f.jsonl:1" in captured.out
    assert "3 nodes" in captured.out
