"""Knows how the verdicts that an xdist worker asked for reach the report of the whole run. PYTEST_DONT_REWRITE."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_parity.judge import Judge
    from pytest_parity.verdict import Verdict

KEY = "parity_verdicts"


class WorkerVerdicts:
    """Sends, at the worker's end, the verdict documents that the controller does not have."""

    def __init__(self, config: pytest.Config, judge: Judge) -> None:
        """Keep the judge."""
        self._config = config
        self._judge = judge

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Send the documents as JSON text; a worker that crashes sends none."""
        worker: Any = self._config
        was_given = "answer" in worker.workerinput.get("parity", {})
        verdicts = list(self._judge.other_verdicts)
        if not was_given and self._judge.run_verdict is not None:
            verdicts.insert(0, self._judge.run_verdict)
        worker.workeroutput[KEY] = json.dumps(documents(verdicts))


def documents(verdicts: list[Verdict]) -> list[dict[str, Any]]:
    """Return the whole verdicts (``parity.verdict/1``) of those that are based on one."""
    return [dict(verdict.document) for verdict in verdicts if verdict.active and verdict.document]


def received(node: Any) -> list[dict[str, Any]]:
    """Return what a worker that has ended sent; empty when it sent nothing usable."""
    text = getattr(node, "workeroutput", {}).get(KEY, "[]")
    try:
        sent = json.loads(text)
    except (TypeError, ValueError):
        return []
    return [one for one in sent if isinstance(one, dict)] if isinstance(sent, list) else []


def once(sent: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the documents without those that say the same of the same machine and target, in order."""
    kept: dict[str, dict[str, Any]] = {}
    for one in sent:
        fingerprint = one.get("fingerprint")
        machine = fingerprint.get("identity_hash") if isinstance(fingerprint, dict) else None
        key = json.dumps([one.get("target"), one.get("outcome"), one.get("level"), machine], sort_keys=True)
        kept.setdefault(key, one)
    return list(kept.values())
