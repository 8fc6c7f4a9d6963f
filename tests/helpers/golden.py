"""Golden files of reports, and the verdicts they show.

``PARITY_UPDATE_GOLDEN=1 python -m pytest tests/unit/reports`` writes them anew; read the difference before committing it.
"""

from __future__ import annotations

import datetime as dt
import os
from functools import cache
from pathlib import Path

import machines
import msgspec
import pytest

from parity import session
from parity.config.project import Project
from parity.model.absent import Reading
from parity.model.finding import Waiver
from parity.model.fingerprint import Fingerprint, Note
from parity.model.verdict import Tool, Verdict

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = ROOT / "tests" / "fixtures" / "golden"
EXAMPLES = ROOT / "docs" / "examples"
TODAY = dt.date(2026, 11, 22)
UPDATE = "PARITY_UPDATE_GOLDEN"
CASES = ("workstation", "production", "slice", "unknown", "undecided", "waived", "mixed", "links")


@cache
def verdict(case: str) -> Verdict:
    """Return the verdict of a case, the same on every day and of every version of this tool."""
    here, target, project = _given(case)
    judged = session.judge_fingerprint(here, machines.target(target), project, today=TODAY)
    return msgspec.structs.replace(judged, tool=Tool(name="parity", version="0.0.0"))


def named(name: str) -> Verdict:
    """Return the verdict on an RTX 4090 whose driver prints this name."""
    whole = machines.machine("rtx-4090")
    device = whole.devices[0]
    identity = msgspec.structs.replace(device.identity, name=Reading(value=name, source="test"))
    devices = (msgspec.structs.replace(device, identity=identity),)
    fingerprint = msgspec.structs.replace(whole, devices=devices)
    return session.judge_fingerprint(fingerprint, machines.target("h100"), Project(), today=TODAY)


def target_of(case: str) -> str:
    """Return the target that a case is judged against."""
    return _given(case)[1]


def _given(case: str) -> tuple[Fingerprint, str, Project]:
    none = Project()
    if case == "workstation":
        return _example("workstation-rtx-4090.json"), "h100", none
    if case == "production":
        return _example("production-8xh100.json"), "8xh100", none
    if case == "slice":
        return machines.machine("a100-mig-1g.5gb"), "a100-sxm4-40gb", none
    if case == "unknown":
        return Fingerprint(notes=(Note(source="nvml", text="libnvidia-ml.so.1 not found"),)), "h100", none
    if case == "undecided":
        return machines.machine("nothing-read"), "h100", none
    if case == "mixed":
        return machines.machine("mixed-4090-3090"), "rtx-4090", none
    if case == "links":
        return machines.machine("h100-x2-pcie-only"), "2xh100", none
    capped = machines.changed(machines.machine("l40s"), {"conditions.power_limit_w": 325.0})
    until = dt.date(2027, 3, 31)
    waiver = Waiver(rule="power-limit-below-default", reason="the pool is capped", owner="perf-team", until=until)
    return capped, "l40s", Project(waivers=(waiver,))


def _example(name: str) -> Fingerprint:
    return session.fingerprint_of(str(EXAMPLES / name))


def agrees(name: str, text: str) -> None:
    """Fail unless a golden file holds this text; write it instead when ``PARITY_UPDATE_GOLDEN`` is set."""
    path = FOLDER / name
    if os.environ.get(UPDATE):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    if not path.is_file():
        pytest.fail(f"there is no {path.name}; write it with {UPDATE}=1", pytrace=False)
    assert text == path.read_text(encoding="utf-8"), f"{path.name} differs; if that is right, run with {UPDATE}=1"
