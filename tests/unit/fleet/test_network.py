"""Whether several machines share a file system, by what Linux says is mounted."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from parity.fleet import network
from parity.fleet.history import History

if TYPE_CHECKING:
    from pathlib import Path

MOUNTS = r"""22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/root rw
30 22 0:45 / /shared rw - nfs4 server:/export rw,vers=4.2
31 30 8:2 / /shared/local rw - xfs /dev/sdb rw
32 22 0:46 / /my\040data rw - lustre mgs:/fs rw
33 22 0:47 / /s3 rw - fuse.s3fs s3fs rw
34 22 0:48 / /over rw - nfs a:/b rw
35 22 8:3 / /over rw - ext4 /dev/sdc rw
broken
"""


@pytest.fixture(autouse=True)
def mounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "mountinfo"
    path.write_text(MOUNTS)
    monkeypatch.setattr(network, "MOUNTS", str(path))
    return path


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("/home/a.sqlite", False),
        ("/shared/a.sqlite", True),
        ("/shared/local/a.sqlite", False),
        ("/shared-not/a.sqlite", False),
        ("/my data/a.sqlite", True),
        ("/s3/x/a.sqlite", True),
        ("/over/a.sqlite", False),
        ("\0", False),
    ],
)
def test_by_what_is_mounted(path: str, wanted: bool) -> None:
    assert network.is_shared(path) is wanted


def test_where_nobody_says_it_is_not(mounts: Path) -> None:
    mounts.unlink()
    assert not network.is_shared("/shared/a.sqlite")


@pytest.mark.parametrize(("kind", "mode"), [("nfs4", "delete"), ("ext4", "wal")])
def test_a_store_over_a_network_has_no_write_ahead_log(tmp_path: Path, mounts: Path, kind: str, mode: str) -> None:
    mounts.write_text(f"22 1 8:1 / / rw - {kind} x rw\n")
    path = tmp_path / "f.sqlite"
    with History(str(path), create=True):
        pass
    base = sqlite3.connect(path)
    assert base.execute("PRAGMA journal_mode").fetchone() == (mode,)
    base.close()
