"""Issues for the tests of the formats that machines read."""

from __future__ import annotations

from typing import Any

import msgspec

from parity.model.place import Place
from parity.reports.issues import Issue, IssueReport, IssueRule

PLACE = Place(path="parity.yaml", line=5, column=5, end_line=5, end_column=27)
RULE = IssueRule(id="a-rule", summary="s", why="w", mend="m", severity="error")


def issue(**changes: Any) -> Issue:
    """Return an error at PLACE with some fields replaced."""
    plain = Issue(rule="a-rule", severity="error", message="it differs", mend="mend it", place=PLACE, identity="i")
    return msgspec.structs.replace(plain, **changes)


def report(*issues: Issue, **changes: Any) -> IssueReport:
    """Return a failed report of issues with some fields replaced."""
    plain = IssueReport(
        command="parity doctor", category="parity-doctor/t", version="0.1.0", title="t", passed=False,
        issues=issues, rules=(RULE,),
    )  # fmt: skip
    return msgspec.structs.replace(plain, **changes)
