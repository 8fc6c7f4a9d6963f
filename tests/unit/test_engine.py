"""The engine: one JSON line in, one out; whatever goes wrong, the next line is answered."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import msgspec
import pytest
import runs

from parity import conditions, session
from parity import engine as engine_module
from parity.config import project as project_module
from parity.engine import MAX_OWED, OWED_S, Engine
from parity.model.policy import Conditions
from pytest_parity import plugin as plugin_module
from pytest_parity import settings as plugin_settings
from pytest_parity import verdict as plugin_side
from pytest_parity import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parity.model.fingerprint import Fingerprint

ROOT = Path(__file__).resolve().parent.parent.parent
EXAMPLES = ROOT / "docs" / "examples"
RTX_4090 = str(EXAMPLES / "workstation-rtx-4090.json")
PRODUCTION = str(EXAMPLES / "production-8xh100.json")
BOOT = "import sys; sys.path.insert(0, sys.argv.pop(1)); from parity.engine import main; main()"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a project folder whose search for a project file ends in it."""
    (tmp_path / ".git").mkdir()
    return tmp_path


def ask(engine: Engine, op: str = "judge", **request: Any) -> dict[str, Any]:
    """Return the answer as it comes out of the channel."""
    answer: dict[str, Any] = msgspec.json.decode(
        msgspec.json.encode(engine.answer(json.dumps({"id": 1, "op": op, **request}).encode()))
    )
    return answer


def refusal(answer: dict[str, Any]) -> str:
    """Return the text of an answer that says the settings cannot be used."""
    assert answer["ok"] is False
    assert answer["kind"] == "usage"
    text: str = answer["error"]
    return text


def test_a_target_is_judged(folder: Path) -> None:
    answer = ask(Engine(), target="h100", fingerprint=RTX_4090, rootdir=str(folder))
    assert (answer["id"], answer["ok"], answer["active"]) == (1, True, True)
    assert (answer["outcome"], answer["level"], answer["passed"]) == ("mismatch", "same-vendor", False)
    assert answer["target"] == {"id": "h100-sxm5-80gb", "name": "NVIDIA H100 SXM5 80GB"}
    assert answer["verdict"]["schema"] == "parity.verdict/1"


def test_what_differs_is_told_in_a_few_lines_and_the_rest_is_counted(folder: Path) -> None:
    answer = ask(Engine(), target="h100", fingerprint=RTX_4090, rootdir=str(folder))
    grave = [one for one in answer["verdict"]["findings"] if one["severity"] != "note" and not one["waived"]]
    assert [line.partition("[")[0] for line in answer["lines"][:8]] == ["error"] * 7 + ["warning"]
    assert answer["lines"][8:] == [f"and {len(grave) - 8} more"]


def test_a_match_passes(folder: Path) -> None:
    answer = ask(Engine(), target="8xh100", fingerprint=PRODUCTION, rootdir=str(folder))
    assert (answer["outcome"], answer["level"], answer["passed"]) == ("match", "identical", True)
    assert answer["lines"] == []


def test_a_project_without_a_default_target_judges_what_markers_name(folder: Path) -> None:
    (folder / "parity.yaml").write_text("version: 1\ntargets: {prod: {device: h100}, other: {device: h200}}\n")
    answer = ask(Engine(), fingerprint=RTX_4090, rootdir=str(folder))
    assert (answer["ok"], answer["active"]) == (True, False)
    assert answer["header"].startswith("parity: ")
    assert answer["header"].endswith(
        "parity.yaml declares no default_target, judged are only tests whose marker names one"
    )


def test_the_projects_default_target_is_judged(folder: Path) -> None:
    (folder / "parity.yaml").write_text("version: 1\ndefault_target: rtx-4090\npolicy: {mode: skip}\n")
    answer = ask(Engine(), fingerprint=RTX_4090, rootdir=str(folder))
    assert (answer["active"], answer["target"]["id"], answer["mode"]) == (True, "rtx-4090", "skip")


def test_the_request_overrides_the_project(folder: Path) -> None:
    (folder / "parity.yaml").write_text("version: 1\ndefault_target: rtx-4090\npolicy: {mode: skip}\n")
    answer = ask(
        Engine(), fingerprint=RTX_4090, rootdir=str(folder), target="a10", mode="annotate", require="same-vendor"
    )
    assert (answer["target"]["id"], answer["mode"], answer["require"]) == ("a10", "annotate", "same-vendor")


def test_without_a_target_nothing_is_active_and_no_machine_is_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(path: str | None) -> Fingerprint:
        raise AssertionError(path)

    monkeypatch.setattr(session, "fingerprint_of", never)
    (folder / "parity.yaml").write_text("version: 1\nperf_tests: {markers: [slow_gpu]}\n")
    answer = ask(Engine(), rootdir=str(folder))
    assert (answer["ok"], answer["active"]) == (True, False)
    assert answer["perf_tests"] == {"markers": ["slow_gpu"], "fixtures": [], "paths": []}


SOURCES = {"target": "PARITY_TARGET", "mode": "--parity-mode", "require": "the marker", "rules": "a marker's rules"}


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        ({"mode": "warn"}, "--parity-mode: 'warn' is not one of fail, skip, xfail, annotate, off"),
        ({"require": "identicla"}, "the marker: 'identicla' is not one of identical, "),
        ({"require": "identicla"}, "close: identical"),
        ({"rules": ["arch-difers"]}, "a marker's rules: no rule "),
        ({"rules": ["arch-difers"]}, "close: arch-differs"),
        ({"target": "h1000"}, "PARITY_TARGET: "),
        ({"target": "h1000"}, "close: "),
        ({"fingerprint": "/nowhere/gone.json"}, "/nowhere/gone.json: "),
        ({"config": "/nowhere/parity.yaml"}, "/nowhere/parity.yaml: "),
    ],
)
def test_what_cannot_be_used_is_said_with_its_source(folder: Path, request_: dict[str, Any], told: str) -> None:
    given = {"target": "h100", "fingerprint": RTX_4090, "rootdir": str(folder), "sources": SOURCES, **request_}
    assert told in refusal(ask(Engine(), **given))


def test_a_wrong_project_file_is_told_whole(folder: Path) -> None:
    (folder / "parity.yaml").write_text("version: 1\ntragets: {}\npolicy: {mode: loud}\n")
    told = refusal(ask(Engine(), rootdir=str(folder)))
    assert "tragets: unknown key" in told
    assert "policy.mode" in told


@pytest.mark.parametrize(
    "line",
    [
        b"not json\n",
        b"\n",
        b"[1, 2]\n",
        b"7\n",
        b'{"id": 3}\n',
        b'{"id": 3, "op": "divide"}\n',
        b'{"id": 3, "op": ["judge"]}\n',
        b'{"id": 3, "op": "judge", "rootdir": 5}\n',
        b'{"id": 3, "op": "judge", "target": {"a": 1}, "rootdir": "/"}\n',
        b"[" * 100_000,
    ],
)
def test_a_line_that_is_no_request_is_an_internal_error_and_the_engine_lives_on(line: bytes, folder: Path) -> None:
    engine = Engine()
    answer = engine.answer(line)
    assert (answer["ok"], answer["kind"]) == (False, "internal")
    assert answer["error"]
    assert ask(engine, target="h100", fingerprint=RTX_4090, rootdir=str(folder))["ok"] is True


def test_an_error_of_our_own_is_internal_and_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(path: str | None) -> Fingerprint:
        raise KeyError("sm_count")

    monkeypatch.setattr(session, "fingerprint_of", broken)
    engine = Engine()
    answer = ask(engine, target="h100", rootdir=str(folder))
    assert (answer["ok"], answer["kind"], answer["error"]) == (False, "internal", "KeyError: 'sm_count'")
    assert ask(engine, "bye")["ok"] is True


def test_the_machine_is_read_once_for_many_judgements(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str | None] = []
    here = session.fingerprint_of(RTX_4090)

    def read(path: str | None) -> Fingerprint:
        asked.append(path)
        return here

    monkeypatch.setattr(session, "fingerprint_of", read)
    engine = Engine()
    for target in ("h100", "rtx-4090", "mi300x"):
        assert ask(engine, target=target, rootdir=str(folder))["ok"]
    assert ask(engine, "fingerprint")["fingerprint"]["schema"] == "parity.fingerprint/1"
    assert asked == [None]


def test_rules_may_be_chosen(folder: Path) -> None:
    answer = ask(Engine(), target="h100", fingerprint=RTX_4090, rootdir=str(folder), rules=["arch-differs"])
    assert {finding["rule"] for finding in answer["verdict"]["findings"]} == {"arch-differs"}


def test_reports_are_written_by_suffix(folder: Path) -> None:
    paths = [str(folder / name) for name in ("run.json", "run.MD", "run.pdf")]
    judged = ask(Engine(), target="h100", fingerprint=RTX_4090, rootdir=str(folder))
    run = {**runs.data_of(runs.off_target("x")), "verdicts": [judged["verdict"]]}
    answer = ask(Engine(), "report", paths=paths, run=run)
    assert (answer["ok"], answer["written"]) == (True, paths[:2])
    assert [problem["path"] for problem in answer["problems"]] == paths[2:]
    [verdict] = json.loads(Path(paths[0]).read_text(encoding="utf-8"))["verdicts"]
    assert verdict["outcome"] == "mismatch"
    assert Path(paths[1]).read_text(encoding="utf-8").startswith("## parity: MISMATCH")


def test_a_run_that_is_not_as_agreed_writes_nothing(folder: Path) -> None:
    path = folder / "run.json"
    answer = ask(Engine(), "report", paths=[str(path)], run={"tests": []})
    assert (answer["ok"], answer["kind"], path.exists()) == (False, "internal", False)


def test_the_answer_has_the_keys_that_the_plugin_reads_and_no_other(folder: Path) -> None:
    answer = ask(Engine(), target="h100", fingerprint=RTX_4090, rootdir=str(folder))
    source = inspect.getsource(plugin_side.read_answer)
    read = set(re.findall(r'(?:_typed|_strings)\(answer, "(\w+)"|answer\.get\("(\w+)"\)', source))
    keys = {name for pair in read for name in pair if name}
    assert {"active", "outcome", "headline", "verdict"} < keys, "the pattern finds nothing any more"
    assert set(answer) == (keys - {"problem"}) | {"id", "ok", "exit_status"}
    assert set(answer["transfers"]) == set(plugin_side.TRANSFERS)
    assert plugin_side.read_answer(answer).outcome == "mismatch"


@pytest.mark.parametrize("target", ["h100", "8xmi300x", "a100-sxm4-40gb/1g.5gb", "rtx-4090"])
@pytest.mark.parametrize("name", ["NVIDIA GeForce RTX 4090", "N" * 300, "two\nlines", "tab\tand\x1b[31mred"])
def test_the_headline_is_one_short_line(folder: Path, target: str, name: str) -> None:
    data = json.loads(Path(RTX_4090).read_text(encoding="utf-8"))
    data["devices"][0]["identity"]["name"]["value"] = name
    named = folder / "here.json"
    named.write_text(json.dumps(data), encoding="utf-8")
    headline = ask(Engine(), target=target, fingerprint=str(named), rootdir=str(folder))["headline"]
    assert 20 < len(headline) <= 120
    assert headline.isprintable()


def start(*lines: bytes, program: str = BOOT) -> tuple[list[dict[str, Any]], subprocess.CompletedProcess[bytes]]:
    """Run a real engine on these lines; its input ends after them."""
    done = subprocess.run(
        [sys.executable, "-c", program, str(ROOT)], input=b"".join(lines), capture_output=True, timeout=300, check=False
    )
    return [json.loads(line) for line in done.stdout.splitlines()], done


def judge_line(number: int, folder: Path) -> bytes:
    request = {"id": number, "op": "judge", "target": "h100", "fingerprint": RTX_4090, "rootdir": str(folder)}
    return json.dumps(request).encode() + b"\n"


def test_a_real_engine_answers_in_order_and_ends_with_its_input(folder: Path) -> None:
    answers, done = start(judge_line(1, folder), b"garbage\n", b'{"id": 3, "op": "watch"}\n', judge_line(4, folder))
    assert [answer["id"] for answer in answers] == [1, None, 3, 4]
    assert [answer["ok"] for answer in answers] == [True, False, True, True]
    assert answers[0]["headline"] == answers[3]["headline"]
    assert (done.returncode, done.stderr) == (0, b"")


def test_bye_ends_a_real_engine_and_what_follows_is_not_answered() -> None:
    answers, done = start(b'{"id": 1, "op": "bye"}\n', b'{"id": 2, "op": "begin"}\n')
    assert answers == [{"id": 1, "ok": True, "bye": True}]
    assert done.returncode == 0


def test_no_input_at_all_is_a_quiet_end() -> None:
    answers, done = start()
    assert (answers, done.returncode, done.stderr) == ([], 0, b"")


def test_noise_of_imported_code_never_reaches_the_channel(folder: Path) -> None:
    noisy = """
import os, sys
sys.path.insert(0, sys.argv.pop(1))
from parity import engine, session
real = session.fingerprint_of
def loud(path):
    print("hello from Python")
    os.write(1, b"hello from a C library\\n")
    os.system("echo hello from a child")
    return real(path)
session.fingerprint_of = loud
engine.main()
"""
    answers, done = start(judge_line(1, folder), program=noisy)
    assert [answer["ok"] for answer in answers] == [True]
    assert done.stderr.count(b"hello from") == 3


def test_an_end_without_a_begin_says_so() -> None:
    engine = Engine()
    conditions = ask(engine, "end", test="t")["conditions"]
    assert (conditions["schema"], conditions["state"]) == ("parity.conditions/1", "unknown")
    assert conditions["unknowns"] == [{"what": "conditions", "why": "not_asked", "detail": "'t' has not begun"}]


@pytest.fixture
def watching(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """Return an engine that watches this machine, which has no GPU."""
    monkeypatch.setenv("LD_LIBRARY_PATH", str(folder))
    engine = Engine()
    assert ask(engine, "watch", rootdir=str(folder)) == {"id": 1, "ok": True}
    yield engine
    engine.close()


def test_where_there_is_nothing_to_watch_begin_and_end_say_why(watching: Engine) -> None:
    begun = ask(watching, "begin", test="t", pid=1, visible={})
    assert begun["ok"] is True
    if "why" not in begun:
        pytest.skip("this machine has a GPU")
    conditions = ask(watching, "end", test="t")["conditions"]
    assert (conditions["test"], conditions["state"]) == ("t", "unknown")
    assert begun["why"] == conditions["unknowns"][0]["detail"]
    assert begun["why"].startswith("no GPU to watch")


def test_an_end_of_another_test_is_unknown_and_ends_nothing_twice(watching: Engine) -> None:
    ask(watching, "begin", test="a", pid=1, visible={})
    for _ in range(2):
        [gap] = ask(watching, "end", test="b")["conditions"]["unknowns"]
        assert gap["detail"] == "'b' has not begun"


@pytest.mark.parametrize("cores", [1, 2])
def test_what_the_conditions_were_may_be_told_later_and_is_the_same(
    watching: Engine, monkeypatch: pytest.MonkeyPatch, cores: int
) -> None:
    monkeypatch.setattr("parity.engine._cores", lambda: cores)
    engine = Engine()
    monkeypatch.setattr(engine, "_watch", watching._watch)

    def end(number: int, **how: Any) -> dict[str, Any] | None:
        ask(engine, "begin", test="t", pid=1, visible={})
        told = engine.answer(json.dumps({"id": number, "op": "end", "test": "t", **how}).encode())
        return None if told is None else json.loads(msgspec.json.encode(told))

    at_once = end(1)
    assert at_once is not None
    assert engine.patience_s is None
    if cores == 1:  # it would be worked out on the core of the next test
        assert end(2, later=True) == at_once | {"id": 2}
        return
    assert (end(2, later=True), end(3, later=True)) == (None, None)
    assert engine.patience_s == OWED_S
    assert end(4) == at_once | {"id": 4}
    assert json.loads(msgspec.json.encode(engine.owed_answer())) == at_once | {"id": 2}
    assert engine.patience_s == 0.0, "nobody asks: the rest, too"
    assert json.loads(msgspec.json.encode(engine.owed_answer())) == at_once | {"id": 3}
    assert engine.patience_s is None


def test_no_more_is_owed_than_a_bound(watching: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "_may_owe", True)
    ends = []
    for number in range(MAX_OWED + 1):
        ask(watching, "begin", test="t", pid=1, visible={})
        ends.append(watching.answer(json.dumps({"id": number, "op": "end", "test": "t", "later": True}).encode()))
    assert [told is None for told in ends] == [True] * MAX_OWED + [False]


def test_an_error_of_our_own_in_what_is_owed_is_internal(watching: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "_may_owe", True)
    monkeypatch.setattr(conditions, "interval_of", lambda *_, **__: 1 / 0)
    ask(watching, "begin", test="t", pid=1, visible={})
    assert watching.answer(b'{"id": 7, "op": "end", "test": "t", "later": true}') is None
    told = watching.owed_answer()
    assert (told["id"], told["ok"], told["kind"]) == (7, False, "internal")


@pytest.mark.parametrize("broken", [{"pid": "x"}, {"pid": None}, {"visible": 5}, {"visible": ["a"]}, {}])
def test_a_begin_that_cannot_be_read_is_an_internal_error_and_the_engine_lives_on(
    watching: Engine, broken: dict[str, Any], folder: Path
) -> None:
    assert ask(watching, "begin", test="t", **broken)["kind"] == "internal"
    assert ask(watching, "end", test="t")["conditions"]["state"] == "unknown"
    assert ask(watching, target="h100", fingerprint=RTX_4090, rootdir=str(folder))["ok"]


def test_the_modes_are_those_of_the_plugin() -> None:
    assert engine_module.MODES == plugin_settings.MODES


def test_the_plugin_and_the_engine_see_the_same_project_files() -> None:
    assert re.compile(project_module.PYPROJECT_SECTION, re.MULTILINE) == plugin_module._SECTION


def test_what_the_plugin_repeats_is_the_same() -> None:
    """The plugin may not import the library, so names that both need stand twice."""
    assert engine_module.VISIBLE_VARIABLES == visible.VARIABLES
    assert get_args(Conditions) == plugin_settings.CONDITIONS
