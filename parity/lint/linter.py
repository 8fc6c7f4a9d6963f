"""Knows one lint run: files to facts, facts to findings, minus what inline comments silence."""

from __future__ import annotations

import contextlib
import gc
import importlib
from typing import TYPE_CHECKING, Any

import msgspec

from parity.catalog import store
from parity.lint import scan as scanning
from parity.lint.cache import Entry, digest_of
from parity.lint.calling import Calling
from parity.lint.facts import Doubt
from parity.lint.files import kind_of
from parity.lint.roles import below, heard, roles_in, roles_of
from parity.lint.scanners import SCANNERS, scan
from parity.lint.source import Source, Span
from parity.lint.suppress import Suppression, suppressions
from parity.lint.variants import for_the_target
from parity.lint.waive import EXPIRED
from parity.model.lint import Edit, LintFinding, LintUnknown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from parity.lint.asked import Asked
    from parity.lint.cache import Cache
    from parity.lint.facts import Facts, Hit
    from parity.model.lint import LintCard

# Rules about the linting itself: no function of their own.
BROKEN, UNUSED, UNREASONED = "file-not-parsed", "suppression-unused", "suppression-without-reason"
OWN = frozenset({BROKEN, UNUSED, UNREASONED, EXPIRED})
# Triggers of a card that stand for the names of the variables that it speaks of, and of what the target pins.
VARIABLES, PINS = "$environment", "$pins"
# What a run, a build or an install fails on when it is broken, which is told although no rule looks at the file.
_READ_ALWAYS = frozenset({"github-workflow", "gitlab-ci", "buildkite", "pyproject"})
_CUDA_IMAGES = ("cuda", "nvcr.io")  # where a pin of CUDA may stand: in the name of an image
_ORDER = {"error": 0, "warning": 1, "note": 2}


class Rules:
    """The rules of one run, by kind of file, and the texts that call for each.

    Attributes:
        cards: the chosen rules that run.
        skipped: chosen rules that did not run for want of a target.
        held: rules that hold what a file builds or installs against the target.
    """

    def __init__(
        self, asked: Asked, chosen: Callable[[str], bool], settings: Mapping[str, Mapping[str, Any]] | None = None
    ) -> None:
        """Choose among all rules.

        Args:
            asked: what the run is asked.
            chosen: whether a rule runs.
            settings: rule -> setting -> the project's value in place of the card's; severity ``off``: it does not run.
        """
        every = [_configured(card, (settings or {}).get(card.id, {})) for card in store.lint_book().cards]
        cards = [card for card in every if card is not None and chosen(card.id)]
        self.asked = asked
        self.skipped = tuple(card.id for card in cards if card.target == "needed" and asked.target is None)
        self.cards = {card.id: card for card in cards if card.id not in self.skipped}
        self.held = frozenset(card.id for card in self.cards.values() if card.once and card.target == "needed")
        self.of_kind: dict[str, list[LintCard]] = {}
        for card in self.cards.values():
            for kind in card.files if card.id not in OWN else ():
                self.of_kind.setdefault(kind, []).append(card)
        spoken = [card for card in self.cards.values() if card.id not in OWN and _can_speak(card, asked)]
        self.calling = Calling(spoken, {card.id: triggers_of(card, asked) for card in spoken})

    def question(self) -> tuple[Any, ...]:
        """Return everything that decides what is found in a file, besides the file, as plain data."""
        return (self.asked, tuple(self.cards.values()))


def _configured(card: LintCard, own: Mapping[str, Any]) -> LintCard | None:
    """Return a card with the project's settings in place of its own, None when the project turns it off."""
    if own.get("severity") == "off":
        return None
    settings = {**card.settings, **{name: value for name, value in own.items() if name != "severity"}}
    return msgspec.structs.replace(card, severity=own.get("severity", card.severity), settings=settings)


def triggers_of(card: LintCard, asked: Asked) -> frozenset[str]:
    """Return the texts of which a file must hold one; of a rule about variables, the variables' names."""
    if card.triggers == (PINS,):
        return frozenset(text for name in asked.pins for text in _spellings(name))
    if card.triggers != (VARIABLES,):
        marks = [f"mark.{name}" for name in asked.perf_tests.markers]
        more = (*marks, *asked.perf_tests.fixtures) if any("mark." in one for one in card.triggers) else ()
        return frozenset((*card.triggers, *more))
    from parity.lint.rules.environment import cards_of

    return frozenset(one.name.rstrip("*") for one in cards_of(card.check.partition(".")[2], asked.environment))


def _can_speak(card: LintCard, asked: Asked) -> bool:
    """Return whether the target declares what the rule compares with; else it would have files parsed for nothing."""
    declared = {
        "stack": bool(asked.pins),
        "driver": "driver" in asked.pins,
        "count": asked.target is not None and asked.target.count is not None,
    }
    return all(declared[name] for name in card.wants)


def _spellings(component: str) -> tuple[str, ...]:
    """Return how a component that a target pins may be written in a file."""
    name = component.lower()
    spelled = (name, name.replace("_", "-"), name.replace("-", "_"))
    return (*spelled, *_CUDA_IMAGES) if name == "cuda" else spelled


class Outcome(msgspec.Struct, kw_only=True):
    """What the linter found in all files.

    Attributes:
        texts: path -> text of each file with findings, for snippets and fixes.
        opened: path as told -> path to open.
    """

    files: int = 0
    findings: list[LintFinding] = []
    unknowns: list[LintUnknown] = []
    texts: dict[str, str] = {}
    opened: dict[str, str] = {}


def lint_paths(
    paths: Iterable[str], rules: Rules, *, exclude: tuple[str, ...] = (), cache: Cache | None = None
) -> Outcome:
    """Return what the rules say of the files at and below the paths.

    Args:
        paths: files and folders.
        rules: what runs.
        exclude: globs of what is left out.
        cache: what the same rules found before; None: every file is read anew.

    Raises:
        InputFileError: a path does not exist.
    """
    outcome = Outcome()
    tables: list[str] = []
    seen: list[str] = []
    paths = list(paths)
    named = {scanning.told_of(path) for path in paths if scanning.is_file(path)}
    starts = tuple(scanning.told_of(path) for path in paths)
    with _without_collector():
        for told, path in scanning.files_below(paths, exclude=exclude):
            seen.append(told)
            kind = kind_of(told)
            if kind == "tuned-table":
                tables.append(told)
            elif kind in SCANNERS:
                _take(told, path, rules, outcome, cache, place=below(told, starts), named=told in named)
    if cache is not None:
        cache.save()
    held = [one for one in outcome.findings if one.rule in rules.held]
    kept = for_the_target(held, seen, rules.asked)
    outcome.findings = [one for one in outcome.findings if one.rule not in rules.held] + kept
    outcome.files += len(tables)
    outcome.findings.extend(_of_tables(tables, rules, starts))
    outcome.findings.sort(key=lambda one: (one.path, one.line, one.column, _ORDER[one.severity], one.rule))
    return outcome


@contextlib.contextmanager
def _without_collector() -> Iterator[None]:
    """Keep the cycle collector from running: syntax trees have no cycles, and it would walk each of them again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _take(
    told: str, path: Path, rules: Rules, outcome: Outcome, cache: Cache | None, *, place: str, named: bool
) -> None:
    kind = kind_of(told) or ""
    raw = scanning.read_raw(path, limit=scanning.MAX_LOCK_BYTES if kind == "lock" else scanning.MAX_BYTES)
    if raw is None:
        return
    outcome.files += 1
    digest = digest_of(raw) if cache is not None else b""
    held = told if place == told and not named else f"{told}\0{place}\0{named}"  # what is said hangs on all three
    entry = cache.get(held, digest) if cache is not None else None
    text = "" if entry is not None and not entry.findings else scanning.decoded(raw)
    if entry is None:
        findings, unknowns = lint_text(told, text, kind, rules, place=place, named=named)
        entry = Entry(digest, tuple(findings), tuple(unknowns))
        if cache is not None:
            cache.put(held, entry)
    outcome.unknowns.extend(entry.unknowns)
    if entry.findings:
        outcome.findings.extend(entry.findings)
        outcome.texts[told] = text
        outcome.opened[told] = str(path)


def lint_text(
    told: str, text: str, kind: str, rules: Rules, *, place: str = "", named: bool = False
) -> tuple[list[LintFinding], list[LintUnknown]]:
    """Return the findings and unknowns of one file's text.

    Args:
        told: its path.
        text: what it holds.
        kind: which scanner reads it.
        rules: what runs.
        place: its path below the folder that is linted, when that is another.
        named: the user gave this very file.
    """
    place = place or told
    cards = rules.calling.of(told, kind, text)
    read = bool(cards) or named or kind in _READ_ALWAYS
    if not read and "parity:" not in text:
        return [], []
    source = Source(told, text)
    comments = suppressions(source)
    findings: list[LintFinding] = []
    unknowns: list[LintUnknown] = []
    if read:
        facts = scan(source, kind, rules.calling.words_of(cards))
        if facts.broken:
            findings.extend(_broken(facts, facts.broken, rules, roles_of(place), named=named))
        roles = roles_in(facts, place)
        for card in cards if facts.readable else ():
            if heard(card, roles, preview=rules.asked.preview):
                findings.extend(_findings(card, facts, rules.asked))
        unknowns = _unknowns(facts)
    findings = [_silenced(finding, comments) for finding in findings]
    findings.extend(_about_comments(comments, source, rules))
    return findings, unknowns


def _broken(
    facts: Facts, broken: tuple[str, Span], rules: Rules, roles: frozenset[str], *, named: bool
) -> Iterator[LintFinding]:
    """Yield that a file cannot be read, where its readers would fail as well; of others it is a doubt."""
    reason, span = broken
    card = rules.cards.get(BROKEN)
    wanted = card is not None and facts.kind in card.files and heard(card, roles, preview=rules.asked.preview)
    if named or wanted:
        yield from _own(BROKEN, rules, facts.source, span, reason)
    else:
        facts.doubts.append(Doubt(what="the file", why=reason, line=span.line))


def _findings(card: LintCard, facts: Facts, asked: Asked) -> Iterator[LintFinding]:
    seen: set[tuple[object, ...]] = set()
    for hit in check_of(card)(facts, asked, **card.settings):
        finding = as_finding(card, facts.path, hit)
        place = (finding.message,) if card.once else (finding.line, finding.column, finding.message)
        if place not in seen:
            seen.add(place)
            yield finding


def check_of(card: LintCard) -> Callable[..., Any]:
    """Return the function of a rule."""
    module, _, function = card.check.partition(".")
    check: Callable[..., Any] = getattr(importlib.import_module(f"parity.lint.rules.{module}"), function)
    return check


def as_finding(card: LintCard, path: str, hit: Hit) -> LintFinding:
    """Return a hit with its card's id, severity and mend."""
    span = hit.span
    fix = None
    if hit.fix is not None:
        fix = Edit(**span._asdict(), text=hit.fix)
    return LintFinding(
        rule=card.id, severity=card.severity, path=path, message=hit.message, fix=fix,
        mend=hit.mend or card.mend.strip(), **span._asdict(),
    )  # fmt: skip


def _unknowns(facts: Facts) -> list[LintUnknown]:
    told: dict[tuple[str, str], LintUnknown] = {}
    for doubt in facts.doubts:
        told.setdefault(
            (doubt.what, doubt.why), LintUnknown(path=facts.path, line=doubt.line, what=doubt.what, why=doubt.why)
        )
    return list(told.values())


def _silenced(finding: LintFinding, comments: list[Suppression]) -> LintFinding:
    for comment in comments:
        if finding.rule in comment.rules and finding.line <= comment.covers <= max(finding.end_line, finding.line):
            comment.used.add(finding.rule)
            return msgspec.structs.replace(finding, suppressed=comment.reason or "no reason given")
    return finding


def _about_comments(comments: list[Suppression], source: Source, rules: Rules) -> Iterator[LintFinding]:
    known = {card.id for card in store.lint_book().cards}
    for comment in comments:
        if not comment.rules:
            yield from _own(UNREASONED, rules, source, comment.span, "the comment names no rule, and silences nothing")
            continue
        for name in comment.rules:
            if name not in known:
                yield from _own(UNUSED, rules, source, comment.span, f"no rule is called {name!r}")
            elif name in rules.cards and name not in comment.used:
                yield from _own(UNUSED, rules, source, comment.span, f"{name} finds nothing here")
        if comment.used and not comment.reason:
            yield from _own(UNREASONED, rules, source, comment.span, "the comment gives no reason")


def _own(rule: str, rules: Rules, source: Source, span: Span, message: str) -> Iterator[LintFinding]:
    card = rules.cards.get(rule)
    if card is not None:
        from parity.lint.facts import Hit

        yield as_finding(card, source.path, Hit(span=span, message=message))


def _of_tables(paths: list[str], rules: Rules, starts: tuple[str, ...]) -> Iterator[LintFinding]:
    for card in rules.of_kind.get("tuned-table", []) if paths else ():
        check: Callable[..., Iterable[tuple[str, Hit]]] = check_of(card)
        for path, hit in check(paths, rules.asked, **card.settings):
            if not heard(card, roles_of(below(path, starts)), preview=rules.asked.preview):
                continue
            yield as_finding(card, path, hit)
