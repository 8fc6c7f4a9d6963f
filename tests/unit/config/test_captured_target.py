"""A captured machine as target: its conditions are production's, by path or from a project file alike."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import machines
import pytest

from parity import session
from parity.config.project import load_project
from parity.config.targets import target_or_default
from parity.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from parity.model.verdict import Verdict

TODAY = dt.date(2026, 11, 22)
H100 = "h100-sxm5-80gb"


def saved(folder: Path, part: str = H100, **state: Any) -> Path:
    fingerprint = machines.changed(
        machines.machine(part), {f"conditions.{name}": value for name, value in state.items()}
    )
    path = folder / "prod.json"
    path.write_bytes(session.as_json(fingerprint))
    return path


def judged(folder: Path, target: str, **state: Any) -> Verdict:
    project = load_project(folder / "parity.yaml")
    here = machines.changed(machines.machine(H100), {f"conditions.{name}": value for name, value in state.items()})
    return session.judge_fingerprint(here, session.target_of(target, project), project, today=TODAY)


@pytest.mark.parametrize("by", ["path", "name"])
@pytest.mark.parametrize(
    ("there", "here", "passes"),
    [
        ({"power_limit_w": 500.0}, {"power_limit_w": 500.0}, True),
        ({"power_limit_w": 500.0}, {"power_limit_w": 700.0}, False),
        ({"ecc_enabled": False}, {"ecc_enabled": False}, True),
        ({"ecc_enabled": False}, {"ecc_enabled": True}, False),
    ],
)
def test_captured_conditions_hold(
    tmp_path: Path, by: str, there: dict[str, Any], here: dict[str, Any], passes: bool
) -> None:
    path = saved(tmp_path, **there)
    (tmp_path / "parity.yaml").write_text("version: 1\ntargets: {prod: {device: ./prod.json}}\n")
    assert judged(tmp_path, str(path) if by == "path" else "prod", **here).passed is passes


def test_a_declared_condition_replaces_the_captured_one_under_either_name(tmp_path: Path) -> None:
    saved(tmp_path, ecc_enabled=False, power_limit_w=500.0)
    text = "version: 1\ntargets: {prod: {device: ./prod.json, conditions: {ecc: true}}}\n"
    (tmp_path / "parity.yaml").write_text(text)
    target = session.target_of("prod", load_project(tmp_path / "parity.yaml"))
    assert target.conditions == {"power_limit_w": ">=490,<=510", "ecc": True}


def test_a_rebuilt_board_is_refused_for_what_it_is(tmp_path: Path) -> None:
    fingerprint = machines.changed(machines.machine("rtx-4090"), {"identity.memory_bytes": 48 * 2**30})
    path = tmp_path / "rebuilt.json"
    path.write_bytes(session.as_json(fingerprint))
    with pytest.raises(UsageError, match="the report's evidence contradicts itself: 48 GiB of memory, not 24 GiB"):
        session.target_of(str(path), load_project(None))


@pytest.mark.parametrize(
    ("targets", "chosen"), [("a: {device: h100}", H100), ("a: {device: h100}, b: {device: l4}", None)]
)
def test_the_only_target_is_the_default(tmp_path: Path, targets: str, chosen: str | None) -> None:
    (tmp_path / "parity.yaml").write_text(f"version: 1\ntargets: {{{targets}}}\n")
    target = target_or_default(None, load_project(tmp_path / "parity.yaml"), source="test")
    assert (target and target.id) == chosen
