"""Ranks that disagree stop the job on every rank alike; one process alone passes."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

import parity
from parity.collect import homogeneous
from parity.collect.homogeneous import NotHomogeneousError, assert_homogeneous
from parity.errors import NothingToJudgeError, UsageError
from parity.fleet.ranks import Rank, digest_of
from parity.model.fingerprint import Fingerprint
from parity.readers import read_report

if TYPE_CHECKING:
    import datetime as dt

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
    group = Group(told(machine, 1), told(machine, 2))
    monkeypatch.setitem(sys.modules, "torch.distributed", group.module())
    assert_homogeneous()
    assert group.sent, "the others were asked"


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


def test_ranks_that_all_fail_alike_are_all_named(monkeypatch: pytest.MonkeyPatch, machine: Fingerprint) -> None:
    """Their digests are one, and each one's host is worth knowing."""

    def broken(_: object) -> Fingerprint:
        raise OSError("no driver")

    assert machine
    monkeypatch.setattr("parity.session.fingerprint_of", broken)
    others = [Rank(rank=rank, host=f"h{rank}", problem="OSError: no driver") for rank in (1, 2)]
    monkeypatch.setitem(sys.modules, "torch.distributed", Group(*others).module())
    with pytest.raises(NotHomogeneousError, match=r"no driver on rank 0 \(.*\), rank 1 \(h1\), rank 2 \(h2\)"):
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


class Store:
    """A launcher's store, with what the other ranks have put there by now; nothing comes later."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.waited: list[float] = []

    def add(self, key: str, amount: int) -> int:
        self.values[key] = str(int(self.values.get(key, b"0")) + amount).encode()
        return int(self.values[key])

    def set(self, key: str, value: bytes) -> None:
        self.values[key] = value

    def get(self, key: str) -> bytes:
        return self.values[key]

    def wait(self, keys: list[str], timeout: dt.timedelta) -> None:
        self.waited.append(timeout.total_seconds())
        if not all(key in self.values for key in keys):
            raise RuntimeError("wait timeout")

    def tells(self, other: Rank, *, whole: bool = True) -> None:
        """Put there what another rank does; one that is not whole died before it was counted."""
        self.add(f"told/{digest_of(other)}", 1)
        if whole:
            self.add("count", 1)
            self.set(f"rank{other.rank}", msgspec.json.encode(other))


@pytest.fixture
def store(machine: Fingerprint, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The store of a job of three ranks under torchrun, of which this one is the first."""
    assert machine
    made = Store()
    torchrun = {"RANK": "0", "WORLD_SIZE": "3", "LOCAL_RANK": "0", "MASTER_ADDR": "a", "MASTER_PORT": "1"}
    for name, value in {**torchrun, homogeneous._AGENT_STORE: "True"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delitem(sys.modules, "torch.distributed", raising=False)
    monkeypatch.setattr(homogeneous, "connect", lambda _, timeout_s: made if timeout_s else None)
    return made


def test_through_the_store_equal_ranks_pass_and_tell_a_digest_alone(machine: Fingerprint, store: Store) -> None:
    for rank in (1, 2):
        store.tells(told(machine, rank))
    assert_homogeneous()
    assert store.get("count") == b"3"
    assert store.get("all") == b"1"
    assert "rank0" not in store.values


def test_through_the_store_an_odd_rank_is_named(machine: Fingerprint, store: Store) -> None:
    store.tells(told(machine, 1))
    store.tells(told(machine, 2, driver="1.0"))
    with pytest.raises(NotHomogeneousError, match=r"580\.95\.05 on most ranks, 1\.0 on rank 2 \(h2\)"):
        assert_homogeneous()
    assert msgspec.json.decode(store.get("rank0"), type=Rank).facts == told(machine, 0).facts, "the others need it"


def test_through_the_store_what_is_ignored_may_differ(machine: Fingerprint, store: Store) -> None:
    own = digest_of(told(machine, 0), ignore=("driver",))
    store.add(f"told/{own}", 2)
    store.add("count", 2)
    assert_homogeneous(ignore=("driver",))


@pytest.mark.parametrize("died_early", [False, True])
def test_through_the_store_a_rank_that_did_not_tell_is_no_pass(
    died_early: bool, machine: Fingerprint, store: Store
) -> None:
    store.tells(told(machine, 1))
    if died_early:  # it told its digest, and was never counted
        store.tells(told(machine, 2), whole=False)
    with pytest.raises(NotHomogeneousError, match=r"no answer in time on rank 2 \(no answer\)"):
        assert_homogeneous(timeout_s=5.0)
    assert store.waited
    assert all(0 < seconds <= 5.0 for seconds in store.waited), "one deadline for all"


def test_through_the_store_a_rank_without_a_gpu_is_one_that_differs_and_a_job_without_any_no_pass(
    machine: Fingerprint, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = Fingerprint()
    store.tells(told(machine, 1))
    store.tells(told(bare, 2))
    with pytest.raises(NotHomogeneousError) as raised:
        assert_homogeneous()
    assert str(raised.value.disagreements[0]) == "visible GPUs: 8 on most ranks, 0 on rank 2 (h2)", (
        "it explains the rest"
    )
    store.values.clear()
    monkeypatch.setattr("parity.session.fingerprint_of", lambda _: bare)
    for rank in (1, 2):
        store.tells(told(bare, rank))
    with pytest.raises(NothingToJudgeError, match="no rank of this job sees a GPU"):
        assert_homogeneous()


def test_a_job_of_one_looks_into_no_store(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert_homogeneous()
    assert store.values == {}
