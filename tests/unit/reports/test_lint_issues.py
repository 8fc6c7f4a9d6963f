"""The linter's findings as issues."""

from __future__ import annotations

from typing import Any

from parity.model.lint import LintFinding, LintReport
from parity.reports.issues import fingerprints
from parity.reports.lint_issues import issues_of


def finding(**changes: Any) -> LintFinding:
    plain: dict[str, Any] = {
        "rule": "arch-list-invalid", "severity": "warning", "path": "a/Dockerfile", "line": 2, "column": 5, "end_line": 2,
        "end_column": 9, "message": "m", "mend": "n",
    }  # fmt: skip
    return LintFinding(**{**plain, **changes})


def told(*findings: LintFinding, text: str = "x\n  bad\n", **changes: Any) -> Any:
    given: dict[str, Any] = {"fail_on": "error", "placed": lambda path: path, **changes}
    return issues_of(LintReport(findings=findings, files=1), {"a/Dockerfile": text}, (), **given)


def test_what_fails_follows_the_level() -> None:
    assert [one.fails for one in told(finding(), finding(severity="error")).issues] == [False, True]
    assert [one.fails for one in told(finding(), finding(severity="note"), fail_on="warning").issues] == [True, False]
    assert [one.fails for one in told(finding(severity="error", suppressed="r")).issues] == [False]


def test_a_finding_is_known_again_when_its_line_moves() -> None:
    here = told(finding())
    moved = told(finding(line=3, end_line=3), text="x\ny\n\tbad\n")
    changed = told(finding(), text="x\nworse\n")
    assert fingerprints(here.issues) == fingerprints(moved.issues) != fingerprints(changed.issues)


def test_a_file_outside_has_no_place() -> None:
    [one] = told(finding(), placed=lambda _: None).issues
    assert one.place is None


def test_each_target_is_a_category() -> None:
    assert told(finding()).category == "parity-lint"
    report = issues_of(LintReport(target="h100-sxm5-80gb"), {}, (), fail_on="error", placed=lambda path: path)
    assert report.category == "parity-lint/h100-sxm5-80gb"
