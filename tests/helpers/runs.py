"""Pytest runs for the tests of run reports, the same on every day."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import golden
import msgspec

from parity.reports.run_files import run_of

if TYPE_CHECKING:
    from parity.model.run import Run

HEADLINE = "NVIDIA GeForce RTX 4090 is not h100-sxm5-80gb: memory bandwidth 0.30x (same-vendor, needs equivalent)"
THROTTLED = {
    "rule": "throttled-during-test",
    "severity": "error",
    "subject": "GPU 0",
    "message": "throttled by power for 0.31 s of 1.2 s (26 %)",
    "mend": "Let the board cool down, or raise its power limit.",
}


def perf_test(name: str, **changes: Any) -> dict[str, Any]:
    """Return one perf test as the plugin sends it: one that ran on the target."""
    return {
        "nodeid": f"tests/perf/test_gemm.py::{name}",
        "path": "tests/perf/test_gemm.py",
        "line": 12,
        "worker": "",
        "target": "h100-sxm5-80gb",
        "outcome": "match",
        "level": "identical",
        "blocks": False,
        "headline": "NVIDIA H100 80GB HBM3 is h100-sxm5-80gb: identical",
        "mode": "fail",
        "state": "ran",
        "result": "passed",
        "seconds": 0.25,
        "conditions": None,
        **changes,
    }


def off_target(name: str, **changes: Any) -> dict[str, Any]:
    """Return a perf test that was kept out on an RTX 4090."""
    wrong = {"outcome": "mismatch", "level": "same-vendor", "blocks": True, "headline": HEADLINE}
    return perf_test(name, **{**wrong, "state": "failed", "result": "failed", "seconds": None, **changes})


def conditions(state: str, *findings: dict[str, Any]) -> dict[str, Any]:
    """Return what was seen around a test."""
    return {"schema": "parity.conditions/1", "state": state, "seconds": 1.2, "findings": list(findings)}


H100_PEAKS = {"name": "h100-sxm5-80gb", "bandwidth_gbps": 3352.0, "dense_rate": 989.4}
RTX_PEAKS = {"name": "rtx-4090", "bandwidth_gbps": 1008.1, "dense_rate": 165.2}


def measure(**changes: Any) -> dict[str, Any]:
    """Return what a test measured with ``parity_roofline``: 200 FLOP per byte on an RTX 4090, for an H100."""
    made = {"seconds": 1e-3, "bytes": 6e8, "flops": 1.2e11, "dtype": "bf16", "here": RTX_PEAKS, "target": H100_PEAKS}
    return {**made, **changes}


def data_of(*tests: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a run as the plugin sends it, judged by the verdict that its first test has."""
    first = tests[0] if tests else perf_test("none")
    judged = {name: first[name] for name in ("target", "outcome", "level", "blocks", "headline")}
    return {
        "judgements": [{**judged, "source": "run"}],
        "counts": {},
        "problem": "",
        "started": "2026-11-22T12:00:00+00:00",
        "seconds": 3.5,
        "exit_status": 0,
        "folder": "",
        "tests": list(tests),
        "verdicts": [],
        **changes,
    }


def run(*tests: dict[str, Any], **changes: Any) -> Run:
    """Return the run, the same of every version of this tool."""
    made = run_of(data_of(*tests, **changes))
    return msgspec.structs.replace(made, tool=msgspec.structs.replace(made.tool, version="0.0.0"))


def case(name: str) -> Run:
    """Return one of the runs that have golden files."""
    if name == "blocked":
        return run(
            off_target("test_decode[bf16]"),
            off_target("test_prefill[fp8]", line=40, state="skipped", result="skipped", mode="skip"),
            off_target("test_annotated", state="ran", result="passed", mode="annotate", seconds=0.0012),
            off_target("test_slow", state="not run", result="skipped"),
            exit_status=1,
            verdicts=[msgspec.to_builtins(golden.verdict("workstation"))],
        )
    if name == "disturbed":
        return run(
            perf_test("test_quiet", conditions=conditions("clean")),
            perf_test("test_hot", line=30, seconds=1.25, conditions=conditions("disturbed", THROTTLED)),
            perf_test("test_unseen", line=31, conditions=conditions("unknown")),
            perf_test("test_wrong", line=None, result="failed"),
            exit_status=1,
            verdicts=[msgspec.to_builtins(golden.verdict("production"))],
        )
    if name == "not-judged":
        unknown = {"outcome": "unknown", "level": "unknown", "headline": "unknown: target h100 could not be judged"}
        return run(off_target("test_decode", **unknown), problem="the engine gave no answer within 60 s", exit_status=1)
    return run(judgements=[], problem="")


CASES = ("blocked", "disturbed", "not-judged", "empty")
