"""The fixture ``parity_homogeneous``: ranks of a distributed run that see different machines fail, each of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PRODUCTION = ROOT / "docs" / "examples" / "production-8xh100.json"
Gate = Callable[..., pytest.RunResult]
SUITE = """
    def test_rank(parity_homogeneous):
        print("compared")
"""
# Another rank answers as this one does, but for what CHANGES says; the group is one of torch's in all that is asked.
CONFTEST = """
    import json, os, sys
    from types import ModuleType

    def gather(into, own):
        other = json.loads(json.dumps(own))
        other.update(rank=1, host="other-host")
        other["facts"].update(json.loads(os.environ.get("CHANGES", "{}")))
        into[:] = [own, other]

    group = ModuleType("torch.distributed")
    group.is_available = group.is_initialized = lambda: os.environ.get("GROUP") == "1"
    group.get_rank, group.get_world_size, group.all_gather_object = lambda: 0, lambda: 2, gather
    sys.modules["torch.distributed"] = group
"""


@pytest.fixture
def rank(pytester: pytest.Pytester, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> Callable[..., pytest.RunResult]:
    monkeypatch.setenv("PARITY_ENGINE_PATH", "")
    pytester.makepyfile(SUITE)
    pytester.makeconftest(CONFTEST)

    def run(
        *, changes: dict[str, str] | None = None, fingerprint: Path = PRODUCTION, **variables: str
    ) -> pytest.RunResult:
        environment = {"GROUP": "1", "CHANGES": json.dumps(changes or {}), "WORLD_SIZE": "2", **variables}
        return gate(f"--parity-fingerprint={fingerprint}", "-rP", child=True, environment=environment)

    return run


def test_equal_ranks_pass(rank: Callable[..., pytest.RunResult]) -> None:
    result = rank()
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["compared"])


def test_an_odd_rank_fails_with_rank_host_and_fact(rank: Callable[..., pytest.RunResult]) -> None:
    result = rank(changes={"machine driver": "1.0"})
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["*parity_homogeneous: machine driver: 580.95.05 on most ranks, 1.0 on rank 1 (other-host)"]
    )
    result.stdout.no_fnmatch_line("compared")


def test_any_launcher_s_job_without_a_process_group_is_no_pass(rank: Callable[..., pytest.RunResult]) -> None:
    """What srun, mpirun and MPICH say; the list is that of ``parity.assert_homogeneous()``."""
    from parity.collect import homogeneous
    from pytest_parity import ranks

    assert ranks.SIZES == homogeneous.SIZES
    result = rank(GROUP="0", WORLD_SIZE="", OMPI_COMM_WORLD_SIZE="8")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*OMPI_COMM_WORLD_SIZE is 8 and torch.distributed has no process group*"])


def test_one_process_alone_passes(rank: Callable[..., pytest.RunResult]) -> None:
    rank(GROUP="0", WORLD_SIZE="1").assert_outcomes(passed=1)


def test_a_job_without_a_process_group_is_no_pass(rank: Callable[..., pytest.RunResult]) -> None:
    result = rank(GROUP="0")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*WORLD_SIZE is 2 and torch.distributed has no process group*"])


def test_no_gpu_on_any_rank_is_no_pass(rank: Callable[..., pytest.RunResult], tmp_path: Path) -> None:
    bare = json.loads(PRODUCTION.read_text(encoding="utf-8"))
    bare["devices"] = []
    path = tmp_path / "bare.json"
    path.write_text(json.dumps(bare), encoding="utf-8")
    result = rank(fingerprint=path)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*no rank sees a GPU*"])
