"""Knows the HTML report of a pytest run: one file without scripts and outside references, on paper and phones too."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from typing import TYPE_CHECKING

from parity.reports.rows import (
    carried,
    here_text,
    identity_text,
    one_line,
    questions,
    rows,
    subjects_text,
    wanted_text,
)
from parity.reports.run_rows import became, by_concern, conditions_text, counts_text, judged_text, seconds_text, title
from parity.units import format_ratio

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from parity.model.run import Run, RunJudgement, RunTest
    from parity.model.verdict import Verdict

STYLE = """
:root { color-scheme: light dark; --text: #1c2024; --dim: #5b6470; --ground: #ffffff; --panel: #f4f6f8;
  --line: #d5dae0; --good: #0f6b3a; --bad: #b3202c; --doubt: #8a5300; }
@media (prefers-color-scheme: dark) { :root { --text: #e6e9ed; --dim: #a2abb6; --ground: #14171a; --panel: #1d2226;
  --line: #363d45; --good: #5fd08f; --bad: #ff8a8a; --doubt: #f0b95a; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 3rem; max-width: 72rem; color: var(--text); background: var(--ground);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: break-word; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; } h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; }
h3 { font-size: 1rem; margin: 1.25rem 0 .25rem; }
p { margin: .25rem 0; } ul { margin: .5rem 0; padding-left: 1.25rem; }
code { font: .9em ui-monospace, monospace; }
.dim { color: var(--dim); } .good { color: var(--good); } .bad { color: var(--bad); } .doubt { color: var(--doubt); }
.good, .bad, .doubt { font-weight: 600; }
header { background: var(--panel); border: 1px solid var(--line); border-left: .4rem solid var(--dim);
  border-radius: .4rem; padding: 1rem; }
header.match { border-left-color: var(--good); } header.mismatch { border-left-color: var(--bad); }
header.unknown { border-left-color: var(--doubt); }
.wide { overflow-x: auto; border: 1px solid var(--line); border-radius: .4rem; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
caption { text-align: left; padding: .4rem .6rem; color: var(--dim); }
th, td { text-align: left; vertical-align: top; padding: .4rem .6rem; border-top: 1px solid var(--line); }
thead th { border-top: 0; background: var(--panel); white-space: nowrap; }
td.name { min-width: 11rem; } td.name code { overflow-wrap: anywhere; } td.text { min-width: 12rem; }
td.number, th.number { text-align: right; white-space: nowrap; }
svg { display: block; width: 100%; height: .8rem; margin: .5rem 0; border-radius: .4rem; }
.fill-good { fill: var(--good); } .fill-bad { fill: var(--bad); } .fill-doubt { fill: var(--doubt); }
.fill-dim { fill: var(--line); }
footer { margin-top: 2rem; color: var(--dim); font-size: .9rem; }
@media print { body { max-width: none; padding: 0; font-size: 10pt; } .wide { overflow: visible; }
  td.name, td.text { min-width: 0; } td { overflow-wrap: anywhere; }
  tr, header { break-inside: avoid; } h2, h3 { break-after: avoid; } thead { display: table-header-group; } }
"""
_TONES = {"match": "good", "mismatch": "bad", "unknown": "doubt", "yes": "good", "no": "bad"}
_TONES |= {"error": "bad", "warning": "doubt", "note": "dim", "waived": "dim"}
_KINDS = {
    "not measured": "bad",
    "measured off target": "doubt",
    "measured under disturbed conditions": "doubt",
    "measured under unknown conditions": "doubt",
    "measured": "good",
    "not run for other reasons": "dim",
}
_RESULT_TONES = {"passed": "good", "failed": "bad", "error": "bad"}
_CONDITION_TONES = {"clean": "good", "disturbed": "bad", "unknown": "doubt"}


def render(run: Run) -> str:
    """Return the run as one HTML page."""
    judged = run.gravest
    kind = "unknown" if judged is None else judged.outcome
    body = [
        f'<header class="{kind}">',
        f"<h1>parity: {_text(title(run))}</h1>",
        *(f"<p>{_judgement(one)}</p>" for one in run.judgements),
        *([f'<p class="doubt">Not judged: {_text(run.problem)}</p>'] if run.problem else []),
        f"<p><strong>{_text(counts_text(run.counts))}</strong></p>",
        *(f'<p class="doubt">{_text(note)}</p>' for note in run.notes),
        "</header>",
        *_tests(run),
        *(line for verdict in run.verdicts for line in _verdict(verdict)),
        _foot(run),
    ]
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    head = [
        "<!doctype html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="referrer" content="no-referrer">',
        f"<title>parity: {_text(title(run))}</title>",
        f"<style>{STYLE}</style>",
        "</head>",
        "<body>",
    ]
    return "\n".join([*head, *body, "</body>", "</html>"]) + "\n"


def _foot(run: Run) -> str:
    ended = (
        f"pytest ended with status {run.exit_status} after {seconds_text(run.seconds)}, started {_text(run.started)}."
    )
    return f"<footer><p>{ended} Written by {_text(run.tool.name)} {_text(run.tool.version)}.</p></footer>"


def _judgement(one: RunJudgement) -> str:
    by = ", asked for by a marker" if one.source == "marker" else ""
    tone = "bad" if one.outcome == "match" and one.blocks else _TONES[one.outcome]
    told = f"Target <code>{_text(one.target)}</code>{by}: {_toned(judged_text(one), tone)}, level {one.level}"
    return f"{told}<br>{_text(one.headline)}"


def _tests(run: Run) -> list[str]:
    if not run.tests:
        return []
    kinds = [_kind(test) for test in run.tests]
    parts = [(kinds.count(kind), tone, kind) for kind, tone in _KINDS.items()]
    head = ("perf test", "became", "result", "duration", "conditions")
    body = ["".join(_test(test)) for test in by_concern(run.tests)]
    return ["<h2>Perf tests</h2>", *_bar(parts), *_table(head, body, numbers=(3,))]


def _kind(test: RunTest) -> str:
    """Return where a test counts in the picture; green is only what measured the target and was not seen disturbed."""
    if test.is_kept_out:
        return "not measured"
    if test.state != "ran":
        return "not run for other reasons"
    if test.blocks:
        return "measured off target"
    if test.conditions_state in ("", "clean"):
        return "measured"
    return f"measured under {'disturbed' if test.conditions_state == 'disturbed' else 'unknown'} conditions"


def _bar(parts: Sequence[tuple[int, str, str]]) -> list[str]:
    """Return the counts as a picture, with the same in words."""
    whole = sum(count for count, _, _ in parts)
    words = ", ".join(f"{count} {name}" for count, _, name in parts if count)
    lines = [f'<svg role="img" aria-label="{_text(words)}" viewBox="0 0 {whole} 1" preserveAspectRatio="none">']
    start = 0
    for count, tone, _ in parts:
        if count:
            lines.append(f'<rect class="fill-{tone}" x="{start}" y="0" width="{count}" height="1"/>')
        start += count
    return [*lines, "</svg>", f'<p class="dim">{_text(words)}</p>']


def _test(test: RunTest) -> Iterable[str]:
    tone = "bad" if test.is_kept_out else "doubt" if test.blocks else ""
    yield f'<td class="name"><code>{_text(test.nodeid)}</code></td>'
    yield f"<td>{_toned(became(test), tone)}</td>"
    yield f"<td>{_toned(test.result, _RESULT_TONES.get(test.result, ''))}</td>"
    yield f'<td class="number">{seconds_text(test.seconds)}</td>'
    yield f'<td class="text">{_toned(conditions_text(test), _CONDITION_TONES.get(test.conditions_state, ""))}</td>'


def _verdict(verdict: Verdict) -> Iterable[str]:
    yield f"<h2>{_text(here_text(verdict))} against {_text(wanted_text(verdict))}</h2>"
    yield f'<p class="dim">Target {_text(verdict.target.name)}, from {_text(verdict.target.source)}; level '
    yield f"<code>{verdict.level}</code>, <code>{verdict.target.require}</code> required</p>"
    yield "<h3>What carries over</h3>"
    told = [(answer, carried(verdict, answer)) for answer in ("yes", "no", "unknown")]
    cells = [f"<td>{_toned(one, _TONES[one])}</td><td>{_text(', '.join(names))}</td>" for one, names in told if names]
    yield from _table(("carries over", "conclusions"), cells)
    found = rows(verdict)
    if found:
        yield "<h3>What differs</h3>"
        yield from _table(("severity", "rule", "subject", "here", "target", "ratio"), _findings(verdict), numbers=(5,))
        mends = [row.finding.mend for row in found if row.finding.severity == "error" and not row.finding.waived]
        yield from _list(mends)
    asked = questions(verdict.unknowns)
    if asked:
        yield "<h3>What is not known</h3>"
        yield from _table(
            ("rules", "why"),
            [
                f"<td>{_text(', '.join(one.rules))}</td><td>{_text(f'{one.why_text}: {one.detail}')}</td>"
                for one in asked
            ],
        )
    told_devices: dict[str, list[str]] = {}
    for device in verdict.devices:
        told_devices.setdefault(identity_text(device), []).append(f"GPU {device.index}")
    if told_devices:
        yield "<h3>Devices</h3>"
        yield from _list(f"{subjects_text(names)}: {text}" for text, names in told_devices.items())


def _findings(verdict: Verdict) -> list[str]:
    lines = []
    for row in rows(verdict):
        finding = row.finding
        severity = "waived" if finding.waived else finding.severity
        texts = (finding.rule, subjects_text(row.subjects), finding.here, finding.wanted)
        lines.append(
            f"<td>{_toned(severity, _TONES[severity])}</td>"
            + "".join(f"<td>{_text(text)}</td>" for text in texts)
            + f'<td class="number">{_text(format_ratio(finding.ratio))}</td>'
        )
    return lines


def _table(head: Sequence[str], body: Iterable[str], numbers: Sequence[int] = ()) -> list[str]:
    """Return a table that scrolls by itself where the page is narrow; ``body`` holds the cells of each row."""
    names = "".join(
        f'<th scope="col" class="{"number" if index in numbers else "text"}">{_text(name)}</th>'
        for index, name in enumerate(head)
    )
    rows_ = [f"<tr>{cells}</tr>" for cells in body]
    # tabindex: a keyboard must be able to scroll it.
    opened = f'<div class="wide" tabindex="0"><table><thead><tr>{names}</tr></thead><tbody>'
    return [opened, *rows_, "</tbody></table></div>"]


def _list(texts: Iterable[str]) -> list[str]:
    items = [f"<li>{_text(text)}</li>" for text in dict.fromkeys(texts) if text]
    return ["<ul>", *items, "</ul>"] if items else []


def _toned(text: str, tone: str) -> str:
    return f'<span class="{tone}">{_text(text)}</span>' if tone else _text(text)


def _text(text: str) -> str:
    """Return text as it must stand in HTML, in an attribute too; control characters are told as question marks."""
    return escape(one_line(text), quote=True)
