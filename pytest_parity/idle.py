"""Knows what to say in a run with options of ours and no target: nothing is left out silently. PYTEST_DONT_REWRITE."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from pytest_parity.end_notes import new_notes
from pytest_parity.plugin import RECORDED
from pytest_parity.records import plain
from pytest_parity.settings import runs_tests

if TYPE_CHECKING:
    from pytest_parity.settings import Settings

_MEND = "mend: add --parity-target=NAME, or name one in a marker"


class Idle:
    """Speaks for options that had nothing to act on; silent as soon as a marker names a target."""

    def __init__(self, config: pytest.Config, settings: Settings) -> None:
        """Keep the settings, whose sources are named."""
        self._config = config
        self._settings = settings

    def pytest_report_header(self) -> str | None:
        """Return the header line; before collection nobody knows what markers say."""
        if hasattr(self._config, "workerinput"):
            return None
        given = sorted(self._settings.sources.values())
        options = ", ".join([*given, "--parity-report"] if self._settings.reports else given)
        return f"parity: no target for the run, judged are only tests whose marker names one ({options})"

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail a run that had to measure and could not, and name the reports that are not written."""
        config, settings = self._config, self._settings
        is_told = config.pluginmanager.has_plugin(RECORDED) or hasattr(config, "workerinput")
        # By variable it may be meant for the other runs of a job: without a target it asks for nothing, as PARITY_MODE.
        must_measure = settings.sources.get("require_measured") == "--parity-require-measured"
        if is_told or not runs_tests(config) or not (must_measure or settings.reports):
            return
        notes = new_notes(config)
        config.pluginmanager.register(notes, "parity-end-notes")
        if must_measure:
            text = f"parity: FAILED: --parity-require-measured: there was no target to measure on; {_MEND}"
            notes.add(text, is_problem=True)
            if getattr(session, "exitstatus", None) in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
                session.exitstatus = pytest.ExitCode.TESTS_FAILED
        for path in settings.reports:
            shown = plain(os.path.relpath(path, settings.directory))
            text = f"parity report: {shown}: NOT WRITTEN: there was no target, nothing was judged; {_MEND}"
            notes.add(text, is_problem=True)
