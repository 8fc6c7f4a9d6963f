"""Whose process is it: on a made-up ``/proc``."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from parity.probes import own_processes


class Proc:
    """A made-up ``/proc``."""

    def __init__(self, root: Path) -> None:
        self.root = str(root)
        self._folder = root / "proc"
        (self._folder / "self/ns").mkdir(parents=True)

    def namespace(self, number: int) -> None:
        (self._folder / "self/ns/pid").symlink_to(f"pid:[{number}]")

    def add(self, pid: int, parent: int, *files: str, name: str = "python (3) x") -> None:
        folder = self._folder / str(pid)
        (folder / "fd").mkdir(parents=True)
        (folder / "stat").write_text(f"{pid} ({name}) S {parent} 1 1")
        (folder / "comm").write_text(name[:15] + "\n")
        for number, file in enumerate(files):
            (folder / "fd" / str(number)).symlink_to(file)


@pytest.fixture
def proc(tmp_path: Path) -> Proc:
    made = Proc(tmp_path)
    made.add(1, 0)
    made.add(100, 1)  # pytest
    made.add(110, 100, "/dev/nvidia0", "/dev/nvidiactl")  # the engine: asks, computes nothing
    made.add(120, 100, "/srv/x", "/dev/nvidia-uvm")
    made.add(121, 120, "/dev/kfd")
    made.add(200, 1, "/dev/nvidia-uvm")
    return made


def test_descent_is_followed_to_the_test_run(proc: Proc) -> None:
    own = [pid for pid in (1, 100, 110, 120, 121, 200, 999) if own_processes.is_own(pid, 100, proc.root)]
    assert own == [100, 110, 120, 121]


def test_a_circle_ends(proc: Proc) -> None:
    proc.add(300, 301)
    proc.add(301, 300)
    assert own_processes.is_own(300, 100, proc.root) is False


def test_own_processes_with_a_compute_context_are_counted(proc: Proc) -> None:
    assert own_processes.holders(100, proc.root) == 2
    assert own_processes.holders(110, proc.root) == 0
    assert own_processes.holders(100, proc.root, but=(121,)) == 1


def test_a_test_run_that_cannot_be_seen_is_not_counted(proc: Proc, tmp_path: Path) -> None:
    assert own_processes.holders(999, proc.root) is None
    assert own_processes.holders(100, str(tmp_path / "nowhere")) is None


@pytest.mark.parametrize(("number", "ours"), [(4026531836, True), (4026532999, False)])
def test_ids_are_ours_outside_of_containers(proc: Proc, number: int, ours: bool) -> None:
    proc.namespace(number)
    assert own_processes.ids_are_ours(proc.root) is ours


def test_without_a_word_on_the_namespace_ids_are_not_ours(proc: Proc) -> None:
    assert own_processes.ids_are_ours(proc.root) is False


@pytest.mark.parametrize("text", ["", "5", "5 (a) S", "5 (a) S x", "\0\0"])
def test_a_broken_stat_has_no_parent(proc: Proc, text: str) -> None:
    proc.add(400, 100)
    (Path(proc.root) / "proc/400/stat").write_text(text)
    assert own_processes.parent_of(400, proc.root) is None


def test_names_are_read_where_they_can_be(proc: Proc) -> None:
    assert own_processes.name_of(120, proc.root) == "python (3) x"
    assert own_processes.name_of(999, proc.root) == ""


def test_the_core_of_this_process_is_one_it_may_use() -> None:
    assert own_processes.core_of(os.getpid()) in os.sched_getaffinity(0)


@pytest.mark.parametrize("stat", ["", "1 (x) R 1 2", "1 (x) R " + "x " * 60])
def test_a_core_that_cannot_be_told_is_none(tmp_path: Path, stat: str) -> None:
    (tmp_path / "proc/7").mkdir(parents=True)
    (tmp_path / "proc/7/stat").write_text(stat)
    assert own_processes.core_of(7, str(tmp_path)) is None
    assert own_processes.core_of(8, str(tmp_path)) is None
