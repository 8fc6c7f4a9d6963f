"""Ranks that disagree stop the job on every rank alike; one process alone passes."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

import parity
from parity.collect import homogeneous
from parity.collect.homogeneous import NotHomogeneousError, assert_homogeneous
from parity.errors import NothingToJudgeError, UsageError
from parity.fleet.ranks import Rank, digest_of
from parity.model.fingerprint import Fingerprint
from parity.readers import read_report

PRODUCTION = Path(__file__).resolve().parents[3] / "docs" / "examples" / "production-8xh100.json"


class Group:
    """A process group of which the others' answers are given."""

    def __init__(self, *others: Rank) -> None:
        self._others = others
        self.sent: list[int] = []

    def module(self) -> Any:
        return SimpleNamespace(
            is_available=lambda: True,
            is_initialized=lambda: True,
            get_world_size=lambda _: 1 + len(self._others),
            get_rank=lambda _: 0,
            all_gather_object=self._gather,
        )

    def _gather(self, into: list[Any], own: bytes | str, *, group: Any) -> None:
        assert group is None
        self.sent.append(len(own))
        if isinstance(own, str):
            into[:] = [own, *map(digest_of, self._others)]
            return
        into[:] = [own, *(msgspec.json.encode(one) for one in self._others)]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Fingerprint:
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", *homogeneous.SIZES, homogeneous._AGENT_STORE):
        monkeypatch.delenv(name, raising=False)
    fingerprint = read_report(PRODUCTION.read_bytes(), where="production")
    monkeypatch.setattr("parity.session.fingerprint_of", lambda _: fingerprint)
    return fingerprint


def told(fingerprint: Fingerprint, rank: int, **changes: str) -> Rank:
    facts = homogeneous.facts_of(fingerprint)
    return Rank(
        rank=rank, host=f"h{rank}", facts={**facts, **{f"machine {key}": text for key, text in changes.items()}}
    )


def test_alone_it_passes(machine: Fingerprint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch.distributed", raising=False)
    assert parity.assert_homogeneous is assert_homogeneous
    assert_homogeneous()
    assert machine.devices


def test_equal_ranks_pass(machine: Fingerprint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.distributed", Group(told(machine, 1), told(machine, 2)).module())
    assert_homogeneous()


def test_an_odd_rank_is_named_with_host_and_fact(machine: Fingerprint, monkeypatch: pytest.MonkeyPatch) -> None:
    others = Group(told(machine, 1), told(machine, 2, driver="1.0"))
    monkeypatch.setitem(sys.modules, "torch.distributed", others.module())
    with pytest.raises(NotHomogeneousError) as raised:
        assert_homogeneous()
    assert "machine driver: 580.95.05 on most ranks, 1.0 on rank 2 (h2)" in str(raised.value)
    assert [one.fact for one in raised.value.disagreements] == ["machine driver"]
    assert_homogeneous(ignore=("driver",))


def test_a_rank_that_cannot_read_its_machine_is_one_that_differs(
    machine: Fingerprint, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = Group(told(machine, 1), Rank(rank=2, host="h2", problem="OSError: no driver"))
    monkeypatch.setitem(sys.modules, "torch.distributed", others.module())
    with pytest.raises(
        NotHomogeneousError, match=r"fingerprint: read on most ranks, OSError: no driver on rank 2 \(h2\)"
    ):
        assert_homogeneous()


def test_this_rank_tells_the_others_before_it_fails(monkeypatch: pytest.MonkeyPatch, machine: Fingerprint) -> None:
    def broken(_: object) -> Fingerprint:
        raise OSError("no driver")

    monkeypatch.setattr("parity.session.fingerprint_of", broken)
    monkeypatch.setitem(sys.modules, "torch.distributed", Group(told(machine, 1)).module())
    with pytest.raises(NotHomogeneousError, match="OSError: no driver on rank 0"):
        assert_homogeneous()


def test_no_gpu_anywhere_is_no_pass(monkeypatch: pytest.MonkeyPatch, machine: Fingerprint) -> None:
    bare = Fingerprint()
    monkeypatch.setattr("parity.session.fingerprint_of", lambda _: bare)
    monkeypatch.setitem(sys.modules, "torch.distributed", Group(told(bare, 1)).module())
    with pytest.raises(NothingToJudgeError, match="no rank of this job sees a GPU"):
        assert_homogeneous()
    assert_homogeneous(gpus=False)
    assert machine.devices


def test_the_package_has_no_other_lazy_names() -> None:
    with pytest.raises(AttributeError, match="nothing"):
        parity.nothing  # noqa: B018


def test_equal_ranks_send_a_digest_and_no_more(machine: Fingerprint, monkeypatch: pytest.MonkeyPatch) -> None:
    group = Group(*(told(machine, rank) for rank in range(1, 8)))
    monkeypatch.setitem(sys.modules, "torch.distributed", group.module())
    assert_homogeneous()
    assert group.sent == [64]
    odd = Group(told(machine, 1), told(machine, 2, driver="1.0"))
    monkeypatch.setitem(sys.modules, "torch.distributed", odd.module())
    with pytest.raises(NotHomogeneousError):
        assert_homogeneous()
    assert len(odd.sent) == 2


def test_ignored_facts_make_no_digest_differ(machine: Fingerprint) -> None:
    one, other = told(machine, 0), told(machine, 1, driver="1.0")
    assert digest_of(one) != digest_of(other)
    assert digest_of(one, ignore=("driver",)) == digest_of(other, ignore=("driver",))
    silent = Rank(rank=2, host="h", facts=one.facts, problem="no driver")
    assert digest_of(silent) != digest_of(one)


@pytest.mark.parametrize(
    "environment",
    [
        {"SLURM_STEP_NUM_TASKS": "4", "SLURM_PROCID": "1", "SLURM_LOCALID": "0", "SLURM_NODEID": "1"},
        {"RANK": "1", "WORLD_SIZE": "4", "MASTER_ADDR": "a", "MASTER_PORT": "1"},  # as PyTorchJob sets them
        {"RANK": "1", "WORLD_SIZE": "4", "LOCAL_RANK": "0", "MASTER_ADDR": "a", "MASTER_PORT": "1"},  # by hand
        {"OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": "0"},
        {"PMI_SIZE": "2"},
    ],
)
def test_one_of_several_that_cannot_talk_yet_does_not_pass(
    environment: dict[str, str], machine: Fingerprint, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert machine
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match="the others cannot be reached yet") as raised:
        assert_homogeneous()
    assert "init_process_group" in str(raised.value)


def test_a_job_of_one_passes(machine: Fingerprint, monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "1")
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert_homogeneous()
