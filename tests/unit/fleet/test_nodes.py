"""Where nodes come from: one bad line, file or folder costs itself, and is told with its place."""

from __future__ import annotations

import gzip
import io
import json
import os
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parity.catalog import store
from parity.catalog.as_fingerprint import as_fingerprint
from parity.fleet import documents
from parity.fleet.documents import MOST_BANNER_LINES, Reading
from parity.fleet.folders import PassedOver
from parity.fleet.nodes import readings
from parity.model.fingerprint import Fingerprint
from parity.model.fleet import Unreadable

RAW = msgspec.json.encode(as_fingerprint(store.device_spec("h100-sxm5-80gb")))
PRETTY = json.dumps(json.loads(RAW), indent=2).encode()
SMI = b"GPU 0: NVIDIA H100 80GB HBM3 (UUID: GPU-11111111-2222-3333-4444-555555555555)\n"


def write(folder: Path, name: str, *lines: bytes) -> str:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\n".join(lines))
    return str(path)


def found(*places: str) -> list[Reading | Unreadable]:
    """Return what places hold; files that were passed over are left out."""
    return [one for one in readings(places) if not isinstance(one, PassedOver)]


def passed_over(folder: Path) -> list[str]:
    return [Path(one.where).name for one in readings([str(folder)]) if isinstance(one, PassedOver)]


def decoded(one: Reading | Unreadable) -> Fingerprint:
    assert isinstance(one, Reading), one
    return msgspec.json.decode(one.raw, type=Fingerprint)


def test_json_lines_one_by_one(tmp_path: Path) -> None:
    envelope = b'{"schema": "parity.node/1", "node": "n7", "fingerprint": ' + RAW + b"}"
    verdict = b'{"schema": "parity.verdict/1", "passed": true, "fingerprint": ' + RAW + b"}"
    path = write(tmp_path, "fleet.jsonl", RAW, b"", envelope, verdict, b"")
    told = found(path)
    assert [(one.where, one.name) for one in told if isinstance(one, Reading)] == [
        (f"{path}:1", ""),
        (f"{path}:3", "n7"),
        (f"{path}:4", ""),
    ]
    assert {len(decoded(one).devices) for one in told} == {1}


def test_a_bad_line_costs_itself(tmp_path: Path) -> None:
    path = write(tmp_path, "fleet.jsonl", RAW, RAW[:200], b'{"schema": "other/1"}', b"\xff\xfe", RAW)
    told = found(path)
    assert [isinstance(one, Reading) for one in told] == [True, False, False, False, True]
    bad = [one for one in told if isinstance(one, Unreadable)]
    assert [one.where for one in bad] == [f"{path}:{line}" for line in (2, 3, 4)]
    assert "other/1" in bad[1].why


def test_a_document_or_a_foreign_report_per_file(tmp_path: Path) -> None:
    one, other = write(tmp_path, "a.json", PRETTY), write(tmp_path, "b.txt", SMI)
    told = found(one, other)
    assert [decoded(item).visible_devices[0].identity.name for item in told] == [
        decoded(told[0]).devices[0].identity.name,
        decoded(told[1]).devices[0].identity.name,
    ]
    assert "H100" in str(decoded(told[1]).devices[0].identity.name)


def test_folders_are_searched_in_order(tmp_path: Path) -> None:
    write(tmp_path, "b/2.json", PRETTY)
    write(tmp_path, "a/1.jsonl", RAW, RAW)
    write(tmp_path, ".hidden/3.json", PRETTY)
    write(tmp_path, "readme.md", b"nothing")
    (tmp_path / "loop").symlink_to(tmp_path)
    names = [Path(one.where).name for one in found(str(tmp_path)) if isinstance(one, Reading)]
    assert names == ["1.jsonl:1", "1.jsonl:2", "2.json"]


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    missing = found(str(tmp_path / "empty"), str(tmp_path / "none.json"), write(tmp_path, "zero.json"), "/dev/null")
    assert all(isinstance(one, Unreadable) and one.why for one in missing)
    assert len(missing) == 4


NODE = b'{"schema": "parity.node/1", "node": "n7", "fingerprint": ' + RAW + b"}"
WAYS = {
    "crlf": RAW + b"\r\n" + RAW + b"\r\n",
    "byte order mark": b"\xef\xbb\xbf" + RAW + b"\n" + RAW,
    "utf-16": (RAW + b"\n" + RAW).decode().encode("utf-16"),
    "blank lines first": b"\n \n" + RAW + b"\n" + RAW,
    "srun --label": b"0: " + RAW + b"\n12: " + NODE,
    "gzip": gzip.compress(RAW + b"\n" + RAW),
    "list": b"[" + RAW + b", " + NODE + b"]",
    "list over lines": json.dumps([json.loads(RAW), json.loads(NODE)], indent=1).encode(),
}


@pytest.mark.parametrize("way", WAYS)
def test_what_happens_to_lines_on_the_way_is_undone(tmp_path: Path, way: str) -> None:
    told = found(write(tmp_path, "fleet.jsonl", WAYS[way]))
    assert [len(decoded(one).devices) for one in told] == [1, 1]


def test_reports_of_other_tools_may_stand_in_one_line(tmp_path: Path) -> None:
    labels = {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3", "nvidia.com/gpu.count": "8"}
    items: list[dict[str, Any]] = [
        {"kind": "Node", "metadata": {"name": name, "labels": labels}} for name in ("a", "b")
    ]
    told = found(write(tmp_path, "nodes.json", json.dumps({"kind": "List", "items": items}).encode()))
    assert [one.name for one in told if isinstance(one, Reading)] == ["a", "b"]
    items.append(
        {"kind": "Node", "metadata": {"name": "c", "labels": {}}, "status": {"capacity": {"nvidia.com/gpu": "8"}}}
    )
    items.append(
        {"kind": "Node", "metadata": {"name": "control-plane", "labels": {}}, "status": {"capacity": {"cpu": "8"}}}
    )
    *good, bad = found(write(tmp_path, "nodes.json", json.dumps({"kind": "List", "items": items}).encode()))
    assert len(good) == 2
    assert isinstance(bad, Unreadable)
    assert bad.why == "c: offers GPUs, and no label says which"
    (odd,) = found(write(tmp_path, "odd.json", b'{"queued": 1}'))
    assert isinstance(odd, Unreadable)


def test_a_banner_costs_itself_and_no_node(tmp_path: Path) -> None:
    path = write(tmp_path, "fleet.jsonl", b"srun: job 12 has been allocated", b'{"queued": 1}', RAW, RAW)
    told = found(path)
    assert [isinstance(one, Reading) for one in told] == [False, False, True, True]
    assert told[2].where == f"{path}:3"


def test_one_envelope_over_several_lines(tmp_path: Path) -> None:
    (one,) = found(write(tmp_path, "n7.json", json.dumps(json.loads(NODE), indent=2).encode()))
    assert isinstance(one, Reading)
    assert one.name == "n7"


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (gzip.compress(RAW)[:-20], "a damaged gzip file"),
        (b"\x1f\x8b" + b"x" * 50, "a damaged gzip file"),
        (b"\x28\xb5\x2f\xfd" + b"x" * 50, "zstd -dc"),
        (b"\xfd7zXZ\0" + b"x" * 50, "xz -dc"),
        (b"BZh91AY" + b"x" * 50, "bzip2 -dc"),
        (b"", "empty"),
    ],
)
def test_packed_files_of_a_folder_are_read_or_told(tmp_path: Path, raw: bytes, why: str) -> None:
    write(tmp_path, "a.jsonl", RAW)
    write(tmp_path, "b.jsonl.gz", gzip.compress(RAW))
    write(tmp_path, "c.jsonl.zst", raw)
    *good, bad = found(str(tmp_path))
    assert [len(decoded(one).devices) for one in good] == [1, 1]
    assert isinstance(bad, Unreadable)
    assert why in bad.why


def test_a_folder_that_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "a.jsonl", RAW)
    write(tmp_path, "closed/b.jsonl", RAW)
    scan = os.scandir

    def refuse(folder: str) -> Any:
        if str(folder).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(folder))
        return scan(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    good, bad = found(str(tmp_path))
    assert isinstance(good, Reading)
    assert (bad.where, isinstance(bad, Unreadable) and bad.why) == (
        str(tmp_path / "closed"),
        "cannot be read: Permission denied",
    )


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stdin:
        buffer = io.BytesIO(RAW + b"\n" + RAW)

    monkeypatch.setattr("sys.stdin", Stdin)
    assert [one.where for one in found("-")] == ["standard input:1", "standard input:2"]


def test_a_line_without_an_end_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_BYTES", 1 << 16)
    path = write(tmp_path, "long.jsonl", RAW, b'{"a": "' + b"x" * (1 << 18) + b'"}', RAW)
    told = found(path)
    assert [isinstance(one, Reading) for one in told] == [True, False, True]
    whole = found(write(tmp_path, "long.json", b"[" * (1 << 18)))
    assert isinstance(whole[0], Unreadable)


def test_a_pipe_is_read(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(RAW + b"\n",))
    writer.start()
    assert len(found(str(pipe))) == 1
    writer.join()


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(st.binary(max_size=60), st.just(RAW), st.integers(0, len(RAW)).map(lambda cut: RAW[:cut]))))
def test_any_bytes_end_in_nodes_or_reasons(tmp_path_factory: Any, lines: list[bytes]) -> None:
    path = write(tmp_path_factory.mktemp("fuzz"), "fleet.jsonl", *lines)
    for one in found(path):
        assert one.where.startswith(path)
        assert isinstance(one, (Reading, Unreadable))
    whole = sum(isinstance(one, Reading) for one in found(path))
    assert whole >= lines.count(RAW), "whatever stands beside it, a node that is whole is found"
    if not whole:
        assert found(path), "nothing is passed over in silence"


def test_a_job_s_output_in_a_folder_is_read_whatever_its_name(tmp_path: Path) -> None:
    """`srun -o node%N.out`, a file without a suffix, one that a writer was interrupted at."""
    for name in ("n1.jsonl", "n2.out", "n3", "n4.jsonl.tmp", "deep/n5.out"):
        write(tmp_path, name, b"srun: job 12", RAW)
    write(tmp_path, "cut.tmp", RAW, RAW[:300])
    write(tmp_path, "Makefile", b"all:", b"\techo {}")
    write(tmp_path, "notes.sqlite", b"SQLite format 3\0" + b"\xff" * 400)
    write(tmp_path, "packed.jsonl.xz", b"\xfd7zXZ\0" + b"x" * 50)
    told = found(str(tmp_path))
    assert sum(isinstance(one, Reading) for one in told) == 6
    bad = [one for one in told if isinstance(one, Unreadable) and "srun" not in one.why]
    assert any(one.where.endswith("packed.jsonl.xz") for one in bad)
    assert any(one.where.endswith("cut.tmp:2") for one in bad)
    assert not any("Makefile" in one.where or "sqlite" in one.where for one in bad)


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("n7.out", PRETTY),  # `srun -o node%N.out parity capture`: no line is a document
        ("n7.out.gz", gzip.compress(RAW)),
        ("n7", b"a line of the job\n" * 2_000_000 + RAW),  # late
    ],
)
def test_a_node_in_a_file_of_another_name_is_read(tmp_path: Path, name: str, raw: bytes) -> None:
    for number in range(3):
        write(tmp_path, f"n{number}.jsonl", RAW)
    write(tmp_path, name, raw)
    assert sum(isinstance(one, Reading) for one in found(str(tmp_path))) == 4


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("n9.out", RAW[:300]),
        ("n9.out", PRETTY[:300]),
        ("n9.out.gz", gzip.compress(RAW)[:-20]),
        ("n9.gz", b"\x1f\x8bno"),
    ],
)
def test_half_a_node_in_a_file_of_another_name_is_told(tmp_path: Path, name: str, raw: bytes) -> None:
    write(tmp_path, "n1.jsonl", RAW)
    write(tmp_path, name, raw)
    good, bad = found(str(tmp_path))
    assert isinstance(good, Reading)
    assert isinstance(bad, Unreadable)
    assert name in bad.where


def test_a_file_that_holds_no_node_as_others_of_its_name_do_is_told(tmp_path: Path) -> None:
    for name in ("n1.out", "n2.out", "job-1"):
        write(tmp_path, name, RAW)
    write(tmp_path, "n3.out", b"srun: error: n3: task 3: Exited with exit code 137")
    write(tmp_path, "job-22", b"srun: error")
    write(tmp_path, "README", b"what this is")
    bad = {Path(one.where).name: one.why for one in found(str(tmp_path)) if isinstance(one, Unreadable)}
    assert bad == dict.fromkeys(("n3.out", "job-22"), "holds no node, though files of such a name do")
    assert passed_over(tmp_path) == ["README"]


def test_files_of_other_names_without_a_node_are_passed_over_and_named(tmp_path: Path) -> None:
    write(tmp_path, "n1.jsonl", RAW)
    write(tmp_path, "n9.out", b"srun: error: n9: task 9: Exited with exit code 137")
    write(tmp_path, "weights.bin", b"\0" * 100 + RAW)
    write(tmp_path, "README.md", b"A node: `" + RAW + b"`")
    assert passed_over(tmp_path) == ["README.md", "n9.out", "weights.bin"]
    assert len(found(str(tmp_path))) == 1


def test_a_file_of_another_name_that_cannot_be_opened_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "n1.jsonl", RAW)
    (tmp_path / "n2.out").symlink_to(tmp_path / "gone")
    _, bad = found(str(tmp_path))
    assert isinstance(bad, Unreadable)
    assert (Path(bad.where).name, bad.why) == ("n2.out", "cannot be read: No such file or directory")


def test_links_to_folders_are_followed_once(tmp_path: Path) -> None:
    write(tmp_path, "elsewhere/n2.jsonl", RAW)
    write(tmp_path, "fleet/n1.jsonl", RAW)
    (tmp_path / "fleet/rack2").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "fleet/again").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere/loop").symlink_to(tmp_path / "fleet")
    told = found(str(tmp_path / "fleet"))
    assert sorted(Path(one.where).name for one in told) == ["n1.jsonl:1", "n2.jsonl:1"]


def test_a_pipe_in_a_folder_is_not_waited_for(tmp_path: Path) -> None:
    write(tmp_path, "n1.jsonl", RAW)
    os.mkfifo(tmp_path / "n2.jsonl")
    os.mkfifo(tmp_path / "n3")
    told = found(str(tmp_path))
    assert [one.why for one in told if isinstance(one, Unreadable)] == ["not a regular file"]
    assert sum(isinstance(one, Reading) for one in told) == 1


@pytest.mark.parametrize(
    "label", [b"3: ", b"node-1: ", b"[1,0]<stdout>:", b"[default0]:", b"[pod/parity-x7/c] ", b"h100-07 | SUCCESS >> "]
)
def test_what_launchers_put_before_a_line_is_taken_off(tmp_path: Path, label: bytes) -> None:
    told = found(write(tmp_path, "fleet.jsonl", label + RAW, label + b"a word of its own", label + RAW))
    assert [isinstance(one, Reading) for one in told] == [True, False, True]


@pytest.mark.parametrize("count", [1, MOST_BANNER_LINES, MOST_BANNER_LINES + 1, MOST_BANNER_LINES + 3])
def test_a_banner_is_told_line_by_line_and_a_long_one_in_one(tmp_path: Path, count: int) -> None:
    told = found(write(tmp_path, "fleet.jsonl", *[b"Welcome"] * count, RAW))
    assert isinstance(told[-1], Reading)
    assert told[-1].where.endswith(f":{count + 1}")
    lines = [f":{number + 1}" for number in range(count)] if count <= MOST_BANNER_LINES else [f":1-{count}"]
    assert [one.where.rpartition("jsonl")[2] for one in told[:-1]] == lines


def test_a_long_banner_and_a_long_first_line_cost_themselves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    banner, first, second = found(write(tmp_path, "a.jsonl", *[b"module load cuda"] * 100, RAW, RAW))
    assert isinstance(banner, Unreadable)
    assert (banner.where[-6:], banner.why) == (":1-100", "100 lines before the first node are no documents")
    assert [isinstance(one, Reading) for one in (first, second)] == [True, True]
    assert second.where.endswith(":102")
    monkeypatch.setattr(documents, "MAX_BYTES", 1 << 16)
    told = found(write(tmp_path, "b.jsonl", b"x" * (1 << 18), RAW, RAW))
    assert [isinstance(one, Reading) for one in told] == [False, True, True]
    assert isinstance(told[0], Unreadable)
    assert told[0].why.startswith("a line over")


def test_documents_that_stand_one_after_another(tmp_path: Path) -> None:
    """`cat node*.json` of what `parity capture -o` wrote."""
    told = found(write(tmp_path, "all.json", PRETTY, PRETTY, PRETTY))
    assert [len(decoded(one).devices) for one in told] == [1, 1, 1]
    *good, cut = found(write(tmp_path, "cut.json", PRETTY, PRETTY, PRETTY[:500]))
    assert len(good) == 2
    assert isinstance(cut, Unreadable)


def test_an_envelope_without_a_fingerprint_says_so(tmp_path: Path) -> None:
    (one,) = found(write(tmp_path, "n.jsonl", b'{"schema": "parity.node/1", "node": "n9"}'))
    assert isinstance(one, Unreadable)
    assert one.why == "n9: holds no fingerprint"


def test_a_long_stream_without_a_node_is_looked_at_within_bounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "MAX_HEAD_LINES", 1000)
    asked: list[bytes] = []
    is_line = documents._is_line
    monkeypatch.setattr(documents, "_is_line", lambda line: asked.append(line) or is_line(line))
    (one,) = found(write(tmp_path, "empty-lines.log", b"\n" * 100_000))
    assert isinstance(one, Unreadable)
    assert len(asked) == 1000


def test_a_list_that_is_none_of_ours_is_not_taken_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decode = msgspec.json.decode

    def refuse(raw: bytes, **words: Any) -> Any:
        assert words.get("type") != list[msgspec.Raw]
        return decode(raw, **words)

    monkeypatch.setattr(msgspec.json, "decode", refuse)
    (one,) = found(write(tmp_path, "bomb.json", b"[" + b"[]," * 1000 + b"[]]"))
    assert isinstance(one, Unreadable)


def test_nodes_that_nobody_names_are_called_after_their_place_in_the_folder(tmp_path: Path) -> None:
    """`node1/parity.json`, `node2/parity.json`: redacted captures, one folder each."""
    for name in ("node1", "node2"):
        write(tmp_path, f"{name}/parity.json", PRETTY)
    write(tmp_path, "all.jsonl", RAW, RAW)
    told = [one.file for one in found(str(tmp_path)) if isinstance(one, Reading)]
    assert told == ["all.jsonl:1", "all.jsonl:2", "node1/parity.json", "node2/parity.json"]
    (alone,) = found(str(tmp_path / "node1/parity.json"))
    assert isinstance(alone, Reading)
    assert alone.file == ""
