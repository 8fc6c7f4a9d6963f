"""A probe process that hangs, crashes, talks nonsense or too much costs answers, never the run."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from parity.probes import piped, supervise
from parity.probes.supervise import Survey, run_survey

Fake = Callable[..., Survey]


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """Run a survey whose ``survey(ask, options)`` has the given body."""

    def run(body: str, options: dict[str, object] | None = None, **deadlines: float) -> Survey:
        lines = "\n".join("    " + line for line in body.strip().splitlines())
        (tmp_path / "fake_survey.py").write_text(
            "import json, os, sys, time, ctypes, signal\nfrom pathlib import Path\n\n"
            "def hang():\n    Path(os.environ['STUB_HANGS'], str(os.getpid())).touch()\n    time.sleep(600)\n\n"
            "def survey(ask, options):\n" + lines + "\n"
        )
        here = str(Path(supervise.__file__).resolve().parents[2])
        boot = (
            f"import sys; sys.path[:0] = [{here!r}, {str(tmp_path)!r}]; from parity.probes import child; "
            "child.SURVEYS['fake'] = 'fake_survey'; child.main()"
        )
        monkeypatch.setattr(piped, "_BOOT", boot.replace("{", "{{").replace("}", "}}"))
        return run_survey("fake", options, **deadlines)

    return run


def test_answers_and_reasons_come_home(fake: Fake) -> None:
    survey = fake(
        """
        ask("a", lambda: 1)
        ask("b", lambda: 1 / 0)
        ask("c", lambda: (b"x", {"y": (2, None)}))
        ask.told("d", [1.5, "t"])
        ask.absent("e", "lost", "why")
        """.replace("        ", "")
    )
    assert survey.values == {"a": 1, "c": ["x", {"y": [2, None]}], "d": [1.5, "t"]}
    assert survey.reasons == {"b": ("failed", "ZeroDivisionError: division by zero"), "e": ("lost", "why")}
    assert survey.complete
    assert survey.problems == []


def test_question_that_hangs_costs_itself(fake: Fake) -> None:
    survey = fake("ask('a', int)\nask('b', hang)\nask('c', int)", call_deadline_s=0.3)
    assert survey.values == {"a": 0, "c": 0}
    assert survey.reasons == {"b": ("timed_out", "gave no answer within 0.3 s")}
    assert survey.complete


@pytest.mark.parametrize(
    ("death", "detail"),
    [
        ("os.abort", "was killed by SIGABRT"),
        ("lambda: ctypes.string_at(0)", "was killed by SIGSEGV"),
        ("lambda: os._exit(7)", "ended with status 7"),
        ("lambda: os.kill(os.getpid(), signal.SIGKILL)", "was killed by SIGKILL"),
        ("lambda: (print('last words', file=sys.stderr, flush=True), os._exit(1))", "ended with status 1: last words"),
    ],
)
def test_question_that_kills_costs_itself(fake: Fake, death: str, detail: str) -> None:
    survey = fake(f"ask('a', int)\nask('b', {death})\nask('c', int)")
    assert survey.values == {"a": 0, "c": 0}
    assert survey.reasons == {"b": ("failed", detail)}
    assert survey.complete


def test_crash_between_questions_is_a_problem_and_answers_stay(fake: Fake) -> None:
    survey = fake("ask('a', int)\nraise RuntimeError('between')")
    assert survey.values == {"a": 0}
    assert not survey.complete
    assert survey.problems == ["fake: the probe process ended with status 1: RuntimeError: between"]


def test_noise_on_standard_output_is_no_answer(fake: Fake) -> None:
    survey = fake("print('hello')\nos.write(1, b'noise')\nask('a', os.system, 'echo shell noise')")
    assert survey.values == {"a": 0}
    assert survey.problems == []


def test_start_up_noise_is_ended_before_the_first_answer(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    run = fake  # the boot string is set by the call below; a sitecustomize prints before it
    survey = run("ask('a', int)")
    assert survey.problems == []
    monkeypatch.setattr(piped, "_BOOT", "print('site noise', end='', flush=True); " + piped._BOOT)
    survey = run_survey("fake")
    assert survey.values == {"a": 0}
    assert survey.problems == ["fake: the probe process wrote a line that is no answer"]


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        "[]",
        "5",
        '{"k": 1, "v": 2}',
        '{"v": 2}',
        '{"k": "a"}',
        "?{",
        '{"k": ["a"], "e": "lost"}',
        "[" * 5000,
    ],
)
def test_garbage_on_the_channel_is_one_problem(fake: Fake, line: str) -> None:
    survey = fake("for _ in range(3): ask._write(options['line'])\nask('a', int)", {"line": line})
    assert survey.values == {"a": 0}
    assert survey.problems == ["fake: the probe process wrote a line that is no answer"]


def test_flood_is_cut_off(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervise, "MAX_OUTPUT_BYTES", 100_000)
    survey = fake("ask('a', int)\nwhile True: ask.told('b', 'x' * 1000); ask('c', int)")
    assert survey.values["a"] == 0
    assert not survey.complete
    assert "wrote more than any survey can" in str(survey.reasons) + str(survey.problems)


def test_endless_line_is_cut_off(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(piped, "MAX_LINE_BYTES", 100_000)
    survey = fake("ask('a', int)\nwhile True: os.write(ask._channel, b'x' * 4096)")
    assert survey.values == {"a": 0}
    assert survey.problems == ["fake: the probe process wrote more than any answer can be"]


def test_long_text_is_cut_and_lone_surrogates_replaced(fake: Fake) -> None:
    survey = fake("ask.told('a', 'x' * 100_000)\nask.told('b', 'a\\ud800b')\nask('c', int)")
    assert len(survey.values["a"]) == 20_000
    assert survey.values["b"] == "a?b"


def test_slow_question_has_the_first_call_deadline(fake: Fake) -> None:
    body = "ask('a', int)\nask('b', time.sleep, 0.6, slow=True)\nask('c', hang)\nask('d', int)"
    survey = fake(body, call_deadline_s=0.3, first_call_deadline_s=60.0)
    assert set(survey.values) == {"a", "b", "d"}
    assert survey.reasons["c"][0] == "timed_out"


def test_first_question_has_the_first_call_deadline(fake: Fake) -> None:
    survey = fake("ask('a', hang)\nask('b', int)", call_deadline_s=0.1, first_call_deadline_s=0.5)
    assert survey.reasons == {"a": ("timed_out", "gave no answer within 0.5 s")}
    assert survey.values == {"b": 0}


def test_everything_ends_at_the_total_deadline(fake: Fake) -> None:
    survey = fake(
        "for n in range(50): ask(f'q{n}', hang)",
        call_deadline_s=0.4,
        first_call_deadline_s=0.8,
        total_deadline_s=1.8,
    )
    assert not survey.complete
    assert len(survey.problems) == 1
    assert survey.problems[0] in {
        "fake: not complete within 1.8 s",
        "fake: the probe process was stopped: the time for the whole survey is up",
    }


def test_survey_that_hangs_everywhere_is_given_up(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervise, "MAX_STARTS", 3)
    survey = fake("for n in range(50): ask(f'q{n}', os.abort)")
    assert sorted(survey.reasons) == ["q0", "q1", "q2"]
    assert survey.problems == ["fake: gave up after 3 starts"]


def test_later_start_overrules_earlier_answers(fake: Fake, tmp_path: Path) -> None:
    mark = tmp_path / "second"
    body = f"second = os.path.exists({str(mark)!r})\nask('a', (lambda: 1 / 0) if second else int)\nopen({str(mark)!r}, 'w').close()\nask('b', os.abort)"
    survey = fake(body)
    assert "a" not in survey.values
    assert survey.reasons["a"] == ("failed", "ZeroDivisionError: division by zero")


def test_skipped_keys_arrive_with_their_reason(fake: Fake) -> None:
    survey = fake("ask('a', os.abort)\nask.told('skip', options['skip'])\nask('b', int)")
    assert survey.values["skip"] == {"a": "failed"}


def test_no_core_file_is_left(fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    fake("ask('a', int)\nask('b', os.abort)")
    assert [path.name for path in tmp_path.iterdir() if "core" in path.name] == []


def test_no_process_is_left(fake: Fake) -> None:
    survey = fake("ask('pid', os.getpid)\nask('b', hang)", call_deadline_s=0.2)
    with pytest.raises(ProcessLookupError):
        os.kill(survey.values["pid"], 0)


def test_package_of_the_same_name_in_the_current_directory_is_not_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "parity").mkdir()
    (tmp_path / "parity" / "__init__.py").write_text("raise SystemExit('the wrong package')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    survey = run_survey("nvidia", {"root": str(tmp_path), "cuda": False})
    assert survey.complete
    assert survey.problems == []


def test_interpreter_that_cannot_start_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    survey = run_survey("nvidia")
    assert not survey.complete
    assert survey.problems[0].startswith("nvidia: the probe process could not be started: ")


def test_surveys_run_side_by_side(fake: Fake) -> None:
    fake("ask('a', int)")
    found: list[Survey] = []
    threads = [threading.Thread(target=lambda: found.append(run_survey("fake"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [survey.values for survey in found] == [{"a": 0}] * 4


def test_child_dies_with_its_parent(fake: Fake, tmp_path: Path) -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("PR_SET_PDEATHSIG is Linux")
    fake("ask('a', int)")
    marker = tmp_path / "pid"
    (tmp_path / "fake_survey.py").write_text(
        f"import os, time\n\ndef survey(ask, options):\n    open({str(marker)!r}, 'w').write(str(os.getpid()))\n    time.sleep(600)\n"
    )
    code = f"from parity.probes import piped, supervise; piped._BOOT = {piped._BOOT!r}; supervise.run_survey('fake')"
    root = str(Path(supervise.__file__).resolve().parents[2])
    parent = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": root})
    until = time.monotonic() + 120
    while not (marker.exists() and marker.read_text()) and time.monotonic() < until:
        time.sleep(0.02)
    parent.kill()
    parent.wait()
    pid = int(marker.read_text())
    while time.monotonic() < until:
        stat = Path(f"/proc/{pid}/stat")
        if not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.02)
    pytest.fail("the child outlived its parent")
