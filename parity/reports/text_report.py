"""Knows the terminal report: what carries over first, then one line per difference, detail on request."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from parity.reports.rows import (
    carried,
    device_name,
    fact_text,
    here_text,
    identity_text,
    questions,
    rows,
    subjects_text,
    tally,
)
from parity.units import format_ratio

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

    from parity.model.verdict import Verdict
    from parity.reports.rows import Row

BAR_CELLS = 8
INDENT = 2
MAX_WIDTH = 100
COLOURS = {"match": "green", "mismatch": "red", "unknown": "yellow", "error": "red", "warning": "yellow", "note": "cyan"}
ANSWERS = (("yes", "carries over", "green"), ("no", "does not", "red"), ("unknown", "unknown", "yellow"))
TOLD_FACTS = (
    ("sm_count", "SMs"),
    ("cu_count", "CUs"),
    ("memory_bytes", "memory"),
    ("memory_type", "memory type"),
    ("memory_bandwidth_gbps", "bandwidth"),
    ("l2_bytes", "L2"),
    ("clock_boost_mhz", "maximum clock"),
    ("tflops_bf16", "dense BF16"),
    ("power_default_w", "default power"),
    ("form_factor", "form factor"),
)


def render(verdict: Verdict, *, verbose: bool = False, width: int = 80, colour: bool = False, ascii_only: bool = False) -> str:
    """Return the report as text.

    Args:
        verdict: what to tell.
        verbose: add why and mend of each finding, the unanswered questions, the devices' facts and the notes.
        width: columns; more than ``MAX_WIDTH`` are not used.
        colour: with ANSI colours.
        ascii_only: for streams that cannot carry anything else.
    """
    from rich.console import Console

    stream = io.StringIO()
    console = Console(
        file=stream,
        width=max(60, min(width, MAX_WIDTH)),
        force_terminal=colour,
        no_color=not colour,
        color_system="standard" if colour else None,
        highlight=False,
        emoji=False,
        markup=False,
        legacy_windows=False,
    )
    _Writer(console, verdict, ascii_only=ascii_only, verbose=verbose).write()
    lines = [line.rstrip() for line in stream.getvalue().splitlines()]
    return "\n".join(lines) + "\n"


class _Writer:
    """Writes one verdict on one console."""

    def __init__(self, console: Console, verdict: Verdict, *, ascii_only: bool, verbose: bool) -> None:
        self.console = console
        self.verdict = verdict
        self.verbose = verbose
        self.full, self.empty = ("#", ".") if ascii_only else ("█", "·")
        self.dash = "-" if ascii_only else "─"

    def write(self) -> None:
        self._head()
        self._carries()
        self._findings()
        if self.verbose:
            self._details()
            self._questions()
            self._devices()
            self._notes()
        self._foot()

    def _line(self, *parts: tuple[str, str] | str, indent: int = INDENT, hang: int = 0) -> None:
        from rich.padding import Padding
        from rich.text import Text

        text = Text.assemble(*parts, overflow="fold")
        wrapped = text.wrap(self.console, self.console.width - indent - hang)
        for number, line in enumerate(wrapped):
            self.console.print(Padding(line, (0, 0, 0, indent + (hang if number else 0))))

    def _field(self, name: str, value: str, style: str = "") -> None:
        """Print ``name  value`` with the value wrapped under itself."""
        from rich.text import Text

        label = f"{name:<14}"
        room = self.console.width - INDENT - len(label)
        for number, line in enumerate(Text(value, style=style).wrap(self.console, room)):
            head = Text(label if number == 0 else " " * len(label), style="bold" if number == 0 else "")
            self.console.print(Text(" " * INDENT) + head + line, soft_wrap=True)

    def _head(self) -> None:
        verdict = self.verdict
        word = verdict.outcome.upper()
        tail = f"  level {verdict.level}, {verdict.target.require} required"
        if verdict.outcome == "match" and not verdict.passed:
            tail += ", but not passed"
        if verdict.outcome != "match" and verdict.passed:
            tail += ", passed by waiver"
        self.console.print()
        self._line((word, f"bold {COLOURS[verdict.outcome]}"), tail)
        self.console.print()
        count = f"{verdict.target.count}x " if verdict.target.count else ""
        self._field("here", here_text(verdict))
        self._field("target", f"{count}{verdict.target.name} ({verdict.target.id})")

    def _carries(self) -> None:
        self.console.print()
        for answer, label, style in ANSWERS:
            told = carried(self.verdict, answer)
            if told:
                self._field(label, ", ".join(told), style)

    def _findings(self) -> None:
        found = rows(self.verdict)
        if not found:
            return
        self.console.print()
        wide = self.console.width >= 80
        values = [(self._short(row.finding.here), self._short(row.finding.wanted)) for row in found]
        here_width = max(len("here"), *(len(here) for here, _ in values))
        wanted_width = max(len("target"), *(len(wanted) for _, wanted in values))
        name_width = max(len(row.finding.rule) for row in found)
        ratio_width = (BAR_CELLS + 6) if wide else 5
        room = self.console.width - INDENT - 8 - name_width - ratio_width - 3
        if here_width + wanted_width > room:
            here_width = max(min(here_width, room // 2), room - wanted_width, 8)
            wanted_width = max(room - here_width, 8)
        head = f"{'':<8}{'':<{name_width}} {'here':>{here_width}} {'target':>{wanted_width}}"
        self._line((head, "dim"))
        for row, (here, wanted) in zip(found, values, strict=True):
            self._row(row, here, wanted, (name_width, here_width, wanted_width), wide=wide)

    def _row(self, row: Row, here: str, wanted: str, widths: tuple[int, int, int], *, wide: bool) -> None:
        from rich.text import Text

        name_width, here_width, wanted_width = widths
        finding = row.finding
        severity = "waived" if finding.waived else finding.severity
        style = "dim" if finding.waived else COLOURS[finding.severity]
        ratio = format_ratio(finding.ratio)
        bar = f"{self._bar(finding.ratio)} " if wide and finding.ratio is not None else ""
        line = Text.assemble(
            " " * INDENT,
            (f"{severity:<8}", style),
            f"{finding.rule:<{name_width}} ",
            (f"{_cut(here, here_width):>{here_width}} ", "bold"),
            f"{_cut(wanted, wanted_width):>{wanted_width}} ",
            (bar, style),
            ratio,
        )
        self.console.print(line, soft_wrap=True)

    def _short(self, text: str) -> str:
        return text if len(text) <= 22 else text[:20] + ".."

    def _bar(self, ratio: float | None) -> str:
        if ratio is None:
            return " " * BAR_CELLS
        filled = min(BAR_CELLS, max(0, round(BAR_CELLS * min(ratio, 1.0))))
        return self.full * filled + self.empty * (BAR_CELLS - filled)

    def _details(self) -> None:
        for row in rows(self.verdict):
            finding = row.finding
            self.console.print()
            title = f"{finding.severity}[{finding.rule}] {subjects_text(row.subjects)}"
            self._line((title, f"bold {COLOURS[finding.severity]}"))
            self._line(finding.message, indent=INDENT + 2)
            if finding.waived is not None:
                waiver = finding.waived
                told = f"waived until {waiver.until.isoformat()} by {waiver.owner}: {waiver.reason}"
                self._line((told, "dim"), indent=INDENT + 2)
            self._line(("mend: ", "bold"), finding.mend, indent=INDENT + 2, hang=2)

    def _questions(self) -> None:
        asked = questions(self.verdict.unknowns)
        if not asked:
            return
        self.console.print()
        self._line(("unknown", "bold yellow"))
        for question in asked:
            self._line(", ".join(question.rules), indent=INDENT + 2)
            self._line((f"{question.why}: {question.detail}", "dim"), indent=INDENT + 4)

    def _devices(self) -> None:
        for device in self.verdict.devices:
            self.console.print()
            self._line((f"GPU {device.index} ", "bold"), device_name(device))
            self._line(f"identified as {identity_text(device)}", indent=INDENT + 2)
            self._line(f"level {device.level}" + _because(device.reasons), indent=INDENT + 2)
            facts = [f"{word} {fact_text(device, name)}" for name, word in TOLD_FACTS if name in device.facts]
            self._line((", ".join(facts), "dim"), indent=INDENT + 2)

    def _notes(self) -> None:
        notes = self.verdict.fingerprint.notes
        if notes:
            self.console.print()
            self._line(("notes", "bold"))
            for note in notes:
                self._line(f"{note.source}: {note.text}", indent=INDENT + 2, hang=2)

    def _foot(self) -> None:
        verdict = self.verdict
        self.console.print()
        self._line((tally(verdict), "bold"), "" if self.verbose or not (verdict.findings or verdict.unknowns) else "  (-v for reasons and mends)")
        for text in next_steps(verdict):
            self._line(("next: ", "bold"), text, hang=6)


def next_steps(verdict: Verdict) -> list[str]:
    """Return what to do now, at most two lines."""
    if not verdict.devices:
        why = "; ".join(dict.fromkeys(item.detail for item in verdict.unknowns)) or "no device was read"
        return [
            f"{why}; run where a GPU is visible (in a container: `--gpus all`, or /dev/kfd and /dev/dri)",
            f"judge a saved fingerprint: parity doctor --target {verdict.target.id} --fingerprint FILE",
        ]
    steps = dict.fromkeys(
        finding.mend for finding in verdict.findings if finding.severity == "error" and finding.waived is None
    )
    return list(steps)[:2]


def _because(reasons: Iterable[str]) -> str:
    told = ", ".join(reasons)
    return f" because of {told}" if told else ""


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(1, width - 2)] + ".."
