"""Knows how to play the engine: the target's name says how to behave; ``FAKE_ENGINE_LOG`` collects the requests."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

TRANSFERS = {
    "correctness": "yes",
    "code_generation": "no",
    "kernel_selection": "no",
    "tuned_parameters": "no",
    "timings_single_gpu": "no",
    "timings_multi_gpu": "no",
    "memory_fit": "unknown",
}
BYTES = {
    "half": b'{"id": 1, "ok": true, "act',
    "binary": b"\x00\xff\xfe\n",
    "deep": b"[" * 100_000 + b"\n",
    "null": b"null\n",
    "empty": b"\n",
    "other-id": b'{"id": 99, "ok": true, "active": false}\n',
    "huge-number": b'{"id": 1, "ok": true, "active": ' + b"9" * 5000 + b"}\n",
}
"""What some targets write in place of an answer; then they hang."""
PEAKS = {
    "here": [{"name": "rtx-4090", "facts": {"memory_bandwidth_gbps": 1008.1, "tflops_bf16": 165.2}}],
    "target": {"name": "h100-sxm5-80gb", "facts": {"memory_bandwidth_gbps": 3352.0, "tflops_bf16": 989.4}},
}
FINGERPRINT = {
    "schema": "parity.fingerprint/1",
    "identity_hash": "abc",
    "stack": {"components": {"driver": {"type": "reading", "value": "570.86.15", "source": "nvml"}}},
}


def main() -> None:
    """Answer JSON lines until ``bye`` or the end of standard input; ``FAKE_ENGINE_START=kill`` ends before the first.

    ``FAKE_ENGINE_LATE=end:test_one``: that request is answered once the next one is there; ``FAKE_ENGINE_OWES_S``: what
    may be answered later is, so many seconds, and the one of the test ``FAKE_ENGINE_CUTS`` only half.
    """
    held = ""
    die_with_parent()
    log({"pid": os.getpid()})
    if os.environ.get("FAKE_ENGINE_START") == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    for line in sys.stdin:
        request = json.loads(line)
        log({"of_pid" if key == "pid" else key: value for key, value in request.items()})  # ours is in the first line
        if request["op"] == "bye":
            return
        settings = {**project(request.get("rootdir", ".")), **{key: value for key, value in request.items() if value}}
        dawdle(settings.get("target"))
        misbehave(settings.get("target"))
        answer: dict[str, Any]
        if request["op"] == "fingerprint":
            answer = {"ok": True, "fingerprint": FINGERPRINT}
        elif request["op"] == "peaks":
            answer = {"ok": True, **PEAKS}
        elif request["op"] in ("watch", "begin"):
            answer = {"ok": True}
        elif request["op"] == "end":
            answer = {"ok": True, "conditions": conditions(request["test"])}
        elif request["op"] == "report":
            answer = report(request)
        else:
            answer = judge(settings)
        told = json.dumps({"id": request["id"], **answer})
        name = request.get("test", "").rpartition("::")[2]
        if request.get("later") and "FAKE_ENGINE_OWES_S" in os.environ:
            cut = told[: len(told) // 2] if name == os.environ.get("FAKE_ENGINE_CUTS") else told
            threading.Timer(float(os.environ["FAKE_ENGINE_OWES_S"]), os.write, (1, f"{cut}\n".encode())).start()
            continue
        if f"{request['op']}:{name}" == os.environ.get("FAKE_ENGINE_LATE"):
            held = told + "\n"
            continue
        print(held + told, flush=True)
        held = ""
        misbehave_after(settings.get("target"))


def conditions(nodeid: str) -> dict[str, Any]:
    """Return the conditions that the test's name speaks of."""
    told = next((state for state in ("disturbed", "unknown") if state in nodeid), "clean")
    state = os.environ.get("FAKE_ENGINE_CONDITIONS", told)
    finding = {"rule": "throttled-during-test", "severity": "warning", "subject": "GPU 0", "message": "throttled 40 %"}
    gap = {"what": "throttling", "why": "not_supported", "detail": "this driver has no such counter"}
    return {
        "schema": "parity.conditions/1",
        "state": state,
        "seconds": 0.25,
        "samples": 3,
        "devices": [{"label": "GPU 0", "index": 0}],
        "findings": [finding] if state == "disturbed" else [],
        "unknowns": [gap] if state == "unknown" else [],
    }


def hang() -> None:
    """Say that this is no slow machine, then do nothing."""
    say_hung()
    time.sleep(600)


def say_hung() -> None:
    """Leave what tests/stubs/patience.py looks for."""
    folder = os.environ.get("STUB_HANGS")
    if folder:
        Path(folder, str(os.getpid())).touch()


def die_with_parent() -> None:
    """Ask Linux for what the real engine asks for: an end with its parent, also while it does not read."""
    import ctypes

    ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)


def log(data: dict[str, Any]) -> None:
    """Append one line to the log, if there is one."""
    path = os.environ.get("FAKE_ENGINE_LOG")
    if path:
        with Path(path).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(data) + "\n")


def project(rootdir: str) -> dict[str, Any]:
    """Return the project file, here JSON whatever its name."""
    path = Path(rootdir, "parity.yaml")
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return loaded


def dawdle(target: str | None) -> None:
    """Take the time that the target's name says before answering."""
    if target == "hang":
        hang()
    elif target == "slow":
        time.sleep(2)
    elif target == "stopped":
        say_hung()
        os.kill(os.getpid(), signal.SIGSTOP)
    elif target == "parent":
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        hang()
    elif target == "noisy":
        for _ in range(20):
            sys.stderr.write("NVRM: hello from the driver\n" * 40_000)


def misbehave(target: str | None) -> None:
    """Do what the name says instead of answering."""
    if target == "crash":
        sys.stderr.write("driver says no\n")
        sys.stderr.flush()
        os.kill(os.getpid(), signal.SIGSEGV)
    elif target == "exit":
        sys.exit("cannot import the vendor library")
    elif target == "garbage":
        print("NVRM: hello from the driver", flush=True)
        hang()
    elif target == "huge":
        block = b"x" * (1 << 20)
        for _ in range(20):
            sys.stdout.buffer.write(block)
        sys.stdout.buffer.flush()
        hang()
    elif target == "shape":
        print(json.dumps({"id": 1, "ok": True, "active": True, "outcome": "great"}), flush=True)
    elif target in BYTES:
        sys.stdout.buffer.write(BYTES[target])
        sys.stdout.buffer.flush()
        hang()


def misbehave_after(target: str | None) -> None:
    """Do what the target's name says once the answer is out."""
    if target == "here-then-dies":
        os.kill(os.getpid(), signal.SIGKILL)
    elif target == "here-chatty":
        print("one more line", flush=True)
    elif target == "here-deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        hang()


def report(request: dict[str, Any]) -> dict[str, Any]:
    """Write the run as it came; ``FAKE_ENGINE_REPORT`` says how to fail instead."""
    how = os.environ.get("FAKE_ENGINE_REPORT", "")
    dawdle(how)
    misbehave(how)
    if how == "refuse":
        return {
            "ok": True,
            "written": [],
            "problems": [{"path": path, "why": "the disk is full"} for path in request["paths"]],
        }
    for path in request["paths"]:
        Path(path).write_text(json.dumps(request["run"]), encoding="utf-8")
    return {"ok": True, "written": request["paths"], "problems": []}


def judge(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the answer for the target."""
    target = settings.get("target")
    if target is None:
        return {"ok": True, "active": False}
    if target == "nonsense":
        where = settings["sources"].get("target", "parity.yaml")
        return {"ok": False, "kind": "usage", "error": f"{where}: no target is named 'nonsense'\n  close: h100"}
    if target == "broken":
        return {"ok": False, "kind": "internal", "error": "KeyError: 'sm_count'\n  in judge"}
    match = target.startswith("here")
    if target == "sees-gpu-1":
        match = (settings.get("visible") or {}).get("CUDA_VISIBLE_DEVICES") == "1"
    outcome = "match" if match else "mismatch"
    identity = os.environ.get("FAKE_ENGINE_DEVICE", "rtx-4090")
    arrow = "\N{RIGHTWARDS ARROW}" if target == "unicode" else "->"
    return {
        "ok": True,
        "active": True,
        "target": {"id": f"{target}-id", "name": f"The {target}"},
        "mode": settings.get("mode", "fail"),
        "require": settings.get("require", "equivalent"),
        "outcome": outcome,
        "level": "identical" if match else "same-vendor",
        "passed": match and target != "here-failing",
        "exit_status": 0 if match else 1,
        "header": f"target {target}-id: {outcome}",
        "headline": f"{target}-id wanted, rtx-4090 here {arrow} memory bandwidth 0.30x",
        "lines": [f"memory bandwidth 1008 GB/s {arrow} 3352 GB/s (0.30x)", "SMs 128, 132 wanted"],
        "transfers": TRANSFERS,
        "perf_tests": settings.get("perf_tests", {}),
        "verdict": {
            "schema": "parity.verdict/1",
            "target": {"id": f"{target}-id"},
            "outcome": outcome,
            "devices": [{"index": index, "identity": identity} for index in range(2)],
            "fingerprint": FINGERPRINT,
        },
    }
