"""Knows the terminal report: what carries over first, then one line per difference, detail on request."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from rich.cells import cell_len

from parity.model.fingerprint import SECOND_REPORT
from parity.model.rule import CONCLUSIONS
from parity.reports.rows import (
    GPU_VISIBLE,
    carried,
    configured_text,
    device_name,
    fact_text,
    here_text,
    identity_text,
    one_line,
    questions,
    rows,
    short_reason,
    subjects_text,
    tally,
)
from parity.units import format_ratio

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

    from parity.model.finding import Finding
    from parity.model.verdict import Verdict
    from parity.reports.rows import Row

BAR_CELLS = 8
INDENT = 2
SEVERITY_CELLS = 8
RATIO_CELLS = 5
MIN_WIDTH, MAX_WIDTH = 60, 100
COLOURS = {"match": "green", "mismatch": "red", "unknown": "yellow"}
COLOURS |= {"error": "red", "warning": "yellow", "note": "cyan"}
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


def render(
    verdict: Verdict, *, verbose: bool = False, width: int = 80, colour: bool = False, ascii_only: bool = False
) -> str:
    """Return the report as text.

    Args:
        verdict: what to tell.
        verbose: add message and mend of each finding, the unanswered questions, the devices' facts and the notes.
        width: columns; fewer than ``MIN_WIDTH`` or more than ``MAX_WIDTH`` are not used.
        colour: with ANSI colours.
        ascii_only: for streams that cannot carry anything else; other characters become question marks.
    """
    from rich.console import Console

    stream = io.StringIO()
    console = Console(
        file=stream,
        width=max(MIN_WIDTH, min(width, MAX_WIDTH)),
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
    text = "\n".join(lines) + "\n"
    return text.encode("ascii", "replace").decode() if ascii_only else text


class _Writer:
    """Writes one verdict on one console."""

    def __init__(self, console: Console, verdict: Verdict, *, ascii_only: bool, verbose: bool) -> None:
        self.console = console
        self.verdict = verdict
        self.verbose = verbose
        self.full, self.empty = ("#", ".") if ascii_only else ("█", "·")

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
        from rich.text import Text

        clean = [one_line(part) if isinstance(part, str) else (one_line(part[0]), part[1]) for part in parts]
        wrapped = Text.assemble(*clean, overflow="fold").wrap(self.console, self.console.width - indent - hang)
        for number, line in enumerate(wrapped):
            line.rstrip()
            self.console.print(Text(" " * (indent + (hang if number else 0))) + line, soft_wrap=True)

    def _field(self, name: str, value: str, style: str = "") -> None:
        """Print ``name  value`` with the value wrapped under itself."""
        from rich.text import Text

        label = f"{name:<14}"
        room = self.console.width - INDENT - len(label)
        for number, line in enumerate(Text(one_line(value), style=style, overflow="fold").wrap(self.console, room)):
            line.rstrip()
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
        self._field("target", f"{count}{verdict.target.name} ({verdict.target.label})")
        if verdict.configured:
            self._field("rules", configured_text(verdict))
        for note in verdict.fingerprint.notes:
            if note.why == SECOND_REPORT:  # the machine that was judged may not be the one that was meant
                self._field("not read", note.text, COLOURS["warning"])

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
        titles = [self._title(row) for row in found]
        columns = self._columns(found, max(len(title) for title in titles))
        if columns is not None:
            name, here, wanted, _ = columns
            self._line((f"{'':<{SEVERITY_CELLS}}{'':<{name}} {'here':>{here}} {'target':>{wanted}}", "dim"))
        for row, title in zip(found, titles, strict=True):
            self._row(row, title, columns)

    def _title(self, row: Row) -> str:
        """Return the rule, with its devices where it is not true of all of them."""
        whole = len(set(row.subjects)) == len(self.verdict.devices)
        if whole or not row.subjects[0].startswith("GPU "):
            return row.finding.rule
        return f"{row.finding.rule} {subjects_text(row.subjects)}"

    def _columns(self, found: list[Row], name: int) -> tuple[int, int, int, bool] | None:
        """Return the widths of name, here and target, and whether bars fit; None: only a list cuts nothing."""
        texts = [(one_line(row.finding.here), one_line(row.finding.wanted)) for row in found]
        measured = [pair for row, pair in zip(found, texts, strict=True) if row.finding.ratio is not None]
        least = max((cell_len(here) for here, _ in measured), default=0)
        for bars in (True, False):
            room = self.console.width - INDENT - SEVERITY_CELLS - name - 3 - RATIO_CELLS - bars * (BAR_CELLS + 1)
            wanted = _widest((pair[1] for pair in texts), room - max(least, len("here")))
            here = _widest((pair[0] for pair in texts), room - max(wanted, len("target")))
            if all(cell_len(a) <= here and cell_len(b) <= wanted for a, b in measured) and here:
                return name, max(here, len("here")), max(wanted, len("target")), bars
        return None

    def _row(self, row: Row, title: str, columns: tuple[int, int, int, bool] | None) -> None:
        from rich.text import Text

        finding = row.finding
        here, wanted, ratio = one_line(finding.here), one_line(finding.wanted), format_ratio(finding.ratio)
        severity = "waived" if finding.waived else finding.severity
        style = "dim" if finding.waived else COLOURS[finding.severity]
        start = (" " * INDENT, (f"{severity:<{SEVERITY_CELLS}}", style))
        name_width, here_width, wanted_width, bars = columns or (0, 0, 0, False)
        room = self.console.width - INDENT - SEVERITY_CELLS - name_width - here_width - 2
        if cell_len(here) > here_width or cell_len(wanted) > (wanted_width if ratio else room):
            self.console.print(Text.assemble(*start, title), soft_wrap=True)
            told = f", wanted {wanted}" + (f" ({ratio})" if ratio else "")
            self._line((here, "bold"), told, indent=INDENT + SEVERITY_CELLS)
            return
        line = Text.assemble(
            *start,
            f"{title:<{name_width}} ",
            (_right(here, here_width) + " ", "bold"),
            _right(wanted, wanted_width),
            (f" {self._bar(finding.ratio)}" if bars and finding.ratio is not None else "", style),
            f" {ratio}" if ratio else "",
        )
        self.console.print(line, soft_wrap=True)

    def _bar(self, ratio: float) -> str:
        filled = min(BAR_CELLS, max(0, round(BAR_CELLS * min(ratio, 1.0))))
        return self.full * filled + self.empty * (BAR_CELLS - filled)

    def _details(self) -> None:
        told = ""
        for row in rows(self.verdict):
            finding = row.finding
            self.console.print()
            title = f"{finding.severity}[{finding.rule}] {subjects_text(row.subjects)}"
            self._line((title, f"bold {COLOURS[finding.severity]}"))
            self._line(finding.message, indent=INDENT + 2)
            if finding.waived is not None:
                waiver = finding.waived
                text = waiver.told
                self._line((text, "dim"), indent=INDENT + 2)
            if finding.mend != told:  # a run of findings with one mend says it once
                self._line(("mend: ", "bold"), finding.mend, indent=INDENT + 2, hang=2)
            told = finding.mend

    def _questions(self) -> None:
        asked = questions(self.verdict.unknowns)
        if not asked:
            return
        self.console.print()
        self._line(("unknown", "bold yellow"))
        for question in asked:
            self._line(", ".join(question.rules), indent=INDENT + 2)
            self._line((f"{question.why_text}: {question.detail}", "dim"), indent=INDENT + 4)

    def _devices(self) -> None:
        alike: dict[tuple[str, ...], list[str]] = {}
        for device in self.verdict.devices:
            facts = ", ".join(f"{word} {fact_text(device, name)}" for name, word in TOLD_FACTS if name in device.facts)
            told = f"level {device.level}" + _because(device.reasons)
            block = (device_name(device), f"identified as {identity_text(device)}", told, facts)
            alike.setdefault(block, []).append(f"GPU {device.index}")
        for (name, *details), subjects in alike.items():
            self.console.print()
            self._line((f"{subjects_text(subjects)} ", "bold"), name)
            for number, detail in enumerate(details):
                if detail:
                    self._line((detail, "dim" if number == 2 else ""), indent=INDENT + 2)

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
        more = not self.verbose and (verdict.findings or verdict.unknowns)
        self._line((tally(verdict), "bold"), "  (-v for reasons and mends)" if more else "")
        if verdict.passed and _standing_errors(verdict):
            self._line(f"passed all the same: {verdict.target.require} is required, and what differs is within it")
        for text in next_steps(verdict):
            self._line(("next: ", "bold"), text, hang=6)


def next_steps(verdict: Verdict) -> list[str]:
    """Return what to do now, at most two lines; where the evidence does not decide, what it lacks."""
    if not verdict.devices:
        return _without_devices(verdict)
    steps: dict[str, None] = (
        {} if verdict.passed else dict.fromkeys(finding.mend for finding in _standing_errors(verdict))
    )
    open_rules = _open_rules(verdict)
    if open_rules:
        for question in questions(verdict.unknowns):
            deciding = [rule for rule in question.rules if rule in open_rules]
            if deciding:
                steps[f"settle {', '.join(deciding)}: {question.detail}"] = None
    return list(steps)[:2]


def _standing_errors(verdict: Verdict) -> list[Finding]:
    return [finding for finding in verdict.findings if finding.severity == "error" and finding.waived is None]


def _open_rules(verdict: Verdict) -> set[str]:
    """Return the rules whose answers would settle an unknown outcome, or what an accepted machine is good for."""
    if verdict.outcome == "unknown":
        return {rule for device in verdict.devices for rule in device.reasons if device.level == "unknown"}
    if verdict.outcome != "match":
        return set()
    reasons = verdict.transfer_reasons
    return {rule for name in CONCLUSIONS if getattr(verdict.transfers, name) == "unknown" for rule in reasons[name]}


def _without_devices(verdict: Verdict) -> list[str]:
    """Return what to do where no device was read; each reason is told once, without the call that another one names."""
    if verdict.fingerprint.origin.saved:
        return ["the file names no GPU: take it with `parity capture -o FILE` where one is visible"]
    told = dict.fromkeys(item.detail for item in verdict.unknowns if item.detail)
    reasons = [text for text in told if not any(text != other and _core(text) in other for other in told)]
    why = short_reason("; ".join(reasons)) or "no device was read"
    return [
        f"{GPU_VISIBLE}. Here: {why}",
        "or judge a saved fingerprint: --fingerprint FILE",
    ]


def _core(text: str) -> str:
    """Return a reason without the source before it: ``nvml:init: no driver`` -> ``no driver``."""
    source, _, rest = text.partition(": ")
    return rest if ":" in source and rest else text


def _because(reasons: Iterable[str]) -> str:
    told = ", ".join(reasons)
    return f" because of {told}" if told else ""


def _widest(texts: Iterable[str], limit: int) -> int:
    """Return the width of the widest text within the limit, 0 when none is."""
    return max((cell_len(text) for text in texts if cell_len(text) <= limit), default=0)


def _right(text: str, width: int) -> str:
    return " " * (width - cell_len(text)) + text
