"""The page of `parity model` about a project's models: an overview that counts, and each model as on its own page."""

from __future__ import annotations

import datetime as dt

import models
import msgspec
from html_page import HOSTILE, checked

from parity.model.finding import Waiver
from parity.model.models_report import ModelsReport
from parity.model.policy import Policy
from parity.reports.html import model as one_model
from parity.reports.html.models import render
from parity.verdict.model_gate import gated, together
from parity.workload.estimate import estimate

DAY = dt.date(2026, 11, 1)
WAIVER = Waiver(rule="misaligned-dimension", until=dt.date(2026, 12, 31), owner="ann", reason=f"trained {HOSTILE[0]}")


def report(*waivers: Waiver) -> ModelsReport:
    asked = (("llama-2-7b", "2xh100"), ("llama-3.1-70b", "rtx-4090"), ("gpt2", "b300"))
    made = [
        estimate(models.question(name, on), source=f"{name}/config.json")
        for name, on in asked
        if name in models.models()
    ]
    judged = tuple(gated(one, waivers, Policy(), today=DAY) for one in made)
    return ModelsReport(models=judged, exit_status=together([one.exit_status for one in judged], expired_waivers=False))


def test_the_overview_counts_and_every_model_has_its_part() -> None:
    made = report()
    page = checked(render(made))
    rows = page.tables["What the project file asks of each"][1:]
    assert [row[1] for row in rows] == [one.model.source for one in made.models]
    assert {row[0] for row in rows} == {"ok", "failed"}
    assert [int(row[5]) for row in rows] == [len(one.findings) for one in made.models]
    assert f"{len(made.models)} models" in page.texts["h1"][0]
    for one in made.models:
        assert any(one.model.source in title for title in page.texts["h2"])


def test_what_is_waived_is_told_with_who_and_why() -> None:
    made = report(WAIVER)
    counted = [row[6] for row in checked(render(made)).tables["What the project file asks of each"][1:]]
    assert [str(sum(f.waived is not None for f in one.findings)) for one in made.models] == counted
    [waived] = [one for one in made.models if any(finding.waived for finding in one.findings)][:1]
    for page in (checked(render(made)), checked(one_model.render(waived))):
        assert f"waived until 2026-12-31 by ann: trained {HOSTILE[0]}" in page.text


def test_expired_waivers_and_no_model_are_told() -> None:
    page = checked(render(msgspec.structs.replace(report(), expired=(f"old {HOSTILE[0]}",), exit_status=1)))
    assert f"Expired: old {HOSTILE[0]}" in page.text
    assert "0 models" in checked(render(ModelsReport(models=(), exit_status=3))).texts["h1"][0]
