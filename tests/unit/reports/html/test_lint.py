"""The page of `parity lint`: findings by rule with their source lines, hostile files as text, any number of findings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from html_page import HOSTILE, checked

from parity.model.lint import LintFinding, LintReport, LintUnknown
from parity.reports.html.lint import MOST_PLACES, MOST_SHOWN, render

if TYPE_CHECKING:
    from parity.model.rule import Severity


def finding(
    rule: str,
    severity: Severity = "error",
    path: str = "build.sh",
    line: int = 1,
    *,
    text: str = "says",
    column: int = 8,
) -> LintFinding:
    return LintFinding(
        rule=rule, severity=severity, path=path, line=line, column=column, end_line=line, end_column=column + 4,
        message=text, mend=f"mend of {rule}: {text}",
    )  # fmt: skip


def report(*findings: LintFinding, **more: object) -> LintReport:
    return LintReport(tool={"name": "parity", "version": "0.0.0"}, target="h100-sxm5-80gb", files=3, findings=findings,
                      exit_status=1 if findings else 0, **more)  # type: ignore[arg-type]  # fmt: skip


def test_the_gravest_rule_comes_first_with_its_source_line_marked() -> None:
    made = report(
        finding("quiet", "note"),
        finding("loud", line=2),
        finding("loud", line=3, path="a.py"),
        finding("mild", "warning"),
        unknowns=(LintUnknown(path="x.sh", line=4, what="CC", why="set elsewhere"),),
        skipped_rules=("needs-target",),
    )
    source = render(made, {"build.sh": "x\nexport ARCH=90\n"})
    page = checked(source)
    assert [row[1] for row in page.tables["Rules that speak, the gravest first"][1:]] == ["loud", "mild", "quiet"]
    assert page.tables["Rules that speak, the gravest first"][1][2:4] == ["2", "2"]
    assert "<code>export <mark>ARCH</mark>=90</code>" in source
    assert page.texts["h1"] == ["findings 2 errors, 1 warning, 1 note in 3 files"]
    assert page.tables["Values that the files do not settle"][1] == ["x.sh:4", "CC", "set elsewhere"]
    assert "needs-target" in page.text


def test_nothing_found_is_said_so() -> None:
    page = checked(render(report(), {}))
    assert page.texts["h1"] == ["passed no findings in 3 files"]
    assert page.texts["h2"] == []


def test_what_a_comment_silences_is_told_apart() -> None:
    silenced = LintFinding(rule="r", severity="error", path="a.py", line=1, column=1, end_line=1, end_column=2,
                           message="m", mend="n", suppressed="on purpose")  # fmt: skip
    page = checked(render(report(silenced), {}))
    assert page.tables["Findings silenced by inline comments"][1] == ["a.py:1", "r", "on purpose"]
    assert "Findings" not in page.texts["h2"]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_as_text(text: str) -> None:
    def hostile(text: str) -> LintReport:
        unknown = LintUnknown(path=text, line=1, what=text, why=text)
        return report(finding(text, path=text, text=text, column=1), unknowns=(unknown,), skipped_rules=(text,))

    page, plain = (
        checked(render(hostile(text), {text: text})),
        checked(render(hostile("plain"), {"plain": "plain text"})),
    )
    assert [tag for tag in page.tags if tag != "mark"] == [tag for tag in plain.tags if tag != "mark"]


def test_the_mark_stays_in_place_in_a_line_with_odd_characters() -> None:
    source = render(report(finding("r", column=4)), {"build.sh": "\t\x00\u202eARCH = 1"})
    assert "<mark>ARCH</mark> = 1" in source


def test_ten_thousand_findings_stay_a_page() -> None:
    found = [finding(f"rule-{n % 40}", path=f"{n % 700}/{'x' * 300}.sh", text="y" * 900) for n in range(10_000)]
    source = render(report(*found), {one.path: "export ARCH=90" * 100 for one in found})
    page = checked(source)
    assert len(source) < 4_000_000
    assert page.texts["h1"] == ["findings 10000 errors in 3 files"]
    assert f"and {10_000 // 40 - MOST_PLACES} more; `--format json` has all of them" in page.text
    assert source.count("<pre") == MOST_SHOWN
    assert len(page.tables["Rules that speak, the gravest first"]) == 41
