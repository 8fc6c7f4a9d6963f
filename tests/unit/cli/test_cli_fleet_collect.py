"""``parity fleet collect``: one line per node, by whichever launcher started it."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from parity.cli import fleet_collect
from parity.cli.main import main
from parity.collect.ray_tasks import node_line
from parity.readers import read_report

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[3]
PRODUCTION = ROOT / "docs" / "examples" / "production-8xh100.json"
SLURM = {"SLURM_PROCID": "1", "SLURM_LOCALID": "0", "SLURM_NODEID": "1", "SLURMD_NODENAME": "gpu/01"}


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "PARITY_NODE_NAME", *SLURM):
        monkeypatch.delenv(name, raising=False)
    fingerprint = read_report(PRODUCTION.read_bytes(), where="production")
    monkeypatch.setattr("parity.session.fingerprint_of", lambda _: fingerprint)
    monkeypatch.setattr("socket.gethostname", lambda: "this-host")
    monkeypatch.chdir(tmp_path)


def told(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_this_node_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fleet", "collect"]) == 0
    captured = capsys.readouterr()
    (node,) = told(captured.out)
    assert (node["schema"], node["node"], node["fingerprint"]["redacted"]) == ("parity.node/1", "this-host", True)
    assert captured.err == "parity: 1 node collected to standard output\n"


def test_what_is_collected_is_read_by_fleet(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fleet", "collect", "-o", "a.jsonl"]) == 0
    assert main(["fleet", "a.jsonl", "--target=8xh100"]) == 0
    assert "this-host" in capsys.readouterr().out


def test_under_slurm_each_node_writes_its_own_file(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SLURM.items():
        monkeypatch.setenv(name, value)
    assert main(["fleet", "collect", "--into", "out/fleet"]) == 0
    (path,) = Path("out/fleet").iterdir()
    assert re.fullmatch(r"gpu_01-[0-9a-f]{8}\.jsonl", path.name)  # "gpu/01" and "gpu:01" are two nodes
    monkeypatch.setenv("SLURM_LOCALID", "1")
    path.unlink()
    assert main(["fleet", "collect", "--into", "out/fleet"]) == 0
    assert not list(Path("out/fleet").iterdir()), "the first process of a node speaks for it"


def test_under_slurm_no_node_writes_over_another(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {**SLURM, "SLURM_STEP_NUM_NODES": "2"}.items():
        monkeypatch.setenv(name, value)
    assert main(["fleet", "collect", "-o", "fleet.jsonl"]) == 2
    assert "--into DIR" in capsys.readouterr().err
    assert not Path("fleet.jsonl").exists()
    monkeypatch.setenv("SLURM_STEP_NUM_NODES", "1")
    assert main(["fleet", "collect", "-o", "fleet.jsonl"]) == 0


@pytest.mark.parametrize(
    ("node", "name"), [("gpu-01", "gpu-01"), ("gpu/1", "gpu_1-"), ("gpu:1", "gpu_1-"), ("localhost", "localhost-")]
)
def test_a_file_is_named_after_its_node_and_no_other(node: str, name: str) -> None:
    found = fleet_collect._file_name(node)
    assert found == name or (name.endswith("-") and found.startswith(name) and len(found) == len(name) + 8)
    assert fleet_collect._file_name("gpu/1") != fleet_collect._file_name("gpu:1")


def test_a_launcher_that_did_not_start_it_is_misuse(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fleet", "collect", "--via", "slurm"]) == 2
    assert "not started by slurm" in capsys.readouterr().err


def test_a_missing_node_is_told_and_fails(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from parity.collect import torch_store
    from parity.collect.lines import problem_line

    for name, value in {"RANK": "0", "WORLD_SIZE": "2", "LOCAL_RANK": "0", "MASTER_ADDR": "h"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(
        torch_store, "exchange", lambda read, *_, **__: [read(), problem_line("node 1 of 2", "no answer within 5 s")]
    )
    assert main(["fleet", "collect", "-o", "fleet.jsonl"]) == 1
    assert "node 1 of 2: no answer within 5 s" in capsys.readouterr().err
    assert main(["fleet", "fleet.jsonl"]) == 1


def test_a_node_that_cannot_read_itself_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_: object) -> None:
        raise RuntimeError("driver gone\nfor good")

    monkeypatch.setattr("parity.session.fingerprint_of", broken)
    assert main(["fleet", "collect"]) == 1
    captured = capsys.readouterr()
    (line,) = told(captured.out)
    assert (line["node"], line["problem"]) == ("this-host", r"RuntimeError: driver gone\nfor good")
    assert "this-host: RuntimeError" in captured.err


def test_nodes_are_measured_if_asked(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[Any] = []

    def measure(fingerprint: Any, wish: Any, _: object) -> tuple[Any, None]:
        asked.append(wish)
        return fingerprint, None

    monkeypatch.setattr("parity.cli.measuring_options.measure_here", measure)
    assert main(["fleet", "collect", "--measure", "--only=dram_copy", "--budget=3s"]) == 0
    assert [(wish.names, wish.budget_s) for wish in asked] == [(("dram_copy",), 3.0)]
    assert main(["fleet", "collect", "--budget=3s"]) == 2
    assert "add --measure" in capsys.readouterr().err


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf"])
def test_a_time_that_cannot_be_waited_is_misuse(seconds: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fleet", "collect", f"--timeout={seconds}"]) == 2
    assert "no time to wait" in capsys.readouterr().err


class Ray:
    """What Ray does for us, in this process; the second node hangs, the third has no parity."""

    def __init__(self) -> None:
        self.asked: list[Callable[[], Any]] = []
        self.cancelled = 0
        self.words: list[tuple[str, ...]] = []

    def modules(self) -> dict[str, Any]:
        strategies = SimpleNamespace(NodeAffinitySchedulingStrategy=lambda node, soft: node)
        return {"ray": self, "ray.util": SimpleNamespace(), "ray.util.scheduling_strategies": strategies}

    def is_initialized(self) -> bool:
        return False

    def init(self, *, address: str, **_: Any) -> None:
        if address == "nowhere":
            raise ConnectionError("Could not find any running Ray instance")

    def shutdown(self) -> None: ...

    def nodes(self) -> list[dict[str, Any]]:
        hosts = ["a", "b", "c", "c", "dead"]
        return [
            {"Alive": host != "dead", "NodeID": f"{number:08}abc", "NodeManagerHostname": host}
            for number, host in enumerate(hosts)
        ]

    def remote(self, **_: Any) -> Callable[[Any], Any]:
        def task(name: str, words: tuple[str, ...], timeout_s: float) -> str:
            self.words.append(words)
            return name

        return lambda _: SimpleNamespace(options=lambda **_: SimpleNamespace(remote=task))

    def wait(self, tasks: list[str], **_: Any) -> tuple[list[str], list[str]]:
        return [task for task in tasks if task != "b"], ["b"]

    def get(self, task: str) -> bytes:
        if task != "a":
            raise RuntimeError("ray::node_line()\nModuleNotFoundError: No module named 'parity'")
        return json.dumps(
            {"schema": "parity.node/1", "node": "a", "fingerprint": json.loads(PRODUCTION.read_text())}
        ).encode()

    def cancel(self, _: str, *, force: bool) -> None:
        self.cancelled += force


def test_over_ray(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    ray = Ray()
    for name, module in ray.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    assert main(["fleet", "collect", "--via=ray", "-o", "fleet.jsonl"]) == 1
    lines = told(Path("fleet.jsonl").read_text(encoding="utf-8"))
    assert [one["node"] for one in lines] == ["a", "c#00000002", "c#00000003", "b"]
    assert "No module named 'parity'" in lines[1]["problem"]
    assert "no answer" in lines[3]["problem"]
    assert ray.cancelled == 1
    assert main(["fleet", "collect", "--via=ray", "--address=nowhere"]) == 2
    assert "no Ray cluster at 'nowhere'" in capsys.readouterr().err


def test_every_node_of_ray_is_asked_with_the_same_options(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ray = Ray()
    for name, module in ray.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    words = ["--no-redact", "--measure", "--budget=3s", "--only=dram", "--device=1", "--device=2", "--busy"]
    assert main(["fleet", "collect", "--via=ray", *words]) == 1
    assert set(map(frozenset, ray.words)) == {frozenset(words)}
    assert main(["fleet", "collect", "--via=ray", "--measure", "--only=nothing"]) == 2
    assert len(ray.words) == 4, "a slip is told before any node is asked"
    capsys.readouterr()


def test_without_ray_it_is_misuse(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    assert main(["fleet", "collect", "--via=ray"]) == 2
    assert "ray cannot be imported" in capsys.readouterr().err


def test_the_task_on_a_node_asks_in_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    node = json.loads(node_line("n1", (), 120.0))
    assert node["node"] == "n1"
    assert "CUDA_VISIBLE_DEVICES" not in node["fingerprint"]["environment"]
    assert json.loads(node_line("n1", ("--no-such-option",), 120.0))["problem"].startswith("exit status 2: ")
    assert "no answer" in json.loads(node_line("n1", (), 0.01))["problem"]


@pytest.mark.slow
def test_on_a_real_ray_cluster(tmp_path: Path) -> None:
    cluster_utils = pytest.importorskip("ray.cluster_utils", reason="ray is not installed")
    import subprocess

    cluster = cluster_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        for _ in range(2):
            cluster.add_node(num_cpus=1)
        out = tmp_path / "fleet.jsonl"
        words = ["fleet", "collect", "--via=ray", f"--address={cluster.address}", "-o", str(out)]
        done = subprocess.run([sys.executable, "-m", "parity.cli.main", *words], cwd=ROOT, check=False, timeout=240)
        lines = told(out.read_text(encoding="utf-8"))
        assert len({one["node"] for one in lines}) == 3
        assert (done.returncode == 0) is all(one["fingerprint"]["devices"] for one in lines)
    finally:
        cluster.shutdown()
