"""Everything that can break around a run: nothing passes that should not, pytest goes on, no process is left behind.

Processes are found by a marker in their environment, which pytest, its workers, the engine and its children inherit.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import resource
import signal
import subprocess
import textwrap
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import plugin_suites as ps
import pytest

from tests.helpers.events import wait_for

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for processes in /proc"),
]
needs_xdist = pytest.mark.skipif(importlib.util.find_spec("xdist") is None, reason="needs xdist")
END_S = 45.0
"""After Ctrl-C, all is over within this time: nobody waits out the engine's minute, or the ten of what hangs."""
SUITE = """
    import pytest

    def test_before():
        pass

    @pytest.mark.perf
    def test_time():
        pass

    def test_after():
        pass
"""
WAITS = """
    import time
    import pytest
    from suite_trace import trace

    def test_waits():
        trace("waits")
        time.sleep(600)

    @pytest.mark.perf
    def test_time():
        trace("time")
"""


@dataclass
class Session:
    """One pytest process and what belongs to it."""

    process: subprocess.Popen[bytes]
    folder: Path
    marker: str

    def wait_for(self, what: Callable[[], object]) -> None:
        """Wait until something is true; the process must not have ended."""
        end = time.monotonic() + 120
        while not what():
            assert self.process.poll() is None or what(), self.process.communicate()
            assert time.monotonic() < end
            time.sleep(0.02)

    def wait_for_judging(self) -> None:
        """Wait until the engine has the question."""
        self.wait_for(lambda: any("op" in entry for entry in self.log()))

    def wait_for_event(self, event: str, times: int = 1) -> None:
        """Wait until a test has noted an event."""
        self.wait_for(lambda: [one for ones in self.traces().values() for one in ones].count(event) >= times)

    def log(self) -> list[dict[str, object]]:
        """Return what the engines noted so far."""
        path = self.folder / "engine.log"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def engines(self) -> list[int]:
        """Return the engines' process ids."""
        return [int(str(entry["pid"])) for entry in self.log() if "pid" in entry]

    def traces(self) -> dict[str, list[str]]:
        """Return the events so far."""
        return ps.read_trace(self.folder / "trace.log")

    def end(self, within_s: float = 120.0) -> tuple[int, str]:
        """Return exit status and output; fail if that takes too long."""
        out, err = self.process.communicate(timeout=within_s)
        return self.process.returncode, (out + err).decode("utf-8", errors="replace")

    def left(self, patience_s: float = 60.0) -> list[int]:
        """Return the processes that are still there after a moment."""
        end = time.monotonic() + patience_s
        while (found := ps.leftovers(self.marker)) and time.monotonic() < end:
            time.sleep(0.05)
        return found


Start = Callable[..., Session]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts pytest on one file, in a session of its own; all ends with the test."""
    sessions = []

    def run(
        source: str,
        *arguments: str,
        conftest: str = "",
        cwd: str = "",
        before: Callable[[], object] | None = None,
        **environment: str,
    ) -> Session:
        folder = tmp_path / "suite"
        folder.mkdir(exist_ok=True)
        (folder / "test_it.py").write_text(textwrap.dedent(source), encoding="utf-8")
        (folder / "conftest.py").write_text(textwrap.dedent(conftest), encoding="utf-8")
        marker = uuid.uuid4().hex
        process = subprocess.Popen(
            ps.command((), "-p", "no:cacheprovider", f"--rootdir={folder}", str(folder), *arguments),
            cwd=cwd or folder,
            env=ps.environment_for(tmp_path, PARITY_FAULT_TEST=marker, **environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            preexec_fn=before,  # noqa: PLW1509  (this process has one thread)
        )
        sessions.append(Session(process, tmp_path, marker))
        return sessions[-1]

    yield run
    for session in sessions:
        for pid in {session.process.pid, *ps.leftovers(session.marker)}:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        session.process.communicate()


def check_unknown(session: Session, within_s: float = 120.0) -> str:
    """Check that the perf test failed as unknown, the others passed, and nothing is left; return the output."""
    status, out = session.end(within_s)
    assert status == pytest.ExitCode.TESTS_FAILED, out
    assert ps.read_counts(out) == {"failed": 1, "passed": 2}, out
    assert "unknown: target " in out
    assert "INTERNALERROR" not in out
    assert session.left() == []
    return out


# The engine.


@pytest.mark.parametrize("target", ["half", "binary", "deep", "null", "empty", "other-id", "huge-number", "stopped"])
def test_no_answer_but_something_else(start: Start, target: str) -> None:
    check_unknown(start(SUITE, f"--parity-target={target}", "-W", "error", PARITY_ENGINE_TIMEOUT="1"))


def test_killed_before_it_reads_a_question(start: Start) -> None:
    out = check_unknown(start(SUITE, "--parity-target=here", FAKE_ENGINE_START="kill"))
    assert "the engine was killed by SIGKILL" in out


def test_killed_while_it_judges(start: Start) -> None:
    session = start(SUITE, "--parity-target=slow")
    session.wait_for_judging()
    os.kill(session.engines()[0], signal.SIGKILL)
    assert "the engine was killed by SIGKILL" in check_unknown(session)


@pytest.mark.parametrize(("target", "counts"), [("h100", {"failed": 1, "passed": 2}), ("here", {"passed": 3})])
def test_killed_between_tests(start: Start, target: str, counts: dict[str, int]) -> None:
    source = SUITE.replace(
        "def test_before():\n        pass",
        """def test_before():
        import json, os, pathlib
        for line in pathlib.Path(os.environ["FAKE_ENGINE_LOG"]).read_text().splitlines():
            if "pid" in json.loads(line):
                os.kill(json.loads(line)["pid"], 9)""",
    )
    session = start(source, f"--parity-target={target}", "-W", "error")
    status, out = session.end()
    assert ps.read_counts(out) == counts, out
    assert status == ("failed" in counts)
    assert session.left() == []


ASKS_LATE = """
    import pytest

    def pytest_runtest_protocol(item):
        if item.name == "test_asks_late":
            item.add_marker(pytest.mark.parity(target="here-too"))
"""


@pytest.mark.parametrize("target", ["here-then-dies", "here-chatty", "here-deaf"])
def test_gone_wrong_after_the_answer(start: Start, target: str) -> None:
    """The verdict that was given holds; a question after it is unknown."""
    source = SUITE + "\n    def test_asks_late():\n        pass\n"
    session = start(source, f"--parity-target={target}", conftest=ASKS_LATE, PARITY_ENGINE_TIMEOUT="1")
    status, out = session.end()
    assert ps.read_counts(out) == {"failed": 1, "passed": 3}, out
    assert status == 1
    assert "unknown: target here-too could not be judged" in out
    assert session.left() == []


def test_deaf_at_the_end(start: Start) -> None:
    session = start(SUITE, "--parity-target=here-deaf")
    assert session.end()[0] == 0
    assert session.left() == []


def test_children_of_the_engine_go_with_it(start: Start) -> None:
    check_unknown(start(SUITE, "--parity-target=parent", PARITY_ENGINE_TIMEOUT="1"))


def test_megabytes_of_driver_messages(start: Start) -> None:
    session = start(SUITE, "--parity-target=noisy")
    status, out = session.end()
    assert (status, ps.read_counts(out)) == (1, {"failed": 1, "passed": 2})
    assert "NVRM" not in out
    assert session.left() == []


def test_the_deadline_holds(start: Start) -> None:
    session = start(SUITE, "--parity-target=hang", PARITY_ENGINE_TIMEOUT="1")
    check_unknown(session)  # the engine hangs for ten minutes


# The end of pytest.


@pytest.mark.parametrize("whom", ["group", "pytest"])
@pytest.mark.parametrize("target", ["hang", "slow", "stopped"])
def test_ctrl_c_while_judging(start: Start, whom: str, target: str) -> None:
    session = start(SUITE, f"--parity-target={target}")
    session.wait_for_judging()
    time.sleep(0.1)
    interrupt(session, whom)


@pytest.mark.parametrize("whom", ["group", "pytest"])
@pytest.mark.parametrize("target", ["h100", "here-deaf", "exit"])
def test_ctrl_c_in_a_test(start: Start, whom: str, target: str) -> None:
    session = start(WAITS, f"--parity-target={target}")
    session.wait_for_event("waits")
    interrupt(session, whom)


def interrupt(session: Session, whom: str) -> None:
    """Press Ctrl-C, or send its signal to pytest alone, and check the end."""
    (os.killpg if whom == "group" else os.kill)(session.process.pid, signal.SIGINT)
    status, out = session.end(END_S)
    assert status == pytest.ExitCode.INTERRUPTED, out
    assert session.left(END_S) == []
    assert "INTERNALERROR" not in out


def test_ctrl_c_twice(start: Start) -> None:
    conftest = """
        import pytest
        from suite_trace import trace

        @pytest.hookimpl(trylast=True)
        def pytest_unconfigure():
            trace("nearly over")
    """
    session = start(WAITS, "--parity-target=here-deaf", conftest=conftest)
    session.wait_for_event("waits")
    os.killpg(session.process.pid, signal.SIGINT)
    session.wait_for_event("nearly over")
    time.sleep(0.5)
    with contextlib.suppress(ProcessLookupError):  # it was over by then
        os.killpg(session.process.pid, signal.SIGINT)
    session.end(END_S)
    assert session.left() == []


@needs_xdist
def test_ctrl_c_under_xdist(start: Start) -> None:
    session = start(WAITS.replace("def test_waits", "@pytest.mark.parametrize('n', [1, 2])\n    def test_waits")
                    .replace("waits()", "waits(n)"), "--parity-target=h100", "-p", "xdist", "-n2")  # fmt: skip
    session.wait_for_event("waits", times=2)
    os.killpg(session.process.pid, signal.SIGINT)
    status, _ = session.end()  # execnet gives a worker that was interrupted amiss 10 s before it kills it
    assert status == pytest.ExitCode.INTERRUPTED
    assert session.left() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGHUP], ids=str)
def test_pytest_is_killed_in_a_test(start: Start, number: signal.Signals) -> None:
    session = start(WAITS, "--parity-target=h100")
    session.wait_for_event("waits")
    os.kill(session.process.pid, number)
    assert session.end(END_S)[0] == -number
    assert session.left() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=str)
@pytest.mark.parametrize("target", [pytest.param("hang"), "slow"])
def test_pytest_is_killed_while_judging(start: Start, number: signal.Signals, target: str) -> None:
    session = start(SUITE, f"--parity-target={target}")
    session.wait_for_judging()
    os.kill(session.process.pid, number)
    assert session.end(END_S)[0] == -number
    assert session.left() == []


def test_pytest_is_killed_beside_a_deaf_engine(start: Start) -> None:
    session = start(WAITS, "--parity-target=here-deaf")
    session.wait_for_event("waits")
    os.kill(session.process.pid, signal.SIGKILL)
    session.end(END_S)
    assert session.left() == []


EXITS = """
    import os
    import pytest

    @pytest.mark.parity(target="here")
    def test_fits():
        pass

    @pytest.mark.perf
    def test_time():
        pass

    def test_exits():
        {body}

    @pytest.mark.parametrize("n", range(4))
    def test_others(n):
        pass
"""


@pytest.mark.parametrize("body", ["os._exit(3)", "os.kill(os.getpid(), 9)", "os.abort()"])
def test_a_test_ends_pytest(start: Start, body: str) -> None:
    session = start(EXITS.format(body=body), "--parity-target=h100", "-p", "no:faulthandler")
    session.end()
    assert session.left() == []


@needs_xdist
@pytest.mark.parametrize("body", ["os._exit(3)", "os.kill(os.getpid(), 9)"])
def test_a_test_ends_its_worker(start: Start, body: str) -> None:
    session = start(EXITS.format(body=body), "--parity-target=h100", "-p", "xdist", "-n2")
    status, out = session.end()
    assert status == pytest.ExitCode.TESTS_FAILED, out
    assert ps.read_counts(out) == {"failed": 2, "passed": 5}, out
    assert out.count("= parity =") == 1
    assert "1 NOT MEASURED (1 failed)" in out
    assert "INTERNALERROR" not in out
    assert session.left() == []


@needs_xdist
def test_a_perf_test_ends_its_worker(start: Start) -> None:
    """On the right machine a perf test that crashes has not been measured, and the others are."""
    source = """
        import os
        import pytest

        @pytest.mark.perf
        def test_crashes():
            os.kill(os.getpid(), 9)

        @pytest.mark.perf
        @pytest.mark.parametrize("n", range(4))
        def test_time(n):
            pass
    """
    session = start(source, "--parity-target=here", "-p", "xdist", "-n2")
    status, out = session.end()
    assert (status, ps.read_counts(out)) == (1, {"failed": 1, "passed": 4}), out
    assert "perf tests    4 ran" in out
    assert session.left() == []


# The machine.


@pytest.mark.parametrize("folder", ["/nonexistent", "/proc", "/dev/full"])
def test_no_folder_for_temporary_files(start: Start, folder: str) -> None:
    session = start(SUITE, "--parity-target=h100", "-W", "error", TMPDIR=folder)
    status, out = session.end()
    assert (status, ps.read_counts(out)) == (1, {"failed": 1, "passed": 2}), out
    assert session.left() == []


def no_file_may_grow() -> None:
    """Make every write to a file fail, as on a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


@pytest.mark.parametrize(("target", "counts"), [("h100", {"failed": 1, "passed": 2}), ("here", {"passed": 3})])
def test_full_disk(start: Start, target: str, counts: dict[str, int]) -> None:
    session = start(
        SUITE,
        f"--parity-target={target}",
        "-s",
        before=no_file_may_grow,
        FAKE_ENGINE_LOG="",
        PYTHONDONTWRITEBYTECODE="1",
    )
    status, out = session.end()
    assert ps.read_counts(out) == counts, out
    assert status == ("failed" in counts)
    assert session.left() == []


def test_full_disk_and_an_engine_that_complains(start: Start) -> None:
    words = ("--parity-target=exit", "-s")
    check_unknown(start(SUITE, *words, before=no_file_may_grow, FAKE_ENGINE_LOG="", PYTHONDONTWRITEBYTECODE="1"))


def test_a_working_folder_that_cannot_be_written(start: Start) -> None:
    session = start(SUITE, "--parity-target=h100", cwd="/proc", PYTHONDONTWRITEBYTECODE="1")
    status, out = session.end()
    assert (status, ps.read_counts(out)) == (1, {"failed": 1, "passed": 2}), out
    assert session.left() == []


def close_standard_input() -> None:
    """Close descriptor 0, as ``pytest <&-`` does."""
    os.close(0)


@pytest.mark.parametrize("words", [[], ["-s"], ["--pdb"]], ids=str)
def test_closed_standard_input(start: Start, words: list[str]) -> None:
    session = start(SUITE, "--parity-target=h100", *words, before=close_standard_input)
    status, out = session.end()
    assert (status, ps.read_counts(out)) == (1, {"failed": 1, "passed": 2}), out
    assert session.left() == []


def few_descriptors() -> None:
    """Leave pytest room for its own files, and none for an engine's pipes."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))


def test_too_few_descriptors(start: Start) -> None:
    check_unknown(start(SUITE, "--parity-target=here", before=few_descriptors))


# What else lies on the import path.


def test_pythonpath_is_the_users(start: Start, tmp_path: Path) -> None:
    """``PYTHONPATH=. pytest`` in a repository that has a module of that name: the real engine does not import it."""
    (tmp_path / "suite").mkdir()
    (tmp_path / "suite" / "msgspec.py").write_text("raise ImportError('the user means another one')\n")
    fingerprint = ps.ROOT / "docs" / "examples" / "production-8xh100.json"
    session = start(
        SUITE,
        "--parity-target=8xh100",
        f"--parity-fingerprint={fingerprint}",
        PARITY_ENGINE_PATH="",
        PYTHONPATH=os.pathsep.join([".", str(ps.ROOT)]),
    )
    status, out = session.end()
    assert (status, ps.read_counts(out)) == (0, {"passed": 3}), out


@pytest.mark.parametrize("name", ["json", "typing"])
def test_a_backport_beside_the_package(start: Start, tmp_path: Path, name: str) -> None:
    """Where the package is installed lie modules that Python itself never sees: it looks in its own library first."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    (folder / "parity").symlink_to(ps.PLUGIN_TESTS / "fake_engine" / "parity")
    (folder / f"{name}.py").write_text("raise ImportError('for Python 2.7')\n")
    session = start(SUITE, "--parity-target=here", PARITY_ENGINE_PATH=str(folder))
    status, out = session.end()
    assert (status, ps.read_counts(out)) == (0, {"passed": 3}), out


# What tests do to their process.

BREAKS = {
    "changes folder": "os.chdir('/')",
    "folder is gone": "d = tempfile.mkdtemp(); os.chdir(d); os.rmdir(d)",
    "sys.path": "sys.path.clear()",
    "environ": "os.environ.clear()",
    "Popen": "subprocess.Popen = None",
    "time stands still": "time.time = time.monotonic = time.perf_counter = lambda: 0.0",
    "json.dumps": "json.dumps = json.loads = None",
    "Thread": "threading.Thread = None",
    "open": "builtins.open = None",
    "os.write": "os.write = os.killpg = os.kill = None",
    "getpid": "os.getpid = lambda: 1",
    "executable": "sys.executable = ''",
    "no recursion left": "sys.setrecursionlimit(200)",
    "child signals": "signal.signal(signal.SIGCHLD, signal.SIG_IGN)",
    "no signals": "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32))",
    "modules": "[sys.modules.pop(n) for n in list(sys.modules) if n.split('.')[0] in {'json', 'subprocess', 'tempfile'}]",
    "plugin's modules": "[sys.modules.pop(n) for n in list(sys.modules) if n.startswith('pytest_parity')]",
    "an empty socket timeout": "import socket; socket.setdefaulttimeout(0.0001)",
    "stdout": "sys.stdout = sys.stderr = None",
    "forks and leaves": "os.fork() or os._exit(0)",
    "a signal every moment": "atexit.register(time.sleep, 0.6); signal.signal(signal.SIGUSR1, lambda *_: None); "
    "os.fork() or ([os.kill(os.getppid(), 10) for _ in range(10) if not time.sleep(0.05)], os._exit(0))",
}
BREAKING = """
    import atexit, builtins, json, os, signal, subprocess, sys, tempfile, threading, time
    import pytest

    @pytest.mark.perf
    @pytest.mark.parity(mode="annotate")
    def test_breaks():
        {body}

    @pytest.mark.perf
    def test_time():
        pass

    def test_asks_late():
        pass

    def test_after():
        pass
"""


@pytest.mark.parametrize("target", ["here-too", "hang"])
@pytest.mark.parametrize("name", BREAKS)
def test_a_test_that_breaks_its_process(start: Start, name: str, target: str) -> None:
    """A question asked later is answered, or unknown after its deadline; what was judged before stays blocked."""
    conftest = ASKS_LATE.replace("here-too", target)
    source = BREAKING.format(body=BREAKS[name])
    session = start(source, "--parity-target=h100", conftest=conftest, PARITY_ENGINE_TIMEOUT="1")
    status, out = session.end()
    late = {"failed": 2, "passed": 2} if target == "hang" else {"failed": 1, "passed": 3}
    allowed = [late, {"failed": 2, "passed": 2}]  # unknown is allowed: never a pass that was not judged
    assert ps.read_counts(out) in allowed, out
    assert status == 1
    assert "INTERNALERROR" not in out
    assert session.left() == []


def test_a_test_that_closes_all_descriptors(start: Start, tmp_path: Path) -> None:
    """Files that the user opens next get the numbers of the engine's pipes; nothing of ours may land in them."""
    source = f"""
        import os
        import pytest

        FILES = []

        def test_closes():
            os.closerange(3, 200)
            FILES.extend(open(r"{tmp_path}/user-%d.txt" % n, "w") for n in range(60))

        @pytest.mark.perf
        def test_time():
            pass

        def test_asks_late():
            pass
    """
    session = start(source, "--parity-target=h100", "-s", conftest=ASKS_LATE, PARITY_ENGINE_TIMEOUT="1")
    status, out = session.end()
    assert status == 1, out
    assert "INTERNALERROR" not in out
    assert [path.name for path in tmp_path.glob("user-*.txt") if path.read_bytes()] == []
    assert session.left() == []


FORKS = """
    import os
    import time
    import pytest
    from suite_trace import trace

    def test_forks():
        if os.fork() == 0:
            trace("forked")
            time.sleep(600)
            os._exit(0)
        {body}

    @pytest.mark.perf
    def test_time():
        pass
"""


@pytest.mark.parametrize("target", ["h100", "here"])
def test_a_forked_helper_that_lives_on(start: Start, target: str) -> None:
    """The helper has the engine's pipe, too; pytest ends the engine all the same, and does not wait for the helper."""
    session = start(FORKS.format(body="pass"), f"--parity-target={target}", "-s")
    session.process.wait(120)
    engine = session.engines()[0]
    wait_for(lambda: engine not in ps.leftovers(session.marker))


def test_a_forked_helper_of_a_pytest_that_is_killed(start: Start) -> None:
    session = start(FORKS.format(body="time.sleep(0.5); os._exit(3)"), "--parity-target=h100", "-s")
    session.process.wait(120)
    engine = session.engines()[0]
    wait_for(lambda: engine not in ps.leftovers(session.marker))
